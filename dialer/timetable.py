"""What happens by the clock, each entry a call of one function. The tables are the truth: the next run makes up for one
that was missed.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import delete
from sqlmodel import Session

from dialer.exchange import Exchange
from dialer.store import CARRIER_EVENT
from dialer.sweep import ask_about_quiet_calls, check_seats
from dialer.telephony.carrier import CarrierError

log = structlog.get_logger()

SEAT_CHECK_SECONDS = 15
EVENTS_KEPT = timedelta(days=90)  # webhooks as received; what they meant is in the attempts for good
UPKEEP = CronTrigger(hour=3, minute=30, timezone=UTC)


def make_timetable(exchange: Exchange, quiet_seconds: float, lost_seconds: float) -> AsyncIOScheduler:
    """The scheduler, not yet started."""
    quiet, lost = timedelta(seconds=quiet_seconds), timedelta(seconds=lost_seconds)
    entries: list[tuple[str, Callable[[], Awaitable[None]], object]] = [
        ("quiet calls", lambda: ask_about_quiet_calls(exchange, quiet, lost), _every(quiet_seconds / 4)),
        ("seats", lambda: check_seats(exchange), _every(SEAT_CHECK_SECONDS)),
        ("upkeep", lambda: _upkeep(exchange), UPKEEP),
    ]
    scheduler = AsyncIOScheduler(timezone=UTC)
    for name, work, trigger in entries:
        scheduler.add_job(
            _guarded, trigger, args=[exchange, name, work], id=name, coalesce=True, misfire_grace_time=None
        )
    return scheduler


def _every(seconds: float) -> IntervalTrigger:
    return IntervalTrigger(seconds=seconds, timezone=UTC)


async def _guarded(exchange: Exchange, name: str, work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except CarrierError as error:
        exchange.counts["carrier_unreachable"] += 1
        log.warning("carrier_unreachable", entry=name, error=str(error))
    except Exception:
        exchange.counts["timetable_errors"] += 1
        log.exception("timetable_entry_failed", entry=name)


async def _upkeep(exchange: Exchange) -> None:
    before = exchange.clock.now() - EVENTS_KEPT
    removed = await exchange.commit(lambda session: forget_events(session, before))
    log.info("upkeep_done", events_removed=removed)


def forget_events(session: Session, before: datetime) -> int:
    """Remove webhooks received before a moment; how many."""
    old = delete(CARRIER_EVENT).where(CARRIER_EVENT.c.received_at < before)
    return session.connection().execute(old).rowcount
