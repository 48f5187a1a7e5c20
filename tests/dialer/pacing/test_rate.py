"""How often something happens, whatever the hour before was."""

from math import inf

import pytest

from dialer.pacing.rate import GAP_SECONDS, LEAST_SECONDS, Rate


def looked(rate: Rate, begins: float, seconds: int, each: float, total: float = 0.0) -> float:
    for at in range(seconds + 1):
        rate.look(begins + at, total + each * at)
    return total + each * seconds


def test_nothing_is_said_of_the_first_minutes():
    rate = Rate()
    looked(rate, 0, int(LEAST_SECONDS) - 200, 0.1)
    assert rate.per_second == inf


def test_it_is_what_was_counted_over_the_time_and_follows():
    rate = Rate()
    total = looked(rate, 0, 3600, 0.1)
    assert rate.per_second == pytest.approx(0.1)
    looked(rate, 3600, 3600, 0.3, total)
    assert 0.2 < rate.per_second < 0.3


def test_a_night_is_no_time_without_answers():
    rate = Rate()
    total = looked(rate, 0, 3600, 0.1)
    looked(rate, 16 * 3600, 60, 0.1, total)
    assert rate.per_second == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(("at", "total"), [(3590.0, 360.0), (3601.0, 0.0), (3601.0 + GAP_SECONDS, 900.0)])
def test_a_clock_set_back_a_count_begun_anew_or_a_long_gap_changes_nothing(at, total):
    rate = Rate()
    looked(rate, 0, 3600, 0.1)
    before = rate.per_second
    rate.look(at, total)
    assert rate.per_second == before


def test_looks_a_minute_apart_tell_as_much():
    rate = Rate()
    for at in range(0, 3600, 60):
        rate.look(float(at), 0.1 * at)
    assert rate.per_second == pytest.approx(0.1)
