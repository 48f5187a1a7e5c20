"""Lines against agents over the next half minute: what one more line brings, and what it may cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, sqrt
from operator import mul

NEGLIGIBLE = 1e-5  # chance of a lattice point not followed further up


@dataclass(frozen=True, slots=True)
class Outlook:
    """Means per second of the horizon. `line_…`: what one more line adds."""

    idle: int
    freed: Sequence[float]  # agents who become free
    answers: Sequence[float]  # calls in flight that ask for an agent
    line_freed: Sequence[float]
    line_answers: Sequence[float]
    line_answer: float  # P(a new line ever asks for an agent)
    doubt: float  # variance of that chance, as far as it is known, over its square


def best_lines(outlook: Outlook, price: float, ceiling: float, allowance: float, most: int) -> int:
    """The largest number of new lines of which the last still saves more idle time than its abandoned calls cost.

    `price`: idle agent-seconds per abandoned call beyond the `ceiling`'s share. Never so many that more abandoned
    calls than `allowance` are to be expected.
    """
    most = min(most, _plausible(outlook))
    unit = unit_for(outlook, most)

    @cache
    def expected(lines: int) -> tuple[float, float]:
        return shortfall(outlook, lines, unit)

    def worth_it(lines: int) -> bool:
        (lost_before, idle_before), (lost, idle) = expected(lines - 1), expected(lines)
        return price * (lost - lost_before - ceiling * outlook.line_answer) <= idle_before - idle and lost <= allowance

    return _last(worth_it, most)


def shortfall(outlook: Outlook, lines: int, unit: float) -> tuple[float, float]:
    """(calls that find no agent, idle agent-seconds) expected over the horizon with `lines` more lines.

    The number of idle agents walks on a lattice of `unit` agents, a point up, down or none at a step, with the mean
    and the variance of agents freed less calls answered. Where it would fall below zero a call is lost.
    """
    start = max(0.0, (outlook.idle + 0.5) / unit - 0.5)  # a coarse walk is turned back half a point too early
    low = int(start)
    here = [0.0] * low + [1 - (start - low), start - low]
    lost = idle = 0.0
    for drift, variance in _walk(outlook, lines):
        steps, up, down = _steps(drift / unit, variance / unit**2)
        stay = 1 - up - down
        for _ in range(steps):
            bounced = down * here[0]
            below, above = [0.0, *here], [*here[1:], 0.0, 0.0]
            here = [up * a + stay * b + down * c for a, b, c in zip(below, [*here, 0.0], above, strict=True)]
            here[0] += bounced
            lost += bounced
            while here[-1] < NEGLIGIBLE:
                tail = here.pop()
                here[-1] += tail
        idle += sum(map(mul, here, range(len(here))))
    return lost * unit, idle * unit


def unit_for(outlook: Outlook, lines: int) -> float:
    """Agents per point of the lattice: one where a second changes little, else as coarse as the busiest needs."""
    return max(1.0, sqrt(max(variance for _, variance in _walk(outlook, lines)) / 0.6))


def _walk(outlook: Outlook, lines: int) -> list[tuple[float, float]]:
    """Mean and variance of the change of idle agents, second by second.

    A wrong answer rate is wrong for all lines at once: the more answers are due, the more it weighs.
    """
    doubtful = 1 + outlook.doubt * (sum(outlook.answers) + lines * outlook.line_answer)
    walk = []
    for freed, answers, line_freed, line_answers in zip(
        outlook.freed, outlook.answers, outlook.line_freed, outlook.line_answers, strict=True
    ):
        gained, taken = freed + lines * line_freed, answers + lines * line_answers
        walk.append((gained - taken, gained + taken * doubtful))
    return walk


def _steps(drift: float, variance: float) -> tuple[int, float, float]:
    """How many steps make a second, P(up) and P(down) of each, for a second of this mean and variance in points.

    No step has less variance than its mean asks for: a second that only gains or only loses keeps its mean.
    """
    steps = ceil((variance + sqrt(variance**2 + 4 * drift**2)) / 2) or 1
    drift /= steps
    moving = max(abs(drift), variance / steps + drift**2)
    return steps, (moving + drift) / 2, (moving - drift) / 2


def _plausible(outlook: Outlook) -> int:
    """More lines than this would ask for more agents than the horizon has."""
    spare = outlook.idle + sum(outlook.freed) - sum(outlook.answers)
    return ceil(max(0.0, spare) / max(outlook.line_answer, 0.01)) + 1


def _last(holds: Callable[[int], bool], most: int) -> int:
    """The largest n <= most for which `holds`, or up to an eighth less; it holds up to some number and not beyond."""
    good, bad = 0, 1
    while bad <= most and holds(bad):
        good, bad = bad, bad * 2
    bad = min(bad, most + 1)
    while bad - good > 1 + good // 8:
        middle = (good + bad) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good
