"""Ticks come at their times, and how late they are is known."""

import asyncio

import pytest
from sqlalchemy import literal

from campaigns.dispositions import Outcome
from dialer import call_budget
from dialer.db.turns import Urgency
from dialer.dial_loop import CLAIMED_TOGETHER, SEATS_UNSEEN, DialLoop
from dialer.events import Ended, Progress
from dialer.leases import Leases
from dialer.telephony.carrier import CarrierError
from dialer.tick import beside_the_tick, look_for_seats, tick, tick_until


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
    build.agent("bert", campaign)
    carrier.add("CS-anna", "client:anna", Ended(Outcome.ANSWERED, "CS-anna"))
    carrier.add("CS-bert", "client:bert", Progress("CS-bert", ringing=True, picked_up=True))
    loop = DialLoop(exchange, Leases("one"), 1.0)
    carrier.down = True
    with pytest.raises(CarrierError):
        await exchange.ask(carrier.look_up, "CA1")
    with pytest.raises(CarrierError):
        await look_for_seats(exchange)
    await tick(exchange, loop, 0.0)
    await exchange.drain()
    assert (carrier.requests, loop.reasons[campaign].split("; ")[-1]) == ([], SEATS_UNSEEN)
    carrier.down = False
    await look_for_seats(exchange)
    assert {row["name"]: row["state"] for row in build.rows("agent")} == {"anna": "logged-out", "bert": "ready"}
    await tick(exchange, loop, 0.0)
    await exchange.drain()
    assert (len(carrier.requests), exchange.health.seats_unseen_since) == (1, None)


async def test_a_look_at_the_seats_that_ends_while_the_agents_are_read_lets_nobody_be_dialled_for_them(
    build, exchange, carrier, clock
):
    """The agents that were read may be those whose seats have just been found gone."""
    campaign = build.campaign(intent="run", mode="progressive")
    build.lead(campaign)
    build.agent("anna", campaign)
    exchange.health.seats_unseen_since = clock.monotonic()
    loop, read = DialLoop(exchange, Leases("one"), 1.0), exchange.read

    async def reading(work):
        found = await read(work)
        exchange.health.seats_unseen_since = None
        return found

    await loop.keep_leases()
    object.__setattr__(exchange, "read", reading)
    await loop.tick()
    await exchange.drain()
    assert carrier.requests == []
    await loop.tick()
    await exchange.drain()
    assert len(carrier.requests) == 1


async def test_a_look_at_the_seats_during_which_the_carrier_was_gone_again_is_not_the_last(
    build, exchange, carrier, clock
):
    build.agent("anna", build.campaign())
    exchange.health.seats_unseen_since = clock.monotonic()

    def gone_meanwhile():
        exchange.health.seats_unseen_since = clock.monotonic() + 1
        return Progress("CS-anna", ringing=True, picked_up=True)

    carrier.add("CS-anna", "client:anna", gone_meanwhile)
    await look_for_seats(exchange)
    assert exchange.health.seats_unseen_since == clock.monotonic() + 1


@pytest.mark.parametrize(("free", "queued"), [(40.0, 0), (34.0, 6)], ids=["alone", "behind another node's calls"])
async def test_calls_are_placed_one_after_the_other_at_the_carriers_rate_and_claimed_some_at_a_time(
    build, exchange, carrier, clock, monkeypatch, free, queued
):
    """Thirty requests at once, or one long write, would keep whoever answers meanwhile waiting."""
    build.change("call_budget", 1, calls=free, filled_at=100.0)
    monkeypatch.setattr(call_budget, "clock", lambda _connection: literal(100.0))
    campaign = build.campaign(intent="run", mode="progressive")
    for number in range(CLAIMED_TOGETHER + 3):
        build.lead(campaign)
        build.agent(f"a{number}", campaign)
        carrier.add(f"CS-a{number}", "client:a", Progress(f"CS-a{number}", ringing=True, picked_up=True))
    claimed, submit = [], exchange.database.submit

    def counting(work, urgency):
        if urgency is Urgency.DIAL:
            claimed.append(submit(work, urgency))
            return claimed[-1]
        return submit(work, urgency)

    exchange.database.submit = counting
    await tick(exchange, DialLoop(exchange, Leases("one"), 20.0), 0.0)
    await exchange.drain()
    assert [len(write.result()[0]) for write in claimed] == [CLAIMED_TOGETHER, 3]
    assert clock.waited_for == pytest.approx(
        [clock.monotonic() + (queued + number) / 20 for number in range(CLAIMED_TOGETHER + 3)]
    )
    assert len(carrier.requests) == CLAIMED_TOGETHER + 3


async def test_beside_the_tick_each_node_learns_what_to_say_on_all_live_calls(build, exchange):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    for work in beside_the_tick(exchange, Leases("two")):
        await work(0.0)
    assert "from Acme" in exchange.last_words[attempt]
