"""The interface of pacing: a policy observes events and decides on a snapshot of the floor."""

from dataclasses import dataclass
from typing import Protocol

from dialer.pacing.events import Event


@dataclass(frozen=True, slots=True)
class Line:
    """A call that has neither an agent nor an end yet."""

    call: str
    age: float  # seconds since it was dialled


@dataclass(frozen=True, slots=True)
class Floor:
    """A campaign at one moment, and what it may do."""

    free_agents: int  # ready, those included for whom a reserved line rings
    in_flight: tuple[Line, ...]
    talking: tuple[float, ...]  # seconds on call, one for each agent
    wrapping: tuple[float, ...]  # seconds in wrap-up, one for each agent
    max_dials: int  # calls per second and carrier limits, for this tick
    allowance: float  # ceiling x live answers - abandoned calls, over the legal window
    ceiling: float  # of the drop rate, a fraction
    ring_seconds: float  # the carrier gives up ringing after this time

    @property
    def agents(self) -> int:
        return self.free_agents + len(self.talking) + len(self.wrapping)


@dataclass(frozen=True, slots=True)
class Decision:
    """`reserve`: each new line holds one free agent until it ends, so that it cannot be abandoned."""

    dial: int
    reserve: bool
    reason: str  # in words, for the operator
    give_up: tuple[str, ...] = ()  # ringing calls to cancel


class Policy(Protocol):
    """Time may stand still or go back: a policy takes that as no time passed, and goes on from there."""

    def observe(self, event: Event) -> None: ...

    def decide(self, now: float, floor: Floor) -> Decision: ...
