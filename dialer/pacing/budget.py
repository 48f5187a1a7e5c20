"""What an abandoned call costs, so that the drop-rate budget is spent and never overspent."""

from collections.abc import Mapping, Sequence
from math import exp, sqrt
from typing import Any, NamedTuple

from dialer.pacing.hazard import numbers
from dialer.pacing.policy import Budget

USUAL_PRICE = 21.0  # idle agent-seconds, for one agent and where everybody answers: a first guess
GROWTH = 0.45  # power of the agents with which it grows
LOWEST, HIGHEST = -3.0, 3.0  # logs of the price over the first guess
BALANCE = 2.5  # abandoned calls left, at least, with which the price is the usual one
SHARE = 0.05  # of what is allowed, in balance
MOST, FOR_AGENT = 5.0, 0.25  # abandoned calls in balance at most, and so many more for each agent
SPREAD = 1.5  # abandoned calls that 25 agents may lose before a higher price works
LARGE = 25.0  # agents
SPENDING = 3.0  # spreads above the balance over which the price falls by e
CHEAPEST = 2.0  # log of the usual price over the lowest
DEAREST = 3.0  # log of the price over the usual one when the budget is used up
LEARNING = 0.004  # so much faster and the balance would swing
SETTLED = 3.0  # balances, allowed so far, from which the usual price is learned both ways
KEPT = 0.002  # share of what is allowed that is not spent


class Left(NamedTuple):
    """Of the tightest budget."""

    calls: float  # that may still be abandoned; below 1 the budget is used up
    allowed: float  # so far
    ceiling: float  # as a share of live answers


class Price:
    """Idle agent-seconds that one answer without an agent must save.

    Above the balance it falls to a seventh at most: a large discount after a quiet start would spend the budget in one
    burst. Below, it rises until the budget is used up. In the long run the usual price follows, so that the balance is
    kept. A large floor has more calls in flight: its budget swings more and needs more in balance.
    """

    def __init__(self) -> None:
        self._learned = 0.0

    def now(self, left: Left, agents: int, answer_chance: float, answers: int) -> float:
        """`answers`: since it was asked last."""
        spread = SPREAD * sqrt(max(1.0, agents / LARGE))
        balance = max(BALANCE, min(SHARE * left.allowed, MOST + FOR_AGENT * agents))
        above = left.calls - balance
        width = max(SPENDING * spread, balance) if above > 0 else (balance - 1.0) / DEAREST
        if above > 0 or left.allowed > SETTLED * balance:  # a new budget is below its balance whatever the price
            self._learned -= LEARNING * answers * max(-2.0, min(2.0, above / width)) / width
            self._learned = max(LOWEST, min(HIGHEST, self._learned))
        usual: float = USUAL_PRICE * max(1, agents) ** GROWTH / max(answer_chance, 0.01)
        scarce = max(1.0, 1.5 * spread / balance) ** 2
        return usual * scarce * exp(self._learned - min(CHEAPEST, above / width))

    def state(self) -> dict[str, Any]:
        return {"learned": self._learned}

    def restore(self, state: Mapping[str, Any]) -> None:
        (learned,) = numbers([state["learned"]], 1)
        self._learned = max(LOWEST, min(HIGHEST, learned))


def tightest(budgets: Sequence[Budget], answer_chance: float, answered_live: float, lost_live: float) -> Left:
    """The budget with the least left; nothing is left where there is none.

    `answered_live` and `lost_live`: of the answers, and of the abandoned calls, the share that persons were. A law that
    counts persons only is broken when the lost ones were persons more often than the answered ones. Calls placed are
    counted whoever answers them.
    """
    left = []
    for budget in budgets:
        calls = budget.calls * (1 - KEPT)
        lost, ceiling = budget.abandoned, budget.ceiling
        if budget.of_dials:
            ceiling = min(1.0, ceiling / max(answer_chance, 0.01))
        else:
            lost *= max(1.0, lost_live / max(answered_live, 0.01))
        left.append(Left(budget.ceiling * calls - lost, budget.ceiling * calls, ceiling))
    return min(left, default=Left(0.0, 0.0, 0.0))
