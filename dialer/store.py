"""Calls and agents in the database: the statements of the hot paths. All run on the writing thread.

The hottest are built once, with named parameters: SQLAlchemy finds what it has compiled by a key that it works out anew
for each new statement, which takes longer than the database does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    ScalarSelect,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from sqlmodel import SQLModel

import campaigns.tables
import dialer.tables  # noqa: F401 - both fill the metadata read below
from compliance.upsert import upsert
from dialer.agent import AgentEvent, AgentState, move
from dialer.call import Call, CallState

_tables = SQLModel.metadata.tables
ATTEMPT = _tables[campaigns.tables.Attempt.__tablename__]
CAMPAIGN = _tables["campaign"]
AGENT, AGENT_CHANGE, CARRIER_EVENT = _tables["agent"], _tables["agent_change"], _tables["carrier_event"]

CLOCK_TOLERANCE = timedelta(seconds=5)  # by which the clocks of two nodes may differ
# Neither an agent nor the message has been met yet.
UNMET = (CallState.PLACING, CallState.UNKNOWN, CallState.DIALLED, CallState.RINGING, CallState.WAITING)
BUSY = (AgentState.ON_CALL, AgentState.WRAP_UP)
CALL_COLUMNS = tuple(field.name for field in fields(Call) if field.name != "connect_seconds")
CAMPAIGN_COLUMNS = (
    "name",
    "kind",
    "client",
    "contact_number",
    "wrap_up_seconds",
    "attempts_per_lead",
    "machine_detection",
)
_ATTEMPT_AND_CAMPAIGN = select(
    ATTEMPT, *(CAMPAIGN.c[name].label(f"campaign_{name}") for name in CAMPAIGN_COLUMNS)
).join(CAMPAIGN, CAMPAIGN.c.id == ATTEMPT.c.campaign_id)
_LOAD = _ATTEMPT_AND_CAMPAIGN.where(ATTEMPT.c.id == bindparam("attempt"))
_LOAD_TO_CHANGE = _LOAD.with_for_update(of=ATTEMPT)
_SAVE = update(ATTEMPT).where(ATTEMPT.c.id == bindparam("attempt"))
_ANSWER_GIVEN = select(CARRIER_EVENT.c.answer).where(CARRIER_EVENT.c.key == bindparam("event"))
_SETTLE = update(CARRIER_EVENT).where(CARRIER_EVENT.c.key == bindparam("event"))


class UnknownAttempt(Exception):
    """No attempt has this id."""


def load_attempt(connection: Connection, attempt_id: str, *, to_change: bool = False) -> RowMapping:
    """The attempt's row with its campaign's columns as `campaign_…`; locked until the commit if it is to change.

    Raises UnknownAttempt.
    """
    query = _LOAD_TO_CHANGE if to_change else _LOAD
    found = connection.execute(query, {"attempt": attempt_id}).mappings().one_or_none()
    if found is None:
        raise UnknownAttempt(f"no attempt {attempt_id!r}")
    return found


def load_attempts(connection: Connection, attempt_ids: Collection[str]) -> Sequence[RowMapping]:
    """As `load_attempt`, without those that are unknown."""
    if not attempt_ids:
        return ()
    return connection.execute(_ATTEMPT_AND_CAMPAIGN.where(ATTEMPT.c.id.in_(attempt_ids))).mappings().all()


def as_call(row: RowMapping, connect_seconds: float) -> Call:
    """The state machine's view of an attempt."""
    values = {name: row[name] for name in CALL_COLUMNS if name != "state"}
    return Call(state=CallState(row["state"]), connect_seconds=connect_seconds, **values)


def save_call(connection: Connection, attempt_id: str, before: Call, after: Call, now: datetime) -> None:
    """Write what has changed; `last_event_at` always does."""
    changed: dict[str, Any] = {"attempt": attempt_id, "last_event_at": now}
    for name in CALL_COLUMNS:
        value = getattr(after, name)
        if value != getattr(before, name):
            changed[name] = value
    connection.execute(_SAVE, changed)


def redate(connection: Connection, now: datetime) -> int:
    """Take as of now what waits by a time still to come: the clock has been set back since. How many rows.

    Otherwise a call would go unasked about, and a wrap-up on, until the clock has caught up. What is evidence stays.
    """
    ahead = now + CLOCK_TOLERANCE
    calls = update(ATTEMPT).where(ATTEMPT.c.state != CallState.ENDED, ATTEMPT.c.last_event_at > ahead)
    changed = connection.execute(calls.values(last_event_at=now)).rowcount
    agents = connection.execute(select(AGENT).where(AGENT.c.since > ahead)).mappings().all()
    for agent in agents:
        left = agent["wrap_up_until"] and now + (agent["wrap_up_until"] - agent["since"])
        since_now = update(AGENT).where(AGENT.c.id == agent["id"]).values(since=now, wrap_up_until=left)
        connection.execute(since_now)
    return changed + len(agents)


def remember_event(
    connection: Connection, key: str, kind: str, attempt_id: str | None, form: Mapping[str, str], now: datetime
) -> str | None:
    """Record a webhook. None when it is new; the answer that was given when it is a repeat."""
    row = {"key": key, "kind": kind, "attempt_id": attempt_id, "parameters": dict(form), "received_at": now}
    new = connection.execute(_remember(connection.dialect.name), {**row, "answer": "", "problem": ""}).first()
    if new is not None:
        return None
    return str(connection.execute(_ANSWER_GIVEN, {"event": key}).scalar_one())


@cache
def _remember(dialect: str) -> ReturningInsert[tuple[str]]:
    return upsert(dialect, CARRIER_EVENT).on_conflict_do_nothing().returning(CARRIER_EVENT.c.key)


def settle_event(connection: Connection, key: str, *, answer: str = "", problem: str = "") -> None:
    """Keep what was answered, or why nothing could be."""
    if answer or problem:
        connection.execute(_SETTLE, {"event": key, "answer": answer, "problem": problem})


def claim_agent(connection: Connection, attempt: RowMapping, now: datetime) -> tuple[str, str] | tuple[None, None]:
    """Give the call to the agent who has waited longest: name and seat token, or two Nones when nobody is free.

    Agents reserved for calls that nobody has answered yet are not free for a call that has none.
    """
    claim = _CLAIM if attempt["agent_reserved"] else _CLAIM_UNRESERVED
    of = {"attempt": attempt["id"], "campaign": attempt["campaign_id"], "moment": now}
    claimed = connection.execute(claim, of).one_or_none()
    if claimed is None:
        return None, None
    _log_change(connection, claimed.name, now, AgentState.ON_CALL, "", attempt["id"])
    return claimed.name, claimed.seat_token


def agents_free(connection: Connection, campaign_id: int) -> tuple[int, int]:
    """Ready agents of the campaign, and how many of them are held for lines that have met nobody yet."""
    ready, held = connection.execute(_FREE, {"campaign": campaign_id}).one()
    return ready, held


def _claim(*free: ColumnElement[bool]) -> ReturningUpdate[tuple[str, str]]:
    longest = (
        select(AGENT.c.id)
        .where(AGENT.c.campaign_id == bindparam("campaign"), AGENT.c.state == AgentState.READY, *free)
        .order_by(AGENT.c.since, AGENT.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # whom another node is claiming; one file has one writer, and no such clause
    )
    return (
        update(AGENT)
        .where(AGENT.c.id == longest.scalar_subquery())
        .values(state=AgentState.ON_CALL, since=bindparam("moment"), reason="", attempt_id=bindparam("attempt"))
        .returning(AGENT.c.name, AGENT.c.seat_token)
    )


def _all_but_last(held: ScalarSelect[int]) -> Select[tuple[int]]:
    """Ready agents without the `held` who would be given a call last."""
    other = AGENT.alias()
    ready = (other.c.campaign_id == bindparam("campaign"), other.c.state == AgentState.READY)
    return select(other.c.id).where(*ready).order_by(other.c.since.desc(), other.c.id.desc()).offset(held)


_HELD = select(func.count()).where(
    ATTEMPT.c.campaign_id == bindparam("campaign"),
    ATTEMPT.c.state != CallState.ENDED,  # the index's own words
    ATTEMPT.c.state.in_(UNMET),
    ATTEMPT.c.agent_reserved,
)
# Not the free counted against the held: two nodes that claim at once would count the same agents.
_NOT_HELD = AGENT.c.id.in_(_all_but_last(_HELD.scalar_subquery()))
_CLAIM, _CLAIM_UNRESERVED = _claim(), _claim(_NOT_HELD)
_READY = select(func.count()).where(AGENT.c.campaign_id == bindparam("campaign"), AGENT.c.state == AgentState.READY)
_FREE = select(_READY.scalar_subquery(), _HELD.scalar_subquery())
_TALKS = (
    select(AGENT)
    .where(AGENT.c.attempt_id == bindparam("attempt"), AGENT.c.state == AgentState.ON_CALL)
    .with_for_update()
)
_MOVE = update(AGENT).where(AGENT.c.id == bindparam("agent"))
_LOG_CHANGE = insert(AGENT_CHANGE)


def seat_of(connection: Connection, attempt_id: str) -> str | None:
    """The seat token of the agent who has this call; None when the agent is gone."""
    return connection.execute(select(AGENT.c.seat_token).where(AGENT.c.attempt_id == attempt_id)).scalar_one_or_none()


def release_agent(
    connection: Connection, attempt_id: str, wrap_up: bool, wrap_up_seconds: int, now: datetime
) -> str | None:
    """End an agent's talk. The name of the agent whom it left free or in wrap-up; None when it was over before."""
    holder = connection.execute(_TALKS, {"attempt": attempt_id}).mappings().one_or_none()
    if holder is None:
        return None
    event = AgentEvent.TALK_OVER if wrap_up else AgentEvent.CALL_VOID
    change: dict[str, Any] = {"wrap_up_until": now + timedelta(seconds=wrap_up_seconds) if wrap_up else None}
    move_agent(connection, holder, event, now, change=change)
    return str(holder["name"])


def move_agent(
    connection: Connection,
    agent: RowMapping,
    event: AgentEvent,
    now: datetime,
    *,
    reason: str = "",
    change: Mapping[str, Any] | None = None,
) -> AgentState:
    """Take an agent's event through the table and keep it. Raises ImpossibleForAgent."""
    before = AgentState(agent["state"])
    state, afterwards = move(before, AgentState(agent["afterwards"]), event)
    values: dict[str, Any] = {"afterwards": afterwards, **(change or {})}
    if before in BUSY and state in (AgentState.WRAP_UP, AgentState.PAUSED):
        reason = reason or agent["reason"]  # given with the wish to pause after this call
    if state is not before:
        values.update(state=state, since=now, reason=reason)
        if state not in BUSY:
            values.update(attempt_id=None, wrap_up_until=None)
    elif reason:
        values.update(reason=reason)
    if state is not before or reason != agent["reason"]:
        _log_change(connection, agent["name"], now, state, reason, agent["attempt_id"])
    connection.execute(_MOVE, {**values, "agent": agent["id"]})
    return state


def _log_change(
    connection: Connection, agent: str, now: datetime, state: AgentState, reason: str, attempt_id: str | None
) -> None:
    row = {"agent": agent, "at": now, "state": state, "reason": reason, "attempt_id": attempt_id}
    connection.execute(_LOG_CHANGE, row)
