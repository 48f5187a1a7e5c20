"""What the law must remember: who may not be called, and what was decided."""

from datetime import datetime

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from compliance.do_not_call import EVERYWHERE
from compliance.utc import UtcDateTime


class DoNotCallEntry(SQLModel, table=True):
    """A number that must not be dialled, in one scope: every campaign (`*`) or the named one."""

    __tablename__ = "do_not_call"

    number: str = Field(primary_key=True)  # E.164
    scope: str = Field(default=EVERYWHERE, primary_key=True)
    source: str  # key-press, agent, cli, import
    note: str = ""
    added_at: datetime = Field(sa_type=UtcDateTime)


class Decision(SQLModel, table=True):
    """One verdict of the gate about one number, kept for the auditor. Rows are only ever added."""

    __tablename__ = "decision"
    __table_args__ = (Index("decision_by_number", "number", "at"), Index("decision_by_lead", "lead_id", "at"))

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    campaign_id: int
    lead_id: int
    attempt_id: str | None = None  # set when the verdict was a clearance that was used
    number: str
    verdict: str  # cleared, blocked
    reason: str | None = None
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    rules: list[str] = Field(sa_column=Column(JSON, nullable=False))
    local_times: list[str] = Field(sa_column=Column(JSON, nullable=False))  # "2026-11-23T12:00-05:00 America/New_York"
