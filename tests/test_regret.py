"""What `make bench-pacing` says of decisions in the exponential world is what comes of them, but for luck."""

import numpy as np
import pytest

from dialer.pacing.policy import Decision
from dialer.pacing.progressive import Progressive
from dialer.simulation.scenario import resized
from dialer.simulation.shipped import scenario_named
from dialer.simulation.world import World
from tests.benchmarks.optimum import optimum
from tests.benchmarks.regret import Judged, best

AGENTS, CHANCE = 3, 0.5


class Scripted:
    """Dials what a function of free agents and calls in flight says."""

    def __init__(self, lines):
        self.lines = lines

    def observe(self, event):
        pass

    def decide(self, now, floor):
        dial = max(0, min(floor.max_dials, self.lines(floor.free_agents, floor.in_flight)))
        return Decision(dial, reserve=False, reason="as told")


@pytest.fixture(scope="module")
def known():
    return best(AGENTS, CHANCE)


def played(policy, known, days=1):
    scenario = resized(scenario_named("exponential"), AGENTS, days)
    callees = scenario.callees.model_copy(update={"human": ((0.0, CHANCE),), "machine": 1 - CHANCE})
    judged = Judged(policy, known)
    figures = World(scenario.model_copy(update={"callees": callees}), judged, 1).run()
    return judged, figures, judged.utilisation(figures.answers, figures.abandoned)


def test_deciding_once_a_second_costs_less_than_a_hundredth(known):
    assert 0.99 < known.utilisation / optimum(AGENTS, CHANCE).utilisation < 1


def test_the_best_decisions_lose_nothing_within_a_day(known):
    def lines(free, flight):
        return int(np.argmin(known.after[free, flight:])) if flight < known.after.shape[1] else 0

    judged, figures, expected = played(Scripted(lines), known)
    assert judged.lost == pytest.approx(0.0, abs=1e-6)
    assert figures.utilisation == pytest.approx(expected, abs=0.02)


def test_who_dials_nobody_is_expected_to_be_idle(known):
    _judged, figures, expected = played(Scripted(lambda free, flight: 0), known)
    assert figures.utilisation == 0
    assert expected == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize(
    ("policy", "luck"),
    [(Progressive(), 0.01), (Scripted(lambda free, flight: 2 * free - flight), 0.02)],  # more abandoned, more luck
    ids=["one to one", "two to one"],
)
def test_what_is_expected_is_what_comes_on_average(policy, luck, known):
    _judged, figures, expected = played(policy, known, days=8)
    assert expected == pytest.approx(figures.utilisation, abs=luck)
    assert abs(expected - known.utilisation) > 2 * luck
