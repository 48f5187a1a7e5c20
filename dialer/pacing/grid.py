"""The time ahead that a decision looks at, cut into steps."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEP = 2  # seconds; finer ones decide no better
STEPS = 14
HORIZON = STEP * STEPS  # seconds; a longer one decides no better
SECONDS = HORIZON + 6  # that tables cover, for limits on the wait of an answered call


def steps(per_second: Array) -> Array:
    """Chances by second (last axis) summed into steps."""
    first, *others = (per_second[..., second:HORIZON:STEP] for second in range(STEP))
    return sum(others, first)


def shifted(per_second: Array, seconds: float) -> Array:
    """The same, each chance counted `seconds` sooner; what comes before now counts in the first step."""
    whole = min(int(seconds), SECONDS - HORIZON)
    ahead = per_second[..., whole:].copy()
    ahead[..., 0] += per_second[..., :whole].sum(-1)
    return steps(ahead)


def following(second: Array, within: Array | float = 0.5) -> Array:
    """The matrix that puts chances by second, or step, off by a delay with these chances.

    The delay begins anywhere in a second and ends, on average, `within` of one of its own: as often the sum falls into
    the second after.
    """
    over = second * within
    return later(second - over + np.concatenate([[0.0], over[:-1]]))


def when_within(rates: Array) -> Array:
    """Where in a second what ends in it does so on average, at a constant rate: 0.5 for a low one, 0 for a high one."""
    rates = np.maximum(rates, 1e-3)  # below it is 0.5 to four digits, and the difference of two large numbers
    found: Array = 1 / rates - 1 / np.expm1(np.minimum(rates, 500.0))
    return found


def later(delay: Array) -> Array:
    """The matrix that puts chances by second off by so many whole seconds as `delay` has chances for."""
    size = delay.shape[-1]
    matrix = np.zeros((size, size))
    for start in range(size):
        matrix[start, start:] = delay[: size - start]
    return matrix


def staying(leaving: Array) -> Array:
    """P(still there when each second begins), from the chance of leaving within it (last axis)."""
    there: Array = np.cumprod(1 - leaving, axis=-1, dtype=np.float64)
    there[..., 1:] = there[..., :-1]
    there[..., 0] = 1.0
    return there
