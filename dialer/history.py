"""A campaign's own log in plain values, for a simulation that is fitted to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, func, select
from sqlmodel import Session

from campaigns.dispositions import lookup
from campaigns.lead import Standing
from campaigns.prospects import LEAD
from campaigns.recycling import uses_try
from campaigns.tables import Campaign
from dialer.agent import AgentState
from dialer.call import Call, CallState
from dialer.simulation.fitting import Past
from dialer.store import AGENT_CHANGE, ATTEMPT, CALL_COLUMNS, as_call

NEWEST = 50_000  # attempts that are looked at

_COLUMNS = ("id", "placing_at", *CALL_COLUMNS)


@dataclass(slots=True)
class _Seat:
    """What a call took of its agent's time, in seconds."""

    talk: float
    wrap_up: float = 0.0


def past_attempts(session: Session, campaign_id: int, connect_seconds: float) -> list[Past]:
    """The campaign's newest ended attempts that went through the carrier, `connect_seconds` being the law's limit."""
    query = (
        select(*(ATTEMPT.c[name] for name in _COLUMNS))
        .where(ATTEMPT.c.campaign_id == campaign_id, ATTEMPT.c.state == CallState.ENDED)
        .where(ATTEMPT.c.ended_at.is_not(None), ATTEMPT.c.outcome.is_not(None))
        .order_by(ATTEMPT.c.placing_at.desc())
        .limit(NEWEST)
    )
    rows = session.connection().execute(query).mappings().all()
    if not rows:
        return []
    seats = _seats(session, rows[-1]["placing_at"])
    return [_past(row, seats.get(row["id"]), as_call(row, connect_seconds)) for row in rows]


def dials_left(session: Session, campaign: Campaign) -> tuple[int, float]:
    """Leads that are not finished, and the dials that they will take.

    Of the dials so far a share ended with a final disposition, which finishes the lead; the others are dialled again
    until their attempts are used up. So n attempts that are left are (1 - (1 - share)^n) / share dials.
    """
    connection = session.connection()
    ended = select(ATTEMPT.c.disposition, func.count()).where(ATTEMPT.c.campaign_id == campaign.id)
    ended = ended.where(ATTEMPT.c.disposition.is_not(None)).group_by(ATTEMPT.c.disposition)
    tries = {code: dials for code, dials in connection.execute(ended) if uses_try(code)}
    final = sum(dials for code, dials in tries.items() if lookup(code).final)
    goes_on = 1 - final / max(1, sum(tries.values()))
    left = select(LEAD.c.attempts, func.count()).where(LEAD.c.campaign_id == campaign.id)
    left = left.where(LEAD.c.standing != Standing.FINISHED).group_by(LEAD.c.attempts)
    leads, dials = 0, 0.0
    for attempts, many in connection.execute(left):
        more = max(1, campaign.attempts_per_lead - attempts)
        leads, dials = leads + many, dials + many * sum(goes_on**number for number in range(more))
    return leads, dials


def _past(row: RowMapping, seat: _Seat | None, call: Call) -> Past:
    dialled: datetime = call.dialled_at or row["placing_at"]

    def since(moment: datetime | None) -> float | None:
        return None if moment is None else max(0.0, (moment - dialled).total_seconds())

    human = call.disposition is None or lookup(call.disposition).human
    answered, connected, ended = since(call.answered_at), since(call.connected_at), since(call.ended_at) or 0.0
    if connected is None:
        talk = wrap_up = None
    else:  # a log without its agents' changes still tells how long the call was
        talk, wrap_up = (seat.talk, seat.wrap_up) if seat else (max(0.0, ended - connected), None)
    return Past(
        at=dialled.timestamp(),
        ended=ended,
        outcome=row["outcome"],
        ringing=since(call.ringing_at),
        answered=answered,
        connected=connected,
        person=call.abandoned or (answered is not None and not call.by_machine and human),
        detected=call.by_machine,
        unmet=call.unmet_machine,
        detection=None if call.detection_ms is None else call.detection_ms / 1000,
        talk=talk,
        wrap_up=wrap_up,
        agent=call.agent,
    )


def _seats(session: Session, since: datetime) -> dict[str, _Seat]:
    """By attempt, from the changes of all agents since then."""
    change = AGENT_CHANGE.c
    query = select(change.agent, change.at, change.state, change.attempt_id).where(change.at >= since)
    return _taken(session.connection().execute(query.order_by(change.agent, change.at, change.id)))


def _taken(changes: Iterable[Any]) -> dict[str, _Seat]:
    seats: dict[str, _Seat] = {}
    busy: dict[str, tuple[str, str, datetime]] = {}  # agent: state, attempt, since
    for agent, at, state, attempt in changes:
        before = busy.get(agent)
        if before is not None and before[:2] == (state, attempt):
            continue  # only the reason has changed
        if before is not None:
            was, call, since = busy.pop(agent)
            seconds = (at - since).total_seconds()
            if was == AgentState.ON_CALL:
                seats[call] = _Seat(seconds)
            elif call in seats:
                seats[call].wrap_up = seconds
        if state in (AgentState.ON_CALL, AgentState.WRAP_UP) and attempt is not None:
            busy[agent] = state, attempt, at
    return seats
