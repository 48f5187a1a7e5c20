"""What happens once a tick: agents' seats and wrap-ups, then dialling; and beside it, calls that must stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import uuid4

import structlog
from sqlmodel import Session

from dialer import call_budget, seats, sweep
from dialer.dial_loop import DialLoop
from dialer.exchange import Exchange
from dialer.leases import Leases
from dialer.telephony.carrier import CarrierError, SeatRing

log = structlog.get_logger()

SEATS_A_TICK = 20  # at most, so that a shift's log-in leaves calls per second to the campaigns


async def tick_until(
    stopping: asyncio.Event, exchange: Exchange, work: Callable[[float], Awaitable[None]], tick_seconds: float
) -> None:
    """Until told to stop, between two ticks. A tick that fails is counted, and the next one tries again.

    `work` hears how many seconds after the time that was due it begins.
    """
    due_at = next_at = exchange.clock.monotonic()
    while not stopping.is_set():
        try:
            await work(exchange.clock.monotonic() - due_at)
        except CarrierError as error:
            exchange.counts["carrier_unreachable"] += 1
            log.warning("carrier_unreachable", error=str(error))
        except Exception:
            exchange.counts["tick_errors"] += 1
            log.exception("tick_failed")
        due_at = next_at + tick_seconds
        next_at = max(due_at, exchange.clock.monotonic())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), next_at - exchange.clock.monotonic())


async def tick(exchange: Exchange, loop: DialLoop, late_seconds: float) -> None:
    """Renew the leases, free agents, ring seats, dial."""
    exchange.metrics.tick_lateness.observe(late_seconds)
    began = exchange.clock.monotonic()
    await loop.keep_leases()
    if loop.leases.timetable:
        await sweep.end_overdue_wrap_ups(exchange)
        await ring_seats(exchange, loop.rate)
    await loop.tick(late_seconds, began)
    ended = exchange.clock.monotonic()
    exchange.ticks.add(began, ended, late_seconds)
    exchange.metrics.ticks.observe(ended - began)


def beside_the_tick(exchange: Exchange, leases: Leases) -> Sequence[Callable[[float], Awaitable[None]]]:
    """Works for `tick_until`, each by itself: a carrier that does not answer must hold up neither the floor nor one the
    other.
    """

    async def by_the_holder(work: Callable[[Exchange], Awaitable[None]]) -> None:
        if leases.timetable:  # once for all nodes
            await work(exchange)

    return (
        lambda _late: by_the_holder(sweep.stop_calls),
        lambda _late: by_the_holder(sweep.hang_up_left_seats),
        lambda _late: look_for_seats(exchange),
        lambda _late: sweep.remember_messages(exchange),
    )


async def look_for_seats(exchange: Exchange) -> None:
    """After a time without the carrier; nobody is dialled until it is done."""
    if exchange.health.seats_unseen_since is not None:
        await sweep.check_seats(exchange)


async def ring_seats(exchange: Exchange, rate: call_budget.Rate) -> None:
    """Ring the agents who have logged in since the last tick, as fast as the carrier starts calls."""
    waiting = await exchange.read(seats.agents_without_seat)
    if not waiting:
        return
    tokens = [uuid4().hex for _ in range(min(waiting, SEATS_A_TICK))]

    def to_ring(session: Session) -> list[dict[str, str]]:
        held = call_budget.held(session.connection(), rate)
        rung = seats.seats_to_ring(session, tokens[: int(held.calls)], exchange.clock.now())
        call_budget.spend(session.connection(), held, len(rung))
        return rung

    for agent in await exchange.commit(to_ring):
        exchange.start(_ring_seat(exchange, agent["address"], agent["caller_id"], agent["seat_token"]))


async def _ring_seat(exchange: Exchange, address: str, caller_id: str, token: str) -> None:
    ring = partial(exchange.carrier.ring_seat, address, caller_id, token)
    rung = await exchange.ask_for_call(ring, SeatRing(None, "the daemon had stopped listening"))
    now = exchange.clock.now()
    await exchange.commit(lambda session: seats.seat_rung(session, token, rung.sid, rung.problem, now))
