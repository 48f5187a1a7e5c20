"""What is slow stops the dialling, and lets it come back."""

import asyncio
import threading

import pytest

from dialer import tick as tick_module
from dialer.db.turns import Urgency
from tests.dialer.dial_loop.stock import floor

pytestmark = pytest.mark.both_databases


def slow_writes(exchange, clock, seconds):
    """Each of dialling takes so long."""
    submit = exchange.database.submit

    def slow(work, urgency):
        written = submit(work, urgency)
        if urgency is Urgency.DIAL:
            written.result()
            clock.advance(seconds)
        return written

    exchange.database.submit = slow


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
    slow_writes(exchange, clock, 0.4)
    written = []
    for _tick in range(3):
        await loop.keep_leases()
        await loop.tick()
        await exchange.drain()
        written.append(len(carrier.requests))
        assert ("; only 10 of 13 written in its share of the tick" in loop.reasons[campaign]) == (written == [10])
    assert written == [10, 13, 13]


async def test_of_a_tick_too_short_for_all_each_campaign_has_a_share_and_one_claim_at_least(
    build, exchange, loop, clock
):
    busy = floor(build, agents=30, leads=30)
    others = [floor(build, agents=12, leads=12, name=name) for name in ("second", "third")]
    slow_writes(exchange, clock, 0.2)
    await loop.keep_leases()
    await loop.tick()
    dialled = {campaign: len(build.rows("attempt", campaign_id=campaign)) for campaign in (busy, *others)}
    assert dialled == {busy: 10, others[0]: 5, others[1]: 5}


async def test_campaigns_that_cannot_dial_take_no_share_of_the_tick(build, carrier, exchange, loop, clock):
    floor(build, agents=13, leads=13)
    for name, agents, leads in (("second", 0, 5), ("third", 3, 0), ("fourth", 0, 0)):
        floor(build, agents=agents, leads=leads, name=name)
    slow_writes(exchange, clock, 0.2)
    await loop.keep_leases()
    await loop.tick()
    await exchange.drain()
    assert len(carrier.requests) == 13


async def test_what_came_before_in_the_tick_leaves_the_claims_less_of_it(
    build, carrier, exchange, loop, clock, monkeypatch
):
    async def slow_wrap_ups(_exchange):
        clock.advance(0.7)

    monkeypatch.setattr("dialer.sweep.end_overdue_wrap_ups", slow_wrap_ups)
    floor(build, agents=13, leads=13)
    slow_writes(exchange, clock, 0.2)
    await tick_module.tick(exchange, loop, 0.0)
    await exchange.drain()
    assert len(carrier.requests) == 5


async def test_calls_whose_commits_were_slow_are_placed_one_after_the_other_all_the_same(
    build, exchange, loop, clock, monkeypatch
):
    """The bucket that says when their turn is has filled again meanwhile."""
    monkeypatch.setattr("dialer.call_budget.seconds_until_turn", lambda _held, _rate: 0.0)
    floor(build, agents=7, leads=7)
    slow_writes(exchange, clock, 0.5)
    loop.calls_per_second = 4.0
    await loop.keep_leases()
    began = clock.monotonic()
    await loop.tick()
    await exchange.drain()
    assert [turn - began for turn in clock.waited_for] == pytest.approx([0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0])


async def test_a_late_tick_dials_less(build, carrier, exchange, loop):
    floor(build, agents=5, leads=10)
    loop.calls_per_second = 4.0
    await loop.keep_leases()
    await loop.tick(late_seconds=1.125)
    await exchange.drain()
    assert (len(carrier.requests), loop.pace.share) == (0, pytest.approx(0.5))
    assert "the loop is 1.1 s late" in next(iter(loop.reasons.values()))
