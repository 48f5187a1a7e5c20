"""What happens by the clock."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.event import listens_for, remove
from structlog.testing import capture_logs

from campaigns.dispositions import Outcome
from dialer.events import Ended
from dialer.store import CARRIER_EVENT
from dialer.timetable import EVENTS_KEPT, FORGOTTEN_TOGETHER, follow_clock, make_timetable
from tests.conftest import NOON

pytestmark = pytest.mark.both_databases


async def nothing():
    pass


@pytest.fixture
def run(exchange, leases):
    """Run an entry as the scheduler would."""
    timetable = make_timetable(exchange, leases, quiet_seconds=20, lost_seconds=120, save_pacing=nothing)

    async def run(name):
        entry = timetable.get_job(name)
        with capture_logs() as logs:
            await entry.func(*entry.args)
            await exchange.drain()
        return [log["event"] for log in logs]

    return run


async def test_of_the_years_that_a_clock_set_forward_has_passed_over_nothing_is_made_up_for(exchange, leases):
    timetable = make_timetable(exchange, leases, quiet_seconds=20, lost_seconds=120, save_pacing=nothing)
    for job in timetable.get_jobs():
        if job.id != "upkeep":
            before = datetime(1970, 1, 1, tzinfo=UTC)
            following = job.trigger.get_next_fire_time(before, NOON)
            assert NOON < following <= NOON + job.trigger.interval
            usual = job.trigger.get_next_fire_time(NOON, NOON)
            assert usual == NOON + job.trigger.interval


async def test_entries_come_round_often_enough(exchange, leases):
    timetable = make_timetable(exchange, leases, quiet_seconds=20, lost_seconds=120, save_pacing=nothing)
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    rounds = {job.id: job.trigger.get_next_fire_time(midnight, midnight) - midnight for job in timetable.get_jobs()}
    assert rounds.keys() == {"quiet calls", "seats", "account", "pacing", "upkeep"}
    assert rounds["quiet calls"] <= timedelta(seconds=5)
    assert rounds["seats"] <= timedelta(seconds=15)
    assert rounds["account"] <= timedelta(minutes=1)
    assert rounds["pacing"] <= timedelta(minutes=1)
    assert rounds["upkeep"] == timedelta(hours=3, minutes=30)


async def test_a_clock_that_is_set_back_puts_no_round_off(exchange, leases):
    timetable = make_timetable(exchange, leases, quiet_seconds=20, lost_seconds=120, save_pacing=nothing)
    timetable.start(paused=True)
    set_back = min(job.next_run_time for job in timetable.get_jobs()) - timedelta(hours=1)
    upkeep = timetable.get_job("upkeep").next_run_time
    await follow_clock(timetable, set_back)
    due = {job.id: job.next_run_time for job in timetable.get_jobs()}
    assert due == dict.fromkeys(("quiet calls", "seats", "account", "pacing"), set_back) | {"upkeep": upkeep}
    timetable.get_job("seats").modify(next_run_time=set_back + timedelta(seconds=15))
    await follow_clock(timetable, set_back)
    assert timetable.get_job("seats").next_run_time == set_back + timedelta(seconds=15)
    timetable.shutdown(wait=False)


async def test_a_missed_run_is_made_up_for_once(exchange, leases):
    for job in make_timetable(exchange, leases, quiet_seconds=20, lost_seconds=120, save_pacing=nothing).get_jobs():
        assert (job.coalesce, job.misfire_grace_time) == (True, None)


async def test_a_refused_account_is_noticed_though_nobody_is_called(exchange, carrier, run):
    carrier.refuses_us = True
    assert await run("account") == ["carrier_unreachable"]
    assert exchange.health.carrier_refuses_us
    carrier.refuses_us = False
    assert await run("account") == []
    assert not exchange.health.carrier_refuses_us


async def test_quiet_calls_are_asked_about(build, carrier, clock, run):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    carrier.add(f"CA-{attempt}", "+12125550100", Ended(Outcome.BUSY, f"CA-{attempt}"))
    clock.advance(19)
    await run("quiet calls")
    assert build.row("attempt")["state"] == "ringing"
    clock.advance(1)
    await run("quiet calls")
    assert build.row("attempt")["state"] == "ended"


async def test_attempts_are_lost_after_the_given_time(build, clock, run):
    build.attempt(build.lead(build.campaign()), "unknown")
    clock.advance(121)
    await run("quiet calls")
    assert build.row("attempt")["outcome"] == "lost"


async def test_seats_are_checked(build, run):
    build.agent("anna", build.campaign())
    await run("seats")
    assert build.row("agent")["state"] == "logged-out"


async def test_an_unreachable_carrier_is_counted_and_the_next_run_goes_on(build, carrier, exchange, run):
    build.agent("anna", build.campaign())
    carrier.down = True
    assert await run("seats") == ["carrier_unreachable"]
    assert (exchange.counts["carrier_unreachable"], build.row("agent")["state"]) == (1, "ready")
    carrier.down = False
    await run("seats")
    assert build.row("agent")["state"] == "logged-out"


async def test_an_entry_that_fails_is_counted(build, carrier, exchange, run):
    build.agent("anna", build.campaign())
    carrier.add("CS-anna", "client:anna", ZeroDivisionError("x"))
    assert await run("seats") == ["timetable_entry_failed"]
    assert exchange.counts["timetable_errors"] == 1


async def test_an_entry_that_the_daemons_end_cuts_short_is_no_fault(exchange, leases, clock, monkeypatch, build):
    """The scheduler logs whatever an entry raises, with all its lines."""
    build.agent("anna", build.campaign())
    monkeypatch.setattr(clock, "until", lambda _moment: asyncio.sleep(60))
    entry = make_timetable(exchange, leases, quiet_seconds=20, lost_seconds=120, save_pacing=nothing).get_job("seats")
    running = asyncio.create_task(entry.func(*entry.args))
    await asyncio.sleep(0.1)
    running.cancel()
    await running
    assert exchange.counts == {}


def event(database, key, at):
    new = insert(CARRIER_EVENT).values(key=key, received_at=at, kind="progress", parameters={}, answer="", problem="")
    database.write(lambda session: session.connection().execute(new) and None)


async def test_webhooks_are_forgotten_a_few_at_a_time(build, exchange, database, clock, run):
    """A person who answers meanwhile waits for the write under way, and for no more than that."""
    old = clock.now() - EVENTS_KEPT - timedelta(days=1)
    for number in range(FORGOTTEN_TOGETHER + 1):
        event(database, f"old{number}", old)
    together = []

    @listens_for(Engine, "after_cursor_execute")
    def count(_connection, cursor, statement, *_rest):
        if statement.startswith("DELETE"):
            together.append(cursor.rowcount)

    try:
        await run("upkeep")
    finally:
        remove(Engine, "after_cursor_execute", count)
    assert (together, build.rows("carrier_event")) == ([FORGOTTEN_TOGETHER, 1], [])


async def test_upkeep_keeps_the_webhooks_of_the_stated_time(build, database, clock, run):
    event(database, "old", clock.now() - EVENTS_KEPT - timedelta(seconds=1))
    event(database, "new", clock.now() - EVENTS_KEPT)
    assert await run("upkeep") == ["upkeep_done"]
    assert [row["key"] for row in build.rows("carrier_event")] == ["new"]


async def test_what_is_done_once_for_all_nodes_is_left_to_the_holder_of_the_timetable(
    exchange, build, carrier, leases, run
):
    build.agent("anna", build.campaign())
    build.attempt(build.lead(build.row("campaign")["id"]), "unknown", placing_at=NOON - timedelta(hours=1))
    leases.held = frozenset()
    for entry in ("seats", "quiet calls", "upkeep"):
        assert await run(entry) == []
    assert (build.row("agent")["state"], build.row("attempt")["state"]) == ("ready", "unknown")
    carrier.refuses_us = True
    assert await run("account") == ["carrier_unreachable"]
