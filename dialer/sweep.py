"""What heals: calls gone quiet, attempts nobody heard of, campaigns to be stopped at once, seats that are gone."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import RowMapping, select
from sqlmodel import Session

from campaigns.campaign import RING_SECONDS_MAXIMUM, Intent
from campaigns.dispositions import Outcome
from dialer.call import MESSAGE_LIMIT, QUEUE_LIMIT, CallState, IllegalEvent, might_have_met
from dialer.call_control import Taken, message_for
from dialer.events import Ended, HadMet, NeverHeardOf, Placed
from dialer.exchange import Exchange
from dialer.seats import (
    agent_of,
    end_wrap_up,
    overdue_wrap_ups,
    seat_lost,
    seat_unanswered,
    seats_held,
    seats_to_hang_up,
    seats_unanswered,
)
from dialer.store import ATTEMPT, CAMPAIGN, CLOCK_TOLERANCE, UNMET, load_attempts, redate
from dialer.telephony.carrier import CarrierError
from dialer.telephony.webhooks import UnknownValue

log = structlog.get_logger()

TALK_QUIET_FACTOR = 3  # a call in talk is rightly quiet, so it is asked about less often
RING_MARGIN = timedelta(seconds=10)  # between the attempt's commit and the first ring, and past the ring time asked for
SEATS_ONE_BY_ONE = 10
STOP_SPACING_SECONDS = 0.01
CONFIRM_SPACING_SECONDS = 0.05  # twenty look-ups a second: twice the connects of 600 agents with talks of a minute
UNCONFIRMED_LIMIT = 10  # waiting; one more would be looked at too late to spare anybody silence
# A time further ahead was noted by a clock that has been set back since.
LONGEST_NEED = timedelta(seconds=RING_SECONDS_MAXIMUM) + RING_MARGIN + CLOCK_TOLERANCE
AWAY_AFTER = 3  # look-ups that fail one after the other: fewer may be about calls that the carrier cannot tell of
# Our clock and the carrier's, at most, or ours and itself once it was set: an older call to the number is known anyway.
CLOCKS_APART = timedelta(hours=1)
AT_ONCE = 50  # look-ups of one round, so that they never crowd out new calls


def quiet_attempts(session: Session, quiet: timedelta, now: datetime) -> list[RowMapping]:
    """Live attempts of which nothing has been heard for too long, the quietest first."""
    heard_before = now - min(quiet, QUEUE_LIMIT)
    live = select(ATTEMPT).where(ATTEMPT.c.state != CallState.ENDED, ATTEMPT.c.last_event_at <= heard_before)
    rows = session.connection().execute(live.order_by(ATTEMPT.c.last_event_at)).mappings()
    return [row for row in rows if row["last_event_at"] <= now - _patience(row, quiet)][:AT_ONCE]


def _patience(attempt: RowMapping, quiet: timedelta) -> timedelta:
    if attempt["state"] == CallState.CONNECTED:
        return TALK_QUIET_FACTOR * quiet
    queued = attempt["state"] == CallState.DIALLED and attempt["sequence"] < 0  # as far as we were told
    return min(quiet, QUEUE_LIMIT) if queued else quiet


async def ask_about_quiet_calls(exchange: Exchange, quiet: timedelta, lost: timedelta) -> None:
    """Bring every quiet attempt up to date with what the carrier knows; last those that it could not tell of before."""
    now = exchange.clock.now()
    if redated := await exchange.commit(lambda session: redate(session.connection(), now)):
        log.warning("clock_set_back", rows=redated)
    failing, untold = 0, exchange.untold
    attempts = await exchange.read(lambda session: quiet_attempts(session, quiet, now))
    untold &= {attempt["id"] for attempt in attempts}
    for attempt in sorted(attempts, key=lambda attempt: attempt["id"] in untold):
        untold.discard(attempt["id"])
        try:
            if attempt["call_sid"] is not None:
                await _look_up(exchange, attempt, now - attempt["last_event_at"] > lost)
            else:
                since = min(attempt["placing_at"], now) - CLOCKS_APART
                await _find(exchange, attempt, since, now - attempt["last_event_at"] > lost)
        except CarrierError as error:
            exchange.counts["look_ups_failed"] += 1
            log.warning("look_up_failed", attempt_id=attempt["id"], error=str(error))
            untold.add(attempt["id"])
            failing += 1
            if failing == AWAY_AFTER:
                return
        except (IllegalEvent, UnknownValue) as error:  # one riddle must not keep the others from being asked about
            exchange.counts["events_refused"] += 1
            log.warning("look_up_refused", attempt_id=attempt["id"], error=str(error))
        else:
            failing = 0


async def _look_up(exchange: Exchange, attempt: RowMapping, too_late: bool) -> None:
    sid = attempt["call_sid"]
    news = await exchange.ask(exchange.carrier.look_up, sid)
    if news is None:
        log.warning("call_unknown_to_carrier", attempt_id=attempt["id"], call_sid=sid)
        if too_late:
            await exchange.handle(attempt["id"], Ended(Outcome.LOST, sid))
        return
    if isinstance(news, Ended):
        log.info("lost_callback_repaired", attempt_id=attempt["id"], outcome=news.outcome)
    await exchange.handle(attempt["id"], news)


async def _find(exchange: Exchange, attempt: RowMapping, since: datetime, too_late: bool) -> None:
    found = await exchange.ask(exchange.carrier.find, attempt["number"], since)
    if found is not None and not await exchange.read(lambda session: _is_known(session, found[0])):
        sid, news = found
        await exchange.handle(attempt["id"], Placed(sid))
        await exchange.handle(attempt["id"], news)
    elif too_late:
        log.warning("attempt_lost", attempt_id=attempt["id"])
        await exchange.handle(attempt["id"], NeverHeardOf())


def _is_known(session: Session, sid: str) -> bool:
    """Whether the call is an attempt's already: the one before to the same number may be a moment old."""
    return session.connection().execute(select(ATTEMPT.c.id).where(ATTEMPT.c.call_sid == sid)).first() is not None


def still_need_us(session: Session, left_at: datetime, now: datetime) -> int:
    """Calls that somebody may pick up, and listeners to the message, who may press a key; talks go on without us. What
    was begun after we left is another node's.
    """
    states = (*UNMET, CallState.MESSAGE)
    columns = (ATTEMPT.c.placing_at, ATTEMPT.c.ring_seconds, ATTEMPT.c.message_at)
    live = select(*columns).where(
        ATTEMPT.c.state != CallState.ENDED, ATTEMPT.c.state.in_(states), ATTEMPT.c.placing_at <= left_at
    )
    limits = (
        message_at + MESSAGE_LIMIT if message_at else placing_at + timedelta(seconds=ring_seconds) + RING_MARGIN
        for placing_at, ring_seconds, message_at in session.connection().execute(live)
    )
    return sum(now < limit <= now + LONGEST_NEED for limit in limits)


async def remember_messages(exchange: Exchange) -> None:
    """Know what to say on every live call, for when there is no database, whichever node has heard of it; and forget
    those that have ended, whoever was told.
    """
    words, known = exchange.last_words, frozenset(exchange.last_words)
    live, new = await exchange.read(lambda session: _live_calls(session, known))
    for attempt in new:
        words.setdefault(attempt["id"], message_for(attempt, exchange.urls))
    for ended in known - live:
        words.pop(ended, None)


def _live_calls(session: Session, known: frozenset[str]) -> tuple[frozenset[str], Sequence[RowMapping]]:
    """Ids of all, and those that are not known yet."""
    connection = session.connection()
    live = select(ATTEMPT.c.id).where(ATTEMPT.c.state != CallState.ENDED)  # the index's own words
    ids = frozenset(connection.execute(live).scalars())
    return ids, load_attempts(connection, ids - known)


def calls_to_stop(session: Session) -> list[RowMapping]:
    """Live calls of campaigns that were told to stop at once."""
    stopping = select(CAMPAIGN.c.id).where(CAMPAIGN.c.intent == Intent.STOP_NOW)
    live = select(ATTEMPT.c.id, ATTEMPT.c.call_sid).where(
        ATTEMPT.c.campaign_id.in_(stopping), ATTEMPT.c.state != CallState.ENDED, ATTEMPT.c.call_sid.is_not(None)
    )
    return list(session.connection().execute(live).mappings())


async def stop_calls(exchange: Exchange) -> None:
    """Hang up what must not go on, a hundred calls a second, for other people's answers share the processor; the
    carrier's last word on each call follows as a callback.
    """
    calls, began = await exchange.read(calls_to_stop), exchange.clock.monotonic()

    async def stop(number: int, call: RowMapping) -> None:
        await exchange.clock.until(began + number * STOP_SPACING_SECONDS)
        await _hang_up(exchange, call["call_sid"], attempt_id=call["id"])

    await asyncio.gather(*(stop(number, call) for number, call in enumerate(calls)))


async def _hang_up(exchange: Exchange, sid: str, **of: str) -> bool:
    try:
        await exchange.ask(exchange.carrier.hang_up, sid)
    except CarrierError as error:
        exchange.counts["orders_failed"] += 1
        log.warning("order_failed", call_sid=sid, error=str(error), **of)
        return False
    return True


async def end_overdue_wrap_ups(exchange: Exchange) -> None:
    """Agents whose wrap-up has run out are free again."""
    now = exchange.clock.now()
    for _overdue in range(await exchange.read(lambda session: overdue_wrap_ups(session, now))):
        await exchange.commit(lambda session: end_wrap_up(session, exchange.connect_seconds, now))


async def hang_up_left_seats(exchange: Exchange) -> None:
    """Agents who logged out are let go."""
    agents, began = await exchange.read(seats_to_hang_up), exchange.clock.monotonic()

    async def let_go(number: int, agent: RowMapping) -> None:
        await exchange.clock.until(began + number * STOP_SPACING_SECONDS)
        if await _hang_up(exchange, agent["seat_sid"], agent=agent["name"]):
            await lose_seat(exchange, agent["seat_token"], "logged out")

    await asyncio.gather(*(let_go(number, agent) for number, agent in enumerate(agents)))


async def check_seats(exchange: Exchange, over_seconds: float = 0.0) -> None:
    """A seat whose end was never reported makes its agent unavailable, and one that nobody answers is given up.

    Spread over so many seconds, for whoever answers meanwhile shares the processor. A seat that alone cannot be looked
    up stays. Raises CarrierError when none can, and after a time without the carrier when there is none to look up.
    """
    now, unseen_since = exchange.clock.now(), exchange.health.seats_unseen_since
    for agent in await exchange.read(lambda session: seats_unanswered(session, now)):
        await exchange.commit(partial(seat_unanswered, token=agent["seat_token"], now=now))
    held = [agent for agent in await exchange.read(seats_held) if agent["seat_sid"] is not None]
    if not held and unseen_since is not None:  # no seat tells whether the carrier is back
        await exchange.ask(exchange.carrier.check)
    away_after = min(AWAY_AFTER, len(held))
    if len(held) > SEATS_ONE_BY_ONE:  # a list costs less than many look-ups; who is not on it is looked up all the same
        live = await exchange.ask(exchange.carrier.in_progress)
        held = [agent for agent in held if agent["seat_sid"] not in live]
    began, failing = exchange.clock.monotonic(), 0
    for number, agent in enumerate(held):
        await exchange.clock.until(began + over_seconds * number / len(held))
        try:
            await _check_seat(exchange, agent)
            failing = 0
        except CarrierError as error:
            failing += 1
            if failing == away_after:
                raise
            exchange.counts["look_ups_failed"] += 1
            log.warning("look_up_failed", agent=agent["name"], error=str(error))
            unseen_since = exchange.health.seats_unseen_since
    if exchange.health.seats_unseen_since == unseen_since:
        exchange.health.seats_unseen_since = None


async def confirm_seat(exchange: Exchange, attempt_id: str) -> None:
    """A person was just given to the agent of this attempt: if the seat is gone unreported, they hear nobody.

    One after the other, so that look-ups never crowd out answers; in a rush the regular check has to do.
    """
    if len(exchange.seats_unconfirmed) >= UNCONFIRMED_LIMIT:
        exchange.counts["seats_not_confirmed"] += 1
        return
    exchange.seats_unconfirmed.add(attempt_id)
    try:
        async with exchange.confirming:
            agent = await exchange.read(lambda session: agent_of(session, attempt_id))
            if agent is not None and agent["seat_sid"] is not None:
                await _check_seat(exchange, agent)
                await asyncio.sleep(CONFIRM_SPACING_SECONDS)
    except CarrierError as error:  # the next check of all seats comes within seconds
        exchange.counts["look_ups_failed"] += 1
        log.warning("look_up_failed", attempt_id=attempt_id, error=str(error))
    finally:
        exchange.seats_unconfirmed.discard(attempt_id)


async def _check_seat(exchange: Exchange, agent: RowMapping) -> None:
    try:
        news = await exchange.ask(exchange.carrier.look_up, agent["seat_sid"])
    except UnknownValue as error:
        exchange.counts["events_refused"] += 1
        log.warning("look_up_refused", agent=agent["name"], error=str(error))
        return
    if news is None or isinstance(news, Ended):
        taken = await lose_seat(exchange, agent["seat_token"], "seat lost", found=True)
        if taken is not None and taken.after.call_sid is not None and might_have_met(taken.after):
            # Behind the order to play the message, and held up by nothing: others are at seats that are gone, too.
            asking = _ask_whether_met(exchange, taken.attempt["id"], taken.after.call_sid, agent["seat_sid"])
            exchange.start(asking)


async def _ask_whether_met(exchange: Exchange, attempt_id: str, sid: str, seat_sid: str) -> None:
    """When it cannot be told the call stays abandoned, which errs on the safe side of the drop rate."""
    try:
        async with exchange.asking_whether_met:
            met = await exchange.ask(exchange.carrier.met, sid, seat_sid)
    except CarrierError as error:
        exchange.counts["look_ups_failed"] += 1
        log.warning("look_up_failed", attempt_id=attempt_id, error=str(error))
        return
    if met:
        await exchange.handle(attempt_id, HadMet())


async def lose_seat(exchange: Exchange, token: str, reason: str, *, found: bool = False) -> Taken | None:
    """Take the agent off the floor; a called party at this seat hears who called. `found`: by a look-up, which does not
    show that they have met.
    """
    now = exchange.clock.now()
    taken = await exchange.commit(
        lambda session: seat_lost(session, token, reason, exchange.connect_seconds, now, found=found)
    )
    if taken is not None:
        exchange.follow_up(taken)
    return taken
