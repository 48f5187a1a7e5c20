from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.abandonment import allowance, used_up
from compliance.facts import OWN_MEASURE, DropCount


def count(calls: float, abandoned: float) -> DropCount:
    return DropCount(OWN_MEASURE, calls, abandoned)


@pytest.mark.parametrize(
    ("live_answers", "abandoned", "expected"), [(0, 0, 0), (100, 0, 3), (100, 3, 0), (100, 5, -2), (50, 1, 0.5)]
)
def test_allowance_is_ceiling_times_answers_less_abandoned(live_answers: int, abandoned: int, expected: float) -> None:
    assert allowance(count(live_answers, abandoned), 0.03) == expected


def test_a_campaign_starts_with_nothing_to_risk_until_its_34th_live_answer() -> None:
    assert [used_up(count(answers, 0), 0.03) for answers in (0, 33, 34)] == [True, True, False]


@pytest.mark.parametrize(
    ("abandoned", "ceiling", "expected"), [(2, 0.03, False), (3, 0.03, True), (28, 0.29, False), (29, 0.29, True)]
)
def test_the_last_call_of_the_budget_may_be_risked(abandoned: int, ceiling: float, expected: bool) -> None:
    """Of 100 answers; 0.29 x 100 is a little less than 29 in floats."""
    assert used_up(count(100, abandoned), ceiling) is expected


def test_the_budget_recovers_with_live_answers() -> None:
    assert used_up(count(100, 3), 0.03)
    assert not used_up(count(134, 3), 0.03)


def test_a_ceiling_of_zero_never_risks_a_call() -> None:
    assert used_up(count(1_000_000, 0), 0.0)


@given(st.integers(0, 10_000), st.integers(0, 500), st.integers(0, 100))
def test_while_not_used_up_one_more_abandoned_call_keeps_within_the_ceiling(
    live_answers: int, abandoned: int, percent: int
) -> None:
    """In exact arithmetic: floats neither give a call away nor take one."""
    fits = abandoned + 1 <= Fraction(percent, 100) * live_answers
    assert used_up(count(live_answers, abandoned), percent / 100) is not fits
