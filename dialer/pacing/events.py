"""What a pacing policy may learn from: one frozen value per event, `at` in seconds of one rising clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialled:
    call: str
    at: float


@dataclass(frozen=True, slots=True)
class PickedUp:
    """Somebody or something answered; who, is not known yet."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class Human:
    """Machine detection says: a person."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class Machine:
    """Machine detection says: no person. May come before an agent was given to the call, or after."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class Failed:
    """Ended without a pick-up: busy, no answer, failed, cancelled."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class Connected:
    call: str
    agent: str
    at: float


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A live answer for which no agent was free within the limit."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The talk is over; wrap-up begins, unless AgentFree follows at the same moment."""

    call: str
    agent: str
    at: float


@dataclass(frozen=True, slots=True)
class AgentFree:
    agent: str
    at: float


@dataclass(frozen=True, slots=True)
class AgentGone:
    """Paused, logged out or seat lost."""

    agent: str
    at: float


Event = Dialled | PickedUp | Human | Machine | Failed | Connected | Abandoned | CallEnded | AgentFree | AgentGone
