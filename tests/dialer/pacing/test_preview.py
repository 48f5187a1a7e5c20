"""Agents dial themselves; each is to have a lead before the eyes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.events import AgentFree, Dialled
from dialer.pacing.policy import Budget, Floor
from dialer.pacing.preview import Preview, leads_to_show
from dialer.pacing.progressive import CLOSED_SECONDS

counts = st.integers(0, 500)


@pytest.mark.parametrize(
    ("free", "in_flight", "leads", "show"),
    [(3, 0, 10, 3), (3, 1, 10, 2), (3, 3, 10, 0), (1, 4, 10, 0), (8, 0, 5, 5), (0, 0, 10, 0)],
)
def test_each_free_agent_without_a_lead_is_to_see_one(free, in_flight, leads, show):
    assert leads_to_show(Floor(free, in_flight, leads, ())) == show


def test_the_reason_says_how_many():
    decision = Preview().decide(0.0, Floor(3, 1, 10, (Budget(0.03, 0, 0),)))
    assert decision.reason == "agents dial themselves: 3 free, 1 with a lead or its line: show 2"


@given(counts, counts, counts)
def test_it_never_dials_and_shows_no_more_leads_than_there_are_and_are_needed(free, in_flight, leads):
    floor = Floor(free, in_flight, leads, ())
    policy = Preview()
    policy.observe(AgentFree("ann", 1.0))
    policy.observe(Dialled("a", 2.0))
    decision = policy.decide(3.0, floor)
    assert (decision.dial, decision.reserve, decision.give_up) == (0, True, ())
    show = leads_to_show(floor)
    assert 0 <= show <= leads
    assert show == 0 or show + in_flight <= free


def test_nothing_is_learned():
    assert Preview().state() == {"format": "preview-1"}


def test_no_lead_is_shown_that_nobody_may_dial_any_more():
    assert leads_to_show(Floor(3, 0, 10, (), closes_in=CLOSED_SECONDS - 1)) == 0
    assert leads_to_show(Floor(3, 0, 10, (), closes_in=CLOSED_SECONDS)) == 3
