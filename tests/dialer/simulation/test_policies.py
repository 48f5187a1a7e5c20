"""Policies are made by name; a wrong name says what there is."""

import pytest

from dialer.pacing.policy import Floor
from dialer.simulation.policies import POLICIES, policy_named
from dialer.simulation.scenario import Scenario, Team
from dialer.simulation.world import World


@pytest.mark.parametrize("name", [*POLICIES, "ratio:1.5", "fixed-ratio:1.5"])
def test_every_name_makes_a_policy_that_decides(name):
    floor = Floor(free_agents=4, in_flight=0, max_dials=2, budgets=())
    decision = policy_named(name).decide(0.0, floor)
    assert 0 <= decision.dial <= 2
    assert decision.reason


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("magic", "choose from predictive, progressive"),
        ("ratio", "unknown policy 'ratio': choose from .*, ratio:2.0, fixed-ratio:2.0"),
        ("ratio:x", "as in ratio:2.0"),
        ("ratio:10.1", "give 1 to 10 lines"),
        ("ratio:nan", "give 1 to 10 lines"),
        ("fixed-ratio:", "as in fixed-ratio:2.0"),
        ("fixed-ratio:0", "at least 1 line"),
    ],
)
def test_a_wrong_name_says_what_can_be_chosen(name, words):
    with pytest.raises(ValueError, match=words):
        policy_named(name)


@pytest.mark.parametrize(
    ("agents", "days", "busy"), [(3, 4, 46.6), (5, 3, 45.6), (10, 2, 43.5), (25, 1, 44.5), (50, 1, 44.2)]
)
def test_the_default_world_keeps_agents_as_busy_as_a_published_one(agents, days, busy):
    """One line for each free agent needs no judgement, so a difference would be one of the worlds.

    One seed's team is 15 % / sqrt(agents) faster or slower than another's.
    """
    figures = World(Scenario(team=Team(agents=agents, days=days)), policy_named("progressive"), seed=1).run()
    assert 100 * figures.utilisation == pytest.approx(busy, abs=1.5)
    assert figures.drop_rate < 0.003
