"""The interface of pacing: a policy observes events and decides how many lines to start now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from dialer.pacing.events import Event
from dialer.pacing.grid import Array

Saved = Mapping[str, Any]  # what JSON can hold
SETUP_SECONDS = 2.0  # from the dial until a line usually rings


@dataclass(frozen=True, slots=True)
class Budget:
    """What one body of law lets a campaign abandon, as counted in its present window."""

    ceiling: float  # abandoned calls over the calls that count, a fraction
    calls: float  # that count so far
    abandoned: float
    of_dials: bool = False  # every call placed counts, not only live answers

    @property
    def allowance(self) -> float:
        """Abandoned calls that the calls so far still allow."""
        return self.ceiling * self.calls - self.abandoned


@dataclass(frozen=True, slots=True)
class Floor:
    """A campaign at one moment, and what it may do.

    `others`: answers that other campaigns expect, which want the same agents, in each 2 s of the 28 from now on.
    """

    free_agents: int  # ready, those included for whom a reserved line of this campaign rings
    in_flight: int  # lines that have neither an agent nor an end yet
    max_dials: int  # calls per second, channels and leads on hand, for this tick
    budgets: tuple[Budget, ...]
    ring_seconds: float = 25.0  # the carrier gives up ringing after this time
    connect_seconds: float = 2.0  # so long an answered call may wait for an agent
    give_up_seconds: float = inf  # from the dial until a line may be hung up: the least ring, after what sets it up
    busy_agents: int | None = None  # on a call or in wrap-up; None: as the events have it
    reserved: int = 0  # of the lines in flight: each holds a free agent
    closes_in: float = inf  # seconds until nobody may be dialled or served any more
    day_ends_in: float = inf  # seconds, about: where that is not known for sure
    others: Sequence[float] | Array = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """`reserve`: each new line holds one free agent until it ends, so that it cannot be abandoned."""

    dial: int
    reserve: bool
    reason: str  # in words, for the operator
    give_up: tuple[str, ...] = ()  # ringing calls to hang up


class ForeignState(ValueError):
    """A saved state of another version or policy, or a damaged one; the message says which."""


class Policy(Protocol):
    """Every event once, in the order of its time, and one decision a tick, of any length.

    Time may stand still or go back and an event may be lost or late: a policy never dials more because of that where
    `Floor.busy_agents` says how many agents are left to become free.
    """

    def observe(self, event: Event) -> None: ...

    def decide(self, now: float, floor: Floor) -> Decision: ...

    def state(self) -> Saved: ...
