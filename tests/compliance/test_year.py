"""Every opening and closing of a whole year in every place: the gate beside an oracle that reads the packs itself."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance import rulebook
from compliance.facts import Facts
from compliance.gate import Blocked, Cleared, Reason, check
from compliance.rulebook import Rulebook
from tests.compliance.oracle import WHERE, is_ruled, year_by_the_minute

YEAR = 2026
START = datetime(YEAR, 1, 1, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
RING_SECONDS = 25
AROUND_A_SHIFT = 120  # minutes, before and after
KINDS = ("telemarketing", "survey", "debt-collection")


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return rulebook.load()


def to_landline(place: str, kind: str) -> Facts:
    """Consent and lists settled, so that only the clock decides."""
    return Facts(
        number="+12125550123",
        kind=kind,
        jurisdictions=frozenset({place, place[:2]}),
        zones=WHERE[place],
        line_type="landline",
        ring_seconds=RING_SECONDS,
        consent="written",
        attempts_per_day=9,
        agent_reserved=True,
    )


def changes(minutes: bytes) -> Iterator[int]:
    """The minutes that differ from the one before."""
    at = 0
    while (at := minutes.find(1 - minutes[at], at)) >= 0:
        yield at


def shifts(place: str) -> Iterator[int]:
    """The minutes at which a clock of the place is set."""
    for zone in WHERE[place]:
        for hour in range(1, 365 * 24):
            before, after = ((START + timedelta(hours=h)).astimezone(ZoneInfo(zone)) for h in (hour - 1, hour))
            if before.utcoffset() != after.utcoffset():
                yield hour * 60


@pytest.mark.parametrize("place", sorted(WHERE))
@pytest.mark.parametrize("kind", KINDS)
def test_every_opening_and_closing_of_a_year(book: Rulebook, place: str, kind: str) -> None:
    call = to_landline(place, kind)
    if not is_ruled(place, kind, date(YEAR, 7, 1)):
        verdict = check(call, book, START)
        assert isinstance(verdict, Blocked)
        assert verdict.reason is Reason.NO_RULES
        return
    minutes = year_by_the_minute(place, kind, YEAR)
    found = list(changes(minutes))
    assert len(found) > 400
    for minute, following in zip(found, [*found[1:], None], strict=True):
        moment = START + minute * MINUTE
        if minutes[minute]:
            asked = {moment - SECOND: False, moment: True}
        else:
            last = moment - timedelta(seconds=RING_SECONDS)
            asked = {last - SECOND: True, last: False, moment: False}
        for at, legal in asked.items():
            verdict = check(call, book, at)
            assert isinstance(verdict, Cleared) is legal, (at, verdict)
            if isinstance(verdict, Blocked):
                assert verdict.reason in (Reason.HOURS, Reason.HOLIDAY)
                opens = minute if minutes[minute] else following
                assert opens is None or verdict.until == START + opens * MINUTE, (at, verdict)


@pytest.mark.parametrize("place", sorted(WHERE))
def test_every_minute_around_a_shift_of_the_clocks(book: Rulebook, place: str) -> None:
    call, minutes = to_landline(place, "telemarketing"), year_by_the_minute(place, "telemarketing", YEAR)
    for shift in shifts(place):
        for minute in range(shift - AROUND_A_SHIFT, shift + AROUND_A_SHIFT):
            verdict = check(call, book, START + minute * MINUTE)
            assert isinstance(verdict, Cleared) is bool(minutes[minute]), (minute, verdict)
