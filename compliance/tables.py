"""What the law must remember: who may not be called, who has agreed, what was stopped, and what was decided."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from compliance.do_not_call import EVERYWHERE
from compliance.utc import UtcDateTime


class DoNotCallEntry(SQLModel, table=True):
    """A number that we were told not to dial, in one scope (`compliance.do_not_call`)."""

    __tablename__ = "do_not_call"

    number: str = Field(primary_key=True)  # E.164
    scope: str = Field(default=EVERYWHERE, primary_key=True)
    source: str  # key-press, agent, cli, import
    note: str = ""
    added_at: datetime = Field(sa_type=UtcDateTime)


class ListCopy(SQLModel, table=True):
    """One copy of a do-not-call list of the state. The rows stay when the numbers are dropped: they are the history."""

    __tablename__ = "list_copy"
    __table_args__ = (Index("list_copy_by_list", "list", "state"),)

    id: int | None = Field(default=None, primary_key=True)
    list: str  # national:US, state:US-TX
    as_of: date  # the day on which the state gave it out
    imported_at: datetime = Field(sa_type=UtcDateTime)
    rows: int = 0
    state: str  # loading, active, replaced, dropped


class ListNumber(SQLModel, table=True):
    """A number in a copy. By copy first: a copy is filled and dropped as one stretch of the table."""

    __tablename__ = "list_number"
    __table_args__ = {"sqlite_with_rowid": False}

    copy_id: int = Field(foreign_key="list_copy.id", primary_key=True)
    number: str = Field(primary_key=True)  # E.164


class Consent(SQLModel, table=True):
    """What somebody agreed to. A revoked one stays, with the time of its end."""

    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("number", "client", "kind", "given_at", "text_version"),)

    id: int | None = Field(default=None, primary_key=True)
    number: str  # E.164
    client: str  # to whom it was given; * for any
    kind: str  # relationship, express, written
    source: str  # web form, paper, call, order
    text_version: str  # of the words that were agreed to
    given_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_by: str = ""
    added_at: datetime = Field(sa_type=UtcDateTime)
    note: str = ""


class Emergency(SQLModel, table=True):
    """Calls to one jurisdiction were stopped, from a moment until another."""

    __tablename__ = "emergency"

    id: int | None = Field(default=None, primary_key=True)
    jurisdiction: str  # US-LA, US, or * for every call
    declared_at: datetime = Field(sa_type=UtcDateTime)
    declared_by: str
    note: str = ""
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lifted_by: str = ""


class Decision(SQLModel, table=True):
    """One verdict of the gate about one number, kept for the auditor. Written only by `compliance.ledger`."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("decision_by_number", "number", "id"),
        Index("decision_by_lead", "lead_id", "at"),
        Index(
            "decision_erased",
            "hash",
            sqlite_where=text("erased_at IS NOT NULL"),
            postgresql_where=text("erased_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str  # telemarketing, survey, debt-collection
    campaign_id: int
    campaign: str
    client: str
    lead_id: int
    attempt_id: str | None = None  # set when the verdict was a clearance that was used
    number: str
    verdict: str  # cleared, blocked
    reason: str | None = None
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    rules: list[str] = Field(sa_column=Column(JSON, nullable=False))
    jurisdictions: list[str] = Field(sa_column=Column(JSON, nullable=False))
    zones: list[str] = Field(sa_column=Column(JSON, nullable=False))
    local_times: list[str] = Field(sa_column=Column(JSON, nullable=False))  # "2026-11-23T12:00-05:00 America/New_York"
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # what the gate was told besides
    rulebook: str  # digest, as in rulebook_text
    previous: str  # hash of the row before; empty for the first
    previous_of_number: str  # hash of the row before about this number; empty for the first
    hash: str
    erased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # whom it was about and why is gone since


class RulebookText(SQLModel, table=True):
    """The rule packs as they read when a decision was made by them."""

    __tablename__ = "rulebook_text"

    digest: str = Field(primary_key=True)
    packs: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))  # file name -> text
    first_used_at: datetime = Field(sa_type=UtcDateTime)
