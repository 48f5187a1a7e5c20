"""The drop-rate budget is spent down to a balance, and never below what the law allows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.budget import CHEAPEST, HIGHEST, LOWEST, Left, Price, tightest
from dialer.pacing.policy import Budget

CEILING = 0.03


def price(calls: float, allowed: float = 60.0, agents: int = 20, chance: float = 0.25) -> float:
    return Price().now(Left(calls, allowed, CEILING), agents, chance, answers=0)


def spent(calls: float, answers: int, allowed: float = 1000.0) -> float:
    """The usual price, after so many answers with that much left."""
    learned = Price()
    for _ in range(answers):
        learned.now(Left(calls, allowed, CEILING), 20, 0.25, answers=1)
    return learned.now(Left(10.0, 60.0, CEILING), 20, 0.25, answers=0)


def test_the_less_is_left_the_dearer_is_an_abandoned_call():
    prices = [price(left / 4) for left in range(4, 400)]
    assert all(more >= less for more, less in pairwise(prices))
    assert prices[0] > 10 * price(6.0) > 10 * price(40.0)


def test_a_quiet_start_is_not_spent_in_one_burst():
    usual = price(3.0, allowed=0.0, agents=1)
    cheapest = price(1e6, allowed=0.0, agents=1)
    assert usual > cheapest > usual / 2.718 ** (CHEAPEST + 1)
    assert cheapest == price(1e9, allowed=0.0, agents=1)


def test_a_large_floor_pays_more_and_so_do_rare_answers():
    assert price(10.0, agents=60) > price(10.0, agents=5)
    assert price(10.0, chance=0.1) == pytest.approx(2.5 * price(10.0, chance=0.25))
    assert price(10.0, chance=0.0) == price(10.0, chance=0.01)


def test_a_balance_that_chance_alone_can_use_up_is_dear():
    """A hundred agents lose a few calls at once now and then; of a young budget that is all."""
    assert price(2.5, allowed=0.0, agents=100) > 3 * price(30.0, allowed=1000.0, agents=100)


def test_in_the_long_run_the_usual_price_follows_what_is_left():
    usual = spent(10.0, answers=0)
    assert spent(500.0, answers=300) < 0.9 * usual
    assert spent(1.0, answers=300) > 1.1 * usual


def test_a_young_budget_below_its_balance_says_nothing_about_the_price():
    """It could not be anywhere else yet."""
    assert spent(1.0, answers=300, allowed=2.0) == spent(1.0, answers=0)


@given(st.lists(st.tuples(st.floats(1, 1e3), st.floats(0, 1e4), st.integers(0, 10_000)), max_size=20))
def test_the_learned_price_stays_within_bounds(decisions):
    learned = Price()
    for calls, allowed, answers in decisions:
        assert learned.now(Left(calls, allowed, CEILING), 20, 0.25, answers) > 0
        assert LOWEST <= learned.state()["learned"] <= HIGHEST


def test_the_learned_price_is_saved_and_restored():
    learned, again = Price(), Price()
    learned.now(Left(500.0, 1000.0, CEILING), 20, 0.25, answers=500)
    again.restore(learned.state())
    same = Left(5.0, 60.0, CEILING)
    assert again.now(same, 20, 0.25, 0) == learned.now(same, 20, 0.25, 0) != Price().now(same, 20, 0.25, 0)


def test_a_learned_price_out_of_bounds_is_brought_back_and_none_is_refused():
    again = Price()
    again.restore({"learned": 99.0})
    assert again.state() == {"learned": HIGHEST}
    with pytest.raises(ValueError):
        again.restore({"learned": float("nan")})


def least(*budgets: Budget, chance: float = 0.25, answered_live: float = 1.0, lost_live: float = 1.0) -> Left:
    return tightest(budgets, chance, answered_live, lost_live)


def test_the_budget_with_the_least_left_binds():
    roomy, narrow = Budget(0.05, 1000, 10), Budget(0.03, 1000, 27)
    left = least(roomy, narrow)
    assert left == least(narrow)
    assert left.calls == pytest.approx(2.9, abs=0.1)
    assert (left.allowed, left.ceiling) == (pytest.approx(30, abs=0.1), 0.03)


def test_a_hair_is_kept_below_the_ceiling():
    assert least(Budget(0.03, 1000, 29)).calls < 1.0


def test_without_a_budget_nothing_may_be_abandoned():
    assert least().calls < 1


def test_a_law_that_counts_persons_only_is_kept_too():
    """Half of what agents were given were voicemails, and all that were abandoned were persons."""
    budget = Budget(0.03, 1000, 10)
    assert least(budget, answered_live=0.5).calls == pytest.approx(10, abs=0.1)
    assert least(budget, answered_live=0.5, lost_live=0.5).calls == pytest.approx(20, abs=0.1)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 200))
def test_what_is_known_of_persons_never_adds_to_what_is_counted(answered, lost, abandoned):
    budget = Budget(0.03, 1000, abandoned)
    assert least(budget, answered_live=answered, lost_live=lost).calls <= least(budget, lost_live=0.0).calls


def test_a_share_of_the_calls_placed_is_a_larger_one_of_the_answers():
    left = least(Budget(0.03, 1000, 10, of_dials=True), chance=0.2, answered_live=0.5)
    assert left.ceiling == pytest.approx(0.15)
    assert left.calls == pytest.approx(20, abs=0.1), "whoever answered, the call was placed"
    assert least(Budget(0.03, 1000, 10, of_dials=True), chance=0.0).ceiling == 1.0
