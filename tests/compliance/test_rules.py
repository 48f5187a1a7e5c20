"""The rule packs as they are shipped: what each says, and a slow oracle that reads the files by itself."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance import rulebook
from compliance.facts import Facts
from compliance.gate import Blocked, Cleared, Reason, check
from compliance.rulebook import Rulebook
from tests.compliance.oracle import FOLDER, WHERE, is_ruled, legal, year_by_the_minute

RECORDS = [row for file in FOLDER.glob("records_*.toml") for row in tomllib.loads(file.read_text())["record"]]
BOOK = rulebook.load()


@pytest.fixture(scope="session")
def book() -> Rulebook:
    return BOOK


def call(place: str, kind: str, **changes: Any) -> Facts:
    """To a landline in one place, consent and lists settled, so that the clock decides."""
    usual: dict[str, Any] = {
        **{"number": "+12125550123", "kind": kind, "ring_seconds": 25, "attempts_per_day": 9, "line_type": "landline"},
        **{"jurisdictions": frozenset({place, place[:2]}), "zones": WHERE[place], "consent": "written"},
        "agent_reserved": True,
    }
    return Facts(**(usual | changes))


places = st.sampled_from(sorted(WHERE))
edges = st.builds(
    lambda day, hour, second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, hours=hour, seconds=second),
    st.integers(0, 729),
    st.integers(0, 23),
    st.sampled_from([0, 1, 1775, 1799, 1800, 3574, 3575, 3576, 3599]) | st.integers(0, 3599),
)


@settings(max_examples=400, deadline=None)
@given(places, st.sampled_from(["telemarketing", "survey"]), edges)
def test_the_gate_and_the_oracle_agree_on_every_pack(place: str, kind: str, moment: datetime) -> None:
    verdict = check(call(place, kind), BOOK, moment)
    if isinstance(verdict, Blocked) and str(verdict.reason) == "no-rules":
        assert (place, kind) == ("UA", "survey")
    else:
        assert isinstance(verdict, Cleared) is legal(place, kind, moment), verdict


@pytest.mark.parametrize(
    ("place", "kind", "first"),
    [
        ("US-TX", "telemarketing", date(2026, 3, 7)),  # the clocks change in both its zones, an hour apart
        ("US-TX", "telemarketing", date(2026, 10, 31)),
        ("US-MS", "telemarketing", date(2026, 10, 31)),  # where a standard-time clock binds as well
        ("US-PA", "telemarketing", date(2026, 10, 17)),  # the rule changes at midnight
        ("US-NE", "survey", date(2026, 12, 24)),
        ("IT", "telemarketing", date(2026, 12, 23)),  # an eve with hours of its own
        ("FR", "telemarketing", date(2026, 8, 10)),
        ("DE", "survey", date(2026, 10, 24)),
    ],
)
def test_every_minute_of_three_days_around_a_change(place: str, kind: str, first: date) -> None:
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    moments = [start + timedelta(minutes=minute) for minute in range(0, 3 * 1440)]
    cleared = [isinstance(check(call(place, kind), BOOK, moment), Cleared) for moment in moments]
    differ = [moment for moment, yes in zip(moments, cleared, strict=True) if yes is not legal(place, kind, moment)]
    assert differ == []
    assert 0 < sum(cleared) < len(cleared)


YEAR = 2026
START = datetime(YEAR, 1, 1, tzinfo=UTC)
MINUTE, SECOND, RING = timedelta(minutes=1), timedelta(seconds=1), timedelta(seconds=25)
AROUND_A_SHIFT = 120  # minutes, before and after
KINDS = ("telemarketing", "survey", "debt-collection")


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
def test_every_opening_and_closing_of_a_year(place: str, kind: str) -> None:
    one = call(place, kind)
    if not is_ruled(place, kind, date(YEAR, 7, 1)):
        verdict = check(one, BOOK, START)
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
            last = moment - RING
            asked = {last - SECOND: True, last: False, moment: False}
        for at, may_begin in asked.items():
            verdict = check(one, BOOK, at)
            assert isinstance(verdict, Cleared) is may_begin, (at, verdict)
            if isinstance(verdict, Blocked):
                assert verdict.reason in (Reason.HOURS, Reason.HOLIDAY)
                opens = minute if minutes[minute] else following
                assert opens is None or verdict.until == START + opens * MINUTE, (at, verdict)


@pytest.mark.parametrize("place", sorted(WHERE))
def test_every_minute_around_a_shift_of_the_clocks(place: str) -> None:
    one, minutes = call(place, "telemarketing"), year_by_the_minute(place, "telemarketing", YEAR)
    for shift in shifts(place):
        for minute in range(shift - AROUND_A_SHIFT, shift + AROUND_A_SHIFT):
            verdict = check(one, BOOK, START + minute * MINUTE)
            assert isinstance(verdict, Cleared) is bool(minutes[minute]), (minute, verdict)


# --- what the law says, by hand, rule by rule (the last second that may still begin to ring, and the first that may)

TUESDAY, SATURDAY, SUNDAY = "2026-11-24", "2026-11-21", "2026-11-22"
WINDOWS = [
    ("us.hours.telemarketing", "US-GA", "telemarketing", TUESDAY, "08:00", "21:00"),
    ("us.hours.survey", "US-GA", "survey", SUNDAY, "09:00", "21:00"),
    ("us.hours.debt-collection", "US-GA", "debt-collection", SUNDAY, "08:00", "21:00"),
    ("us-al.hours.telemarketing", "US-AL", "telemarketing", SATURDAY, "08:00", "20:00"),
    ("us-al.hours.telemarketing", "US-AL", "telemarketing", SUNDAY, None, None),
    ("us-ct.hours.telemarketing", "US-CT", "telemarketing", SUNDAY, "09:00", "20:00"),
    ("us-dc.hours.telemarketing", "US-DC", "telemarketing", TUESDAY, "08:00", "21:00"),
    ("us-fl.hours.telemarketing", "US-FL", "telemarketing", TUESDAY, "08:00", "20:00"),
    ("us-in.hours.telemarketing", "US-IN", "telemarketing", TUESDAY, "09:00", "20:00"),
    ("us-ky.hours.telemarketing", "US-KY", "telemarketing", TUESDAY, "10:00", "21:00"),
    ("us-la.hours.telemarketing", "US-LA", "telemarketing", TUESDAY, "08:00", "20:00"),
    ("us-la.hours.survey", "US-LA", "survey", TUESDAY, "09:00", "20:00"),
    ("us-la.hours.survey", "US-LA", "survey", SUNDAY, None, None),
    ("us-ma.hours.telemarketing", "US-MA", "telemarketing", SUNDAY, "08:00", "20:00"),
    ("us-md.hours.telemarketing", "US-MD", "telemarketing", SUNDAY, "08:00", "20:00"),
    ("us-mn.hours.telemarketing", "US-MN", "telemarketing", SUNDAY, "09:00", "21:00"),
    ("us-mo.hours.telemarketing", "US-MO", "telemarketing", SUNDAY, "08:00", "21:00"),
    ("us-ms.hours.telemarketing", "US-MS", "telemarketing", TUESDAY, "08:00", "20:00"),
    ("us-ms.hours.telemarketing.central", "US-MS", "telemarketing", "2026-07-21", "09:00", "20:00"),
    ("us-nm.hours.telemarketing", "US-NM", "telemarketing", SUNDAY, "09:00", "21:00"),
    ("us-nv.hours.telemarketing", "US-NV", "telemarketing", TUESDAY, "09:00", "20:00"),
    ("us-ok.hours.telemarketing", "US-OK", "telemarketing", SUNDAY, "08:00", "20:00"),
    ("us-pa.hours.telemarketing", "US-PA", "telemarketing", "2026-10-17", "08:00", "21:00"),
    ("us-pa.hours.telemarketing.2026-10-18", "US-PA", "telemarketing", "2026-10-18", None, None),
    ("us-pa.hours.telemarketing.2026-10-18", "US-PA", "telemarketing", "2026-10-19", "09:00", "19:00"),
    ("us-ri.hours.telemarketing", "US-RI", "telemarketing", TUESDAY, "09:00", "18:00"),
    ("us-ri.hours.telemarketing", "US-RI", "telemarketing", SATURDAY, "10:00", "17:00"),
    ("us-ut.hours.telemarketing", "US-UT", "telemarketing", SUNDAY, None, None),
    ("us-wa.hours.telemarketing", "US-WA", "telemarketing", SUNDAY, "08:00", "20:00"),
    ("us-wv.hours.telemarketing", "US-WV", "telemarketing", TUESDAY, "08:00", "21:00"),
    ("us-wy.hours.telemarketing", "US-WY", "telemarketing", SUNDAY, "08:00", "20:00"),
    ("us-la.days.telemarketing", "US-LA", "telemarketing", "2026-02-17", None, None),  # Mardi Gras
    ("us-ut.days.telemarketing", "US-UT", "telemarketing", "2026-07-24", None, None),  # Pioneer Day
    ("us-ri.days.telemarketing", "US-RI", "telemarketing", "2026-08-10", None, None),  # Victory Day
    ("us-pa.days.telemarketing", "US-PA", "telemarketing", "2026-11-03", None, None),  # election
    ("us-al.days.telemarketing", "US-AL", "telemarketing", "2026-11-26", None, None),
    ("us-ms.days.telemarketing", "US-MS", "telemarketing", "2026-04-27", None, None),
    ("ca.hours.telemarketing", "CA-MB", "telemarketing", TUESDAY, "09:00", "21:30"),
    ("ca.hours.telemarketing", "CA-MB", "telemarketing", SUNDAY, "10:00", "18:00"),
    (
        "ca.hours.telemarketing",
        "CA-MB",
        "telemarketing",
        "2026-07-01",
        "09:00",
        "21:30",
    ),  # not shut
    ("ca-bc.days.telemarketing", "CA-BC", "telemarketing", "2026-07-01", None, None),
    ("gb.hours.telemarketing", "GB", "telemarketing", SUNDAY, None, None),
    ("gb.days.telemarketing", "GB", "telemarketing", "2026-08-31", None, None),
    ("de.hours.telemarketing", "DE", "telemarketing", TUESDAY, "08:00", "20:00"),
    ("de.hours.survey", "DE", "survey", SUNDAY, "10:00", "18:00"),
    ("de.days.survey", "DE", "survey", "2026-12-25", "10:00", "18:00"),
    ("it.days.telemarketing.eves", "IT", "telemarketing", "2026-12-24", "10:00", "19:00"),
    ("nl.days.telemarketing.evenings", "NL", "telemarketing", "2026-12-24", "09:00", "18:30"),
    ("es.hours.telemarketing", "ES", "telemarketing", SATURDAY, None, None),
    ("au.hours.survey", "AU", "survey", TUESDAY, "09:00", "20:30"),
    ("za.hours.telemarketing", "ZA", "telemarketing", SATURDAY, "09:00", "13:00"),
    ("br-rj.hours.telemarketing", "BR", "telemarketing", TUESDAY, "09:00", "18:00"),  # of no known state
    ("br-rj.hours.telemarketing", "BR-RJ", "telemarketing", TUESDAY, "09:00", "18:00"),
    ("br.hours.telemarketing", "BR-SP", "telemarketing", TUESDAY, "09:00", "20:00"),
    ("in.hours.telemarketing", "IN", "telemarketing", SUNDAY, "09:00", "21:00"),
]


@pytest.mark.parametrize(
    ("place", "kind", "day", "opens", "closes"),
    [row[1:] for row in WINDOWS],
    ids=[f"{row[0]}-{row[3]}" for row in WINDOWS],
)
def test_the_window_of(book: Rulebook, place: str, kind: str, day: str, opens: str | None, closes: str | None) -> None:
    zone = ZoneInfo(min(WHERE[place]))
    midnight = datetime.fromisoformat(day).replace(tzinfo=zone)
    one = call(place, kind, zones=frozenset({zone.key}))

    def clear(text: str, seconds: int) -> bool:
        return isinstance(
            check(one, book, datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=zone) + timedelta(seconds=seconds)),
            Cleared,
        )

    if opens is None or closes is None:
        hours = [midnight.replace(hour=hour) for hour in range(24)]
        assert not any(isinstance(check(one, book, moment), Cleared) for moment in hours)
        return
    assert (clear(opens, -1), clear(opens, 0)) == (False, True)
    assert (clear(closes, -26), clear(closes, -25)) == (True, False)


def test_france_pauses_for_lunch(book: Rulebook) -> None:
    at = {
        text: datetime.fromisoformat(f"{TUESDAY}T{text}").replace(tzinfo=ZoneInfo("Europe/Paris"))
        for text in ("13:30", "14:00")
    }
    verdict = check(call("FR", "telemarketing"), book, at["13:30"])
    assert isinstance(verdict, Blocked)
    assert verdict.until == at["14:00"]


NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)  # a Tuesday: 13:00 in New York, 10:00 in Los Angeles
CONSENTS = [
    *(("us-ct.consent.telemarketing", "US-CT", "written"), ("us-fl.consent.telemarketing", "US-FL", "written")),
    *(("us-ok.consent.telemarketing", "US-OK", "written"), ("us-md.consent.telemarketing", "US-MD", "written")),
    *(("us-wy.consent.telemarketing", "US-WY", "written"), ("de.consent.telemarketing", "DE", "express")),
    *(("fr.consent.telemarketing", "FR", "express"), ("pl.consent.telemarketing", "PL", "express")),
]


@pytest.mark.parametrize(("rule", "place", "needs"), CONSENTS, ids=[row[0] for row in CONSENTS])
def test_the_consent_of(book: Rulebook, rule: str, place: str, needs: str) -> None:
    weaker = {"written": "express", "express": "relationship"}[needs]
    copies = dict.fromkeys(book.lists(), NOON.date())
    moment = NOON if place.startswith("US") else NOON.replace(hour=15)
    verdict = check(call(place, "telemarketing", consent=weaker, copies=copies), book, moment)
    assert isinstance(verdict, Blocked)
    assert (str(verdict.reason), rule in verdict.rules) == ("consent", True)
    assert isinstance(check(call(place, "telemarketing", consent=needs, copies=copies), book, moment), Cleared)


@pytest.mark.parametrize(("rule", "place"), sorted({row[:2] for row in WINDOWS + CONSENTS}))
def test_a_row_above_is_about_a_place_that_its_rule_binds(book: Rulebook, rule: str, place: str) -> None:
    assert book.by_id[rule].jurisdiction in (place, place[:2], *(book.states(place)))


@pytest.mark.parametrize(
    "place", ["US-CO", "US-FL", "US-IN", "US-LA", "US-MA", "US-MO", "US-OK", "US-PA", "US-TN", "US-TX", "US-WY"]
)
def test_states_with_lists_of_their_own(book: Rulebook, place: str) -> None:
    copies = {name: NOON.date() for name in book.lists() if name != f"state:{place}"}
    verdict = check(call(place, "telemarketing", consent="none", copies=copies), book, NOON)
    assert isinstance(verdict, Blocked)
    assert (str(verdict.reason), verdict.rules) == ("do-not-call", (f"{place.lower()}.do-not-call.state",))


def test_arizona_bans_mobiles(book: Rulebook) -> None:
    copies = dict.fromkeys(book.lists(), NOON.date())
    for line_type, reason in (("mobile", "line-type"), ("unknown", "line-type"), ("landline", None)):
        verdict = check(call("US-AZ", "telemarketing", consent="none", copies=copies, line_type=line_type), book, NOON)
        assert (str(verdict.reason) if isinstance(verdict, Blocked) else None) == reason


# --- the research


def test_every_record_is_named_once_and_every_rule_it_names_is_there(book: Rulebook) -> None:
    names = [row["record"] for row in RECORDS]
    assert (len(names), len(set(names))) == (72 + 54, 72 + 54)
    assert {rule for row in RECORDS for rule in row["rules"]} <= set(book.by_id)
    assert all(row["rules"] or row.get("not_encoded") for row in RECORDS)


def test_no_rule_without_a_record(book: Rulebook) -> None:
    named = {rule for row in RECORDS for rule in row["rules"]}
    assert set(book.by_id) - named == {"us-nv.hours.recorded", "us-nc.duty"}  # said in the notes of other records


def test_customs_are_marked_and_laws_are_cited(book: Rulebook) -> None:
    assert all(rule.citation for rule in book.by_id.values())
    assert book.by_id["us.hours.survey"].basis == "custom"
    assert book.by_id["us.hours.telemarketing"].basis == "law"
