"""What is known of a lead at a moment."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.traits import MOST_ATTEMPTS, traits

NOON = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("America/New_York"))  # a Monday


def test_of_a_fresh_lead_its_area_and_the_hour_there_are_known():
    assert traits("+12125550123", NOON) == ("area 1212", "hour 12", "hour 12 weekday", "attempt 1")
    assert traits("+442079460123", NOON)[0] == "area 4420"


def test_a_weekend_is_told_and_its_hours_are_others():
    found = traits("+12125550123", NOON + timedelta(days=5))
    assert {"weekend", "hour 12 weekend"} <= set(found)


@pytest.mark.parametrize(
    ("hours", "since", "part"),
    [(0.3, 0, "other"), (4, 1, "other"), (24, 3, "same"), (21, 3, "same"), (200, 5, "other")],
)
def test_the_last_attempt_is_told_with_its_part_of_the_day_there_and_how_long_ago(hours, since, part):
    last_at = (NOON - timedelta(hours=hours)).astimezone(UTC)
    found = traits("+12125550123", NOON, attempts=2, last="no-answer", last_at=last_at)
    assert found[4:] == (
        *("last no-answer", "attempt 3 last no-answer"),
        *(f"last no-answer in the {part} part of the day", f"last no-answer since {since}"),
    )


def test_many_attempts_are_all_alike():
    assert traits("+12125550123", NOON, attempts=MOST_ATTEMPTS)[3] == traits("+12125550123", NOON, attempts=50)[3]


@pytest.mark.parametrize(("hour", "known"), [(13, "answered before in this part of the day"), (9, "answered before")])
def test_when_a_person_answered_before_is_told(hour, known):
    answered = (NOON - timedelta(days=3)).replace(hour=hour).astimezone(UTC)
    assert traits("+12125550123", NOON, answered_at=[answered])[-1] == known


@given(
    st.integers(0, 9000).map(lambda hours: (NOON + timedelta(hours=hours)).astimezone(ZoneInfo("America/Denver"))),
    st.integers(0, 9),
    st.floats(0, 400),
    st.lists(st.floats(0, 400), max_size=3),
)
def test_no_trait_is_named_twice_and_the_zone_in_which_the_past_is_told_does_not_matter(local, attempts, hours, ago):
    def seen_from(zone):
        moments = [(local.astimezone(UTC) - timedelta(hours=one)).astimezone(zone) for one in (hours, *ago)]
        last = {"last": "busy", "last_at": moments[0]}
        return traits("+13035550123", local, attempts=attempts, answered_at=moments[1:], **last)

    found = seen_from(UTC)
    assert len(found) == len(set(found))
    assert found == seen_from(ZoneInfo("Asia/Tokyo"))
