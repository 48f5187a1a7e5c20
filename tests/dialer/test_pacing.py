"""Pacing in a simulated call centre: agents talk more, the drop rate stays below its ceiling, and nothing bursts."""

from typing import Any

import pytest

from dialer.pacing.policy import Decision, Floor, Policy
from dialer.pacing.predictive import Predictive
from dialer.pacing.progressive import Progressive
from dialer.simulation.figures import Figures
from dialer.simulation.scenario import Callees, Scenario, Team
from dialer.simulation.world import World

CEILING = 0.03
TICK_SECONDS = 2.0
CHANGE_HOURS = 0.8


class Watched(Predictive):
    """Keeps its decisions: when, and what."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions: list[tuple[float, Decision]] = []

    def decide(self, now: float, floor: Floor) -> Decision:
        decision = super().decide(now, floor)
        self.decisions.append((now, decision))
        return decision


def scenario(agents: int, hours: float, **values: Any) -> Scenario:
    """An ordinary short shift without a meal; learning takes its first ten minutes or so."""
    team = Team(agents=agents, hours=hours, log_in_within_minutes=2, meal_minutes=0)
    return Scenario(team=team, tick_seconds=TICK_SECONDS, drop_rate_ceiling=CEILING, **values)


def simulated(policy: Policy, played: Scenario) -> Figures:
    return World(played, policy, seed=1).run()


@pytest.mark.parametrize(
    ("agents", "hours", "gain", "values"),
    [(5, 2.5, 1.2, {}), (20, 1.2, 1.5, {}), (60, 0.7, 1.5, {}), (20, 1.0, 1.2, {"detection": None})],
    ids=["5 agents", "20 agents", "60 agents", "without machine detection"],
)
def test_agents_talk_more_and_the_drop_rate_stays_below_its_ceiling(agents, hours, gain, values):
    played = scenario(agents, hours, **values)
    ours, one_to_one = simulated(Predictive(), played), simulated(Progressive(), played)
    assert ours.utilisation > gain * one_to_one.utilisation
    assert 0 < ours.drop_rate <= CEILING
    assert 0 < ours.abandoned / ours.answers <= CEILING


def test_lines_that_ring_long_are_hung_up_where_that_is_allowed():
    allowed, forbidden = (
        simulated(Predictive(), scenario(20, 1.0, **values)) for values in ({"give_up_seconds": 15.0}, {})
    )
    assert allowed.given_up > 0.2 * allowed.dials
    assert forbidden.given_up == 0
    assert allowed.drop_rate <= CEILING
    assert allowed.utilisation > forbidden.utilisation


@pytest.mark.parametrize(("before", "after"), [(0.1, 0.4), (0.4, 0.1)], ids=["better", "worse"])
def test_another_list_is_not_met_with_a_burst(before, after):
    """In no tick is a third of the team dialled for, and the dialling follows the list."""
    agents, policy = 20, Watched()
    callees = Callees(human=((0.0, before), (CHANGE_HOURS, after)))
    figures = simulated(policy, scenario(agents, 1.3, callees=callees))
    changed = CHANGE_HOURS * 3600
    assert max(decision.dial for now, decision in policy.decisions if now >= changed) * after < agents / 3
    assert figures.drop_rate <= CEILING

    def dialled(since: float, until: float) -> int:
        return sum(decision.dial for now, decision in policy.decisions if since <= now < until)

    late, early = dialled(changed + 300, changed + 1200), dialled(changed - 900, changed)
    assert (late > 1.25 * early) if after < before else (late < early / 1.25)
