"""Campaigns, their leads and the attempts on them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from campaigns.campaign import LINES_PER_AGENT
from compliance.utc import UtcDateTime


class Campaign(SQLModel, table=True):
    """One project of a client. What runs is derived from `intent` and the live attempts, never stored."""

    __tablename__ = "campaign"
    __table_args__ = (
        Index(
            "campaign_name",
            "name",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},  # decisions outlive a campaign: its number is never given again
    )

    id: int | None = Field(default=None, primary_key=True)
    name: str
    kind: str  # campaigns.campaign.Kind
    mode: str  # campaigns.campaign.Mode
    lines_per_agent: float = Field(
        default=LINES_PER_AGENT, sa_column_kwargs={"server_default": str(LINES_PER_AGENT)}
    )  # of mode ratio; no other asks
    intent: str  # campaigns.campaign.Intent: what the operator wants
    client: str  # whom the caller speaks for: said in the abandoned-call message
    contact_number: str  # E.164; where the client can be reached, said in the same message
    region: str  # ISO country of numbers written without a country code
    caller_ids: list[str] = Field(sa_column=Column(JSON, nullable=False))  # E.164
    ring_seconds: int
    wrap_up_seconds: int
    drop_rate_ceiling: float  # fraction 0-1 of live answers
    attempts_per_lead: int  # over the campaign's life
    attempts_per_day: int  # to one number in any 24 hours, over all campaigns
    machine_detection: bool
    machine_error: float = 0.0  # fraction of the detector's machines that were persons; abandoned as each law counts
    business: bool = False  # its leads are businesses, unless the lead's own row says otherwise
    without: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False)
    )  # customary rules it has switched off
    dispositions: list[str] = Field(sa_column=Column(JSON, nullable=False))  # codes the agents may give
    created_at: datetime = Field(sa_type=UtcDateTime)
    note: str = ""  # why the dialer itself paused it; cleared by the next verb
    deleted_at: datetime | None = Field(
        default=None, sa_type=UtcDateTime
    )  # the row goes when no law wants its attempts


class CallCount(SQLModel, table=True):
    """What became of one campaign's calls in one hour, kept in the transactions that change it.

    Every law's drop rate can be computed from it: numerators and denominators of all measures over any window.
    """

    __tablename__ = "call_count"
    __table_args__ = (Index("call_count_hour", "hour"),)

    campaign_id: int = Field(foreign_key="campaign.id", primary_key=True)
    hour: datetime = Field(sa_type=UtcDateTime, primary_key=True)  # its beginning
    placed: int = 0  # the carrier took them, by the hour of that
    live_answers: int = 0  # by a person, as far as is known, by the hour of the answer
    abandoned: int = 0
    machines: int = 0  # hung up on the detector's word, by the hour of the answer
    unmet_machines: int = Field(
        default=0, sa_column_kwargs={"server_default": "0"}
    )  # those of them that no agent had met in time
    given_up: int = 0  # ended by the dialer while they rang


class LeadList(SQLModel, table=True):
    """One uploaded file and its receipt."""

    __tablename__ = "lead_list"

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id", index=True)
    name: str
    loaded_at: datetime = Field(sa_type=UtcDateTime)
    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Lead(SQLModel, table=True):
    """A person who may be called. `standing` says whether the hopper may offer the lead."""

    __tablename__ = "lead"
    __table_args__ = (
        Index("lead_hopper", "campaign_id", "standing", "priority", "due_at", "id"),
        Index("lead_of_list", "list_id"),
        Index(
            "lead_held",
            "campaign_id",
            "held_reason",
            sqlite_where=text("held_reason IS NOT NULL"),
            postgresql_where=text("held_reason IS NOT NULL"),
        ),
        Index(
            "lead_external",
            "campaign_id",
            "external_id",
            unique=True,
            sqlite_where=text("external_id IS NOT NULL"),
            postgresql_where=text("external_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    list_id: int = Field(foreign_key="lead_list.id")
    external_id: str | None = None
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    state: str = ""  # of the address, e.g. FL
    postal_code: str = ""
    time_zone: str = ""  # IANA name given in the file
    line_type: str = ""  # mobile, landline, voip as given in the file
    business: bool | None = None  # as given in the file; None as the campaign says
    custom: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    standing: str = "open"  # campaigns.lead.Standing: open, dialling, finished
    priority: int = 2  # campaigns.lead.Priority: callback 0, recycled 1, fresh 2
    due_at: datetime = Field(sa_type=UtcDateTime)  # not looked at before
    attempts: int = 0
    last_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disposition: str | None = None  # of the last attempt
    held_reason: str | None = None  # the gate's reason when it was last refused, cleared by a dial


class Phone(SQLModel, table=True):
    """A number of a lead; a number stands once in a campaign."""

    __tablename__ = "phone"
    __table_args__ = (UniqueConstraint("number", "campaign_id"), Index("phone_lead", "lead_id"))

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    lead_id: int = Field(foreign_key="lead.id")
    number: str  # E.164
    rank: int = 0  # order of the columns in the file
    label: str = ""  # the file's column name
    attempts: int = 0
    retired: str | None = None  # why it is not dialled any more: a disposition code or carrier error


class Attempt(SQLModel, table=True):
    """One dial of one number. Committed as `placing` before the carrier hears of it."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("attempt_campaign", "campaign_id", "placing_at"),
        Index("attempt_number", "number", "placing_at"),
        Index("attempt_lead", "lead_id", "placing_at"),
        Index("attempt_phone", "phone_id"),
        Index("attempt_list", "list_id"),
        Index(
            "attempt_live",
            "campaign_id",
            "state",
            sqlite_where=text("state <> 'ended'"),
            postgresql_where=text("state <> 'ended'"),
        ),
    )

    id: str = Field(primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    list_id: int = Field(foreign_key="lead_list.id")
    lead_id: int = Field(foreign_key="lead.id")
    phone_id: int = Field(foreign_key="phone.id")
    number: str
    caller_id: str
    ring_seconds: int
    agent_reserved: bool = False  # dialled one to one for a free agent
    turn: str | None = None  # campaigns.turns.Turn: why this lead was next
    chance: float | None = None  # that a person answers, as foretold at the dial
    traits: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # campaigns.traits
    state: str  # dialer.call.CallState: placing, unknown, dialled, ringing, connected, message, ended
    call_sid: str | None = Field(default=None, unique=True)
    sequence: int = -1  # highest carrier sequence number seen
    last_event_at: datetime = Field(sa_type=UtcDateTime)
    placing_at: datetime = Field(sa_type=UtcDateTime)
    dialled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ringing_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    connected_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # to an agent
    message_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # abandoned-call message began
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    agent: str | None = None  # name
    answered_by: str | None = None  # the machine detector's word: human, machine_start, fax, unknown
    detection_ms: int | None = None
    outcome: str | None = None  # campaigns.dispositions.Outcome, once ended
    abandoned: bool = False  # live answer, no agent within the limit
    opted_out: bool = False
    disposition: str | None = None
    disposed_by: str | None = None  # agent, dialer
    disposed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    callback_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sip_code: int | None = None
    error: str | None = None  # the carrier's code and message, or why the attempt is unknown or lost
