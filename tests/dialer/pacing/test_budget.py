"""The drop-rate budget is spent down to a balance, and never below what the law allows."""

import json
from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.budget import CHEAPEST, GROWTH, HIGHEST, LOWEST, RARITY, USUAL_PRICE, Left, Price, tightest
from dialer.pacing.policy import Budget

CEILING, AGENTS = 0.03, 12
FIRST_GUESS = USUAL_PRICE * AGENTS**GROWTH / CEILING**RARITY


def price(calls: float, allowed: float = 60.0, agents: int = AGENTS, ceiling: float = CEILING) -> float:
    return Price().now(Left(calls, allowed, ceiling), 0.0, agents)


def unmoved() -> Left:
    """A budget with so much left that the price is neither raised nor lowered."""
    low, high = 1.0, 60.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if price(middle) > FIRST_GUESS else (low, middle)
    return Left(low, 60.0, CEILING)


USUAL = unmoved()


def learned(calls: float, foreseen: float, decisions: int = 300, abandoned: float = 0.0) -> float:
    """The usual price, after decisions with that much left that each foresaw so many calls lost where 0.01 are
    allowed."""
    price = Price()
    for _ in range(decisions):
        price.now(Left(calls, 60.0, CEILING), 0.0, AGENTS)
        price.foresee(foreseen, 0.01)
        price.abandoned(abandoned)
    return price.now(USUAL, 0.0, AGENTS)


def test_the_less_is_left_the_dearer_is_an_abandoned_call():
    prices = [price(left / 4) for left in range(4, 400)]
    assert all(more >= less for more, less in pairwise(prices))
    assert prices[0] > 10 * price(6.0) > 20 * price(40.0)


def test_a_quiet_start_is_not_spent_in_one_burst():
    usual = price(3.0, allowed=0.0, agents=1)
    cheapest = price(1e6, allowed=0.0, agents=1)
    assert usual > cheapest > usual / 2.718 ** (CHEAPEST + 1)
    assert cheapest == price(1e9, allowed=0.0, agents=1)


def test_a_few_calls_move_the_price_less_the_larger_the_budget():
    small, large = (price(20.0, allowed) / price(30.0, allowed) for allowed in (60.0, 6000.0))
    assert 1.01 < large < 1.1 < 1.4 < small


def test_only_the_last_calls_are_dear_by_themselves():
    """What is left of a thousand calls moves the price hardly at all, until chance could use it up."""
    usual, low, last = (price(calls, allowed=1000.0, agents=10) for calls in (12.0, 8.0, 2.0))
    assert 1.0 < low / usual < 1.15
    assert last / low > 4


def test_what_is_above_the_balance_is_spent_by_the_end_of_the_day():
    """By a price at which as many calls more are lost, and no lower than after a quiet start."""
    left = Left(20.0, 60.0, CEILING)
    by_hours = [Price().now(left, 0.0, AGENTS, to_come) for to_come in (1e6, 12.0, 8.0, 4.0, 0.0)]
    assert by_hours[0] == price(20.0)
    assert all(later > sooner for later, sooner in pairwise(by_hours))
    assert by_hours[-1] > FIRST_GUESS * 2.718 ** -(CHEAPEST + 0.1)


@pytest.mark.parametrize("calls", [1.0, 2.0, 3.0])
def test_what_is_below_the_balance_is_no_cheaper_at_the_end_of_the_day(calls):
    assert Price().now(Left(calls, 60.0, CEILING), 0.0, AGENTS, 1.0) == price(calls)


def test_the_larger_a_budget_the_more_of_it_is_kept_in_balance():
    """The same dozen calls are much of a small budget, and of a large one what it swings by itself."""
    small, large = (price(12.0, allowed, agents=10) for allowed in (150.0, 4000.0))
    assert small < price(1e3, 0.0, agents=10) * 2.718**CHEAPEST < large


def test_the_larger_the_floor_the_less_the_same_calls_of_a_budget_move_its_price():
    """It has more calls in flight, whose losses come and go."""
    small, large = (log(price(120.0, 1000.0, agents) / price(160.0, 1000.0, agents)) for agents in (25, 100))
    assert 0 < large < 0.75 * small


def test_a_large_floor_saves_a_ripe_budget_from_further_away():
    """It loses many calls at once when fewer agents get free than was thought."""
    few, all_left = (price(calls, allowed=10_000.0, agents=400) for calls in (40.0, 300.0))
    assert few > 4 * all_left
    assert price(30.0, allowed=30.0, agents=400) < 1.6 * FIRST_GUESS * (400 / AGENTS) ** GROWTH


def test_calls_that_lines_in_flight_will_lose_are_spent_already():
    left = Left(20.0, 60.0, CEILING)
    assert Price().now(left, 15.0, AGENTS) == Price().now(Left(5.0, 60.0, CEILING), 0.0, AGENTS)
    assert Price().now(left, 50.0, AGENTS) == Price().now(Left(1.0, 60.0, CEILING), 0.0, AGENTS)


def test_a_large_floor_pays_more_and_so_does_a_strict_ceiling():
    assert price(1e6, agents=60) > 1.3 * price(1e6, agents=5)
    assert price(10.0, ceiling=0.01) > 1.5 * price(10.0, ceiling=0.03)
    assert price(10.0, ceiling=0.0) == price(10.0, ceiling=0.001)


def test_a_balance_that_chance_alone_can_use_up_is_dear():
    """A hundred agents lose a few calls at once now and then; of a young budget that is all."""
    assert price(2.5, allowed=0.0, agents=100) > 3 * price(30.0, allowed=1000.0, agents=100)


def test_what_decisions_foresee_sets_the_usual_price():
    assert learned(USUAL.calls, foreseen=0.02, abandoned=0.02) > 1.3 * learned(USUAL.calls, 0.0, decisions=0)
    assert learned(USUAL.calls, foreseen=0.005, abandoned=0.005) < 0.9 * learned(USUAL.calls, 0.0, decisions=0)
    assert learned(USUAL.calls, foreseen=0.01, abandoned=0.01) == pytest.approx(price(USUAL.calls))


def test_a_price_that_the_budget_has_moved_says_nothing_of_the_usual_one():
    """Twenty times as dear, and a twentieth of what is allowed is foreseen: just right."""
    dear = 0.01 * price(USUAL.calls) / price(1.0)
    assert learned(1.0, dear, abandoned=dear) == pytest.approx(price(USUAL.calls))
    assert learned(USUAL.calls, dear, abandoned=dear) < 0.9 * price(USUAL.calls)


def test_a_forecast_that_is_wrong_is_made_good():
    """Twice as many are lost as foreseen: half of what is allowed must be foreseen."""
    doubled = learned(USUAL.calls, foreseen=0.01, decisions=3000, abandoned=0.02)
    assert doubled > 2 * learned(USUAL.calls, foreseen=0.01, decisions=3000, abandoned=0.01)
    once, unmade = Price(), Price()
    for one in (once, unmade):
        one.abandoned(30.0)
    unmade.abandoned(-30.0)  # they were machines
    for one in (once, unmade):
        one.foresee(1.0, 1.0)
    assert once.now(USUAL, 0.0, AGENTS) > 1.1 * unmade.now(USUAL, 0.0, AGENTS)


def under_a_limit(lines: int, held_back: bool) -> float:
    """The usual price after so many lines that no call is lost by."""
    price = Price()
    price.now(USUAL, 0.0, AGENTS)
    for _ in range(lines):
        price.foresee(0.0, 0.01, limited=True)
    if held_back:
        price.held_back()
    return price.now(USUAL, 0.0, AGENTS)


def test_lines_up_to_a_limit_teach_once_the_price_holds_others_back():
    """A limit that always decides says nothing of the price; one that decides now and then leaves budget to spend."""
    assert under_a_limit(50, held_back=False) == price(USUAL.calls) > 1.02 * under_a_limit(50, held_back=True)


def test_however_many_lines_a_limit_decided_they_teach_little():
    """Else hours at the limit would make calls cheap for the moment when it is lifted. With most of a budget left, too,
    when each line teaches more."""
    price = Price()
    usual = price.now(USUAL, 0.0, AGENTS)
    price.now(Left(1e3, 60.0, CEILING), 0.0, AGENTS)
    for _ in range(1000):
        price.foresee(0.0, 0.02, limited=True)
    price.held_back()
    assert 0.9 * usual < price.now(USUAL, 0.0, AGENTS) < usual


def test_what_lines_up_to_a_limit_teach_is_taught_once():
    price = Price()
    price.now(USUAL, 0.0, AGENTS)
    price.foresee(0.0, 1.0, limited=True)
    price.held_back()
    once = price.now(USUAL, 0.0, AGENTS)
    price.held_back()
    assert price.now(USUAL, 0.0, AGENTS) == once


@given(st.lists(st.tuples(st.floats(1, 1e3), st.floats(0, 50), st.floats(0, 50), st.floats(-50, 50)), max_size=20))
def test_the_learned_price_stays_within_bounds(decisions):
    price = Price()
    for calls, foreseen, allowed, abandoned in decisions:
        assert price.now(Left(calls, 1000.0, CEILING), 0.0, AGENTS) > 0
        price.abandoned(abandoned)
        price.foresee(foreseen, allowed)
        assert LOWEST <= price.state()["learned"] <= HIGHEST


def test_the_learned_price_is_saved_and_restored():
    learned, again = Price(), Price()
    learned.now(USUAL, 0.0, AGENTS)
    learned.foresee(3.0, 1.0)
    learned.abandoned(5.0)
    again.restore(json.loads(json.dumps(learned.state())))
    for one in (learned, again):
        one.now(USUAL, 0.0, AGENTS)
        one.foresee(1.0, 0.0)
    assert again.now(USUAL, 0.0, AGENTS) == learned.now(USUAL, 0.0, AGENTS) != Price().now(USUAL, 0.0, AGENTS)


def test_a_learned_price_out_of_bounds_is_brought_back_and_none_is_refused():
    again = Price()
    again.restore({"learned": 99.0, "forecast": [1.0, 1.0]})
    assert again.state()["learned"] == HIGHEST
    for damaged in ({"learned": float("nan"), "forecast": [1.0, 1.0]}, {"learned": 0.0, "forecast": [1.0]}):
        with pytest.raises(ValueError):
            again.restore(damaged)


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
