"""Writes, reads and the carrier's orders of one running dialer."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session
from structlog.testing import capture_logs

from campaigns.dispositions import Outcome
from campaigns.tables import Campaign
from compliance.store import add_entry
from dialer.back_pressure import Strain
from dialer.call import IllegalEvent
from dialer.db.turns import Urgency
from dialer.events import AgentLeft, Detected, Ended, Placed, Progress, Refused, Unsure
from dialer.pacing import events as observed

pytestmark = pytest.mark.both_databases


async def test_a_committed_write_is_there_to_read(exchange, build):
    campaign = build.campaign(intent="run")

    def pause(session: Session) -> None:
        session.get_one(Campaign, campaign).intent = "pause"

    await exchange.commit(pause)
    intent = "SELECT intent FROM campaign"
    assert await exchange.read(lambda session: session.connection().exec_driver_sql(intent).scalar_one()) == "pause"


async def test_what_a_write_raises_reaches_whoever_asked(exchange):
    def fail(_session: Session) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await exchange.commit(fail)


async def test_the_carrier_is_asked_off_the_event_loop(exchange):
    assert await exchange.ask(threading.current_thread) is not threading.current_thread()


@pytest.mark.parametrize(
    ("answer", "strain"),
    [
        (Placed("CA1", queue_seconds=1.5), Strain(queue_seconds=1.5)),
        (Refused("429", retry=True), Strain(refused=1.0)),
        (Refused("wrong number", retry=False), Strain()),
        (Refused("the clearance expired", retry=True, asked=False), Strain()),
        (Refused("wrong account", retry=True, for_all=True), Strain()),
        (Unsure("a time-out"), Strain()),
    ],
)
async def test_the_carriers_answers_tell_whether_it_is_at_its_limit(exchange, clock, answer, strain):
    await exchange.ask_for_call(lambda: answer, None)
    assert exchange.signs.strain(clock.monotonic(), 0.0, 0.0) == strain


async def test_slow_writes_and_slow_creates_are_noticed_but_not_bulk(exchange, clock):
    await exchange.commit(lambda _session: clock.advance(2), Urgency.BULK)
    oldest: list[float] = []
    await exchange.commit(lambda _session: oldest.append(exchange.oldest_write()), Urgency.BULK)
    assert oldest == [0.0]
    assert exchange.signs.strain(clock.monotonic(), 0.0, 0.0) == Strain()
    await exchange.commit(lambda _session: clock.advance(2))
    await exchange.ask_for_call(lambda: clock.advance(3), None)
    assert exchange.signs.strain(clock.monotonic(), 0.0, 0.0) == Strain(write_seconds=2.0, placing_seconds=3.0)


async def test_requests_for_calls_that_hang_hold_up_no_order(exchange):
    """A slow create takes half a minute; whoever waits for the message would sit in silence."""
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as orders, ThreadPoolExecutor(1) as placing:
        exchange = replace(exchange, carrier_threads=orders, placing_threads=placing)
        hanging = asyncio.create_task(exchange.ask_for_call(lambda: go_on.wait(10), None))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert await exchange.ask(lambda: "done") == "done"
        assert not hanging.done()
        go_on.set()
        await hanging


async def test_once_nobody_listens_no_call_is_asked_for_that_no_thread_had_begun_with(exchange):
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as placing:
        exchange = replace(exchange, placing_threads=placing)
        begun, waiting = (asyncio.create_task(exchange.ask_for_call(lambda: go_on.wait(10), "unasked")) for _ in "12")
        await asyncio.sleep(0)
        exchange.listen_no_more()
        assert await waiting == "unasked"
        assert await exchange.ask_for_call(lambda: "asked", "unasked") == "unasked"
        go_on.set()
        assert await begun is True


async def test_a_request_for_a_call_that_is_broken_off_is_not_told_as_unasked(exchange):
    """The carrier may obey it still, and the number would be dialled twice."""
    go_on, begun, told = threading.Event(), threading.Event(), []

    async def ask():
        told.append(await exchange.ask_for_call(lambda: begun.set() or go_on.wait(10), "unasked"))

    exchange.start(ask())
    await asyncio.to_thread(begun.wait, 10)
    exchange.listen_no_more()
    exchange.break_off()
    async with asyncio.timeout(5):
        await exchange.drain()
    go_on.set()
    assert (told, exchange.counts) == ([], {})


async def test_an_event_is_kept_and_pacing_hears_of_it(exchange, build, seen, clock):
    attempt = build.attempt(build.lead(build.campaign()))
    clock.advance(5)
    await exchange.handle(attempt, Ended(Outcome.BUSY, f"CA-{attempt}"))
    assert build.row("attempt")["state"] == "ended"
    assert seen == [observed.Failed(attempt, clock.monotonic())]


async def test_an_illegal_event_is_raised_and_nothing_is_observed(exchange, build, seen):
    attempt = build.attempt(build.lead(build.campaign()))
    with pytest.raises(IllegalEvent):
        await exchange.handle(attempt, Progress("CA-other", ringing=True))
    assert seen == []


async def test_orders_reach_the_carrier_after_the_commit(exchange, build, carrier, clock):
    machine = build.attempt(build.lead(build.campaign()), "ringing")
    person = build.attempt(build.lead(build.row("campaign")["id"]), "connected", answered_at=clock.now(), agent="anna")
    await exchange.handle(machine, Detected(f"CA-{machine}", "machine_start"))
    await exchange.handle(person, AgentLeft())
    await exchange.drain()
    assert carrier.hung_up == [f"CA-{machine}"]
    assert carrier.messages == [(f"CA-{person}", person)]


async def test_an_order_that_fails_is_counted(exchange, build, carrier):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    carrier.down = True
    await exchange.handle(attempt, Detected(f"CA-{attempt}", "machine_start"))
    await exchange.drain()
    assert (exchange.counts["orders_failed"], build.row("attempt")["answered_by"]) == (1, "machine_start")


async def test_draining_waits_for_everything_started_even_if_it_fails(exchange):
    done = []

    async def work(fails: bool) -> None:
        await exchange.ask(lambda: None)
        done.append(fails)
        if fails:
            raise ValueError("x")

    with capture_logs() as logs:
        for fails in (True, False):
            exchange.start(work(fails))
        await exchange.drain()
    assert (sorted(done), [entry["event"] for entry in logs]) == ([False, True], ["background_work_failed"])
    assert exchange.counts["background_errors"] == 1


async def test_draining_waits_for_what_is_started_meanwhile(exchange):
    """An order follows from an event that is still being handled when the process ends."""
    done = []

    async def order() -> None:
        await exchange.ask(lambda: None)
        done.append("order")

    async def event() -> None:
        await exchange.ask(lambda: None)
        exchange.start(order())

    exchange.start(event())
    await exchange.drain()
    assert done == ["order"]


async def test_an_opt_out_stays_kept_when_whoever_wrote_it_has_gone(exchange, build):
    """A readiness check gives up after two seconds; what it was to write first must not go with it."""

    def opt_out(session: Session) -> None:
        add_entry(session, "+12125550101", source="key-press", now=exchange.clock.now())

    async def unkept() -> None:
        raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    with pytest.raises(OperationalError):
        await exchange._write_or_keep("key", unkept(), opt_out)
    hold = threading.Event()
    busy = exchange.database.submit(lambda _session: hold.wait(10))
    asking = asyncio.create_task(exchange.commit(lambda _session: None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    hold.set()
    await asyncio.wrap_future(busy)
    await exchange.commit(lambda _session: None)
    assert [row["number"] for row in build.rows("do_not_call")] == ["+12125550101"]
    assert exchange.unkept == {}
