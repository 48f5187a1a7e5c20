"""The call's state machine: a call and an event in, the call afterwards and what to do about it out.

    placing ──▶ dialled ──▶ ringing ──▶ connected ──▶ ended
       │            ╲          ╲            │            ▲
       ▼             ╲          ╲           ▼            │
    unknown ──────────────────────────▶ message ─────────┘

Callbacks may be lost, late, doubled or out of order, so any state before `ended` takes any later carrier event; `ended`
absorbs everything but the disposition and the return of a call that had been given up as lost.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from campaigns.dispositions import Outcome, by_dialler, lookup
from dialer.commands import CallCommand, HangUp, PlayMessage, Recycle, ReleaseAgent, Suppress
from dialer.events import (
    MACHINES,
    VERDICTS,
    AgentLeft,
    Answered,
    CallEvent,
    CustomerLeft,
    Detected,
    Disposed,
    Ended,
    KeyPressed,
    NeverHeardOf,
    Placed,
    Progress,
    Refused,
    Unsure,
)

OPT_OUT_KEY = "9"


class CallState(StrEnum):
    PLACING = "placing"  # committed, the carrier's answer is awaited
    UNKNOWN = "unknown"  # sent, no answer: may or may not exist, counts as live
    DIALLED = "dialled"  # accepted by the carrier
    RINGING = "ringing"
    CONNECTED = "connected"  # with an agent
    MESSAGE = "message"  # no agent: hears who called and how to opt out
    ENDED = "ended"


class IllegalEvent(Exception):
    """The event makes no sense for the call as it is; the call is left unchanged."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the machine knows of an attempt; fields as in the table `attempt`."""

    state: CallState
    connect_seconds: float  # an agent later than this after the answer makes an abandoned call
    call_sid: str | None = None
    sequence: int = -1
    agent: str | None = None
    dialled_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    connected_at: datetime | None = None
    message_at: datetime | None = None
    ended_at: datetime | None = None
    answered_by: str | None = None
    detection_ms: int | None = None
    outcome: str | None = None
    abandoned: bool = False
    opted_out: bool = False
    disposition: str | None = None
    disposed_by: str | None = None
    disposed_at: datetime | None = None
    callback_at: datetime | None = None
    sip_code: int | None = None
    error: str | None = None

    @property
    def by_machine(self) -> bool:
        return self.answered_by in MACHINES

    @property
    def live_answer(self) -> bool:
        """Known to be answered by a person: the denominator of the drop rate.

        A verdict still open does not count, and the agent's word outweighs the detector's.
        """
        known = self.answered_by is not None or self.state is CallState.ENDED
        human = self.disposition is None or lookup(self.disposition).human
        return self.abandoned or (known and self.answered_at is not None and not self.by_machine and human)


Step = tuple[Call, tuple[CallCommand, ...]]


def receive(call: Call, event: CallEvent, now: datetime) -> Step:
    """The call after the event, and the commands. Raises IllegalEvent and leaves the call as it was."""
    if isinstance(event, Disposed):
        return _disposed(call, event, now)
    if call.state is CallState.ENDED:
        return _after_the_end(call, event, now)
    handler: Callable[[Call, CallEvent, datetime], Step] = _HANDLERS[type(event)]
    return handler(call, event, now)


def _placed(call: Call, event: Placed, now: datetime) -> Step:
    return _with_sid(call, event.sid, now), ()


def _refused(call: Call, event: Refused, now: datetime) -> Step:
    if call.call_sid is not None:
        raise IllegalEvent(f"refused by the carrier although {call.call_sid} exists")
    outcome = Outcome.NOT_PLACED if event.retry else Outcome.REJECTED
    return _end(replace(call, error=event.problem), outcome, now)


def _unsure(call: Call, event: Unsure, now: datetime) -> Step:
    if call.call_sid is not None:  # a callback was faster than the time-out
        return call, ()
    return replace(call, state=CallState.UNKNOWN, error=event.problem), ()


def _progress(call: Call, event: Progress, now: datetime) -> Step:
    call = _with_sid(call, event.sid, now)
    if event.sequence <= call.sequence and event.sequence >= 0:
        return call, ()
    call = replace(call, sequence=max(call.sequence, event.sequence))
    if event.ringing and call.state is CallState.DIALLED:
        call = replace(call, state=CallState.RINGING, ringing_at=now)
    if event.picked_up and call.answered_at is None:
        call = replace(call, answered_at=now)
    return call, ()


def _answered(call: Call, event: Answered, now: datetime) -> Step:
    call = _with_sid(call, event.sid, now)
    if call.state in (CallState.CONNECTED, CallState.MESSAGE):  # asked again: the same answer
        return call, ()
    call = replace(call, answered_at=call.answered_at or now, answered_by=event.answered_by or call.answered_by)
    if call.by_machine:
        return call, (HangUp(event.sid),)
    if event.agent is not None:
        return replace(call, state=CallState.CONNECTED, agent=event.agent, connected_at=now), ()
    return replace(call, state=CallState.MESSAGE, message_at=now, abandoned=True), ()


def _detected(call: Call, event: Detected, now: datetime) -> Step:
    if event.answered_by not in VERDICTS:
        raise IllegalEvent(f"unknown verdict of the machine detector: {event.answered_by!r}")
    call = replace(call, answered_by=event.answered_by, detection_ms=event.detection_ms)
    if not call.by_machine:
        return call, ()
    commands: tuple[CallCommand, ...] = (HangUp(call.call_sid),) if call.call_sid else ()
    if call.state is CallState.CONNECTED:
        commands += (ReleaseAgent(wrap_up=False),)
    return replace(call, abandoned=False), commands


def _key_pressed(call: Call, event: KeyPressed, now: datetime) -> Step:
    if event.key != OPT_OUT_KEY or call.opted_out:
        return call, ()
    return replace(call, opted_out=True), (Suppress("key-press"),)


def _customer_left(call: Call, event: CustomerLeft, now: datetime) -> Step:
    if call.state is not CallState.CONNECTED:
        return call, ()
    if event.on_line:  # the conference ended under the called party
        return _without_agent(call, now), ()
    return call, (ReleaseAgent(wrap_up=call.disposition is None),)


def _agent_left(call: Call, event: AgentLeft, now: datetime) -> Step:
    if call.state is not CallState.CONNECTED:
        return call, ()
    commands = (PlayMessage(call.call_sid),) if call.call_sid else ()
    return _without_agent(call, now), commands


def _ended(call: Call, event: Ended, now: datetime) -> Step:
    if event.sid is not None:
        call = _with_sid(call, event.sid, now)
    call = replace(call, sip_code=event.sip_code, sequence=max(call.sequence, event.sequence))
    outcome = event.outcome
    if outcome is Outcome.ANSWERED:
        if call.state not in (CallState.CONNECTED, CallState.MESSAGE) and not call.by_machine:
            # Picked up, but we were never asked, or asked in vain: a person heard nothing of ours.
            problem = "picked up, but the answer webhook never came"
            call = replace(call, answered_at=call.answered_at or now, abandoned=True, error=problem)
        if call.by_machine:
            outcome = Outcome.FAX if call.answered_by == "fax" else Outcome.MACHINE
    return _end(call, outcome, now)


def _never_heard_of(call: Call, event: NeverHeardOf, now: datetime) -> Step:
    if call.call_sid is not None:
        raise IllegalEvent(f"lost, although the carrier gave it {call.call_sid}")
    return _end(call, Outcome.LOST, now)


def _disposed(call: Call, event: Disposed, now: datetime) -> Step:
    if call.agent is None:
        raise IllegalEvent("no agent had this call: the dialer gives its disposition")
    if call.disposed_by is not None:
        raise IllegalEvent(f"already disposed as {call.disposition} by the {call.disposed_by}")
    call = replace(call, disposition=event.code, disposed_by=event.by, disposed_at=now, callback_at=event.callback_at)
    commands: tuple[CallCommand, ...] = (Suppress("agent"),) if lookup(event.code).do_not_call else ()
    return call, (*commands, Recycle(event.code)) if call.state is CallState.ENDED else commands


def _after_the_end(call: Call, event: CallEvent, now: datetime) -> Step:
    """A call settled as lost may come back: it is ended at once, and a person who answers it hears the message."""
    if call.outcome != Outcome.LOST:
        return call, ()
    match event:
        case Answered(sid=sid):
            call = replace(call, call_sid=sid, answered_at=now, message_at=now, abandoned=True)
            call = replace(call, outcome=Outcome.ANSWERED, disposition=by_dialler(Outcome.ANSWERED, True, False))
            return call, ()
        case Placed(sid=sid) | Progress(sid=sid):
            return replace(call, call_sid=sid), (HangUp(sid),)
        case Ended(sid=sid, outcome=outcome):
            picked_up = outcome is Outcome.ANSWERED
            call = replace(call, call_sid=sid or call.call_sid, outcome=outcome, abandoned=picked_up)
            call = replace(call, answered_at=now if picked_up else None)
            return replace(call, disposition=by_dialler(outcome, picked_up, False)), ()
    return call, ()


def _with_sid(call: Call, sid: str, now: datetime) -> Call:
    if call.call_sid not in (None, sid):
        raise IllegalEvent(f"belongs to {call.call_sid}, but the event speaks of {sid}")
    if call.state in (CallState.PLACING, CallState.UNKNOWN):
        return replace(call, state=CallState.DIALLED, call_sid=sid, dialled_at=now, error=None)
    return call


def _without_agent(call: Call, now: datetime) -> Call:
    assert call.answered_at is not None
    too_soon = now - call.answered_at <= timedelta(seconds=call.connect_seconds)
    return replace(call, state=CallState.MESSAGE, message_at=now, abandoned=too_soon and not call.by_machine)


def _end(call: Call, outcome: Outcome, now: datetime) -> Step:
    had_agent = call.state is CallState.CONNECTED and outcome is Outcome.ANSWERED
    call = replace(call, state=CallState.ENDED, ended_at=now, outcome=outcome)
    commands: tuple[CallCommand, ...] = ()
    if call.connected_at is not None:
        commands += (ReleaseAgent(wrap_up=had_agent and call.disposition is None),)
    if call.disposition is None and not had_agent:
        code = by_dialler(outcome, call.abandoned, call.opted_out)
        call = replace(call, disposition=code, disposed_by="dialer", disposed_at=now)
    if call.disposition is not None:
        commands += (Recycle(call.disposition),)
    return call, commands


_HANDLERS: dict[type, Callable[..., Step]] = {
    Placed: _placed,
    Refused: _refused,
    Unsure: _unsure,
    Progress: _progress,
    Answered: _answered,
    Detected: _detected,
    KeyPressed: _key_pressed,
    CustomerLeft: _customer_left,
    AgentLeft: _agent_left,
    Ended: _ended,
    NeverHeardOf: _never_heard_of,
}
