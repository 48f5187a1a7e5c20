"""Wrap-ups that have stopped ending: the clients' system hangs, say, and nobody becomes free however many are due."""

from math import log

RARER = 10.0  # times, that ends are in a standstill
BEYOND_CHANCE = 9.0  # log of how much better a standstill explains what was seen: by chance for seconds a day
LONGEST_LOOK = 1.0  # seconds that one look speaks for


class Standstill:
    """Ends of wrap-up that were due against those that came, by Page's test of a rate that has fallen (Page 1954).

    Each wrap-up has a chance to end of its own. When all stand still, more and more of them are due, so that more
    agents are expected the longer nobody becomes free.
    """

    def __init__(self) -> None:
        self._beyond = 0.0  # log of the likelihood ratio, since it was 0 last
        self._due, self._at = 0.0, float("inf")  # as of the last look

    @property
    def lasts(self) -> bool:
        return self._beyond >= BEYOND_CHANCE

    def ended(self) -> None:
        """A wrap-up has: the next one is expected again, until more are missing."""
        self._beyond = max(0.0, self._beyond - log(RARER))

    def look(self, now: float, due: float) -> None:
        """`due`: wrap-ups that end within a second from now, as far as is known; 0 where there are none."""
        passed = min(LONGEST_LOOK, max(0.0, now - self._at))
        self._beyond = min(BEYOND_CHANCE, self._beyond + (1 - 1 / RARER) * passed * self._due) if due else 0.0
        self._due, self._at = due, now
