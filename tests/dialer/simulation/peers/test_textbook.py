"""The window before a busy agent is free: what is dialled for it, and how it moves."""

import pytest

from dialer.pacing.events import Abandoned, AgentFree, Connected, Dialled, Failed, Human
from dialer.simulation.peers.textbook import Textbook


def experienced(floor, abandoned=0):
    """30 of 60 dials were answered, and every agent was busy for 60 s."""
    policy = Textbook()
    policy.decide(0, floor())
    for number in range(60):
        policy.observe(Dialled(str(number), 0))
        if number < abandoned:
            policy.observe(Human(str(number), 1))
            policy.observe(Abandoned(str(number), 1))
        elif number % 2 or number < 2 * abandoned:
            policy.observe(Failed(str(number), 1))
        else:
            policy.observe(Human(str(number), 0))
            policy.observe(Connected(str(number), "ann", 0))
            policy.observe(AgentFree("ann", 60))
            policy.observe(Connected(str(number), "ann", 60))
            policy.observe(AgentFree("ann", 120))
    return policy


def test_it_dials_one_to_one_until_it_knows_its_answer_rate(floor):
    assert Textbook().decide(0, floor(free_agents=3)).dial == 3


def test_it_dials_for_free_agents_over_the_answer_rate(floor):
    policy = experienced(floor)
    assert policy.decide(200, floor(free_agents=3)).dial == 6


def test_a_busy_agent_counts_within_the_window(floor):
    policy = experienced(floor)
    policy.observe(Connected("x", "bob", 200))
    assert policy.decide(258, floor(free_agents=1)).dial == 2
    assert policy.decide(259, floor(free_agents=1)).dial == 4


def test_calls_that_ring_are_taken_off(floor):
    policy = experienced(floor)
    policy.observe(Dialled("x", 200))
    assert policy.decide(201, floor(free_agents=3, in_flight=1)).dial == 5


def test_the_window_shrinks_when_too_many_are_abandoned(floor):
    policy = experienced(floor, abandoned=2)
    policy.observe(Connected("x", "bob", 200))
    assert policy.decide(259.2, floor()).dial == 0
    assert policy.decide(259.5, floor()).dial >= 1


@pytest.mark.parametrize(("agents", "busy"), [(10, 49), (25, 78), (50, 87.4)])
def test_it_does_about_what_a_published_run_does(run, agents, busy):
    figures = run(Textbook(), agents, days=2)
    assert 100 * figures.utilisation == pytest.approx(busy, abs=3)
    assert figures.drop_rate < 0.04
