"""Whom a look at the agents wakes."""

import pytest

from dialer.web.waiting_room import Waiter, wake


def woken(waiting, ready, held, now=0.0):
    wake(waiting, ready, held, now)
    return [waiter.woken.is_set() for waiter in waiting]


def waiters(kinds):
    return [Waiter(kind == "r", until=10.0) for kind in kinds]


@pytest.mark.parametrize(
    ("kinds", "ready", "held", "expected"),
    [
        ("uuu", 0, 0, "---"),
        ("uuu", 2, 0, "uu-"),  # in the order in which they came
        ("uuu", 2, 1, "u--"),  # the other one is held for a line that rings
        ("uuu", 1, 4, "---"),
        ("ur", 1, 1, "-r"),  # who waited longer may not have the agent who is held
        ("ur", 2, 1, "ur"),
        ("rr", 1, 2, "r-"),
    ],
)
def test_as_many_are_woken_as_agents_are_free_for_them(kinds, ready, held, expected):
    assert woken(waiters(kinds), ready, held) == [letter != "-" for letter in expected]


def test_whose_time_is_over_is_woken_and_told_so():
    early, late = Waiter(False, until=1.0), Waiter(False, until=1.1)
    assert woken([early, late], 0, 0, now=1.0) == [True, False]
    assert (early.over, late.over) == (True, False)
