from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.frequency import next_allowed

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
DAY = timedelta(hours=24)
times_around_noon = st.lists(
    st.integers(-3 * 86_400, 3600).map(lambda seconds: NOON + timedelta(seconds=seconds)), max_size=8
)


def test_below_the_cap_is_allowed_now() -> None:
    assert next_allowed([NOON - timedelta(hours=1)] * 2, 3, DAY, NOON) == NOON


def test_at_the_cap_waits_for_the_attempt_that_makes_room() -> None:
    attempts = [NOON - timedelta(hours=hours) for hours in (1, 20, 5, 30)]
    assert next_allowed(attempts, 3, DAY, NOON) == NOON - timedelta(hours=20) + DAY


def test_an_attempt_counts_up_to_and_not_including_one_window_later() -> None:
    second = timedelta(seconds=1)
    assert next_allowed([NOON - DAY], 1, DAY, NOON) == NOON
    assert next_allowed([NOON - DAY + second], 1, DAY, NOON) == NOON + second


def test_a_window_is_of_real_hours_where_the_wall_clock_shifts() -> None:
    new_york = ZoneInfo("America/New_York")
    attempt = datetime(2026, 10, 31, 12, tzinfo=new_york)
    assert next_allowed([attempt], 1, DAY, attempt) == datetime(2026, 11, 1, 11, tzinfo=new_york)


def test_a_cap_that_no_waiting_satisfies_is_refused() -> None:
    with pytest.raises(ValueError, match="cap of 0 attempts"):
        next_allowed([], 0, DAY, NOON)


@given(times_around_noon, st.integers(1, 4), st.integers(1, 48))
def test_it_is_the_first_second_with_room(attempts: list[datetime], cap: int, hours: int) -> None:
    """Counting the attempts of the window before each candidate gives the same answer."""
    window = timedelta(hours=hours)

    def room(moment: datetime) -> bool:
        return sum(moment - window < attempt for attempt in attempts) < cap

    expected = min(
        moment for moment in [NOON, *(attempt + window for attempt in attempts)] if moment >= NOON and room(moment)
    )
    assert next_allowed(attempts, cap, window, NOON) == expected
