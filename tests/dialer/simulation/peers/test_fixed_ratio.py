"""So many lines for each agent, and the ratio that hindsight would choose."""

import pytest

from dialer.pacing.events import CallEnded, Connected
from dialer.simulation.peers.fixed_ratio import FixedRatio, best_ratio


def test_lines_are_a_multiple_of_the_agents_ready_or_talking(floor):
    policy = FixedRatio(2.0)
    assert policy.decide(0, floor(free_agents=3)).dial == 6
    assert policy.decide(0, floor(free_agents=3, in_flight=5)).dial == 1
    policy.observe(Connected("a", "ann", 1))
    assert policy.decide(1, floor(free_agents=2, in_flight=3)).dial == 2, "ann's call is a line of hers"
    policy.observe(CallEnded("a", "ann", 2))
    assert policy.decide(2, floor(free_agents=2, in_flight=3)).dial == 1, "in wrap-up she is not counted"


def test_it_keeps_to_the_limit_and_takes_no_line_back(floor):
    policy = FixedRatio(3.0)
    assert policy.decide(0, floor(free_agents=9, max_dials=4)).dial == 4
    assert policy.decide(0, floor(free_agents=1, in_flight=9)).dial == 0


@pytest.mark.parametrize("ratio", [0.99, float("nan"), float("inf")])
def test_a_ratio_that_makes_no_sense_is_refused(ratio):
    with pytest.raises(ValueError, match="at least 1 line"):
        FixedRatio(ratio)


def test_the_best_ratio_lies_just_under_the_ceiling():
    best = best_ratio(lambda ratio: (ratio - 1) / 50, 0.03)
    assert 2.48 <= best <= 2.5
    assert best_ratio(lambda _: 1.0, 0.03) == 1.0
    assert best_ratio(lambda _: 0.0, 0.03) == 12.0


@pytest.mark.parametrize(("ratio", "agents", "busy", "lost"), [(1.5, 10, 60, 1.9), (2, 10, 73, 9.1), (2, 50, 78, 0.7)])
def test_it_does_what_a_published_run_does(run, ratio, agents, busy, lost):
    figures = run(FixedRatio(ratio), agents)
    assert 100 * figures.utilisation == pytest.approx(busy, abs=3)
    assert 100 * figures.drop_rate == pytest.approx(lost, abs=1.5)
