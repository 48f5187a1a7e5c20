"""One line for each free agent, held for that agent."""

from dialer.pacing.events import Event
from dialer.pacing.policy import Decision, Floor, Saved

CLOSED_SECONDS = 20.0  # before the end nobody new is dialled: who answers after it meets nobody


class Progressive:
    """Dials one to one; needs to learn nothing."""

    def observe(self, event: Event) -> None:
        pass

    def decide(self, now: float, floor: Floor) -> Decision:
        return one_to_one(floor, "one line for each free agent")

    def state(self) -> Saved:
        return {"format": "progressive-1"}


NOBODY_NEW = Decision(0, reserve=True, reason="nobody may be dialled any more: dial 0")


def closed(floor: Floor) -> bool:
    """Too late for a new call."""
    return floor.closes_in < CLOSED_SECONDS


def one_to_one(floor: Floor, why: str) -> Decision:
    """Lines for the free agents that no call in flight covers; every call in flight may need one.

    Where other campaigns expect answers, half of the free agents are left to them: to hold all would abandon theirs.
    """
    if closed(floor):
        return NOBODY_NEW
    mine = (floor.free_agents + 1) // 2 if any(floor.others) else floor.free_agents
    dial = max(0, min(mine - floor.in_flight, floor.max_dials))
    counts = f"{floor.free_agents} free, {floor.in_flight} in flight"
    return Decision(dial, reserve=True, reason=f"{why}: {counts}: dial {dial}")
