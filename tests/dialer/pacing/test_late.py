"""Answers that are missing: when chance may be why, and for how long they may still come."""

import pytest

from dialer.pacing.late import LATELY, Late


def test_nothing_is_missing_where_as_many_came_as_were_due():
    late = Late()
    for number in range(100):
        late.ended(float(number), 0.3, 1.0 if number % 10 < 3 else 0.0)
    assert late.missing(0.0) == 0.0


@pytest.mark.parametrize("due", [0.0, 5.0])
def test_what_chance_may_be_the_reason_of_is_not_missing(due):
    assert Late().missing(due) == 0.0


def test_what_is_due_of_ringing_lines_and_of_others_is_missing_as_a_whole():
    late = Late()
    for number in range(20):
        late.ended(float(number), 1.0, 0.25)
    assert late.missing(10.0) == pytest.approx(30.0 - 5.0)


def test_more_are_needed_to_say_so_of_a_large_floor_as_chances_are_never_known_exactly():
    late = Late()
    late.ended(0.0, 0.0, 700.0)
    assert late.missing(880.0) == 0.0  # six deviations by chance alone
    assert late.missing(1000.0) == pytest.approx(300.0)


def test_lines_dialled_long_ago_are_not_waited_for():
    late = Late()
    late.ended(100.0, 20.0, 0.0)
    late.ended(130.0, 30.0, 0.0)
    late.settle(125.0, 1.0)
    assert late.missing(0.0) == pytest.approx(30.0)


def test_the_level_of_before_goes_on_counting_for_a_while():
    """Answers that are late take it down themselves."""
    late = Late()
    for _ in range(LATELY - 1):
        late.settle(0.0, 0.3)
        assert late.missing(40.0) == pytest.approx(40.0)
    late.settle(0.0, 0.3)
    assert late.missing(40.0) == pytest.approx(12.0)
