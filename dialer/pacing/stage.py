"""When a stage (in flight, talking, wrap-up) is left: chances by age, learned from stays ended and running."""

from bisect import bisect_right
from dataclasses import dataclass
from math import exp

PRIOR_STAYS = 6  # weight of what is assumed before anything is seen


@dataclass(slots=True)
class _Stay:
    entered: float
    counted: float  # its time at risk is counted up to here
    weight: float


class Stage:
    """The chance per second of leaving, by age: departures over time at risk, old stays fading.

    Stays that have not ended count with the time they have lasted. Ended stays alone would favour the short ones,
    which end first: too many agents due in the first minutes, too many answers after a burst of dialling. For the
    same reason a stay's time and its end have one weight, that of its beginning.
    """

    def __init__(self, edges: tuple[float, ...], memory: int, prior_seconds: float, causes: int = 1) -> None:
        """`edges`: rising ages from 0, at least a second apart; the last bin is open.

        `memory`: stays after which an old one weighs 1/e. `prior_seconds`: mean stay before anything is seen.
        """
        self._edges = edges
        self._growth = exp(1 / memory)
        self._weight = 1.0  # of a stay that begins now
        self._at_risk = [0.0] * len(edges)
        self._left = [[0.0] * len(edges) for _ in range(causes)]
        ends = (*edges[1:], edges[-1] + prior_seconds)
        self._prior_at_risk = [
            PRIOR_STAYS * prior_seconds * (exp(-low / prior_seconds) - exp(-high / prior_seconds))
            for low, high in zip(edges, ends, strict=True)
        ]
        self._prior_rate = 1 / prior_seconds
        self._running: dict[str, _Stay] = {}
        self._rates: list[tuple[float, list[float]]] = []  # per bin: P(leaves within a second), share of each cause
        self._settle_rates()

    def __contains__(self, key: str) -> bool:
        return key in self._running

    def enter(self, key: str, at: float) -> None:
        self._weight *= self._growth
        self._running[key] = _Stay(at, at, self._weight)

    def leave(self, key: str, at: float, cause: int = 0) -> float | None:
        """Count a departure and say how long the stay was. None, and nothing learned, if nobody saw `key` enter.

        A departure dated before the entry, by a clock set back, counts as one at age 0.
        """
        stay = self.forget(key, at)
        if stay is None:
            return None
        self._left[cause][self._bin(at - stay.entered)] += stay.weight
        return at - stay.entered

    def correct(self, age: float, was: int, cause: int) -> None:
        """A recent departure at `age` turned out to have another cause."""
        index = self._bin(age)
        weight = min(self._weight, self._left[was][index])
        self._left[was][index] -= weight
        self._left[cause][index] += weight

    def forget(self, key: str, at: float) -> _Stay | None:
        """End a stay whose end says nothing; the time it lasted still counts."""
        stay = self._running.pop(key, None)
        if stay is not None:
            self._count(stay, at)
        return stay

    def settle(self, now: float) -> None:
        """Bring the chances up to date with the stays running now; those past the last edge are forgotten."""
        for key, stay in list(self._running.items()):
            if now - stay.entered > self._edges[-1]:
                self.forget(key, stay.entered + self._edges[-1])
            else:
                self._count(stay, now)
                stay.weight /= self._weight
        self._at_risk = [seconds / self._weight for seconds in self._at_risk]
        self._left = [[count / self._weight for count in counts] for counts in self._left]
        self._weight = 1.0
        self._settle_rates()

    def seen(self, *causes: int) -> float:
        """Departures counted, old ones in part."""
        return sum(sum(self._left[cause]) for cause in causes) / self._weight

    def chances(self, age: float, seconds: int, cause: int = 0) -> list[float]:
        """P(left for `cause` in second 1, 2, … from now | still there at `age`)."""
        here, chances = 1.0, []
        for second in range(seconds):
            leaving, shares = self._rates[self._bin(age + second + 0.5)]
            chances.append(here * leaving * shares[cause])
            here *= 1 - leaving
        return chances

    def _settle_rates(self) -> None:
        self._rates = []
        for index, at_risk in enumerate(self._at_risk):
            prior = self._prior_at_risk[index]
            counts = [left[index] + prior * self._prior_rate / len(self._left) for left in self._left]
            total = sum(counts)
            self._rates.append((1 - exp(-total / (at_risk + prior)), [count / total for count in counts]))

    def _count(self, stay: _Stay, until: float) -> None:
        age, end = stay.counted - stay.entered, until - stay.entered
        while age < end:
            index = self._bin(age)
            stop = min(end, self._edges[index + 1]) if index + 1 < len(self._edges) else end
            self._at_risk[index] += stay.weight * (stop - age)
            age = stop
        stay.counted = max(until, stay.counted)

    def _bin(self, age: float) -> int:
        return max(0, bisect_right(self._edges, age) - 1)
