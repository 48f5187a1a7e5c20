"""Wrap-ups that end no more: how many must be missing before it is no chance, and what says that they end again."""

import numpy as np
import pytest

from dialer.pacing.standstill import BEYOND_CHANCE, LONGEST_LOOK, Standstill


def looked(standstill: Standstill, seconds: int, due: float, since: float = 0.0) -> Standstill:
    for second in range(seconds + 1):
        standstill.look(since + second, due)
    return standstill


@pytest.mark.parametrize(("seconds", "lasts"), [(0, False), (9, False), (10, True), (1000, True)])
def test_ten_due_without_one_that_ends_are_no_chance(seconds, lasts):
    assert looked(Standstill(), seconds, 1.0).lasts is lasts


def test_one_that_ends_says_that_the_next_one_will_until_more_are_missing():
    standstill = looked(Standstill(), 1000, 1.0)
    standstill.ended()
    assert not standstill.lasts
    assert not looked(standstill, 2, 1.0, since=1000.0).lasts
    assert looked(standstill, 2, 1.0, since=1002.0).lasts


def stood(due: float, ends: float, seconds: int) -> int:
    """For how many seconds, with so many due and so many that end in each."""
    rng, standstill, lasted = np.random.default_rng(1), Standstill(), 0
    for second in range(seconds):
        standstill.look(float(second), due)
        lasted += standstill.lasts
        for _ in range(rng.poisson(ends)):
            standstill.ended()
    return lasted


def test_where_as_many_end_as_are_due_it_is_one_for_seconds_a_day_at_most():
    assert stood(0.3, 0.3, seconds=30_000) < 10


def test_where_half_of_those_due_end_they_are_slow_and_it_is_seldom_one():
    assert stood(0.9, 0.5, seconds=10_000) < 300


def test_nobody_in_wrap_up_stands_still():
    standstill = looked(Standstill(), 1000, 1.0)
    standstill.look(1001.0, 0.0)
    assert not standstill.lasts
    assert not looked(standstill, 9, 1.0, since=1001.0).lasts


def test_a_pause_between_looks_speaks_for_a_second_only_and_a_clock_set_back_for_nothing():
    standstill = Standstill()
    for look in range(5):
        standstill.look(100.0 * look, BEYOND_CHANCE / 5 / LONGEST_LOOK)
    assert not standstill.lasts
    for look in range(100):
        standstill.look(-float(look), 5.0)
    assert not standstill.lasts
