import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.budget import price, used_up

ALLOWANCES = st.floats(-1000, 1000)
AGENTS = st.integers(1, 400)


@pytest.mark.parametrize(("allowance", "expected"), [(-3.0, True), (0.99, True), (1.0, False), (8.0, False)])
def test_used_up_when_one_more_abandoned_call_would_break_the_ceiling(allowance, expected):
    assert used_up(allowance) is expected


@given(ALLOWANCES, ALLOWANCES, AGENTS)
def test_price_never_falls_as_the_budget_shrinks(one, other, agents):
    low, high = sorted((one, other))
    assert price(low, agents, 0.0) >= price(high, agents, 0.0)


@given(ALLOWANCES, AGENTS)
def test_price_stays_in_a_sane_range(allowance, agents):
    """However much is saved up, an abandoned call is never given away; in debt it costs minutes, not a fortune."""
    assert 10 < price(allowance, agents, 0.0) < 100_000


def test_price_in_balance_is_the_usual_one():
    assert price(3.0, 10, 0.0) == pytest.approx(300, rel=0.01)


def test_price_at_the_end_of_the_budget_is_several_times_the_usual_one():
    assert price(1.0, 10, 0.0) > 5 * price(3.0, 10, 0.0)


def test_large_floor_keeps_more_back():
    assert price(4.0, 100, 0.0) > price(3.0, 10, 0.0) > price(4.0, 10, 0.0)


def test_answers_of_machines_cost_nothing():
    assert price(3.0, 10, 0.4) == pytest.approx(0.6 * price(3.0, 10, 0.0))


def test_no_ceiling_is_the_cheapest_price():
    assert price(float("inf"), 10, 0.0) <= price(1e6, 10, 0.0)
