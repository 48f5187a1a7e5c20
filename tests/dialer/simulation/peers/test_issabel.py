"""One line for each free agent or nearly free one; with overcommit, many."""

import pytest

from dialer.pacing.events import CallEnded, Connected, Dialled, Failed, Human
from dialer.simulation.peers.issabel import Issabel


def talked(policy, calls=10, seconds=60.0):
    for number in range(calls):
        policy.observe(Connected(f"talk-{number}", "bob", 0))
        policy.observe(CallEnded(f"talk-{number}", "bob", seconds))


def test_it_looks_every_five_seconds_at_what_is_missing(floor):
    policy = Issabel()
    assert [policy.decide(second, floor(free_agents=2)).dial for second in range(7)] == [2, 0, 0, 0, 0, 2, 0]
    policy.observe(Dialled("a", 6))
    assert policy.decide(10, floor(free_agents=2, in_flight=1)).dial == 1


def test_calls_that_the_carrier_put_off_follow_in_the_next_moments(floor):
    policy = Issabel()
    assert [policy.decide(second, floor(free_agents=3, max_dials=2)).dial for second in range(4)] == [2, 1, 0, 0]


def test_a_caller_who_waits_takes_an_agent(floor):
    policy = Issabel()
    policy.observe(Dialled("a", 0))
    policy.observe(Human("a", 1))
    assert policy.decide(1, floor(free_agents=2, in_flight=1)).dial == 1


def test_a_busy_agent_counts_after_three_and_a_half_mean_talks(floor):
    policy = Issabel()
    talked(policy, seconds=60)
    policy.observe(Connected("long", "ann", 0))
    assert policy.decide(195, floor()).dial == 0
    assert policy.decide(205, floor()).dial == 1  # 3.5 means are 210 s, less the 8 s until an answer


def test_overcommit_divides_by_the_answer_rate_but_not_below_a_fifth(floor):
    policy = Issabel(overcommit=True)
    assert policy.decide(0, floor(free_agents=2)).dial == 2, "the rate is not known yet"
    for number in range(20):
        policy.observe(Dialled(str(number), 1))
        policy.observe(Human(str(number), 9) if number < 8 else Failed(str(number), 9))
        policy.observe(Failed(str(number), 9))
    assert policy.decide(10, floor(free_agents=2)).dial == 5
    assert policy.decide(1900, floor(free_agents=2)).dial == 2, "half an hour later it is forgotten"
    for number in range(20):
        policy.observe(Dialled(str(number), 1901))
        policy.observe(Failed(str(number), 1902))
    assert policy.decide(1910, floor(free_agents=2)).dial == 10


@pytest.mark.parametrize(("overcommit", "busy", "lost"), [(False, 42.8, 0.0), (True, 71.1, 6.9)])
def test_it_does_what_a_published_run_does(run, overcommit, busy, lost):
    figures = run(Issabel(overcommit))
    assert 100 * figures.utilisation == pytest.approx(busy, abs=2)
    assert 100 * figures.drop_rate == pytest.approx(lost, abs=2)
