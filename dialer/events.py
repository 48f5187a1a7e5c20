"""What can happen to a call: told by the carrier, by an agent, or found out by the sweep."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.dispositions import Outcome

MACHINES = frozenset(
    {"machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax"}
)  # Twilio's AnsweredBy; `unknown` counts as human, for a person taken for a machine is an abandoned call
VERDICTS = MACHINES | {"human", "unknown"}


@dataclass(frozen=True, slots=True)
class Placed:
    """The carrier accepted the call, and will dial it after so many seconds."""

    sid: str
    queue_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier refused; no call exists.

    `retry` when the same request may succeed later, `for_all` when it would refuse any other call as well, until an
    operator mends the account or the campaign. `asked`: it was the carrier's word, and not our own before it was asked.
    """

    problem: str
    retry: bool
    for_all: bool = False
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Unsure:
    """The request may or may not have placed a call; it is never sent again."""

    problem: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The call is queued, dialled, ringing or picked up, by the carrier's word."""

    sid: str
    ringing: bool
    picked_up: bool = False
    queued: bool = False
    sequence: int = -1


@dataclass(frozen=True, slots=True)
class Answered:
    """The carrier asks what to do with a picked-up call; `agent` is who is free for it, if anyone.

    `may_wait`: its answer can be put off until an agent is free.
    """

    sid: str
    agent: str | None
    answered_by: str | None = None  # with detection before the answer
    may_wait: bool = False


@dataclass(frozen=True, slots=True)
class Detected:
    """The machine detector's verdict."""

    sid: str
    answered_by: str
    detection_ms: int | None = None


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key during the abandoned-call message."""

    key: str


@dataclass(frozen=True, slots=True)
class CustomerLeft:
    """The called party is out of the conference; `on_line` when the call itself goes on.

    `never_met` when the answer that would have led there never reached the carrier.
    """

    on_line: bool
    never_met: bool = False


@dataclass(frozen=True, slots=True)
class AgentLeft:
    """The agent's seat is gone in the middle of the call. `found`: by a look-up; nobody knows since when."""

    found: bool = False


@dataclass(frozen=True, slots=True)
class HadMet:
    """A call whose agent's seat was found gone had surely begun before the seat ended: they have talked."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The carrier's last word on the call."""

    outcome: Outcome
    sid: str | None = None
    sip_code: int | None = None
    sequence: int = -1


@dataclass(frozen=True, slots=True)
class NeverHeardOf:
    """The carrier does not know the attempt, long after it was sent."""


@dataclass(frozen=True, slots=True)
class Disposed:
    """What came of the call, by its agent (`by="agent"`) or because wrap-up ran out (`by="dialer"`)."""

    code: str
    by: str
    callback_at: datetime | None = None


CallEvent = (
    Placed
    | Refused
    | Unsure
    | Progress
    | Answered
    | Detected
    | KeyPressed
    | CustomerLeft
    | AgentLeft
    | HadMet
    | Ended
    | NeverHeardOf
    | Disposed
)
