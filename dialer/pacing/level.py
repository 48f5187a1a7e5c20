"""How much better or worse than the long-run chances people answer just now."""

from collections import deque
from collections.abc import Mapping
from math import exp, sqrt
from typing import Any

from dialer.pacing.hazard import numbers

PRIOR = 4.0  # answers' worth of trust in the long run
MEMORY_ANSWERS = 200.0
MEMORY_SECONDS = 300.0
USUAL_DOUBT = 0.08  # standard deviation of the level over the level, when enough is known
CAUTION = 1.5
RECENT = 20.0  # answers: the window that notices another list
SURPRISE = 3.5  # standard deviations
# Answers by which those seen and those expected may differ: 30 calls a second, of which half are answered, then none,
# then half again, come to 530 until the chances have followed
APART = 2000.0


class Level:
    """Observed over expected answers, recent ones weighing most.

    What is expected comes from the time calls have been at risk, so answers that come back before no-answers do not
    bias it. A window of the last answers replaces all when it differs too much: another list, another hour.
    """

    def __init__(self) -> None:
        self._seen = self._expected = 0.0
        self._new_seen = self._new_expected = 0.0  # since the last `settle`
        self._recent: deque[tuple[float, float, float]] = deque()  # seen, expected, when
        self._value = 1.0

    @property
    def value(self) -> float:
        return self._value

    @property
    def cautious(self) -> float:
        """The level, higher by what is in doubt about it beyond what always is."""
        return self._value * (1 + CAUTION * max(0.0, 1 / sqrt(PRIOR + self._seen) - USUAL_DOUBT))

    def add(self, seen: float, expected: float) -> None:
        self._new_seen += seen
        self._new_expected += expected

    def settle(self, now: float) -> None:
        """Take in what was added; everything at risk must have been added up to `now`."""
        seen, expected = self._new_seen, self._new_expected
        if not (seen or expected):
            return  # nothing was at risk: an idle night would fill the window
        self._new_seen = self._new_expected = 0.0
        self._recent.append((seen, expected, now))
        while len(self._recent) > 1 and sum(part[1] for part in self._recent) - self._recent[0][1] >= RECENT:
            self._recent.popleft()
        recent_seen, recent_expected = (sum(part[index] for part in self._recent) for index in (0, 1))
        seconds = max(now - self._recent[0][2], 1.0) if len(self._recent) > 1 else float("inf")
        memory = MEMORY_ANSWERS + MEMORY_SECONDS * (recent_expected - self._recent[0][1]) / seconds
        by = exp(-expected / memory)
        self._seen, self._expected = self._seen * by + seen, self._expected * by + expected
        due = recent_expected * (PRIOR + self._seen) / (PRIOR + self._expected)
        if abs(recent_seen - due) > SURPRISE * sqrt(max(PRIOR, due)):
            self._seen, self._expected = recent_seen, recent_expected
        self._value = (PRIOR + self._seen) / (PRIOR + self._expected)

    def state(self) -> dict[str, Any]:
        return {"seen": self._seen, "expected": self._expected}

    def restore(self, state: Mapping[str, Any], answers: int) -> None:
        """Raises ValueError for what cannot have come of so many answers in all."""
        seen, expected = numbers((state["seen"], state["expected"]), 2)
        if not 0 <= seen <= answers or expected < 0 or abs(expected - seen) > APART:
            raise ValueError(f"{seen:g} seen and {expected:g} expected, of {answers} answers")
        self._seen, self._expected = seen, expected
        self._value = (PRIOR + self._seen) / (PRIOR + self._expected)
