"""What the loops and the web layer work with together: the database, the carrier, the clock, the law."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session

from compliance.rulebook import Rulebook
from dialer.back_pressure import Signs
from dialer.call import CallState
from dialer.call_control import Taken, Urls, message_for, observations, take
from dialer.clock import Clock
from dialer.commands import HangUp, PlayMessage, StopRinging
from dialer.counts import placed
from dialer.db.database import Database
from dialer.db.place import DatabaseError
from dialer.db.turns import Urgency
from dialer.events import CallEvent, Placed, Refused
from dialer.metrics import Metrics
from dialer.pacing.events import Event
from dialer.telephony.carrier import Carrier, CarrierError, CarrierRefusesUs
from dialer.tick_times import TickTimes

T = TypeVar("T")
P = ParamSpec("P")

log = structlog.get_logger()

UNAVAILABLE = (OperationalError, InterfaceError, DatabaseError)  # no room, no server, no right to write: for now


@dataclass
class Health:
    """What a running dialer knows of its own standing."""

    carrier_refuses_us: bool = False  # as of the last request that was answered
    seats_unseen_since: float | None = None  # nobody could hear of seats that went, until all were looked up
    listens_no_more: bool = False  # nobody would answer who picks up


@dataclass(frozen=True)
class Exchange:
    """One running dialer's hands; nothing is decided here."""

    database: Database
    carrier: Carrier
    clock: Clock
    rulebook: Rulebook
    urls: Urls
    connect_seconds: float
    carrier_threads: ThreadPoolExecutor
    placing_threads: ThreadPoolExecutor  # of their own: creates that hang must not hold up a hang-up
    observe: Callable[[int, Event], None]  # campaign id and what its pacing may learn from
    metrics: Metrics = field(default_factory=Metrics)
    health: Health = field(default_factory=Health)
    ticks: TickTimes = field(default_factory=TickTimes)
    signs: Signs = field(default_factory=Signs)
    seats_unconfirmed: set[str] = field(default_factory=set)  # attempts whose agent's seat is about to be looked up
    unkept: dict[str, Callable[[Session], object]] = field(default_factory=dict)  # opt-outs whose write failed
    last_words: dict[str, str] = field(default_factory=dict)  # by live attempt: the message, for when no database is
    untold: set[str] = field(default_factory=set)  # attempts that the carrier could not tell of when it was asked last
    confirming: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    asking_whether_met: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _writing: dict[object, float] = field(default_factory=dict)  # since when, the oldest first

    @property
    def counts(self) -> Counter[str]:
        """What went wrong and was survived, by kind."""
        return self.metrics.caught.counts

    async def commit(self, work: Callable[[Session], T], urgency: Urgency = Urgency.CALL) -> T:
        """Write; returns once it is on the disk. What could not be kept before goes first, or nothing is written."""
        for key in list(self.unkept):
            if (kept := self.unkept.pop(key, None)) is not None:
                await self._write_or_keep(key, self._write(kept), kept)
        return await self._write(work, urgency)

    async def commit_in_the_end(self, key: str, work: Callable[[Session], T]) -> T:
        """Write what nobody will tell us again. When that fails it is raised, and tried again before the next write.

        So nobody is dialled before it is kept, for an attempt is a write too. Until then a kill would lose it.
        """
        return await self._write_or_keep(key, self.commit(work), work)

    async def _write_or_keep(self, key: str, writing: Awaitable[T], work: Callable[[Session], T]) -> T:
        """Whoever waited may have gone, too: it is then written twice at the worst."""
        try:
            return await writing
        except (*UNAVAILABLE, asyncio.CancelledError):
            self.unkept[key] = work
            raise

    async def _write(self, work: Callable[[Session], T], urgency: Urgency = Urgency.CALL) -> T:
        if urgency is Urgency.BULK:  # waits for all others, so its time says nothing of the database
            return await asyncio.wrap_future(self.database.submit(work, urgency))
        write, began = object(), self.clock.monotonic()
        self._writing[write] = began
        try:
            return await asyncio.wrap_future(self.database.submit(work, urgency))
        finally:
            del self._writing[write]
            now = self.clock.monotonic()
            self.metrics.commits.observe(now - began)
            self.signs.written(now - began, now)

    def oldest_write(self) -> float:
        """Seconds that the oldest write under way has waited, bulk apart; 0 when there is none."""
        now = self.clock.monotonic()
        return now - next(iter(self._writing.values()), now)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Read without stopping the event loop."""
        return await asyncio.to_thread(self._read, work)

    def _read(self, work: Callable[[Session], T]) -> T:
        with self.database.read() as session:
            return work(session)

    async def ask(self, request: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A blocking request to the carrier about a call, on the carrier's threads."""
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self.carrier_threads, lambda: request(*args, **kwargs))
        except CarrierRefusesUs:
            self.health.carrier_refuses_us = True
            raise
        except CarrierError:
            self.health.seats_unseen_since = self.clock.monotonic()
            raise
        self.health.carrier_refuses_us = False
        return answer

    async def ask_for_call(self, request: Callable[[], T], unasked: T) -> T:
        """A blocking request to the carrier for a new call; `unasked` once the daemon listens no more."""
        if self.health.listens_no_more:
            return unasked
        asked, asking = self.signs.ask(self.clock.monotonic()), self.placing_threads.submit(request)
        refused, queue_seconds = False, 0.0
        try:
            answer = await asyncio.wrap_future(asking)
            refused = isinstance(answer, Refused) and answer.asked and answer.retry and not answer.for_all
            queue_seconds = answer.queue_seconds if isinstance(answer, Placed) else 0.0
            return answer
        except asyncio.CancelledError:
            if asking.cancelled() and self.health.listens_no_more:
                return unasked
            raise
        finally:
            self.signs.answered(asked, self.clock.monotonic(), refused=refused, queue_seconds=queue_seconds)

    def listen_no_more(self) -> None:
        """No new calls from now on, nor any that no thread has begun to ask for."""
        self.health.listens_no_more = True
        self.placing_threads.shutdown(wait=False, cancel_futures=True)

    async def handle(self, attempt_id: str, event: CallEvent) -> Taken:
        """Apply one event and start what it asks of the carrier."""
        now = self.clock.now()
        taken = await self.commit(lambda session: take(session, attempt_id, event, self.connect_seconds, now))
        self.follow_up(taken)
        return taken

    def follow_up(self, taken: Taken) -> None:
        """After the commit: let pacing learn, and give the carrier its orders without waiting for them."""
        at = self.clock.monotonic()
        if placed(taken.after) and not placed(taken.before):
            self.metrics.calls_started.inc()
            log.info("attempt_placed", attempt_id=taken.attempt["id"], call_sid=taken.after.call_sid)
        if taken.after.abandoned and not taken.before.abandoned:
            self.metrics.abandoned.inc()
        self._remember_message(taken)
        for seen in observations(taken, at):
            self.observe(taken.attempt["campaign_id"], seen)
        if taken.after.state is CallState.ENDED and taken.before.state is not CallState.ENDED:
            _log_ended(taken)
        for order in taken.orders:
            self.start(self.carry_out(order, taken.attempt["id"]))

    def _remember_message(self, taken: Taken) -> None:
        attempt_id = taken.attempt["id"]
        if taken.after.state is CallState.ENDED:
            self.last_words.pop(attempt_id, None)
        elif attempt_id not in self.last_words:
            self.last_words[attempt_id] = message_for(taken.attempt, self.urls)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; kept referenced until done, and counted when it fails."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.counts["background_errors"] += 1
            log.error("background_work_failed", exc_info=error)

    async def drain(self) -> None:
        """Wait for what was started, and for what that starts."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
        try:
            if self.unkept:
                await self.commit(lambda _session: None)
        except UNAVAILABLE:
            log.error("opt_outs_lost", events=list(self.unkept))

    def break_off(self) -> None:
        """End what was started where it waits; a request that is under way may still be obeyed."""
        for task in self._running:
            task.cancel()

    async def carry_out(self, order: HangUp | StopRinging | PlayMessage, attempt_id: str) -> None:
        """Give the carrier one order; a failure is counted."""
        try:
            match order:
                case HangUp(sid):
                    await self.ask(self.carrier.hang_up, sid)
                case StopRinging(sid):
                    await self.ask(self.carrier.stop_ringing, sid)
                case PlayMessage(sid):
                    await self.ask(self.carrier.play_message, sid, attempt_id)
        except CarrierError as error:  # the sweep sees that the call goes on, and asks again
            self.counts["orders_failed"] += 1
            log.warning("order_failed", attempt_id=attempt_id, call_sid=order.sid, error=str(error))
        else:
            log.info("order_given", order=type(order).__name__, attempt_id=attempt_id, call_sid=order.sid)


def _log_ended(taken: Taken) -> None:
    call = taken.after
    log.info(
        "attempt_ended",
        attempt_id=taken.attempt["id"],
        call_sid=call.call_sid,
        campaign=taken.attempt["campaign_name"],
        outcome=call.outcome,
        abandoned=call.abandoned,
        agent=call.agent,
        answered_by=call.answered_by,
        error=call.error,
    )
