from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.events import Dialled
from dialer.pacing.policy import Budget, Floor
from dialer.pacing.progressive import Progressive


def decide(free: int, in_flight: int, max_dials: int) -> int:
    decision = Progressive().decide(0.0, Floor(free, in_flight, max_dials, budgets=()))
    assert decision.reserve
    assert decision.give_up == ()
    return decision.dial


@pytest.mark.parametrize(
    ("free", "in_flight", "max_dials", "dial"),
    [(3, 0, 10, 3), (3, 1, 10, 2), (3, 3, 10, 0), (1, 4, 10, 0), (8, 0, 5, 5), (0, 0, 10, 0)],
)
def test_one_line_for_each_free_agent_no_call_covers(free, in_flight, max_dials, dial):
    assert decide(free, in_flight, max_dials) == dial


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 50))
def test_lines_never_outnumber_free_agents_or_limits(free, in_flight, max_dials):
    dial = decide(free, in_flight, max_dials)
    assert 0 <= dial <= max_dials
    assert dial == 0 or dial + in_flight <= free


@given(st.integers(0, 50), st.integers(0, 50))
def test_half_of_the_free_agents_are_left_to_others_who_expect_answers(free, in_flight):
    floor = Floor(free, in_flight, 1000, budgets=(), others=(0.0, 0.5))
    dial = Progressive().decide(0.0, floor).dial
    assert dial == max(0, (free + 1) // 2 - in_flight)
    assert Progressive().decide(0.0, replace(floor, others=(0.0, 0.0))).dial == max(0, free - in_flight)


def test_a_used_up_budget_does_not_matter_as_no_line_can_be_abandoned():
    assert Progressive().decide(0.0, Floor(3, 0, 10, budgets=(Budget(0.03, 100, 50),))).dial == 3


def test_reason_names_the_figures():
    reason = Progressive().decide(0.0, Floor(3, 1, 10, budgets=())).reason
    assert reason == "one line for each free agent: 3 free, 1 in flight: dial 2"


def test_it_learns_nothing():
    policy = Progressive()
    policy.observe(Dialled("call", 0.0))
    assert policy.state() == Progressive().state() == {"format": "progressive-1"}
