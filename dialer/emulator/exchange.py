"""The emulated carrier's state: its calls, conferences and call rate, and what every part of it shares."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from dialer.clock import Clock
from dialer.emulator.calls import Call, Ending
from dialer.emulator.conferences import Conferences, Left
from dialer.emulator.faults import Dice
from dialer.emulator.line import By
from dialer.emulator.parameters import CallRequest, Form, Hook
from dialer.emulator.rate import CallRate
from dialer.emulator.settings import EmulatorSettings
from dialer.emulator.webhooks import Webhooks
from dialer.simulation.callees import AGENT, Callee, callee_for


@dataclass(frozen=True, slots=True)
class Trouble:
    """A document that could not be carried out."""

    at: str
    call_sid: str
    code: int
    problem: str


class Exchange:
    """Made inside a running event loop; `open` before the first call, `close` after the last."""

    def __init__(self, settings: EmulatorSettings, note: Callable[[Call], None] = lambda _call: None) -> None:
        """`note` is told of every change of a call."""
        self.settings = settings
        self.note = note
        self.clock = Clock(settings.clock_offset_seconds)
        self.dice = Dice(settings.seed)
        self.webhooks = Webhooks(settings.auth_token, self.dice, self.clock)
        self.conferences = Conferences(settings.account_sid, self.webhooks, self.clock)
        self.calls: dict[str, Call] = {}
        self.live: dict[str, Call] = {}
        self.by_number: dict[str, list[Call]] = {}
        self.troubles: list[Trouble] = []
        self._rate = CallRate(settings.calls_per_second)
        self._tasks: set[asyncio.Task[None]] = set()
        self._questions: set[asyncio.Task[str]] = set()

    async def open(self) -> None:
        await self.webhooks.open()

    async def close(self) -> None:
        for task in (*self._tasks, *self._questions):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._questions, return_exceptions=True)
        for call in self.live.values():
            self._stop_timers(call)
        await self.webhooks.close()

    def admit(self, request: CallRequest, parent: Call | None = None) -> Call:
        """A new call; one with a parent does not count against the calls per second, as at Twilio."""
        dialled = self.by_number.setdefault(request.to, [])
        now = self.clock.now()
        queue_seconds = 0.0
        if parent is None:
            monotonic = self.clock.monotonic()
            queue_seconds = self._rate.next_start(monotonic) - monotonic
        call = Call(
            sid=f"CA{uuid4().hex}",
            account_sid=self.settings.account_sid,
            request=request,
            callee=self._callee(request.to, len(dialled) + 1),
            parent=parent,
            created_at=now,
            updated_at=now,
            queue_seconds=queue_seconds,
        )
        self.calls[call.sid] = self.live[call.sid] = call
        dialled.append(call)
        call.hearing.changed = lambda: self.note(call)
        self.note(call)
        return call

    def run(self, life: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(life)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def ask(self, call: Call, hook: Hook, form: Form) -> "asyncio.Task[str]":
        """The application's answer to come."""
        question = asyncio.get_running_loop().create_task(self._timed(call, self.webhooks.ask(hook, form)))
        self._questions.add(question)
        question.add_done_callback(self._questions.discard)
        return question

    async def _timed(self, call: Call, answer: Coroutine[Any, Any, str]) -> str:
        began = self.clock.monotonic()
        text = await answer
        if call.document_seconds is None:
            call.document_seconds = self.clock.monotonic() - began
        return text

    def tell(self, call: Call, event: str) -> None:
        """Send a status callback, if it is subscribed to."""
        callback = call.request.callback
        if callback is None or event not in call.request.events:
            return
        task = self.webhooks.tell(callback, call.progress_form(event, self.clock.now()), call.sid)
        if task is not None:
            task.add_done_callback(lambda _: call.first_told.set())

    def detected(self, call: Call, verdict: str, seconds: float) -> None:
        """The verdict of machine detection is there."""
        call.answered_by, call.detection_seconds = verdict, seconds
        call.updated_at = self.clock.now()
        self.note(call)
        detection = call.request.detection
        if detection is None or detection.blocking or detection.callback is None:
            return
        form = [
            ("CallSid", call.sid),
            ("AccountSid", call.account_sid),
            ("AnsweredBy", verdict),
            ("MachineDetectionDuration", str(round(seconds * 1000))),
        ]
        self.webhooks.tell(detection.callback, form, call.sid)

    def end(self, call: Call, ending: Ending) -> None:
        """The call is over: everything that hangs on it is let go and told."""
        call.status, call.ending = ending.status, ending
        call.ended_at = call.updated_at = self.clock.now()
        self._stop_timers(call)
        del self.live[call.sid]
        self.conferences.leave(call, _why_left(call, ending))
        if not call.picked_up.done():
            call.picked_up.set_result(False)
        call.let_go()
        call.over.set_result(None)
        self.note(call)
        self.tell(call, "completed")

    def trouble(self, call: Call, code: int, problem: str) -> None:
        """Keep why a document failed."""
        call.problem = f"{code}: {problem}"
        self.troubles.append(Trouble(self.clock.now().isoformat(), call.sid, code, problem))

    def _callee(self, address: str, try_number: int) -> Callee:
        if address.startswith(("client:", "sip:")) or address in self.settings.agent_numbers:
            return AGENT
        return callee_for(address, try_number, self.settings.seed, self.settings.population)

    def _stop_timers(self, call: Call) -> None:
        call.hearing.end()
        for timer in call.timers:
            timer.cancel()

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()


def _why_left(call: Call, ending: Ending) -> Left:
    if call.answered_at is None:
        return Left.NEVER_CAME
    return Left.BY_API if ending.by is By.API else Left.HUNG_UP
