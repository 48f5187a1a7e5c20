"""What an abandoned call costs, so that the drop-rate budget is spent and never overspent."""

from math import exp, sqrt

USUAL_PRICE = 5.7  # log of 300 agent-seconds: near the optimum for 5 to 100 agents, any answer rate, any talk time
KEPT_BACK = 2.0  # abandoned calls left in balance for the calls in flight when the budget runs low
SPENDING = 6.0  # abandoned calls, above and below the balance, over which the price changes by e
SAVING = 1.0
DRIFT = 0.02
LARGE = 25  # agents


def used_up(allowance: float) -> bool:
    """Whether one more abandoned call would break the ceiling."""
    return allowance < 1.0


def price(allowance: float, agents: int, machines: float) -> float:
    """Idle agent-seconds that one answer without an agent must save, given how many more calls may be abandoned.

    Below the balance it rises steeply, so that the budget is hardly ever used up. Above, it falls to a third and then
    only drifts: a large discount after a quiet start would spend the budget in one burst. A large floor has more calls
    in flight: it keeps more back. Of the answers a share are `machines`, which nobody abandons.
    """
    large = max(1.0, agents / LARGE)
    spare = allowance - 1.0 - KEPT_BACK * large
    width = SPENDING * sqrt(large) if spare > 0 else SAVING
    discount = _clip(spare / width, -4.0, 1.0) + _clip(DRIFT * spare, -1.0, 2.0)
    return exp(USUAL_PRICE - discount) * (1 - machines)


def _clip(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
