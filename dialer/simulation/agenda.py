"""Virtual time: what is to happen, in the order in which it is due."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class Agenda:
    """`now` is in seconds since the first shift began; of what is due at once the first asked for is first."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, moment: float, what: Callable[[], None]) -> None:
        heappush(self._heap, (moment, next(self._order), what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self.at(self.now + seconds, what)

    def play(self) -> None:
        """Until nothing is left to happen."""
        heap = self._heap
        while heap:
            self.now, _, what = heappop(heap)
            what()
