"""The chance per second of leaving a stage, by age: departures over time at risk, old stays fading."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate, chain
from math import exp, isfinite
from typing import Any

import numpy as np

from dialer.pacing.grid import Array

ANOTHER = 0.2  # weight of another campaign's calls
ROUNDING = 1e-6  # of saved sums, over the largest
OPEN_SECONDS = 86_400.0  # that a stay can have lasted in the open bin
MOST_CALLS = 1_000_000_000  # more than any campaign dials


class Hazard:
    """Learned from stays that ended and from stays still running.

    Ended stays alone would favour the short ones, which end first: too many agents due in the first minutes. So the
    time that a running stay has lasted counts as well, and for the same reason a stay's time and its end have one
    weight, that of its beginning.
    """

    def __init__(
        self, edges: tuple[float, ...], memory: float, prior: Array, prior_stays: float, causes: int = 1
    ) -> None:
        """`edges`: rising ages from 0; the last bin is open. `memory`: stays after which an old one weighs 1/e.

        `prior`: chance per second in each bin before anything is seen, by any cause, worth `prior_stays` stays.
        """
        self.edges = edges
        self._growth = exp(1 / memory)
        self.most = 1 / (1 - exp(-1 / memory))  # that all stays ever can weigh together, in present ones
        self._widths = np.diff(np.array([*edges, edges[-1]]))  # the open bin is never lived through as a whole
        lived = np.exp(-np.cumsum(prior * self._widths))
        alive = np.concatenate([[1.0], lived[:-1]])
        ends = np.concatenate([lived[:-1], [0.0]])
        at_risk = prior_stays * (alive - ends) / prior
        self._prior_at_risk, self._prior_left = at_risk, at_risk * prior / causes
        self.weight = 1.0  # of a stay that begins now
        size = len(edges)
        self._steps = [0.0] * (size + 1)  # whole bins lived through, as steps of a running sum
        self._parts = [0.0] * size  # seconds in bins lived through in part
        self._left = [[0.0] * size for _ in range(causes)]

    def begin(self, share: float = 1.0) -> float:
        """The weight of a stay that begins now, or of such a share of one."""
        self.weight *= self._growth**share
        return share * self.weight

    def bin(self, age: float) -> int:
        return max(0, bisect_right(self.edges, age) - 1)

    def live(self, since: float, until: float, weight: float) -> None:
        """Count the time between two ages of one stay."""
        if until <= since:
            return
        first, last = self.bin(since), self.bin(until)
        if first == last:
            self._parts[first] += weight * (until - since)
            return
        self._parts[first] += weight * (self.edges[first + 1] - since)
        self._parts[last] += weight * (until - self.edges[last])
        self._steps[first + 1] += weight
        self._steps[last] -= weight

    def leave(self, age: float, weight: float, cause: int = 0) -> None:
        self._left[cause][self.bin(age)] += weight

    def rates(self) -> Array:
        """Intensity per second of each cause (rows) in each bin."""
        left = np.array(self._left) / self.weight + self._prior_left
        rates: Array = left / (self._at_risk() + self._prior_at_risk)
        return rates

    def fade(self) -> float:
        """Express all in present stays; the factor by which the weights of running stays must be divided."""
        by = self.weight
        for sums in (self._steps, self._parts, *self._left):
            sums[:] = [value / by for value in sums]
        self.weight = 1.0
        return by

    def _at_risk(self) -> Array:
        whole = np.cumsum(np.array(self._steps[:-1])) * self._widths
        at_risk: Array = (np.array(self._parts) + np.maximum(whole, 0.0)) / self.weight
        return at_risk

    def state(self) -> dict[str, Any]:
        """In present stays."""
        steps, parts, *left = (
            [value / self.weight for value in sums] for sums in (self._steps, self._parts, *self._left)
        )
        return {"steps": steps, "parts": parts, "left": left}

    def restore(self, state: Mapping[str, Any], weight: float) -> None:
        """Raises ValueError for other bins than these, or sums that no stays have."""
        size, most = len(self.edges), weight * self.most * (1 + ROUNDING)
        if len(state["left"]) != len(self._left):
            raise ValueError("other causes")
        self.weight = 1.0
        self._steps = numbers(state["steps"], size + 1, weight)
        self._parts = numbers(state["parts"], size, weight)
        self._left = [numbers(sums, size, weight) for sums in state["left"]]
        whole = list(accumulate(self._steps))  # rounding leaves them a little below nothing
        if min(whole) < -ROUNDING * (1 + max(whole)) or min(*self._parts, *chain(*self._left)) < 0:
            raise ValueError("fewer than no stays")
        longest = [*self._widths[:-1], OPEN_SECONDS]
        lived = all(part <= most * seconds for part, seconds in zip(self._parts, longest, strict=True))
        if not lived or max(*whole, sum(chain(*self._left))) > most:
            raise ValueError("more than all stays")


def numbers(saved: Iterable[Any], size: int, weight: float = 1.0) -> list[float]:
    """Saved numbers times `weight`. Raises ValueError unless there are `size`, all finite."""
    values = list(saved)
    if len(values) != size or not all(map(_finite, values)):
        raise ValueError(f"not {size} finite numbers")
    return [weight * float(value) for value in values]


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def amounts(saved: Iterable[Any], size: int, most: float, weight: float = 1.0) -> list[float]:
    """The same, of what is counted. Raises ValueError for fewer than none, and for more than `most` in all."""
    values = numbers(saved, size)
    if min(values) < 0 or sum(values) > most * (1 + ROUNDING):
        raise ValueError(f"not {size} numbers from 0, of {most:g} in all")
    return [weight * value for value in values]


def count(saved: Any) -> int:
    """A saved number of calls. Raises ValueError for what is none."""
    if type(saved) is not int or not 0 <= saved <= MOST_CALLS:
        raise ValueError(f"{saved!r:.20} is no number of calls")
    return saved
