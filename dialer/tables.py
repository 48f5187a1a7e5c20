"""Agents, and what the carrier told us."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from compliance.utc import UtcDateTime


class Agent(SQLModel, table=True):
    """A person who talks, and the state of the seat (dialer.agent.AgentState)."""

    __tablename__ = "agent"
    __table_args__ = (Index("agent_claim", "campaign_id", "state", "since"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    address: str  # client:…, sip:… or E.164: what the carrier rings
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id")
    state: str = "logged-out"
    since: datetime = Field(sa_type=UtcDateTime)
    reason: str = ""  # of a pause, or of a lost seat
    afterwards: str = "ready"  # where wrap-up leads: ready, paused, logged-out
    attempt_id: str | None = None  # on call or in wrap-up
    seat_sid: str | None = None  # the carrier's call that holds the seat; kept after log-out until it is hung up
    seat_token: str | None = None  # of this log-in: names the conference, and tells a late callback of an old seat
    wrap_up_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AgentChange(SQLModel, table=True):
    """One change of an agent's state. Rows are only ever added."""

    __tablename__ = "agent_change"
    __table_args__ = (Index("agent_change_by_agent", "agent", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    agent: str
    at: datetime = Field(sa_type=UtcDateTime)
    state: str
    reason: str = ""
    attempt_id: str | None = None


class PacingState(SQLModel, table=True):
    """What a campaign's pacing has learned, so that a restart goes on from there."""

    __tablename__ = "pacing_state"

    campaign_id: int = Field(foreign_key="campaign.id", primary_key=True, ondelete="CASCADE")
    saved_at: datetime = Field(sa_type=UtcDateTime)
    state: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    leads: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # which of them answer


class CarrierEvent(SQLModel, table=True):
    """One webhook, once: the key makes repeats visible, the answer makes them equal."""

    __tablename__ = "carrier_event"
    __table_args__ = (Index("carrier_event_received", "received_at"),)

    key: str = Field(primary_key=True)
    attempt_id: str | None = Field(default=None, index=True)
    received_at: datetime = Field(sa_type=UtcDateTime)
    kind: str  # answer, status, machine, key, left, seat …
    parameters: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    answer: str = ""  # the TwiML that was returned
    problem: str = ""  # why the event was not understood; empty when it was


class Node(SQLModel, table=True):
    """A daemon, and how to reach it. On PostgreSQL several work on one database; a SQLite file has one."""

    __tablename__ = "node"

    name: str = Field(primary_key=True)
    told: str  # JSON: the address and the token of its API; empty on SQLite, where the lock file says it
    seen_at: float  # seconds since 1970 by the database's clock; 0 when it takes no more work


class Lease(SQLModel, table=True):
    """The right to one piece of work that a single node at a time may do, until it runs out."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)  # "timetable", or "campaign 12"
    node: str  # empty when it was given back
    token: int = Field(sa_type=BigInteger)  # one more with each change of holder
    expires_at: float  # seconds since 1970 by the database's clock


class CallBudget(SQLModel, table=True):
    """Calls that all nodes together may start now: one row, filled at the carrier's rate."""

    __tablename__ = "call_budget"

    id: int | None = Field(default=None, primary_key=True)
    calls: float  # when it was filled last
    filled_at: float  # seconds since 1970 by the database's clock
