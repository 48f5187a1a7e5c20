"""How late the ticks began, how far apart and how long they took, over the last 3,600 of them."""

from collections import deque
from collections.abc import Sequence
from math import ceil

KEPT = 3600  # ticks


class TickTimes:
    """Moments are seconds of one rising clock."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=KEPT)
        self._apart: deque[float] = deque(maxlen=KEPT)
        self._lasted: deque[float] = deque(maxlen=KEPT)
        self.began: float | None = None  # the last one

    def add(self, began: float, ended: float, late: float = 0.0) -> None:
        """`late`: seconds from when the tick was due to its beginning."""
        self._late.append(late)
        if self.began is not None:
            self._apart.append(began - self.began)
        self.began = began
        self._lasted.append(ended - began)

    def summary(self) -> dict[str, dict[str, float]]:
        """`late`, `apart` and `lasted`, each `{"ticks", "mean", "p99", "worst"}` in seconds; 0 without a tick."""
        return {"late": _spread(self._late), "apart": _spread(self._apart), "lasted": _spread(self._lasted)}


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {"ticks": 0, "mean": 0.0, "p99": 0.0, "worst": 0.0}
    ordered = sorted(seconds)
    p99 = ordered[ceil(0.99 * len(ordered)) - 1]
    return {"ticks": len(ordered), "mean": sum(ordered) / len(ordered), "p99": p99, "worst": ordered[-1]}
