"""Plays runs in worker processes."""

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from dialer.pacing.policy import Policy
from dialer.simulation.figures import Figures
from dialer.simulation.peers.fixed_ratio import FixedRatio, best_ratio
from dialer.simulation.policies import policy_named
from dialer.simulation.world import World
from tests.benchmarks.optimum import optimum
from tests.benchmarks.pacing.cases import BEST_RATIO, OURS, OWN, Case, Run, scenario_of
from tests.benchmarks.regret import Judged, best

MOST_JUDGED = 10  # agents: the states of more are too many


@dataclass(frozen=True, slots=True)
class Played:
    run: Run
    figures: Figures
    seconds: float
    ratio: float | None = None  # that hindsight found
    expected: float | None = None  # utilisation without the luck of the run, where the best policy is known


def play(run: Run) -> Played:
    begun = time.perf_counter()
    if run.policy == OURS and run.case.chance is not None and run.case.scenario.team.agents <= MOST_JUDGED:
        judged = Judged(policy_named(OURS), best(run.case.scenario.team.agents, run.case.chance))
        figures = _figures(run, judged)
        expected = judged.utilisation(figures.answers, figures.abandoned)
        return Played(run, figures, time.perf_counter() - begun, expected=expected)
    if run.policy != BEST_RATIO:
        figures = _figures(run, policy_named(OURS if run.policy in OWN else run.policy))
        return Played(run, figures, time.perf_counter() - begun)
    ratio = best_ratio(lambda tried: _figures(run, FixedRatio(tried)).drop_rate, run.case.scenario.drop_rate_ceiling)
    return Played(run, _figures(run, FixedRatio(ratio)), time.perf_counter() - begun, ratio)


def _figures(run: Run, policy: Policy) -> Figures:
    return World(scenario_of(run), policy, run.seed).run()


def play_all(runs: Sequence[Run], workers: int) -> Iterator[Played]:
    """In any order, with a count on standard error."""
    begun = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        waiting = [pool.submit(play, run) for run in runs]
        for done, future in enumerate(as_completed(waiting), 1):
            played = future.result()
            if sys.stderr.isatty() or done % 20 == 0 or done == len(runs):
                minutes = (time.perf_counter() - begun) / 60
                print(f"{done} of {len(runs)} runs, {minutes:.1f} min", end=_end(), file=sys.stderr, flush=True)
            yield played


def _end() -> str:
    return "   \r" if sys.stderr.isatty() else "\n"


def best_possible(cases: Sequence[Case]) -> dict[str, float]:
    """Case -> the utilisation that no policy can surpass, where it is known."""
    return {
        case.name: optimum(case.scenario.team.agents, case.chance, case.scenario.drop_rate_ceiling).utilisation
        for case in cases
        if case.chance is not None
    }
