"""How busy agents were between two moments, from the changes of their states; alike for a real and a played floor."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

BUSY, STAFFED = ("on-call", "wrap-up"), ("ready", "on-call", "wrap-up")


class Change(NamedTuple):
    agent: str
    at: float  # seconds
    state: str  # dialer.agent.AgentState


@dataclass(slots=True)
class FloorTime:
    """Seconds, over all agents; a wait counts where it ends in a call."""

    staffed: float = 0.0
    talking: float = 0.0
    wrapping: float = 0.0
    waited: float = 0.0
    waits: int = 0

    @property
    def utilisation(self) -> float:
        return (self.talking + self.wrapping) / self.staffed if self.staffed else 0.0

    @property
    def wait(self) -> float:
        return self.waited / self.waits if self.waits else 0.0


def floor_time(changes: Iterable[Change], begins: float, ends: float) -> FloorTime:
    """`changes` of each agent in order of time."""
    total = FloorTime()
    last: dict[str, Change] = {}
    for change in changes:
        _add(total, last.get(change.agent), change, begins, ends)
        last[change.agent] = change
    for change in last.values():
        _add(total, change, Change(change.agent, ends, ""), begins, ends)
    return total


def _add(total: FloorTime, since: Change | None, change: Change, begins: float, ends: float) -> None:
    if since is None or since.state not in STAFFED:
        return
    seconds = max(0.0, min(change.at, ends) - max(since.at, begins))
    total.staffed += seconds
    total.talking += seconds if since.state == "on-call" else 0.0
    total.wrapping += seconds if since.state == "wrap-up" else 0.0
    if since.state == "ready" and change.state == "on-call" and begins <= change.at <= ends:
        total.waited += change.at - max(since.at, begins)
        total.waits += 1
