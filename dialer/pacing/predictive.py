"""Dials ahead: so many lines that the answers meet the agents who will be free by then."""

from dialer.pacing import budget
from dialer.pacing.events import Event
from dialer.pacing.forecast import HORIZON, Forecast
from dialer.pacing.policy import Decision, Floor
from dialer.pacing.progressive import one_to_one
from dialer.pacing.shortfall import best_lines

LEARNING_ANSWERS = 40
SETTLE_SECONDS = 10.0


class Predictive:
    """Learns when calls answer and agents become free, and dials while one more line saves more than it costs.

    One to one with reserved agents until it has seen enough answers, and whenever the drop-rate budget is used up.
    """

    def __init__(self) -> None:
        self._forecast = Forecast()
        self._settled = float("-inf")

    def observe(self, event: Event) -> None:
        self._forecast.observe(event)

    def decide(self, now: float, floor: Floor) -> Decision:
        self._settle(now)
        if self._forecast.answers < LEARNING_ANSWERS:
            return one_to_one(floor, f"learning, {self._forecast.answers} of {LEARNING_ANSWERS} answers seen")
        if budget.used_up(floor.allowance):
            return one_to_one(floor, f"drop-rate budget used up, {floor.allowance:.1f} abandoned calls left")
        outlook = self._forecast.outlook(floor)
        cost = budget.price(floor.allowance, floor.agents, self._forecast.machines)
        wanted = best_lines(outlook, cost, floor.ceiling, floor.allowance, floor.max_dials)
        uncovered = floor.free_agents - len(floor.in_flight)
        dial = max(0, min(max(wanted, uncovered), floor.max_dials))
        limit = ", as many as may start now" if dial == floor.max_dials else ""
        reason = (
            f"{floor.free_agents} free, {sum(outlook.freed):.0f} more within {HORIZON} s, "
            f"answer rate {outlook.line_answer:.0%}, {len(floor.in_flight)} in flight, "
            f"{floor.allowance:.1f} abandoned calls left: dial {dial}{limit}"
        )
        return Decision(dial, reserve=False, reason=reason)

    def _settle(self, now: float) -> None:
        if abs(now - self._settled) >= SETTLE_SECONDS:  # a clock set back must not stop the learning
            self._forecast.settle(now)
            self._settled = now
