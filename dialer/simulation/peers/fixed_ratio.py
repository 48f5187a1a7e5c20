"""So many lines for each agent, whatever comes of it."""

from collections.abc import Callable

from dialer.pacing.events import Event
from dialer.pacing.policy import Decision, Floor, Saved
from dialer.simulation.peers.counts import Counts

LOWEST, HIGHEST = 1.0, 12.0  # ratios between which the best is sought
WIDER = 1.5  # times the last ratio that was low enough: the runs of high ratios are the long ones
EXACT = 0.02


class FixedRatio:
    """Agents are counted as dialers do: ready or talking. Those in wrap-up or paused are not, their calls neither.

    Raises ValueError for a ratio below 1, with which agents would wait for ever.
    """

    def __init__(self, ratio: float) -> None:
        if not 1.0 <= ratio < float("inf"):
            raise ValueError(f"ratio {ratio:g}: give at least 1 line for each agent")
        self._ratio = ratio
        self._counts = Counts()

    def observe(self, event: Event) -> None:
        self._counts.observe(event)

    def decide(self, now: float, floor: Floor) -> Decision:
        talking = len(self._counts.talking)
        goal = round(self._ratio * (floor.free_agents + talking))
        dial = max(0, min(goal - floor.in_flight - talking, floor.max_dials))
        return Decision(dial, reserve=False, reason=f"{self._ratio:g} lines for each agent: dial {dial}")

    def state(self) -> Saved:
        return {}


def best_ratio(drop_rate: Callable[[float], float], ceiling: float) -> float:
    """The highest ratio whose whole run stays at or below the ceiling: what an operator of perfect hindsight would set.

    `drop_rate` of a run with that ratio; it is taken to rise with it. 1 if even that is above the ceiling.
    """
    low, high = LOWEST, LOWEST * WIDER
    while drop_rate(high) <= ceiling:
        if high == HIGHEST:
            return HIGHEST
        low, high = high, min(HIGHEST, high * WIDER)
    while high - low > EXACT:
        middle = (low + high) / 2
        low, high = (middle, high) if drop_rate(middle) <= ceiling else (low, middle)
    return low
