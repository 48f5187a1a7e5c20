"""What is slow stops the dialling, and lets it come back."""

import asyncio
import threading

import pytest

from dialer.db.turns import Urgency
from tests.dialer.dial_loop.stock import floor

pytestmark = pytest.mark.both_databases


async def test_a_slow_database_stops_the_dialling_says_so_and_lets_it_come_back(
    build, carrier, exchange, tick, loop, clock
):
    campaign = floor(build, agents=3, leads=10)
    for _write in range(20):  # those of the tick itself take no time here
        exchange.signs.written(2.0, clock.monotonic())
    await tick()
    assert carrier.requests == []
    assert loop.reasons[campaign].endswith("; no new calls, the database takes 1.9 s for a write")
    for _second in range(22):
        clock.advance(1)
        await tick()
    assert (len(carrier.requests), loop.pace.reason) == (3, "")
    assert "slow" not in loop.reasons[campaign]


async def test_a_write_that_hangs_stops_the_dialling_while_calls_are_served(
    build, carrier, database, exchange, loop, clock
):
    """The tick only reads until it dials; the answer of a live call is written before all that waits."""
    floor(build, agents=1, leads=3)
    begun, go_on, order = threading.Event(), threading.Event(), list[str]()

    def hang(_session):
        begun.set()
        go_on.wait(10)

    hanging = asyncio.create_task(exchange.commit(hang))
    await asyncio.to_thread(begun.wait, 10)
    bulk = asyncio.create_task(exchange.commit(lambda _session: order.append("bulk"), Urgency.BULK))
    await asyncio.sleep(0)
    answer = asyncio.create_task(exchange.commit(lambda _session: order.append("answer")))
    clock.advance(3)
    await loop.tick()
    assert (carrier.requests, loop.pace.calls) == ([], 0.0)
    go_on.set()
    await asyncio.gather(hanging, bulk, answer)
    assert order == ["answer", "bulk"]


async def test_calls_that_could_not_be_written_within_the_tick_are_decided_anew_in_the_next(
    build, carrier, exchange, loop, clock
):
    """Waiting for all of them would make the next tick late, and every tick after it."""
    campaign = floor(build, agents=13, leads=13)
    submit = exchange.database.submit

    def slow(work, urgency):
        if urgency is Urgency.DIAL:
            clock.advance(0.4)
        return submit(work, urgency)

    exchange.database.submit = slow
    written = []
    for _tick in range(3):
        await loop.keep_leases()
        await loop.tick()
        await exchange.drain()
        written.append(len(carrier.requests))
        assert ("; only 10 written in time, the database is slow" in loop.reasons[campaign]) == (written == [10])
    assert written == [10, 13, 13]


async def test_a_late_tick_dials_less(build, carrier, exchange, loop):
    floor(build, agents=5, leads=10)
    loop.calls_per_second = 4.0
    await loop.keep_leases()
    await loop.tick(late_seconds=1.125)
    await exchange.drain()
    assert (len(carrier.requests), loop.pace.share) == (0, pytest.approx(0.5))
    assert "the loop is 1.1 s late" in next(iter(loop.reasons.values()))
