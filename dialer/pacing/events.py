"""What a pacing policy may learn from: one value per event, `at` in seconds of one rising clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialled:
    """A line was started. `chance`: of a person answering, over that of the campaign's average lead."""

    call: str
    at: float
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class PickedUp:
    """Somebody or something answered; who, is not known yet."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class Human:
    """The call asks for an agent: machine detection says a person, or is not waited for."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class Machine:
    """Machine detection says: no person. May come before an agent was given to the call, or after."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class Failed:
    """Ended without asking for an agent: busy, no answer, failed, cancelled, hung up too soon."""

    call: str
    at: float


@dataclass(frozen=True, slots=True)
class Connected:
    """An agent talks, whether Human was said before or not."""

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
class Disposed:
    """The agent says whether it was a living person. May be left out."""

    call: str
    live: bool
    at: float


@dataclass(frozen=True, slots=True)
class AgentFree:
    """Logged in, back from a pause, or done with wrap-up."""

    agent: str
    at: float


@dataclass(frozen=True, slots=True)
class AgentGone:
    """Paused, logged out or seat lost."""

    agent: str
    at: float


Event = (
    Dialled | PickedUp | Human | Machine | Failed | Connected | Abandoned | CallEnded | Disposed | AgentFree | AgentGone
)
