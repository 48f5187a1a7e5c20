"""How often something happens, over about the last hour."""

from math import exp, inf

MEMORY_SECONDS = 3600.0
LEAST_SECONDS = 900.0  # looked at; before that nothing is said
GAP_SECONDS = 300.0  # between two looks, and more: nobody was at work, which says nothing of when somebody is


class Rate:
    """Of a count that rises."""

    def __init__(self) -> None:
        self._at, self._total = inf, 0.0
        self._counted = self._seconds = 0.0

    def look(self, now: float, total: float) -> None:
        passed, more = now - self._at, total - self._total
        self._at, self._total = now, total
        if 0 < passed < GAP_SECONDS and more >= 0:
            fading = exp(-passed / MEMORY_SECONDS)
            self._counted = self._counted * fading + more
            self._seconds = self._seconds * fading + passed

    @property
    def per_second(self) -> float:
        """Infinite as long as too little was seen."""
        return self._counted / self._seconds if self._seconds >= LEAST_SECONDS else inf
