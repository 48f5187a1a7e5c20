"""The daemon, put together: database, carrier, loops and web server, started and stopped as one list."""

import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import structlog
import uvicorn

from compliance import rulebook
from config import Settings
from dialer import seats, sweep
from dialer.call_control import Urls
from dialer.clock import Clock
from dialer.db.database import Database
from dialer.dial_loop import Budget, DialLoop
from dialer.exchange import Exchange
from dialer.telephony.carrier import CarrierError
from dialer.telephony.signature import Signatures
from dialer.telephony.twilio import TwilioCarrier
from dialer.timetable import make_timetable
from dialer.web.app import make_app

log = structlog.get_logger()

CARRIER_THREADS = 32  # requests to the carrier under way at once; it answers in about 0.1 s, so some 300 a second
THREAD_SWITCH_SECONDS = (
    0.0005  # the writing thread and the event loop share one interpreter: shorter turns, shorter waits
)
HOME = "US"  # whose connect limit holds until the packs of other countries are there


class CannotStart(Exception):
    """The daemon cannot run; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """What other processes need to reach the daemon; written beside the database, readable by its owner only."""

    pid: int
    url: str
    token: str


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises CannotStart when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        reason = error.strerror or error
        raise CannotStart(f"cannot listen on {host}:{port}: {reason}: stop what uses it, or set DIALER_PORT") from None
    return listening


def check_settings(settings: Settings) -> None:
    """Raises CannotStart for what a daemon cannot do without."""
    if not settings.twilio_account_sid or not settings.twilio_auth_token.get_secret_value():
        raise CannotStart("no carrier account: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
    if not settings.webhook_base:
        raise CannotStart("no public URL: set DIALER_PUBLIC_URL to where the carrier can reach this daemon")


async def run(settings: Settings, database: Database, listening: socket.socket) -> None:
    """Run until the web server is told to stop. Raises CannotStart."""
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    clock = Clock(settings.clock_offset_seconds)
    book = rulebook.load()
    auth_token = settings.twilio_auth_token.get_secret_value()
    carrier = TwilioCarrier(
        settings.twilio_account_sid, auth_token, settings.twilio_base_url, settings.webhook_base, clock
    )
    with ThreadPoolExecutor(CARRIER_THREADS, "carrier") as threads:
        try:
            await asyncio.get_running_loop().run_in_executor(threads, carrier.check)
        except CarrierError as error:
            raise CannotStart(
                f"{error}: check TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and DIALER_TWILIO_BASE_URL"
            ) from None
        connect_seconds = book.abandonment(frozenset({HOME}), clock.now().date()).connect_seconds
        exchange = Exchange(
            database,
            carrier,
            clock,
            book,
            Urls(settings.webhook_base),
            connect_seconds,
            threads,
            observe=lambda campaign_id, event: loop.observe(campaign_id, event),
        )
        loop = DialLoop(exchange, Budget(settings.calls_per_second))
        running = Running(os.getpid(), f"http://{settings.host}:{settings.port}", secrets.token_urlsafe(24))
        unknown = await exchange.commit(lambda session: sweep.forget_placing(session, clock.now()))
        app = make_app(exchange, Signatures(auth_token, settings.webhook_base), loop, running.token)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        timetable = make_timetable(exchange, settings.quiet_seconds, settings.lost_seconds)
        log.info("daemon_started", url=running.url, public_url=settings.webhook_base, attempts_unknown=unknown)
        ticking = asyncio.create_task(_tick_loop(exchange, loop, settings.tick_seconds, lambda: server.started))
        announcing = asyncio.create_task(_announce(database, running, lambda: server.started))
        timetable.start()
        try:
            await server.serve(sockets=[listening])
        finally:
            for task in (ticking, announcing):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            timetable.shutdown(wait=False)
            await exchange.drain()
            log.info("daemon_stopped")


async def _announce(database: Database, running: Running, started: Callable[[], bool]) -> None:
    while not started():
        await asyncio.sleep(0.01)
    database.announce(json.dumps({"pid": running.pid, "url": running.url, "token": running.token}))


async def _tick_loop(exchange: Exchange, loop: DialLoop, tick_seconds: float, started: Callable[[], bool]) -> None:
    """Chores first, then dialling, once a tick; a tick that fails is counted and the next one tries again."""
    while not started():
        await asyncio.sleep(0.01)
    next_at = exchange.clock.monotonic()
    while True:
        try:
            await sweep.end_overdue_wrap_ups(exchange)
            await ring_seats(exchange)
            await sweep.hang_up_left_seats(exchange)
            await sweep.stop_calls(exchange)
            await loop.tick()
        except CarrierError as error:
            exchange.counts["carrier_unreachable"] += 1
            log.warning("carrier_unreachable", error=str(error))
        except Exception:
            exchange.counts["tick_errors"] += 1
            log.exception("tick_failed")
        next_at = max(next_at + tick_seconds, exchange.clock.monotonic())
        await asyncio.sleep(next_at - exchange.clock.monotonic())


SEATS_A_TICK = 20


async def ring_seats(exchange: Exchange) -> None:
    """Ring every agent who has logged in since the last tick."""
    waiting = await exchange.read(seats.agents_without_seat)
    if not waiting:
        return
    tokens = [uuid4().hex for _ in range(min(waiting, SEATS_A_TICK))]
    for agent in await exchange.commit(lambda session: seats.seats_to_ring(session, tokens)):
        exchange.start(_ring_seat(exchange, agent["address"], agent["caller_id"], agent["seat_token"]))


async def _ring_seat(exchange: Exchange, address: str, caller_id: str, token: str) -> None:
    rung = await exchange.ask(exchange.carrier.ring_seat, address, caller_id, token)
    now = exchange.clock.now()
    await exchange.commit(lambda session: seats.seat_rung(session, token, rung.sid, rung.problem, now))
