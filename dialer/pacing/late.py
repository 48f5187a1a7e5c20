"""Answers that should have come by now: people may pick up later than was learned."""

from collections import deque
from math import sqrt

from dialer.pacing.level import PRIOR, USUAL_DOUBT

BEYOND_CHANCE = 2.5  # standard deviations: less than that says nothing
LATELY = 3  # times that all is settled, 10 s apart


class Late:
    """Answers due by the ages of the lines against those that came, of the lines dialled within one time of ringing.

    Lines whose usual age of answers has passed look dead. Where far too few of all have been answered they may as well
    be late, as on a new route or where landlines follow mobiles: then what is missing is still to come.
    """

    def __init__(self) -> None:
        self._ended: dict[int, list[float]] = {}  # by the second of the dial: answers due and come, of lines that ended
        self._due = self._came = 0.0
        self._levels = deque((1.0,), LATELY)

    def ended(self, dialled_at: float, due: float, came: float) -> None:
        """A line rings no more. `due`: its chance of an answer till then, in the long run; `came`: that it was one."""
        second = self._ended.setdefault(int(dialled_at), [0.0, 0.0])
        second[0] += due
        second[1] += came
        self._due += due
        self._came += came

    def settle(self, since: float, level: float) -> None:
        """Forget lines dialled before `since`: what was late of them has come by now, or never will.

        Answers that are late take the level down with them, so it is what it was lately that counts.
        """
        self._levels.append(level)
        for second in [second for second in self._ended if second < since]:
            due, came = self._ended.pop(second)
            self._due -= due
            self._came -= came

    def missing(self, ringing: float) -> float:
        """Answers, with `ringing` due in the long run of lines that still ring; 0 where chance may be why."""
        due = max(self._levels) * max(0.0, ringing + self._due)
        missing = due - self._came
        return missing if missing > BEYOND_CHANCE * sqrt(max(PRIOR, due + (USUAL_DOUBT * due) ** 2)) else 0.0
