"""What happens by the clock, each entry a call of one function. The tables are the truth: the next run makes up for one
that was missed.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import delete, select
from sqlmodel import Session

from campaigns.store import forget_campaigns
from compliance import ledger
from compliance.lists import drop_inactive
from dialer.db.turns import Urgency
from dialer.exchange import Exchange
from dialer.leases import Leases
from dialer.privacy import forget_attempts, outlived_attempts, outlived_decisions
from dialer.store import CARRIER_EVENT
from dialer.sweep import ask_about_quiet_calls, check_seats
from dialer.telephony.carrier import CarrierError

log = structlog.get_logger()

SEAT_CHECK_SECONDS = 15
SEATS_OVER_SECONDS = 12.0  # of them, so that a round is over before the next begins
ACCOUNT_CHECK_SECONDS = 60  # when nothing else is asked, a refused account would be noticed by the first call
PACING_SAVED_SECONDS = 60
EVENTS_KEPT = timedelta(days=90)  # webhooks as received; what they meant is in the attempts for good
FORGOTTEN_TOGETHER = 200  # webhooks removed in one write, a few milliseconds
DROPPED_TOGETHER = 2000  # numbers of replaced do-not-call copies
COUNTS_KEPT = timedelta(days=62)  # longer than any window of a drop rate
UPKEEP = CronTrigger(hour=3, minute=30, timezone=UTC)


Work = Callable[[], Awaitable[None]]


def make_timetable(
    exchange: Exchange, leases: Leases, quiet_seconds: float, lost_seconds: float, save_pacing: Work
) -> AsyncIOScheduler:
    """The scheduler, not yet started. What is about calls and agents, whoever answers for them, is done by the node
    that holds the timetable's lease; what is about the node itself by each.
    """
    quiet, lost = timedelta(seconds=quiet_seconds), timedelta(seconds=lost_seconds)
    of_all: list[tuple[str, Work, object]] = [
        ("quiet calls", lambda: ask_about_quiet_calls(exchange, quiet, lost), _every(quiet_seconds / 4)),
        ("seats", lambda: check_seats(exchange, SEATS_OVER_SECONDS), _every(SEAT_CHECK_SECONDS)),
        ("upkeep", lambda: _upkeep(exchange), UPKEEP),
    ]
    of_each: list[tuple[str, Work, object]] = [
        ("account", lambda: exchange.ask(exchange.carrier.check), _every(ACCOUNT_CHECK_SECONDS)),
        ("pacing", save_pacing, _every(PACING_SAVED_SECONDS)),
    ]
    scheduler = AsyncIOScheduler(timezone=UTC)
    for name, work, trigger in (*((name, _once(leases, work), at) for name, work, at in of_all), *of_each):
        scheduler.add_job(_run, trigger, args=[exchange, name, work], id=name, coalesce=True, misfire_grace_time=None)
    return scheduler


def _once(leases: Leases, work: Work) -> Work:
    async def by_the_holder() -> None:
        if leases.timetable:
            await work()

    return by_the_holder


async def follow_clock(scheduler: AsyncIOScheduler, now: datetime) -> None:
    """Let no entry wait for longer than its interval: the scheduler counts by the wall clock, which may be set back."""
    for job in scheduler.get_jobs():
        if isinstance(job.trigger, IntervalTrigger) and job.next_run_time > now + job.trigger.interval:
            job.modify(next_run_time=now)


class Every(IntervalTrigger):  # type: ignore[misc]
    """Does not go one by one through what a clock set forward has passed over: of years that would take hours."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        if previous_fire_time is not None and previous_fire_time + self.interval < now:
            return now + timedelta(seconds=self.interval_length)
        following: datetime = super().get_next_fire_time(previous_fire_time, now)
        return following


def _every(seconds: float) -> IntervalTrigger:
    return Every(seconds=seconds, timezone=UTC)


async def guarded(exchange: Exchange, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do one entry's work; whatever goes wrong is counted, and the next run tries again."""
    try:
        await work()
    except CarrierError as error:
        exchange.counts["carrier_unreachable"] += 1
        log.warning("carrier_unreachable", entry=name, error=str(error))
    except Exception:
        exchange.counts["timetable_errors"] += 1
        log.exception("timetable_entry_failed", entry=name)


async def _run(exchange: Exchange, name: str, work: Work) -> None:
    """One run in a task of its own, which the daemon's end cuts short: the scheduler would log that as a fault."""
    with contextlib.suppress(asyncio.CancelledError):
        await guarded(exchange, name, work)


async def _upkeep(exchange: Exchange) -> None:
    """The west still has calling hours then, and who answers a call waits for the writing thread: little at a time."""
    before, removed = exchange.clock.now() - EVENTS_KEPT, 0
    while keys := await exchange.read(lambda session: old_events(session, before)):
        removed += await exchange.commit(partial(forget_events, keys=keys), Urgency.BULK)
    unlisted = 0
    while dropped := await exchange.commit(partial(drop_inactive, limit=DROPPED_TOGETHER), Urgency.BULK):
        unlisted += dropped
    outlived = await _forget_outlived(exchange)
    log.info("upkeep_done", events_removed=removed, old_list_numbers_removed=unlisted, **outlived)


async def _forget_outlived(exchange: Exchange) -> dict[str, int]:
    """What is left of deleted campaigns goes when no law wants it any more."""
    book, now, attempts, decisions = exchange.rulebook, exchange.clock.now(), 0, 0
    page: str | None = ""
    while page is not None:
        gone, page = await exchange.read(partial(outlived_attempts, rulebook=book, now=now, after=page))
        for start in range(0, len(gone), FORGOTTEN_TOGETHER):
            some = gone[start : start + FORGOTTEN_TOGETHER]
            attempts += await exchange.commit(partial(forget_attempts, ids=some), Urgency.BULK)
    last: int | None = 0
    while last is not None:
        rows, last = await exchange.read(partial(outlived_decisions, rulebook=book, now=now, after=last))
        for start in range(0, len(rows), FORGOTTEN_TOGETHER):
            part = rows[start : start + FORGOTTEN_TOGETHER]
            decisions += await exchange.commit(partial(ledger.erase, ids=part, now=now), Urgency.BULK)
    campaigns = await exchange.commit(partial(forget_campaigns, counted_since=now - COUNTS_KEPT), Urgency.BULK)
    return {"attempts_removed": attempts, "decisions_erased": decisions, "campaigns_removed": campaigns}


def old_events(session: Session, before: datetime) -> Sequence[str]:
    """Some webhooks received before a moment, by key."""
    old = select(CARRIER_EVENT.c.key).where(CARRIER_EVENT.c.received_at < before).limit(FORGOTTEN_TOGETHER)
    return session.connection().execute(old).scalars().all()


def forget_events(session: Session, keys: Sequence[str]) -> int:
    """Remove webhooks; how many."""
    return session.connection().execute(delete(CARRIER_EVENT).where(CARRIER_EVENT.c.key.in_(keys))).rowcount
