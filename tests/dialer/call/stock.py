"""A call, what may be told of it, and how to tell it."""

from datetime import UTC, datetime, timedelta

from campaigns.dispositions import Outcome
from dialer.call import (
    OPT_OUT_KEY,
    Call,
    CallState,
    receive,
)
from dialer.commands import CallCommand, ReleaseAgent
from dialer.events import (
    AgentLeft,
    Answered,
    CallEvent,
    Detected,
    Disposed,
    Ended,
    KeyPressed,
    Progress,
)

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
LIMIT = 2.0
NEW = Call(CallState.PLACING, connect_seconds=LIMIT)
SID = "CA1"
QUEUED = Progress(SID, ringing=False, sequence=0)
RINGING = Progress(SID, ringing=True, sequence=1)
PICKED_UP = Progress(SID, ringing=True, picked_up=True, sequence=2)
TO_ANNA = Answered(SID, "anna")
TO_NOBODY = Answered(SID, None)
NOBODY_YET = Answered(SID, None, may_wait=True)
HUMAN = Detected(SID, "human", 1200)
MACHINE = Detected(SID, "machine_start", 3100)
FORGOTTEN = Ended(Outcome.LOST, SID)  # the carrier knows nothing of it any more
COMPLETED = Ended(Outcome.ANSWERED, SID, sequence=3)
SALE = Disposed("sale", "agent")
TIMED_OUT = Disposed("no-disposition", "dialer")
OPT_OUT = KeyPressed(OPT_OUT_KEY)
SEAT_LOST = AgentLeft()
RELEASED = ReleaseAgent(wrap_up=False)
WRAP_UP = ReleaseAgent(wrap_up=True)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def hear(*events: CallEvent, call: Call = NEW, seconds: float = 0.0) -> tuple[Call, list[CallCommand]]:
    """The call after the events, all at one moment, and every command on the way."""
    commands: list[CallCommand] = []
    for event in events:
        call, more = receive(call, event, at(seconds))
        commands += more
    return call, commands
