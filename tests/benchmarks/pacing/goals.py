"""What the figures must reach, and whether they do."""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from tests.benchmarks.pacing.cases import BEST_RATIO, HANGING_UP, IN_LIST_ORDER, OURS, OWN
from tests.benchmarks.pacing.play import Played
from tests.benchmarks.pacing.table import OPTIMUM, Row

OVER_PEERS = {"vicidial": (1.48, 1.12), BEST_RATIO: (1.12, 1.01)}  # on average, nowhere below
OVER_OPTIMUM = {3: 0.97, 5: 0.98, 10: 0.99, 25: 0.99}  # agents
AT_ONE_PERCENT = {"10 agents": 0.69, "25 agents": 0.81, "100 agents": 0.92}
# For a person reached, of those in the list's order. Forty agents dial more than the whole list in their day, so that
# little is left to choose from; ten dial a third of it.
FEWER_DIALS = {"lead-list": 0.95, "lead-list, 10 agents": 0.8}
SETTLED = 1000  # answers, from which on a run must be lawful
PEAK, HIGHEST_PEAK, LAWFUL_RUNS = 0.035, 0.045, 0.95
WASTED = 0.027  # of the calls that were counted; who was a machine among those abandoned nobody can know


def goals(found: Sequence[Row], played: Sequence[Played]) -> Iterator[tuple[bool, str]]:
    """(reached, in words)."""
    yield from _lawful([one for one in played if one.run.policy in OWN and one.run.target is None])
    yield from _lawful_at_targets([one for one in played if one.run.policy in OWN and one.run.target is not None])
    yield from _hanging_up(found)
    yield from _lead_aware(found)
    yield from _over_optimum(found, played)
    yield from _over_peers(found)
    for one in AT_ONE_PERCENT:
        busy = [x.figures.utilisation for x in played if (x.run.case.name, x.run.target) == (one, 0.01)]
        if busy:
            reached, goal = fmean(busy), AT_ONE_PERCENT[one]
            yield reached >= goal, f"{one} at a target of 1 %: {reached:.1%} busy (at least {goal:.0%})"


def _lawful(ours: list[Played]) -> Iterator[tuple[bool, str]]:
    settled = [one for one in ours if one.figures.live >= SETTLED]
    if not settled:
        return
    above = [one for one in settled if one.figures.drop_rate > one.run.case.scenario.drop_rate_ceiling]
    yield not above, f"{len(above)} of {len(settled)} runs end above 3 % (none){_named(above)}"
    wasted = [one for one in settled if _counted(one) < WASTED]
    names = _named(wasted, _counted)
    yield not wasted, f"{len(wasted)} of {len(settled)} runs use under 2.7 % and waste budget (none){names}"
    calm = sum(one.figures.peak <= PEAK for one in settled) / len(settled)
    yield calm >= LAWFUL_RUNS, f"{calm:.0%} of runs never stand above 3.5 % after the 500th answer (at least 95 %)"
    highest = max(one.figures.peak for one in settled)
    yield highest <= HIGHEST_PEAK, f"the highest they stand is {highest:.2%} (at most 4.5 %)"


def _lawful_at_targets(ours: list[Played]) -> Iterator[tuple[bool, str]]:
    for target in sorted({one.run.target for one in ours if one.run.target is not None}):
        settled = [one for one in ours if one.run.target == target and one.figures.live >= SETTLED]
        above = [one for one in settled if one.figures.drop_rate > target]
        if settled:
            words = f"{len(above)} of {len(settled)} runs at a target of {100 * target:g} % end above it (none)"
            yield not above, words + _named(above)


def _hanging_up(found: Sequence[Row]) -> Iterator[tuple[bool, str]]:
    """Late hang-ups save agents' time; where they do not, they are decided wrongly."""
    for row in found:
        if row.policy == HANGING_UP and row.ours is not None:
            gain = 1 / row.ours
            yield gain >= 1, f"{row.case}: {gain:.3f} times as busy when late rings are hung up (at least 1)"


def _lead_aware(found: Sequence[Row]) -> Iterator[tuple[bool, str]]:
    """Who is likely to answer first: fewer dials for each person reached."""
    ours = {row.case: row.dials_per_contact for row in found if row.policy == OURS}
    for row in found:
        if row.policy == IN_LIST_ORDER and row.case in ours:
            share, goal = ours[row.case] / row.dials_per_contact, FEWER_DIALS[row.case]
            yield share <= goal, f"{row.case}: {share:.2f} of the list order's dials (at most {goal})"


def _counted(one: Played) -> float:
    return one.figures.abandoned / one.figures.answers


def _drop_rate(one: Played) -> float:
    return one.figures.drop_rate


def _named(some: list[Played], rate: Callable[[Played], float] = _drop_rate) -> str:
    names = sorted({f"{one.run.case.name} at {rate(one):.2%}" for one in some})
    return f": {'; '.join(names[:6])}" if names else ""


def _over_optimum(found: Sequence[Row], played: Sequence[Played]) -> Iterator[tuple[bool, str]]:
    """By what was to be expected of the decisions, where that is known: luck moves a run by a hundredth."""
    for row in found:
        if row.policy == OPTIMUM and row.ours is not None:
            goal = OVER_OPTIMUM[int(row.case.split()[1])]
            expected = [one.expected for one in played if one.run.case.name == row.case and one.expected is not None]
            share = fmean(expected) / row.utilisation if expected else row.ours
            words = f", {row.ours:.1%} with the luck of these runs" if expected else ""
            yield share >= goal, f"{row.case}: {share:.1%} of the optimum{words} (at least {goal:.0%})"


def _over_peers(found: Sequence[Row]) -> Iterator[tuple[bool, str]]:
    for peer in sorted({row.policy for row in found} - {*OWN, OPTIMUM}):
        over = {row.case: row.ours for row in found if row.policy == peer and row.ours and _realistic(row)}
        if not over:
            continue
        mean, (worst, case) = fmean(over.values()), min((ours, case) for case, ours in over.items())
        usual, lowest = OVER_PEERS.get(peer, (0.0, 0.0))
        wanted = f" (at least {usual} and {lowest})" if usual else ""
        words = f"ours / {peer}: {mean:.2f} on average of {len(over)} cases, lowest {worst:.3f} in {case}{wanted}"
        yield mean >= usual and worst >= lowest, words


def _realistic(row: Row) -> bool:
    """The exponential world is there for the optimum alone."""
    return not row.case.startswith("exponential")
