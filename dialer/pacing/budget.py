"""What an abandoned call costs, so that the drop-rate budget is spent and never overspent."""

from collections.abc import Mapping, Sequence
from math import exp, inf, log, sqrt
from typing import Any, NamedTuple

from dialer.pacing.hazard import numbers
from dialer.pacing.policy import Budget

USUAL_PRICE = 35.0  # idle agent-seconds, for one agent and a ceiling of all answers: a first guess
GROWTH = 0.2  # power of the agents with which it grows
RARITY = 0.6  # power of the ceiling with which it falls
LOWEST, HIGHEST = -1.5, 3.0  # logs of the price over the first guess
LARGE = 12.0  # agents; the calls that a floor loses come and go by the root of its size over this one: its spread
WIDTH = 1.2  # abandoned calls over which the price moves by e; it grows with those allowed to the power of 2/3
YOUNG = 30.0  # abandoned calls added to those allowed: a new budget is spent as calmly as one of so many
FEW = 2.4  # spreads, and
SHARE = 0.05  # of what is allowed: the larger of them is the most that is kept in balance
CHEAPEST = 2.0  # log of the usual price over the lowest
LAST = 3.0  # log of the price over the usual one for the last call that is allowed, besides
NEAR = 0.65  # calls before the last one, times the root of the agents, over which that falls by e
RIPE = 0.01  # of what is allowed, at most: over so many calls it does for a large floor, by its spread more of them
LEARNING = 0.15  # log of the price for each call foreseen as abandoned beyond what is allowed
MOST_UNSAID = 0.05  # log of the price: all that lines dialled up to a limit teach when the price decides again
TRUST = 20.0  # abandoned calls that a new forecast of them is trusted like: they come several at once
MEMORY = 300.0  # abandoned calls
MOST_WRONG = 3.0  # times too many or too few
KEPT = 0.002  # share of what is allowed that is not spent


class Left(NamedTuple):
    """Of the tightest budget."""

    calls: float  # that may still be abandoned; below 1 the budget is used up
    allowed: float  # so far
    ceiling: float  # as a share of live answers


class Price:
    """Idle agent-seconds that one answer without an agent must save.

    The usual price is learned from what each decision foresees: as many abandoned calls as its answers allow. That is
    known at once and smoothly, while calls that are really abandoned are few and come by chance; they say how much the
    forecast is wrong. What is left of the budget moves the price about the usual one: calmly, and steeply only near its
    end, where chance alone could use it up. A large floor loses many calls at once when fewer agents get free than was
    thought, so it sees the end from further away, once its budget is large enough for that. Above the balance the price
    falls to a seventh at most: a large discount after a quiet start would spend the budget in one burst. Below it only
    the end of the budget raises it.

    With width w, calls over which the price moves by e, the price swings by a variance of 1 / w and the balance by one
    of w. What a swing of the price loses goes with 1 / w, what the balance leaves unspent of a budget b with the root
    of w over b: the least is lost where w grows like b to the power of 2/3.

    Whether another day follows is not known, so what is above the balance is spent by the end of this one: with s calls
    above it and c more allowed until then, 1 + s / c times as many calls may be lost.
    """

    def __init__(self) -> None:
        self._learned = self._dearer = 0.0
        self._foreseen = self._abandoned = 0.0
        self._unsaid = 0.0  # what lines dialled up to a limit would teach; too little to be saved

    def now(self, left: Left, committed: float, agents: int, to_come: float = inf) -> float:
        """`committed`: abandoned calls that must be expected of the lines in flight. `to_come`: calls that the answers
        until the day ends will allow besides, as far as is known.
        """
        large = max(1.0, agents / LARGE)
        spread, width = sqrt(large), WIDTH * (left.allowed * large + YOUNG) ** (2 / 3)
        balance = max(FEW * spread, min(SHARE * left.allowed, spread + sqrt(width)))
        calls = max(1.0, left.calls - committed)
        near = NEAR * sqrt(max(1, agents))
        near = max(near, min(near * spread, RIPE * left.allowed))
        last = LAST * exp((1.0 - calls) / near)
        above = max(0.0, calls - balance)
        in_time = -log(1.0 + above / max(1.0, to_come))
        self._dearer = max(-CHEAPEST, min((balance - calls) / width, in_time) + last)
        usual: float = USUAL_PRICE * max(1, agents) ** GROWTH / max(left.ceiling, 0.001) ** RARITY
        return usual * exp(self._learned + self._dearer)

    def foresee(self, abandoned: float, allowed: float | None, *, limited: bool = False) -> None:
        """Calls that a line dialled by the last price is expected to lose, and those that its answers allow.

        `allowed` is None where that says nothing about the price. `limited`: as many were dialled as could be, which
        says nothing until the price is seen to hold lines back as well. Calls are lost about as rarely as they are
        dear, so from a price that the budget has moved less or more of them are wanted.
        """
        wrong = max(1 / MOST_WRONG, min(MOST_WRONG, (TRUST + self._abandoned) / (TRUST + self._foreseen)))
        self._foreseen += abandoned
        if allowed is None:
            return
        dearer = LEARNING * (wrong * abandoned - allowed * exp(-self._dearer))
        if limited:
            self._unsaid = max(-MOST_UNSAID, min(MOST_UNSAID, self._unsaid + dearer))
        else:
            self._learn(dearer)

    def held_back(self) -> None:
        """Fewer lines are dialled than could be, although agents are there for more."""
        self._learn(self._unsaid)
        self._unsaid = 0.0

    def _learn(self, dearer: float) -> None:
        self._learned = max(LOWEST, min(HIGHEST, self._learned + dearer))

    def abandoned(self, calls: float) -> None:
        """So many more than when it was told last; fewer, when some turned out to be machines."""
        self._abandoned = max(0.0, self._abandoned + calls)
        if self._abandoned > MEMORY:
            fading = exp(-abs(calls) / MEMORY)
            self._abandoned, self._foreseen = self._abandoned * fading, self._foreseen * fading

    def state(self) -> dict[str, Any]:
        return {"learned": self._learned, "forecast": [max(0.0, self._foreseen), self._abandoned]}

    def restore(self, state: Mapping[str, Any]) -> None:
        (learned,) = numbers([state["learned"]], 1)
        self._learned = max(LOWEST, min(HIGHEST, learned))
        foreseen, abandoned = numbers(state["forecast"], 2)
        self._foreseen, self._abandoned = max(0.0, foreseen), max(0.0, abandoned)


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
