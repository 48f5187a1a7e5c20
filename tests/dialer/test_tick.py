"""Ticks come at their times, and how late they are is known."""

import asyncio

import pytest

from campaigns.dispositions import Outcome
from dialer.dial_loop import DialLoop
from dialer.events import Ended
from dialer.leases import Leases
from dialer.telephony.carrier import CarrierError
from dialer.tick import tick, tick_until


async def test_a_tick_is_as_late_as_the_one_before_took_too_long(exchange, clock):
    """The clock moves by hand, so what the loop waits for passes at once where there is nothing left to wait."""
    stopping, late, lasting = asyncio.Event(), [], iter([1.0, 3.5, 1.0])

    async def work(seconds):
        late.append(seconds)
        clock.advance(next(lasting))
        if len(late) == 3:
            stopping.set()

    await tick_until(stopping, exchange, work, 1.0)
    assert late == [0.0, 0.0, 2.5]


async def test_a_tick_that_fails_is_counted_and_the_next_one_comes(exchange, clock):
    stopping, begun = asyncio.Event(), []

    async def work(_late):
        begun.append(clock.monotonic())
        clock.advance(1.0)
        if len(begun) == 1:
            raise RuntimeError("once")
        stopping.set()

    await tick_until(stopping, exchange, work, 1.0)
    assert (len(begun), exchange.counts["tick_errors"]) == (2, 1)


async def test_lateness_and_duration_of_a_tick_are_kept(exchange, clock):
    loop = DialLoop(exchange, Leases("one"), 1.0)
    await tick(exchange, loop, 0.5)
    read = exchange.metrics.registry.get_sample_value
    assert read("dialer_tick_lateness_seconds_sum") == pytest.approx(0.5)
    assert read("dialer_tick_seconds_count") == 1
    assert exchange.ticks.began == clock.monotonic()


async def test_after_a_time_without_the_carrier_nobody_is_dialled_for_a_seat_that_went_unseen(build, exchange, carrier):
    campaign = build.campaign(intent="run", mode="progressive")
    build.lead(campaign)
    build.agent("anna", campaign)
    carrier.add("CS-anna", "client:anna", Ended(Outcome.ANSWERED, "CS-anna"))
    loop = DialLoop(exchange, Leases("one"), 1.0)
    carrier.down = True
    with pytest.raises(CarrierError):
        await exchange.ask(carrier.look_up, "CA1")
    with pytest.raises(CarrierError):
        await tick(exchange, loop, 0.0)
    carrier.down = False
    await tick(exchange, loop, 0.0)
    await exchange.drain()
    assert (carrier.requests, build.row("agent")["state"]) == ([], "logged-out")
    assert not exchange.health.seats_in_doubt


async def test_each_node_knows_with_every_tick_what_to_say_on_all_live_calls(build, exchange):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    await tick(exchange, DialLoop(exchange, Leases("two"), 1.0), 0.0)
    assert "from Acme" in exchange.last_words[attempt]
