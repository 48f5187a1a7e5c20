"""The daemon, put together: database, carrier, loops and web server, started and stopped as one list."""

import asyncio
import contextlib
import ctypes
import gc
import json
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

import structlog
import uvicorn

from compliance import rulebook
from compliance.ledger import keep_rulebook
from config import Settings
from dialer import leases, sweep
from dialer.call import MESSAGE_LIMIT
from dialer.call_control import Urls
from dialer.clock import Clock
from dialer.db.database import Database, place_of
from dialer.db.postgres import PostgresDatabase
from dialer.dial_loop import DialLoop
from dialer.exchange import UNAVAILABLE, Exchange
from dialer.leases import Leases
from dialer.listening import hear_others
from dialer.telephony.carrier import CarrierError, CarrierRefusesUs
from dialer.telephony.signature import Signatures
from dialer.telephony.twilio import TwilioCarrier
from dialer.tick import beside_the_tick, tick, tick_until
from dialer.timetable import follow_clock, guarded, make_timetable
from dialer.web.app import make_app, web_server

log = structlog.get_logger()

ASKING, PLACING = "carrier", "placing"  # names of the threads
CARRIER_THREADS = 32  # requests of each kind under way at once; it answers in about 0.1 s, so some 300 a second
THREAD_SWITCH_SECONDS = (
    0.0005  # the writing thread and the event loop share one interpreter: shorter turns, shorter waits
)
M_ARENA_MAX = -8  # for mallopt, of glibc
LAST_SECONDS = 5.0  # a claimed call's turn comes within less, for its clearance expires by then
ASKED_SECONDS = 3.0  # at the start; a carrier that takes longer is away, and the loops must begin
NOT_DIALLING = "webhooks are answered, and nothing is dialled until the carrier can be asked"


class CannotStart(Exception):
    """The daemon cannot run; the message says why and what to do."""


class Server(uvicorn.Server):
    """Says when it listens, when it is to stop and when it listens no more, and leaves signals to the daemon: uvicorn
    raises them again when it is done, which would cut our own end short."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, listen_no_more: Callable[[], None]) -> None:
        super().__init__(config)
        self.listens, self.stopping, self.at_once = asyncio.Event(), stopping, asyncio.Event()
        self._listen_no_more = listen_no_more

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._listen_no_more()
        await super().shutdown(sockets)

    def stop(self, number: int) -> None:
        """The first signal ends the dialling, and the daemon once nobody can pick up; the second ends it now."""
        if self.stopping.is_set():
            self.at_once.set()
            self.handle_exit(number, None)
        self.stopping.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Running:
    """What other processes need to reach the daemon: beside a SQLite file, readable by its owner only, or a row."""

    node: str
    pid: int
    url: str
    token: str


def share_one_heap() -> None:
    """Let all threads take memory from one heap, where the C library has such a choice; before the first one starts.

    Each burst of work leaves holes in the heaps that its threads had of their own, and they never fill again. An own
    choice in the environment stands.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(AttributeError, OSError):  # another library than glibc
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


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
        raise CannotStart(
            f"cannot listen on {host}:{port}: {reason}: stop what uses it, or set DIALER_PORT or DIALER_HOST"
        ) from None
    return listening


def check_settings(settings: Settings) -> None:
    """Raises CannotStart for what a daemon cannot do without."""
    if not settings.twilio_account_sid or not settings.twilio_auth_token.get_secret_value():
        raise CannotStart("no carrier account: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
    if not settings.webhook_base:
        raise CannotStart("no public URL: set DIALER_PUBLIC_URL to where the carrier can reach this daemon")


async def run(settings: Settings, database: Database, listening: socket.socket) -> None:
    """Run until interrupted or terminated. Raises CannotStart."""
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    with _threads(ASKING) as threads, _threads(PLACING) as placing_threads:
        exchange, loop = await _put_together(settings, database, threads, placing_threads)
        running = Running(settings.node, os.getpid(), settings.local_url, _token(settings))
        tokens = settings.twilio_auth_token, settings.twilio_auth_token_previous
        signatures = Signatures(
            list(filter(None, (token.get_secret_value() for token in tokens))), settings.webhook_base
        )
        stopping = asyncio.Event()
        app = make_app(
            exchange,
            signatures,
            loop,
            running.token,
            draining=stopping.is_set,
            tick_seconds=settings.tick_seconds,
            public_url="" if settings.webhook_base == settings.local_url else settings.webhook_base,
        )
        server = Server(web_server(app, settings.trusted_proxies), stopping, exchange.listen_no_more)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.stop, number)
        own = loop.leases
        with _database_at_start():
            unknown = await exchange.commit(
                lambda session: leases.begin(session, own.node, own.seconds, exchange.clock.now())
            )
        working = asyncio.create_task(_work(exchange, loop, settings, server, running, unknown))
        working.add_done_callback(lambda _task: setattr(server, "should_exit", True))
        # What is loaded by now stays: to look through it for garbage again and again took 0.2 s, and everybody waited.
        gc.collect()
        gc.freeze()
        try:
            await server.serve(sockets=[listening])
        finally:
            working.cancel()
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    await working
            finally:
                await _drain(exchange, server.at_once)
                await guarded(exchange, "leases", lambda: exchange.commit(partial(leases.end, node=own.node)))
                if working.cancelled() or not isinstance(working.exception(), CannotStart):
                    log.info("daemon_stopped")


@contextlib.contextmanager
def _threads(name: str) -> Generator[ThreadPoolExecutor]:
    """Nobody waits for them in the end: what matters has been drained by then, and the rest may hang."""
    threads = ThreadPoolExecutor(CARRIER_THREADS, name)
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


async def _drain(exchange: Exchange, at_once: asyncio.Event) -> None:
    """Wait for all that was started; only a moment for it when told to end at once, for the carrier may hang. What was
    not settled is by the next daemon, as after a kill.
    """
    draining, told = asyncio.create_task(exchange.drain()), asyncio.create_task(at_once.wait())
    await asyncio.wait((draining, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    await asyncio.wait((draining,), timeout=LAST_SECONDS)
    if not draining.done():
        log.warning("work_broken_off")
        exchange.break_off()
    await draining


def leave() -> None:
    """End the process here if a request to the carrier still hangs: the interpreter would wait for its thread."""
    if any(thread.name.startswith((ASKING, PLACING)) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


async def _put_together(
    settings: Settings, database: Database, threads: ThreadPoolExecutor, placing_threads: ThreadPoolExecutor
) -> tuple[Exchange, DialLoop]:
    clock, book = Clock(settings.clock_offset_seconds), rulebook.load(settings.rules_directory)
    carrier = TwilioCarrier(
        settings.twilio_account_sid,
        settings.twilio_auth_token.get_secret_value(),
        settings.twilio_base_url,
        settings.webhook_base,
        clock,
    )
    exchange = Exchange(
        database,
        carrier,
        clock,
        book,
        Urls(settings.webhook_base),
        book.connect_seconds(clock.now().date()),
        threads,
        placing_threads,
        observe=lambda campaign_id, event: loop.observe(campaign_id, event),
    )
    texts = {pack.name: pack.text for pack in book.packs}
    now = clock.now()
    with _database_at_start():
        await exchange.commit(lambda session: keep_rulebook(session, book.digest, texts, now))
    seconds = max(leases.LEASE_SECONDS, leases.TICKS * settings.tick_seconds)
    loop = DialLoop(exchange, Leases(settings.node, seconds), settings.calls_per_second, settings.tick_seconds)
    return exchange, loop


async def _work(
    exchange: Exchange, loop: DialLoop, settings: Settings, server: Server, running: Running, unknown: int
) -> None:
    """What runs beside the web server: nothing is dialled before its answer could be heard, nor after."""
    await server.listens.wait()
    await _ask_carrier(exchange)
    base = settings.webhook_base
    log.info("daemon_started", node=running.node, url=running.url, public_url=base, attempts_unknown=unknown)
    with _database_at_start():
        exchange.database.announce(json.dumps(asdict(running)))
    timetable = make_timetable(exchange, loop.leases, settings.quiet_seconds, settings.lost_seconds, loop.save)
    place = place_of(settings.database_url)
    listening = None
    if isinstance(place, PostgresDatabase):
        listening = asyncio.create_task(hear_others(exchange, place, settings.node))
    try:
        timetable.start()
        exchange.health.seats_unseen_since = exchange.clock.monotonic()  # since the last daemon, at the least
        await asyncio.gather(
            tick_until(server.stopping, exchange, lambda late: tick(exchange, loop, late), settings.tick_seconds),
            tick_until(
                server.stopping, exchange, lambda _late: follow_clock(timetable, Clock().now()), settings.tick_seconds
            ),
            *(
                tick_until(server.stopping, exchange, work, settings.tick_seconds)
                for work in beside_the_tick(exchange, loop.leases)
            ),
        )
        await _last_answers(exchange, loop)
        await guarded(exchange, "pacing", loop.save)
    finally:
        if timetable.running:
            timetable.shutdown(wait=False)
        if listening is not None:
            listening.cancel()


async def _ask_carrier(exchange: Exchange) -> None:
    """Whether it takes our account. Raises CannotStart when it does not; one that is away only keeps us from dialling,
    for calls that live need their answers. Until it was asked, agents' seats count as unseen.
    """
    remedy = "check TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and DIALER_TWILIO_BASE_URL"
    try:
        async with asyncio.timeout(ASKED_SECONDS):
            await exchange.ask(exchange.carrier.check)
    except CarrierRefusesUs as error:
        raise CannotStart(f"{error}: {remedy}") from None
    except (CarrierError, TimeoutError) as error:
        reason = str(error) or f"no answer within {ASKED_SECONDS:.0f} s"
        log.warning("started_without_carrier", error=reason, consequence=NOT_DIALLING, remedy=remedy)


@contextlib.contextmanager
def _database_at_start() -> Generator[None]:
    """It was there a moment ago. Raises CannotStart when it is not any more, or has no room."""
    try:
        yield
    except UNAVAILABLE as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise CannotStart(f"the database cannot be written: {reason}: see `dialer db check`") from None


def _token(settings: Settings) -> str:
    return settings.api_token.get_secret_value() or secrets.token_urlsafe(24)


async def _last_answers(exchange: Exchange, loop: DialLoop) -> None:
    """Until no call rings any more: whoever picks up now is still connected, or hears who called and may opt out.

    Other nodes, if there are any, dial on and answer too; the last to leave keeps the timetable until the end. While
    the database cannot be asked calls are taken to ring, but not for longer than they can.
    """
    clock = exchange.clock
    left_at, until = clock.now(), clock.monotonic() + (sweep.LONGEST_NEED + MESSAGE_LIMIT).total_seconds()
    await guarded(exchange, "leases", lambda: loop.keep_leases(leaving=True))
    while clock.monotonic() < until:
        try:
            calls: int | str = await exchange.read(lambda session: sweep.still_need_us(session, left_at, clock.now()))
        except UNAVAILABLE:
            calls = "unknown"
        if not calls:
            return
        log.info("daemon_stopping", calls=calls)
        await clock.until(clock.monotonic() + 1)
        await guarded(exchange, "leases", lambda: loop.keep_leases(leaving=True))
