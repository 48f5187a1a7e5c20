"""The call's state machine: a call and an event in, the call afterwards and what to do about it out.

    placing ──▶ dialled ──▶ ringing ──▶ (waiting) ──▶ connected ──▶ ended
       │            ╲          ╲            ╲            │            ▲
       ▼             ╲          ╲            ╲           ▼            │
    unknown ────────────────────────────────────────▶ message ────────┘

Callbacks may be lost, late, doubled or out of order, so any state before `ended` takes any later carrier event; `ended`
absorbs everything but the disposition, an opt-out, that agent and person had met, and the return of a call that had
been given up.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from campaigns.dispositions import NEVER_A_CALL, Outcome, by_dialler, lookup
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
    HadMet,
    KeyPressed,
    NeverHeardOf,
    Placed,
    Progress,
    Refused,
    Unsure,
)
from dialer.waiting import left_to_wait

OPT_OUT_KEY = "9"
MESSAGE_OVER = timedelta(seconds=25)  # the abandoned-call message and the wait for a key
MESSAGE_LIMIT = timedelta(seconds=40)  # the abandoned-call message, the wait for a key and the thanks for it
QUEUE_LIMIT = timedelta(seconds=10)  # Twilio calls a number within about this time, or queues what exceeds its rate
QUEUED_TOO_LONG = "taken out of the carrier's queue: it would have rung too late"
SEAT_LOOKED_UP = timedelta(seconds=30)  # within this time of a connection its seat has been looked up
GIVEN_UP = NEVER_A_CALL | {Outcome.LOST}  # ended by our word, not by the carrier's


class CallState(StrEnum):
    PLACING = "placing"  # committed, the carrier's answer is awaited
    UNKNOWN = "unknown"  # sent, no answer: may or may not exist, counts as live
    DIALLED = "dialled"  # accepted by the carrier
    RINGING = "ringing"
    WAITING = "waiting"  # picked up, and no agent is free yet
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

    @property
    def unmet_machine(self) -> bool:
        """Hung up on the detector's word before an agent had met whoever answered: if a person, then an abandoned one.

        Met is who had an agent in time, and still when the limit was over: under 16 CFR 310.4(b)(1)(iv), which asks for
        the connection, that is no abandoned call. Rules that may see it otherwise count those too (`counts_cut_off`).
        """
        if not self.by_machine or self.live_answer:
            return False
        if self.connected_at is None or self.message_at is not None or not _in_time(self, self.connected_at):
            return True
        return (self.detection_ms or 0) <= 1000 * self.connect_seconds


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
    told_before = call.call_sid is not None  # a callback was faster than the time-out
    return call if told_before else replace(call, state=CallState.UNKNOWN, error=event.problem), ()


def _progress(call: Call, event: Progress, now: datetime) -> Step:
    call = _with_sid(call, event.sid, now)
    if event.sequence <= call.sequence and event.sequence >= 0:
        return call, ()
    call = replace(call, sequence=max(call.sequence, event.sequence))
    if call.state is CallState.DIALLED and not event.ringing and _too_late_to_ring(call, now):
        return replace(call, error=QUEUED_TOO_LONG) if event.queued else call, (HangUp(event.sid),)
    if event.ringing and call.state is CallState.DIALLED:
        call = replace(call, state=CallState.RINGING, ringing_at=now)
    if event.picked_up and call.answered_at is None:
        call = replace(call, answered_at=now)
    if event.picked_up and _overstays(call, now):
        return call, (HangUp(event.sid),)
    return call, (PlayMessage(event.sid),) if event.picked_up and _hears_nothing(call, event, now) else ()


def _too_late_to_ring(call: Call, now: datetime) -> bool:
    """Whether the carrier queued the call, for up to a day: hours and agents were judged for a ring at once."""
    return call.dialled_at is not None and now - call.dialled_at > QUEUE_LIMIT


def _overstays(call: Call, now: datetime) -> bool:
    """Whether a picked-up call goes on without a person to talk to: an order to the carrier got lost."""
    return call.by_machine or (call.message_at is not None and now - call.message_at > MESSAGE_LIMIT)


def _hears_nothing(call: Call, event: Progress, now: datetime) -> bool:
    """Whom the agent left is still there by a look-up although the message would be over: the order for it got lost."""
    over = call.message_at is not None and now - call.message_at > MESSAGE_OVER
    return over and event.sequence < 0 and call.state is CallState.MESSAGE and call.agent is not None


def _answered(call: Call, event: Answered, now: datetime) -> Step:
    call = _with_sid(call, event.sid, now)
    if call.state in (CallState.CONNECTED, CallState.MESSAGE):  # asked again: the same answer
        return call, ()
    call = replace(call, answered_at=call.answered_at or now, answered_by=call.answered_by or event.answered_by)
    if call.by_machine:
        spared = (ReleaseAgent(wrap_up=False),) if event.agent is not None else ()
        return call, (HangUp(event.sid), *spared)
    if event.agent is None:
        if event.may_wait and left_to_wait(since_answer(call, now), call.connect_seconds) > 0:
            return replace(call, state=CallState.WAITING), ()
        return replace(call, state=CallState.MESSAGE, message_at=now, abandoned=True), ()
    late = not _in_time(call, now)  # the carrier's request was delayed: the person has waited in silence
    return replace(call, state=CallState.CONNECTED, agent=event.agent, connected_at=now, abandoned=late), ()


def _detected(call: Call, event: Detected, now: datetime) -> Step:
    if event.answered_by not in VERDICTS:
        raise IllegalEvent(f"unknown verdict of the machine detector: {event.answered_by!r}")
    call = _with_sid(call, event.sid, now)
    if call.answered_by is not None:  # the first verdict stands, it has been acted on
        return call, ()
    call = replace(call, answered_by=event.answered_by, detection_ms=event.detection_ms)
    call = replace(call, answered_at=call.answered_at or now)
    if not call.by_machine:
        return call, ()
    released = (ReleaseAgent(wrap_up=False),) if call.state is CallState.CONNECTED else ()
    return replace(call, abandoned=False), (HangUp(event.sid), *released)


def _key_pressed(call: Call, event: KeyPressed, now: datetime) -> Step:
    if event.key != OPT_OUT_KEY or call.opted_out:
        return call, ()
    return replace(call, opted_out=True), (Suppress("key-press"),)


def _customer_left(call: Call, event: CustomerLeft, now: datetime) -> Step:
    if call.by_machine and event.never_met:
        return replace(call, connected_at=None), ()
    rings = event.never_met and call.state in (CallState.DIALLED, CallState.RINGING)  # as far as we were told
    if call.by_machine or not (rings or call.state in (CallState.CONNECTED, CallState.WAITING)):
        return call, ()
    if event.never_met or call.state is CallState.WAITING:
        return replace(_without_agent(call, now), abandoned=True), (ReleaseAgent(wrap_up=False),)
    if event.on_line:  # the conference ended under the called party
        return _without_agent(call, now), ()
    return call, (ReleaseAgent(wrap_up=_agent_to_dispose(call)),)


def _agent_left(call: Call, event: AgentLeft, now: datetime) -> Step:
    if call.state is not CallState.CONNECTED or call.by_machine:
        return call, ()
    commands = (PlayMessage(call.call_sid),) if call.call_sid else ()
    # Gone perhaps before they met: then silence was all that the person heard.
    unseen = event.found and call.connected_at is not None and now - call.connected_at <= SEAT_LOOKED_UP
    call = _without_agent(call, now)
    return replace(call, abandoned=call.abandoned or unseen), commands


def might_have_met(call: Call) -> bool:
    """Whether `HadMet` would take back that the call was abandoned: not where it was connected late or left at once."""
    if call.connected_at is None or call.message_at is None or not call.abandoned:
        return False
    return _in_time(call, call.connected_at) and not _at_once(call, call.message_at)


def _had_met(call: Call, event: HadMet, now: datetime) -> Step:
    """Takes back what `_agent_left` had to suppose. A lead that was recycled as abandoned keeps its longer rest."""
    if not might_have_met(call):
        return call, ()
    call = replace(call, abandoned=False)
    if call.outcome is not None and call.disposed_by == "dialer":
        call = replace(call, disposition=by_dialler(Outcome(call.outcome), False, call.opted_out))
    return call, ()


def _ended(call: Call, event: Ended, now: datetime) -> Step:
    call = call if event.sid is None else _with_sid(call, event.sid, now)
    call = replace(call, sip_code=event.sip_code, sequence=max(call.sequence, event.sequence))
    picked_up = event.outcome is Outcome.ANSWERED or call.answered_at is not None
    if picked_up and call.state not in (CallState.CONNECTED, CallState.MESSAGE) and not call.by_machine:
        # We were never asked what to do, or asked in vain: a person heard nothing of ours.
        error = call.error if call.state is CallState.WAITING else "picked up, but the answer webhook never came"
        call = replace(call, answered_at=call.answered_at or now, abandoned=True, error=error)
    if event.outcome is Outcome.CANCELED and call.error == QUEUED_TOO_LONG and call.ringing_at is None:
        # No law counts a call that never rang, as one that was refused.
        return _end(replace(call, dialled_at=None), Outcome.NOT_PLACED, now)
    return _end(call, _heard_by(call) if event.outcome is Outcome.ANSWERED else event.outcome, now)


def _never_heard_of(call: Call, event: NeverHeardOf, now: datetime) -> Step:
    if call.call_sid is not None:
        raise IllegalEvent(f"lost, although the carrier gave it {call.call_sid}")
    return _end(call, Outcome.LOST, now)


def _disposed(call: Call, event: Disposed, now: datetime) -> Step:
    if call.agent is None:
        raise IllegalEvent("no agent had this call: the dialer gives its disposition")
    if call.disposed_by is not None:
        raise IllegalEvent(f"already disposed as {call.disposition} by the {call.disposed_by}")
    code, commands = event.code, tuple[CallCommand, ...]()
    if call.opted_out and event.by == "dialer":
        code = by_dialler(Outcome.ANSWERED, call.abandoned, call.opted_out)
    elif lookup(code).do_not_call:
        commands = (Suppress("agent"),)
    call = replace(call, disposition=code, disposed_by=event.by, disposed_at=now, callback_at=event.callback_at)
    return call, (*commands, Recycle(code)) if call.state is CallState.ENDED else commands


def _after_the_end(call: Call, event: CallEvent, now: datetime) -> Step:
    """A call that had been given up may come back: it is ended, or hears the message when a person has answered.

    The lead was recycled then and is not again, but for an opt-out, which finishes it at any time. That agent and
    person had met may still be told of any call.
    """
    if isinstance(event, KeyPressed):
        return _late_key(call, event, now)
    if isinstance(event, HadMet):
        return _had_met(call, event, now)
    if call.outcome not in GIVEN_UP or call.answered_at is not None:
        return call, ()
    match event:
        case Answered(sid=sid, answered_by=answered_by):  # is answered with the message
            call = _back(call, sid, Outcome.ANSWERED, answered_by, now)
            return call, (HangUp(sid),) if call.by_machine else ()
        case Detected(sid=sid, answered_by=answered_by):
            call = _back(call, sid, Outcome.ANSWERED, answered_by, now)
            return call, (HangUp(sid) if call.by_machine else PlayMessage(sid),)
        case Progress(sid=sid, picked_up=True):
            return _back(call, sid, Outcome.ANSWERED, None, now), (PlayMessage(sid),)
        case Placed(sid=sid) | Progress(sid=sid):
            return _with_sid(call, sid, now), (HangUp(sid),)
        case Ended(sid=str(sid), outcome=outcome):
            return replace(_back(call, sid, outcome, None, now), sip_code=event.sip_code, message_at=None), ()
    return call, ()


def _back(call: Call, sid: str, outcome: Outcome, answered_by: str | None, now: datetime) -> Call:
    """A call that had been given up, with what the carrier now says of it."""
    call = replace(_with_sid(call, sid, now), answered_by=answered_by)
    if outcome is not Outcome.ANSWERED:
        return replace(call, outcome=outcome, disposition=by_dialler(outcome, False, call.opted_out))
    outcome, person = _heard_by(call), not call.by_machine
    call = replace(call, answered_at=now, message_at=now if person else None, abandoned=person)
    return replace(call, outcome=outcome, disposition=by_dialler(outcome, person, call.opted_out))


def _late_key(call: Call, event: KeyPressed, now: datetime) -> Step:
    call, commands = _key_pressed(call, event, now)
    if not commands or call.disposed_by != "dialer":
        return call, commands
    code = by_dialler(Outcome.ANSWERED, call.abandoned, call.opted_out)
    return replace(call, disposition=code), (*commands, Recycle(code))


def _with_sid(call: Call, sid: str, now: datetime) -> Call:
    if call.call_sid not in (None, sid):
        raise IllegalEvent(f"belongs to {call.call_sid}, but the event speaks of {sid}")
    if call.state in (CallState.PLACING, CallState.UNKNOWN):
        return replace(call, state=CallState.DIALLED, call_sid=sid, dialled_at=now, error=None)
    return replace(call, call_sid=sid, dialled_at=call.dialled_at or now)


def since_answer(call: Call, then: datetime) -> float:
    """Seconds, of a call that was answered."""
    return (then - (call.answered_at or then)).total_seconds()


def _in_time(call: Call, then: datetime) -> bool:
    return since_answer(call, then) <= call.connect_seconds


def _at_once(call: Call, then: datetime) -> bool:
    """Whether whom an agent leaves then has met nobody. A clock set back since the answer does not make it at once."""
    return 0 <= since_answer(call, then) <= call.connect_seconds


def _without_agent(call: Call, now: datetime) -> Call:
    call = replace(call, answered_at=call.answered_at or now, abandoned=call.abandoned or _at_once(call, now))
    return replace(call, state=CallState.MESSAGE, message_at=now)


def _heard_by(call: Call) -> Outcome:
    machine = Outcome.FAX if call.answered_by == "fax" else Outcome.MACHINE
    return machine if call.by_machine else Outcome.ANSWERED


def _agent_to_dispose(call: Call) -> bool:
    """Whether what came of the call is for its agent to say, and still to be said."""
    return call.state is CallState.CONNECTED and not call.by_machine and call.disposition is None


def _end(call: Call, outcome: Outcome, now: datetime) -> Step:
    by_agent = _agent_to_dispose(call)
    call = replace(call, state=CallState.ENDED, ended_at=now, outcome=outcome)
    commands: tuple[CallCommand, ...] = ()
    if call.connected_at is not None:
        commands += (ReleaseAgent(wrap_up=by_agent),)
    if call.disposition is None and not by_agent:
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
    HadMet: _had_met,
    Ended: _ended,
    NeverHeardOf: _never_heard_of,
}
