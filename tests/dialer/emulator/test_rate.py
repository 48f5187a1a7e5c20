"""Calls per second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.emulator.rate import CallRate


@given(
    rate=st.floats(0.1, 50),
    gaps=st.lists(st.floats(0, 2), min_size=1, max_size=120),
)
def test_no_window_holds_more_starts_than_the_rate_allows(rate, gaps):
    calls, now, starts = CallRate(rate), 0.0, []
    for gap in gaps:
        now += gap
        start = calls.next_start(now)
        assert start >= now
        starts.append(start)
    at_once = max(1, int(rate))
    for earlier, later in zip(starts, starts[at_once:], strict=False):
        assert later - earlier >= at_once / rate - 1e-6


def test_calls_within_the_rate_do_not_wait():
    calls = CallRate(10)
    assert [calls.next_start(5.0) for _ in range(10)] == [5.0] * 10
    assert calls.next_start(5.0) == 6.0
    assert calls.next_start(7.5) == 7.5


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        CallRate(0)
