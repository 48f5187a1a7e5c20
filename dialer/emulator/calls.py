"""One call: what is known of it, and how it is told."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from enum import StrEnum

from dialer.emulator.hearing import Hearing
from dialer.emulator.line import By, Line
from dialer.emulator.parameters import CallRequest, Form
from dialer.simulation.callees import Callee, Kind

API_VERSION = "2010-04-01"


class CallStatus(StrEnum):
    """Twilio's words; the last five are final."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended; `by` None when it was never answered."""

    status: CallStatus
    sip_code: int
    by: By | None = None


@dataclass(eq=False)
class Call:
    """A leg. `parent` is the leg that dialled it by TwiML; times are aware, None until they happen."""

    sid: str
    account_sid: str
    request: CallRequest
    callee: Callee
    parent: "Call | None"
    created_at: datetime
    updated_at: datetime
    queue_seconds: float = 0.0
    status: CallStatus = CallStatus.QUEUED
    begun_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    ending: Ending | None = None
    answered_by: str | None = None
    detection_seconds: float | None = None
    document_seconds: float | None = None  # from the first request for a document to its answer
    problem: str = ""
    told: int = 0  # status callbacks so far: Twilio's SequenceNumber
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.line = Line()
        self.hearing = Hearing(self.callee, self.line)
        self.first_told = asyncio.Event()  # the application has answered a status callback
        self.picked_up: asyncio.Future[bool] = loop.create_future()  # False: ended before that
        self.parted: asyncio.Future[None] = loop.create_future()  # from its parent, by its end or a redirection
        self.over: asyncio.Future[None] = loop.create_future()

    @property
    def is_agent(self) -> bool:
        return self.callee.kind is Kind.AGENT

    def let_go(self) -> None:
        """The parent that dialled this leg has it no longer."""
        if not self.parted.done():
            self.parted.set_result(None)

    @property
    def direction(self) -> str:
        return "outbound-api" if self.parent is None else "outbound-dial"

    @property
    def seconds(self) -> int:
        """Billed length: from the answer to the end, whole seconds."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return round((self.ended_at - self.answered_at).total_seconds())

    def form(self, status: str | None = None) -> Form:
        """The parameters that every voice webhook has."""
        form = [
            ("CallSid", self.sid),
            ("AccountSid", self.account_sid),
            ("From", self.request.from_),
            ("Caller", self.request.from_),
            ("To", self.request.to),
            ("Called", self.request.to),
            ("CallStatus", status or self.status),
            ("ApiVersion", API_VERSION),
            ("Direction", self.direction),
        ]
        if self.parent is not None:
            form.append(("ParentCallSid", self.parent.sid))
        return form

    def progress_form(self, event: str, now: datetime) -> Form:
        """The parameters of a status callback; counts it."""
        form = list(self.form("initiated" if event == "initiated" else None))
        form += [
            ("Timestamp", rfc2822(now)),
            ("CallbackSource", "call-progress-events"),
            ("SequenceNumber", str(self.told)),
        ]
        if self.ending is not None:
            minutes = -(-self.seconds // 60)
            form += [("CallDuration", str(self.seconds)), ("Duration", str(minutes))]
            form.append(("SipResponseCode", str(self.ending.sip_code)))
        self.told += 1
        return form


def rfc2822(moment: datetime) -> str:
    return format_datetime(moment)
