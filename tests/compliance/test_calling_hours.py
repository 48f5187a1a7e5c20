from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.calling_hours import DAY, Windows, common, everywhere, next_opening, open_until

HOUR = 3600
LEGAL: Windows = ((8 * HOUR, 21 * HOUR),)
ALWAYS: Windows = ((0, DAY),)
NEW_YORK = "America/New_York"
RING = timedelta(seconds=25)
ZONES = [
    *(NEW_YORK, "America/Los_Angeles", "America/Phoenix", "America/Adak", "Pacific/Honolulu", "America/St_Johns"),
    *("Australia/Lord_Howe", "Asia/Kathmandu", "Europe/London", "Pacific/Guam", "Africa/Casablanca", "America/Havana"),
]
# A Sunday before and a Sunday on which clocks change somewhere, in spring and in autumn, and any day
days = st.one_of(
    st.sampled_from([date(2026, 3, 7), date(2026, 3, 28), date(2026, 10, 31), date(2026, 10, 24), date(2026, 4, 4)]),
    st.dates(date(2025, 1, 1), date(2029, 12, 31)),
)
moments = st.builds(
    lambda day, seconds: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds),
    days,
    st.integers(0, 2 * DAY),
)
minutes_of_day = st.lists(st.integers(0, 24 * 60), min_size=4, max_size=4, unique=True).map(sorted)
one_day = st.one_of(
    st.just(LEGAL),
    st.just(ALWAYS),
    st.just(()),
    minutes_of_day.map(lambda m: ((m[0] * 60, m[1] * 60), (m[2] * 60, m[3] * 60))),
)
weeks = st.lists(one_day, min_size=7, max_size=7)
zone_sets = st.frozensets(st.sampled_from(ZONES), min_size=1, max_size=3)


def every_day(windows: Windows) -> Callable[[date], Windows]:
    return lambda _day: windows


def local(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def wall_open(week: list[Windows], zones: frozenset[str], moment: datetime) -> bool:
    """The oracle: read every wall clock and compare."""
    for zone in zones:
        wall = moment.astimezone(ZoneInfo(zone))
        seconds = wall.hour * HOUR + wall.minute * 60 + wall.second
        if not any(opens <= seconds < closes for opens, closes in week[wall.weekday()]):
            return False
    return True


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("2026-11-23T07:59:59", False),
        ("2026-11-23T08:00:00", True),
        ("2026-11-23T20:59:59", True),
        ("2026-11-23T21:00:00", False),
    ],
)
def test_a_window_is_half_open_to_the_second(text: str, is_open: bool) -> None:
    closes = open_until(everywhere(every_day(LEGAL), frozenset({NEW_YORK})), local(NEW_YORK, text))
    assert closes == (local(NEW_YORK, "2026-11-23T21:00") if is_open else None)


def test_the_first_zone_to_close_closes_all() -> None:
    zones = frozenset({NEW_YORK, "America/Los_Angeles"})
    at = local(NEW_YORK, "2026-11-23T12:00")
    assert open_until(everywhere(every_day(LEGAL), zones), at) == local(NEW_YORK, "2026-11-23T21:00")
    assert open_until(everywhere(every_day(LEGAL), zones), local(NEW_YORK, "2026-11-23T10:59:59")) is None


def test_a_lunch_break_closes() -> None:
    lunch: Windows = ((9 * HOUR, 12 * HOUR), (14 * HOUR, 18 * HOUR))
    zone = frozenset({NEW_YORK})
    assert open_until(everywhere(every_day(lunch), zone), local(NEW_YORK, "2026-11-23T12:00")) is None
    opening = next_opening(everywhere(every_day(lunch), zone), local(NEW_YORK, "2026-11-23T11:59:50"), RING)
    assert opening == local(NEW_YORK, "2026-11-23T14:00")


def test_the_ring_must_end_before_the_window_does() -> None:
    zone = frozenset({NEW_YORK})
    last = local(NEW_YORK, "2026-11-23T20:59:34")
    assert next_opening(everywhere(every_day(LEGAL), zone), last, RING) == last
    late = last + timedelta(seconds=1)
    assert next_opening(everywhere(every_day(LEGAL), zone), late, RING) == local(NEW_YORK, "2026-11-24T08:00")


def test_a_window_shorter_than_the_ring_is_passed_over() -> None:
    windows: Windows = ((9 * HOUR, 9 * HOUR + 20), (10 * HOUR, 11 * HOUR))
    for text in ("2026-11-23T08:00", "2026-11-23T09:00"):
        opening = next_opening(everywhere(every_day(windows), frozenset({NEW_YORK})), local(NEW_YORK, text), RING)
        assert opening == local(NEW_YORK, "2026-11-23T10:00")


def test_days_without_windows_are_waited_out() -> None:
    def weekdays(day: date) -> Windows:
        return LEGAL if day.weekday() < 5 else ()

    friday_night = local(NEW_YORK, "2026-11-27T22:00")
    schedule = everywhere(weekdays, frozenset({NEW_YORK}))
    assert next_opening(schedule, friday_night, RING) == local(NEW_YORK, "2026-11-30T08:00")


def test_midnight_does_not_interrupt_a_day_that_is_open_all_round() -> None:
    at = local(NEW_YORK, "2026-11-23T23:59:50")
    assert next_opening(everywhere(every_day(ALWAYS), frozenset({NEW_YORK})), at, RING) == at


def test_zones_too_far_apart_never_open() -> None:
    short: Windows = ((9 * HOUR, 12 * HOUR),)
    zones = frozenset({NEW_YORK, "Pacific/Guam"})
    assert next_opening(everywhere(every_day(short), zones), local(NEW_YORK, "2026-11-23T09:00"), RING) is None
    assert next_opening(everywhere(every_day(()), zones), local(NEW_YORK, "2026-11-23T09:00"), RING) is None


@pytest.mark.parametrize(
    ("text", "fold", "closes"),
    [
        ("2026-03-08T01:45", 0, "2026-03-08T08:00"),  # 02:00 to 03:00 does not exist
        ("2026-03-08T03:15", 0, "2026-03-08T08:00"),
        ("2026-11-01T01:45", 0, "2026-11-01T06:00"),  # the clock falls back to 01:00, which is before the window
        ("2026-11-01T01:45", 1, "2026-11-01T09:00"),
    ],
)
def test_the_wall_clock_decides_on_the_days_when_it_shifts(text: str, fold: int, closes: str) -> None:
    """Of a window from 01:30 to 04:00; `closes` in UTC."""
    windows: Windows = ((90 * 60, 4 * HOUR),)
    expected = datetime.fromisoformat(closes).replace(tzinfo=UTC)
    assert open_until(everywhere(every_day(windows), frozenset({NEW_YORK})), local(NEW_YORK, text, fold)) == expected


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25)])
def test_a_day_that_is_open_all_round_has_as_many_hours_as_the_clock_gives_it(day: str, hours: int) -> None:
    def only_that_day(on: date) -> Windows:
        return ALWAYS if on == date.fromisoformat(day) else ()

    midnight = local(NEW_YORK, day)
    closes = open_until(everywhere(only_that_day, frozenset({NEW_YORK})), midnight)
    assert closes is not None
    assert closes - midnight.astimezone(UTC) == timedelta(hours=hours)


def test_common_is_what_lies_in_both() -> None:
    lunch: Windows = ((9 * HOUR, 12 * HOUR), (14 * HOUR, 22 * HOUR))
    assert common(LEGAL, lunch) == ((9 * HOUR, 12 * HOUR), (14 * HOUR, 21 * HOUR))
    assert common(LEGAL, ((21 * HOUR, DAY),)) == ()


@given(weeks, zone_sets, moments)
def test_open_is_what_the_wall_clocks_say(week: list[Windows], zones: frozenset[str], at: datetime) -> None:
    closes = open_until(everywhere(lambda day: week[day.weekday()], zones), at)
    assert (closes is not None) is wall_open(week, zones, at)
    if closes is not None:
        assert wall_open(week, zones, closes - timedelta(seconds=1))


@settings(max_examples=60, deadline=None)
@given(weeks, zone_sets, moments, st.integers(1, 600))
def test_next_opening_is_the_first_minute_that_the_wall_clocks_allow(
    week: list[Windows], zones: frozenset[str], at: datetime, ring_seconds: int
) -> None:
    minute = at.replace(second=0)
    is_open = [wall_open(week, zones, minute + timedelta(minutes=i)) for i in range(3 * 24 * 60)]

    def rings_inside(start: datetime) -> bool:
        first, last = ((moment - minute) // timedelta(minutes=1) for moment in (start, start + seconds))
        return last < len(is_open) and all(is_open[first : last + 1])

    seconds = timedelta(seconds=ring_seconds)
    candidates = [at, *(minute + timedelta(minutes=i) for i in range(1, len(is_open)))]
    expected = next((start for start in candidates if rings_inside(start)), None)
    found = next_opening(everywhere(lambda day: week[day.weekday()], zones), at, seconds)
    if expected is not None:
        assert found == expected
    else:
        assert found is None or found + seconds >= minute + timedelta(minutes=len(is_open))
