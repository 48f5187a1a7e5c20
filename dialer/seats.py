"""Agents' seats: what happens to an agent when the held leg comes, goes or is wished away, on the writing thread."""

import re
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, update
from sqlmodel import Session

from campaigns.dispositions import lookup
from campaigns.store import campaign_named, disposition_allowed
from campaigns.tables import Campaign
from dialer.agent import AgentEvent, AgentState, ImpossibleForAgent
from dialer.call_control import Taken, take
from dialer.events import AgentLeft, Disposed
from dialer.store import AGENT, ATTEMPT, CAMPAIGN, move_agent

JOIN_LIMIT = timedelta(seconds=45)  # ring time of the seat and some for the carrier
ADDRESS = re.compile(r"client:[A-Za-z0-9_.-]{1,100}|sip:[^\s@]{1,100}@[^\s@]{1,200}|\+[1-9][0-9]{6,14}")
UNDISPOSED = "no-disposition"


_SEATLESS = (AGENT.c.state == AgentState.JOINING, AGENT.c.seat_token.is_(None))


class UnknownAgent(Exception):
    """No agent has this name."""


class BadAddress(Exception):
    """The carrier cannot ring this."""


class AgentExists(Exception):
    """An agent of this name has another address."""


class NotOnCall(Exception):
    """The agent talks to nobody."""


class WrongDisposition(Exception):
    """The disposition cannot be given; the message says why."""


def checked_address(address: str) -> str:
    """An address the carrier can ring. Raises BadAddress."""
    if not ADDRESS.fullmatch(address):
        raise BadAddress(f"address {address!r}: write client:anna, sip:anna@example.org or +12125550123")
    return address


def agent_named(session: Session, name: str, *, to_change: bool = False) -> RowMapping:
    """The agent's row; locked until the commit if it is to change. Raises UnknownAgent."""
    named = AGENT.c.name == name
    one = select(AGENT).where(named)
    found = _locked(session, named) if to_change else session.connection().execute(one).mappings().one_or_none()
    if found is None:
        raise UnknownAgent(f"no agent {name!r}: add one with `dialer agent add {name} --address client:{name}`")
    return found


def add_agent(session: Session, name: str, address: str, now: datetime) -> bool:
    """False when the very same agent is there already. Raises AgentExists."""
    connection = session.connection()
    there = connection.execute(select(AGENT.c.address).where(AGENT.c.name == name)).scalar_one_or_none()
    if there is None:
        new = {"name": name, "address": address, "state": AgentState.LOGGED_OUT, "since": now, "reason": ""}
        connection.execute(insert(AGENT).values(**new, afterwards=AgentState.READY))
        return True
    if there != address:
        raise AgentExists(f"agent {name!r} exists with the address {there}: choose another name")
    return False


def log_in(session: Session, name: str, campaign: str, now: datetime) -> AgentState:
    """Ask for the seat, which the daemon then rings. Raises UnknownAgent, UnknownCampaign, ImpossibleForAgent."""
    agent = agent_named(session, name, to_change=True)
    campaign_id = campaign_named(session, campaign).id
    if agent["state"] != AgentState.LOGGED_OUT and agent["campaign_id"] != campaign_id:
        raise ImpossibleForAgent(f"agent {name!r} is logged in to another campaign: log out first")
    change = {"campaign_id": campaign_id}
    if agent["state"] == AgentState.LOGGED_OUT:
        if agent["seat_sid"] is not None:
            raise ImpossibleForAgent(f"agent {name!r}: the old seat is still being hung up: try again in a second")
        change["seat_token"] = None
    return move_agent(session.connection(), agent, AgentEvent.LOG_IN, now, change=change)


def leave(session: Session, campaign: str) -> None:
    """Let logged-out agents belong to no campaign. Raises UnknownCampaign, ImpossibleForAgent for others."""
    connection, campaign_id = session.connection(), campaign_named(session, campaign).id
    of_campaign = AGENT.c.campaign_id == campaign_id
    busy = select(AGENT.c.name).where(of_campaign, AGENT.c.state != AgentState.LOGGED_OUT).order_by(AGENT.c.name)
    names = connection.execute(busy).scalars().all()
    if names:
        raise ImpossibleForAgent(f"campaign {campaign!r} has agents logged in: {', '.join(names)}: log them out first")
    connection.execute(update(AGENT).where(of_campaign).values(campaign_id=None))


def wish(session: Session, name: str, event: AgentEvent, reason: str, now: datetime) -> AgentState:
    """Ready, pause or log out. Raises UnknownAgent, ImpossibleForAgent."""
    agent = agent_named(session, name, to_change=True)
    try:
        return move_agent(session.connection(), agent, event, now, reason=reason)
    except ImpossibleForAgent as error:
        raise ImpossibleForAgent(f"agent {name!r} {error}") from None


def dispose(
    session: Session, name: str, code: str, callback_at: datetime | None, connect_seconds: float, now: datetime
) -> Taken:
    """Record what came of the agent's call. Raises UnknownAgent, UnknownDisposition, WrongDisposition, IllegalEvent."""
    agent = agent_named(session, name, to_change=True)
    if agent["attempt_id"] is None:
        raise WrongDisposition(f"agent {name!r} has no call to dispose of")
    campaign = session.get_one(Campaign, agent["campaign_id"])
    if not disposition_allowed(campaign, code):
        raise WrongDisposition(f"{code!r} is none of campaign {campaign.name!r}: {', '.join(campaign.dispositions)}")
    if callback_at is not None and not lookup(code).callback:
        raise WrongDisposition(f"{code!r} promises no call: leave the time out, or dispose as callback")
    if callback_at is not None and callback_at <= now:
        raise WrongDisposition(f"callback at {callback_at.isoformat()} lies in the past")
    taken = take(session, agent["attempt_id"], Disposed(code, "agent", callback_at), connect_seconds, now)
    if agent["state"] == AgentState.WRAP_UP:
        move_agent(session.connection(), agent, AgentEvent.WRAPPED_UP, now)
    return taken


def call_of(session: Session, name: str) -> tuple[str, str]:
    """Attempt id and the carrier's sid of the call an agent talks on. Raises UnknownAgent, NotOnCall."""
    agent = agent_named(session, name)
    sid = None
    if agent["state"] == AgentState.ON_CALL:
        query = select(ATTEMPT.c.call_sid).where(ATTEMPT.c.id == agent["attempt_id"])
        sid = session.connection().execute(query).scalar_one()
    if sid is None:
        raise NotOnCall(f"agent {name!r} is {agent['state']}: there is no call to hang up")
    return agent["attempt_id"], sid


def overdue_wrap_ups(session: Session, now: datetime) -> int:
    """How many agents' wrap-up time is over."""
    return session.connection().execute(select(func.count()).where(*_overdue(now))).scalar_one()


def end_wrap_up(session: Session, connect_seconds: float, now: datetime) -> bool:
    """Free one agent whose wrap-up time is over; a call not disposed of is kept as such. False when there is none.

    One at a time, so that an answer never waits for a whole floor to be freed.
    """
    longest = select(AGENT.c.id).where(*_overdue(now)).order_by(AGENT.c.wrap_up_until).limit(1)
    agent = _locked(session, AGENT.c.id == longest.scalar_subquery(), *_overdue(now))
    if agent is None:
        return False
    _dispose_if_open(session, agent, connect_seconds, now)
    move_agent(session.connection(), agent, AgentEvent.WRAPPED_UP, now)
    return True


def _overdue(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return AGENT.c.state == AgentState.WRAP_UP, AGENT.c.wrap_up_until <= now


def seat_joined(session: Session, token: str, sid: str, now: datetime) -> bool:
    """The agent has answered. False when nobody waits for this seat any more."""
    agent = _by_token(session, token)
    if agent is None or agent["state"] == AgentState.LOGGED_OUT:
        return False
    move_agent(session.connection(), agent, AgentEvent.SEAT_JOINED, now, change={"seat_sid": sid})
    return True


def seat_lost(
    session: Session, token: str, reason: str, connect_seconds: float, now: datetime, *, found: bool = False
) -> Taken | None:
    """The leg is gone: the agent is unavailable at once, and a called party is not left in silence.

    `found`: by a look-up, for its end was not reported.
    """
    agent = _by_token(session, token)
    if agent is None:
        return None
    taken = None
    if agent["state"] == AgentState.ON_CALL:
        taken = take(session, agent["attempt_id"], AgentLeft(found), connect_seconds, now)
    elif agent["state"] == AgentState.WRAP_UP:
        _dispose_if_open(session, agent, connect_seconds, now)
    gone = {"seat_sid": None, "seat_token": None}
    reason = reason if agent["state"] != AgentState.LOGGED_OUT else ""
    move_agent(session.connection(), agent, AgentEvent.SEAT_LOST, now, reason=reason, change=gone)
    return taken


def seat_unanswered(session: Session, token: str, now: datetime) -> None:
    """Given up, unless the agent has joined since it was looked at."""
    agent = _by_token(session, token)
    if agent is not None and agent["state"] == AgentState.JOINING:
        seat_lost(session, token, "seat was not answered", 0.0, now)


def agents_without_seat(session: Session) -> int:
    """How many agents wait for the seat to be rung."""
    return session.connection().execute(select(func.count()).where(*_SEATLESS)).scalar_one()


def seats_to_ring(session: Session, tokens: list[str], now: datetime) -> list[dict[str, str]]:
    """Agents who wait for their seat, each with one of the tokens and the caller id to show; rung once a log-in.

    `since` is from now on when it was rung, for the carrier may have many to ring and start few a second.
    """
    connection = session.connection()
    columns = (AGENT.c.id, AGENT.c.address, CAMPAIGN.c.caller_ids)
    waiting = select(*columns).join(CAMPAIGN, CAMPAIGN.c.id == AGENT.c.campaign_id).where(*_SEATLESS)
    rung = []
    waiting = waiting.limit(len(tokens)).with_for_update(of=AGENT, skip_locked=True)  # whom another node rings
    for agent, token in zip(connection.execute(waiting).all(), tokens, strict=False):
        connection.execute(update(AGENT).where(AGENT.c.id == agent.id).values(seat_token=token, since=now))
        rung.append({"address": agent.address, "caller_id": agent.caller_ids[0], "seat_token": token})
    return rung


def seat_rung(session: Session, token: str, sid: str | None, problem: str, now: datetime) -> None:
    """The carrier's answer to the ring."""
    agent = _by_token(session, token)
    if agent is None or agent["seat_sid"] is not None:  # it has joined: the carrier rang it, whatever it answered us
        return
    if sid is None:
        seat_lost(session, token, f"seat could not be rung: {problem}", 0.0, now)
    else:
        session.connection().execute(update(AGENT).where(AGENT.c.id == agent["id"]).values(seat_sid=sid))


def seats_to_hang_up(session: Session) -> list[RowMapping]:
    """Seats of agents who have logged out."""
    left = select(AGENT).where(AGENT.c.state == AgentState.LOGGED_OUT, AGENT.c.seat_sid.is_not(None))
    return list(session.connection().execute(left).mappings())


def seats_held(session: Session) -> list[RowMapping]:
    """Agents whom a seat should hold."""
    held = select(AGENT).where(AGENT.c.state != AgentState.LOGGED_OUT, AGENT.c.seat_token.is_not(None))
    return list(session.connection().execute(held).mappings())


def agent_of(session: Session, attempt_id: str) -> RowMapping | None:
    """Who talks on this attempt; None when nobody does."""
    on_call = select(AGENT).where(AGENT.c.attempt_id == attempt_id, AGENT.c.state == AgentState.ON_CALL)
    return session.connection().execute(on_call).mappings().one_or_none()


def seats_unanswered(session: Session, now: datetime) -> list[RowMapping]:
    """Agents whose seat has been rung for too long."""
    late = select(AGENT).where(AGENT.c.state == AgentState.JOINING, AGENT.c.since <= now - JOIN_LIMIT)
    return list(session.connection().execute(late.where(AGENT.c.seat_token.is_not(None))).mappings())


def _by_token(session: Session, token: str) -> RowMapping | None:
    return _locked(session, AGENT.c.seat_token == token)


def _locked(session: Session, *which: ColumnElement[bool]) -> RowMapping | None:
    """One agent's row, locked until the commit; after the attempt's, for the events of a call lock that first."""
    connection = session.connection()
    attempt = select(AGENT.c.attempt_id).where(*which).scalar_subquery()
    connection.execute(select(ATTEMPT.c.id).where(ATTEMPT.c.id == attempt).with_for_update()).first()
    return connection.execute(select(AGENT).where(*which).with_for_update()).mappings().one_or_none()


def _dispose_if_open(session: Session, agent: RowMapping, connect_seconds: float, now: datetime) -> None:
    query = select(ATTEMPT.c.disposed_by).where(ATTEMPT.c.id == agent["attempt_id"])
    if session.connection().execute(query).scalar_one_or_none() is None:
        take(session, agent["attempt_id"], Disposed(UNDISPOSED, "dialer"), connect_seconds, now)
