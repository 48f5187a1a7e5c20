"""How punctual ticks are."""

import pytest

from dialer.tick_times import KEPT, TickTimes

NONE = {"ticks": 0, "mean": 0.0, "p99": 0.0, "worst": 0.0}


def test_without_a_tick_there_is_nothing_to_say():
    assert TickTimes().summary() == {"late": NONE, "apart": NONE, "lasted": NONE}


def test_ticks_are_as_far_apart_as_they_begin_and_last_until_they_end():
    times = TickTimes()
    for began, ended in ((10.0, 10.1), (11.0, 11.2), (13.0, 13.3)):
        times.add(began, ended)
    found = times.summary()
    assert found["apart"] == {"ticks": 2, "mean": 1.5, "p99": 2.0, "worst": 2.0}
    assert found["lasted"]["mean"] == pytest.approx(0.2)
    assert found["lasted"]["worst"] == pytest.approx(0.3)


def test_one_slow_tick_in_a_hundred_is_the_worst_and_not_the_99th():
    times = TickTimes()
    for number in range(100):
        times.add(number, number + (0.9 if number == 50 else 0.125))
    lasted = times.summary()["lasted"]
    assert (lasted["p99"], round(lasted["worst"], 9)) == (0.125, 0.9)


def test_lateness_is_kept_as_it_is_told():
    times = TickTimes()
    times.add(0.0, 0.1)
    times.add(1.25, 1.3, late=0.25)
    assert times.summary()["late"] == {"ticks": 2, "mean": 0.125, "p99": 0.25, "worst": 0.25}


def test_of_many_only_the_last_are_kept():
    times = TickTimes()
    times.add(0.0, 9.0)
    for number in range(KEPT):
        times.add(20.0 + number, 20.5 + number)
    assert times.summary()["lasted"]["worst"] == 0.5
