"""The adaptive dial level: how it rises, what pushes it back, and what comes of it."""

import pytest

from dialer.pacing.events import Abandoned, AgentFree, Dialled, Failed, Human
from dialer.simulation.peers.vicidial import DAY, Method, Vicidial


def present(policy, agents=10):
    for number in range(agents):
        policy.observe(AgentFree(f"agent-{number}", 0))


def idle(policy, floor, begin, end, free=10):
    return sum(policy.decide(second, floor(free_agents=free, in_flight=10_000)).dial for second in range(begin, end))


def today(policy, answers, dropped, at=1.0):
    for number in range(answers):
        policy.observe(Dialled(f"{at}-{number}", at))
        policy.observe(Human(f"{at}-{number}", at))
        policy.observe((Abandoned if number < dropped else Failed)(f"{at}-{number}", at))


def test_it_fills_its_lines_every_two_and_a_half_seconds(floor):
    policy = Vicidial()
    present(policy)
    dials = [policy.decide(second, floor(free_agents=10)).dial for second in range(11)]
    assert dials == [10, 0, 0, 10, 0, 10, 0, 0, 10, 0, 10]


def test_calls_that_the_carrier_put_off_follow_in_the_next_moments(floor):
    policy = Vicidial()
    dials = [policy.decide(second, floor(free_agents=2, in_flight=0, max_dials=1)).dial for second in range(3)]
    assert dials == [1, 1, 0]


def test_the_level_rises_with_the_share_that_waits_up_to_its_maximum(floor):
    policy = Vicidial()
    present(policy)
    idle(policy, floor, 0, 16, free=5)
    assert policy.level == pytest.approx(1.5)
    idle(policy, floor, 16, 31, free=5)
    assert policy.level == pytest.approx(2.25)
    idle(policy, floor, 31, 120, free=5)
    assert policy.level == 3.0


@pytest.mark.parametrize(("method", "level"), [(Method.AVERAGE, 1.5), (Method.HARD_LIMIT, 1.0)])
def test_too_many_dropped_today_push_it_back(floor, method, level):
    policy = Vicidial(method)
    present(policy)
    idle(policy, floor, 0, 1)
    today(policy, answers=100, dropped=4)
    idle(policy, floor, 1, 61, free=9)
    assert policy.level == pytest.approx(level)


def test_tapering_is_mild_long_before_the_last_hour_and_hard_near_it(floor):
    levels = []
    for begin in (0, 6 * 3600):
        policy = Vicidial(Method.TAPERED)
        present(policy)
        policy.decide(begin, floor())
        today(policy, answers=100, dropped=4, at=begin)
        idle(policy, floor, begin + 1, begin + 62)
        levels.append(policy.level)
    assert levels == [pytest.approx(3.0 * 0.799, rel=0.01), 1.0]


def test_few_calls_say_nothing_and_midnight_forgets(floor):
    policy = Vicidial(Method.HARD_LIMIT)
    present(policy)
    idle(policy, floor, 0, 1)
    today(policy, answers=50, dropped=4)
    idle(policy, floor, 1, 61)
    assert policy.level == 3.0
    today(policy, answers=50, dropped=0, at=60)
    idle(policy, floor, 61, 136)
    assert policy.level == 1.0
    idle(policy, floor, int(DAY), int(DAY) + 76)
    assert policy.level == 3.0


def test_a_minute_of_dropped_calls_halves_the_level(floor):
    policy = Vicidial()
    present(policy)
    idle(policy, floor, 0, 1)
    today(policy, answers=30, dropped=20)
    idle(policy, floor, 1, 46, free=20)
    assert policy.level == 1.5


@pytest.mark.parametrize(("agents", "busy", "lost"), [(10, 45.2, 3.2), (25, 48.1, 3.3), (50, 49.2, 3.0)])
def test_it_does_what_a_published_run_does(run, agents, busy, lost):
    figures = run(Vicidial(), agents)
    assert 100 * figures.utilisation == pytest.approx(busy, abs=2)
    assert 100 * figures.drop_rate == pytest.approx(lost, abs=0.6)
