import copy
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.facts import OWN_MEASURE, DropCount, Facts, Past
from compliance.gate import (
    LIFETIME,
    OWN_CEILING,
    Blocked,
    Cleared,
    ForgedClearance,
    NaiveTime,
    Reason,
    check,
    closes_at,
    explain,
)
from compliance.packs import read_pack
from compliance.rulebook import Rulebook, make_rulebook
from compliance.until import OWN_CAP

ATTRIBUTES = """
jurisdiction = "US"
basis = "law"
citation = "a law of this test"
confidence = "high"
"""
BOTH = 'scope = ["telemarketing", "survey"]'


def rules_of(*tables: str) -> Rulebook:
    """A pack of `[[table]]` texts; what they do not say is filled in."""
    texts = [text if "jurisdiction" in text else text + ATTRIBUTES for text in tables]
    filled = [text if "scope" in text else text + "\n" + BOTH for text in texts]
    return make_rulebook([read_pack("test.toml", 'country = "US"\nversion = 2026-11-23\n' + "\n".join(filled))])


HOURS = """
[[hours]]
id = "us.hours"
open = { mon-sun = ["08:00-21:00"] }
"""
ABANDONMENT = """
[[abandonment]]
id = "us.abandonment"
ceiling = 0.03
of = "live-answers"
window = "30-day-blocks"
across = "campaign"
counts_cut_off = false
"""
RULES = rules_of(HOURS, ABANDONMENT)
NUMBER = "+12125550123"
NEW_YORK, DENVER, LOS_ANGELES = "America/New_York", "America/Denver", "America/Los_Angeles"
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)  # a Monday in New York
ZONES = [NEW_YORK, DENVER, LOS_ANGELES, "America/Phoenix", "America/Adak", "Pacific/Honolulu", "America/Puerto_Rico"]

# Weeks in which the clocks of the United States change, and any others
moments = st.builds(
    lambda start, seconds: start + timedelta(seconds=seconds),
    st.sampled_from([datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC), NOON]),
    st.integers(0, 4 * 86_400),
)
zone_sets = st.frozensets(st.sampled_from(ZONES), min_size=1, max_size=3)
rings = st.integers(1, 120)


def drops(calls: float, abandoned: float, ends_at: datetime | None = None) -> tuple[DropCount, ...]:
    return (DropCount(OWN_MEASURE, calls, abandoned, ends_at),)


def tries(*times: datetime, **changes: Any) -> tuple[Past, ...]:
    """Attempts, oldest first, each ended after a minute."""
    usual = {"number": NUMBER, "campaign": "spring", "client": "Acme", "came_to": ""} | changes
    return tuple(Past(at=at, ended_at=at + timedelta(minutes=1), **usual) for at in sorted(times))


def facts(**changes: Any) -> Facts:
    usual: dict[str, Any] = {
        "number": NUMBER,
        "kind": "telemarketing",
        "jurisdictions": frozenset({"US"}),
        "zones": frozenset({NEW_YORK}),
        "ring_seconds": 25,
        "attempts_per_day": 3,
        "drops": drops(1000, 10),
        "drop_ceiling": 0.03,
    }
    return Facts(**(usual | changes))


def blocked(given_facts: Facts, now: datetime, rules: Rulebook = RULES) -> Blocked:
    verdict = check(given_facts, rules, now)
    assert isinstance(verdict, Blocked)
    return verdict


def cleared(given_facts: Facts, now: datetime, rules: Rulebook = RULES) -> Cleared:
    verdict = check(given_facts, rules, now)
    assert isinstance(verdict, Cleared)
    return verdict


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK))


def may_ring(zones: frozenset[str], at: datetime, ring_seconds: int) -> bool:
    """The oracle: 8 to 21 on every wall clock, when it starts to ring and when it stops."""
    return all(
        time(8) <= moment.astimezone(ZoneInfo(zone)).time() < time(21)
        for zone in zones
        for moment in (at, at + timedelta(seconds=ring_seconds))
    )


def test_a_clearance_says_what_was_asked_and_where_it_was_what_time() -> None:
    verdict = cleared(facts(zones=frozenset({NEW_YORK, LOS_ANGELES})), NOON)
    assert verdict.number == NUMBER
    assert verdict.rules == ("us.hours", "us.abandonment", OWN_CAP)
    assert verdict.zones == (LOS_ANGELES, NEW_YORK)
    assert verdict.local_times == (
        "2026-11-23T09:00-08:00 America/Los_Angeles",
        "2026-11-23T12:00-05:00 America/New_York",
    )


def test_a_clearance_covers_its_own_number_for_a_few_seconds() -> None:
    verdict = cleared(facts(), NOON)
    assert verdict.expires_at == NOON + LIFETIME
    assert verdict.covers(NUMBER, NOON)
    assert not verdict.covers("+12125550124", NOON)
    assert not verdict.covers(NUMBER, NOON + LIFETIME)
    assert not verdict.covers(NUMBER, NOON - timedelta(seconds=1))


def test_a_clearance_expires_early_where_a_later_call_would_ring_past_the_window() -> None:
    verdict = cleared(facts(ring_seconds=25), new_york("2026-11-23T20:59:32"))
    assert verdict.expires_at == new_york("2026-11-23T20:59:35")


def test_a_clearance_in_the_hour_that_comes_twice_is_not_expired_at_birth() -> None:
    """New York's second 01:30 of that night is 20:30 in Honolulu; adding seconds to it must not lead to the first."""
    now = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo(NEW_YORK), fold=1)
    verdict = cleared(facts(zones=frozenset({"Pacific/Honolulu"})), now)
    assert verdict.covers(NUMBER, now.astimezone(UTC))


def test_a_clearance_cannot_be_forged() -> None:
    verdict = cleared(facts(), NOON)
    fields = {name: getattr(verdict, name) for name in verdict.__dataclass_fields__ if name != "seal"}
    with pytest.raises(TypeError):
        Cleared(**fields)
    with pytest.raises(ForgedClearance):
        Cleared(seal=object(), **fields)
    with pytest.raises((TypeError, ValueError)):
        replace(verdict, number="+12125550124")
    with pytest.raises(AttributeError):
        verdict.number = "+12125550124"  # type: ignore[misc]
    assert copy.copy(verdict) == verdict


def test_do_not_call_beats_everything() -> None:
    verdict = blocked(
        facts(do_not_call=("*", "spring"), jurisdictions=frozenset(), zones=frozenset()), new_york("2026-11-23T03:00")
    )
    assert (verdict.reason, verdict.until, verdict.permanent) == (Reason.DO_NOT_CALL, None, True)
    assert verdict.rules == ("do-not-call:*", "do-not-call:spring")


@pytest.mark.parametrize(
    ("jurisdictions", "rules"),
    [
        (frozenset({"ZZ"}), ("no-rules:ZZ",)),
        (frozenset({"US", "US-FL", "ZZ-1"}), ("no-rules:ZZ",)),
        (frozenset(), ("no-rules:unknown",)),
    ],
)
def test_a_jurisdiction_without_a_pack_is_not_called(jurisdictions: frozenset[str], rules: tuple[str, ...]) -> None:
    verdict = blocked(facts(jurisdictions=jurisdictions, zones=frozenset()), NOON)
    assert (verdict.reason, verdict.rules, verdict.permanent) == (Reason.NO_RULES, rules, True)


def test_a_kind_of_call_without_hours_is_not_called() -> None:
    assert blocked(facts(kind="singing-telegram"), NOON).reason is Reason.NO_RULES


def test_an_unknown_zone_is_not_called() -> None:
    verdict = blocked(facts(zones=frozenset()), NOON)
    assert (verdict.reason, verdict.until, verdict.permanent) == (Reason.UNKNOWN_ZONE, None, True)


@pytest.mark.parametrize("kind", ["telemarketing", "survey"])
@pytest.mark.parametrize(
    ("text", "clear"),
    [
        ("2026-11-23T07:59:59", False),
        ("2026-11-23T08:00:00", True),
        ("2026-11-23T20:59:34", True),
        ("2026-11-23T20:59:35", False),
        ("2026-11-23T21:00:00", False),
    ],
)
def test_hours_are_8_to_21_to_the_second_with_the_ring_inside(kind: str, text: str, clear: bool) -> None:
    """47 CFR 64.1200(c)(1) and 16 CFR 310.4(c) for sales; by custom for surveys."""
    verdict = check(facts(kind=kind, ring_seconds=25), RULES, new_york(text))
    assert isinstance(verdict, Cleared) is clear
    assert "us.hours" in verdict.rules


def test_hours_must_be_legal_in_every_zone() -> None:
    """Nine in the morning in New York is six in Los Angeles."""
    zones = frozenset({NEW_YORK, LOS_ANGELES})
    verdict = blocked(facts(zones=zones), new_york("2026-11-23T09:00"))
    assert (verdict.reason, verdict.until) == (Reason.HOURS, new_york("2026-11-23T11:00"))
    assert blocked(facts(zones=zones), new_york("2026-11-23T21:00")).until == new_york("2026-11-24T11:00")


def test_states_are_under_the_federal_hours() -> None:
    places = frozenset({"US-GU"})
    assert blocked(facts(jurisdictions=places), new_york("2026-11-23T21:00")).rules == ("us.hours",)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("2026-11-23T20:30", ("fl.hours",)),  # the country's own window is open
        ("2026-11-23T19:59:50", ("fl.hours",)),  # it would still ring at 20:00
        ("2026-11-23T21:00", ("fl.hours", "us.hours")),
        ("2026-11-24T23:59:50", ("fl.day", "fl.hours", "us.hours")),
        ("2026-11-25T12:00", ("fl.day",)),
        ("2026-11-25T20:30", ("fl.hours",)),
    ],
)
def test_only_the_rules_that_forbid_the_call_are_named(text: str, rules: tuple[str, ...]) -> None:
    florida = 'jurisdiction = "US-FL"' + ATTRIBUTES.replace('jurisdiction = "US"', "")
    day = '[[days]]\nid = "fl.day"\non = ["2026-11-25"]\nopen = ["20:00-22:00"]\n' + florida
    hours = '[[hours]]\nid = "fl.hours"\nopen = { mon-sun = ["08:00-20:00"] }\n' + florida
    book, there = rules_of(HOURS, hours, day), facts(jurisdictions=frozenset({"US-FL"}))
    answers = explain(there, book, new_york(text))
    assert tuple(sorted(name for answer in answers for name in answer.refused_by or ())) == rules
    assert set(blocked(there, new_york(text), book).rules) <= set(rules)


def test_every_question_is_answered_of_a_call_to_an_unknown_zone() -> None:
    answers = {answer.question: answer.refused_by for answer in explain(facts(zones=frozenset()), RULES, NOON)}
    assert (answers[Reason.UNKNOWN_ZONE], answers[Reason.HOURS], answers[Reason.HOLIDAY]) == ((), ("us.hours",), None)


def test_the_cap_counts_any_24_hours() -> None:
    attempts = tries(*(NOON - timedelta(hours=hours) for hours in (1, 2, 23)))
    verdict = blocked(facts(attempts=attempts), NOON)
    assert (verdict.reason, verdict.rules) == (Reason.CAP, (OWN_CAP,))
    assert verdict.until == NOON + timedelta(hours=1)
    cleared(facts(attempts=attempts), NOON + timedelta(hours=1))


def test_until_waits_for_hours_and_caps_together() -> None:
    """The cap ends at 22:00, the window opens at 08:00; and the other way round at night."""
    evening = tries(*(new_york("2026-11-22T22:00") + timedelta(minutes=m) for m in range(3)))
    verdict = blocked(facts(attempts=evening), NOON)
    assert (verdict.reason, verdict.until) == (Reason.CAP, new_york("2026-11-24T08:00"))
    morning = tries(*(new_york("2026-11-23T10:00") + timedelta(minutes=m) for m in range(3)))
    verdict = blocked(facts(attempts=morning), new_york("2026-11-24T02:00"))
    assert (verdict.reason, verdict.until) == (Reason.HOURS, new_york("2026-11-24T10:00"))


def test_a_used_up_drop_rate_waits_for_live_answers_not_for_time() -> None:
    verdict = blocked(facts(drops=drops(33, 0)), NOON)
    assert (verdict.reason, verdict.until, verdict.permanent) == (Reason.DROP_RATE, None, False)
    assert verdict.rules == ("us.abandonment", OWN_CEILING)
    cleared(facts(drops=drops(34, 0)), NOON)


@pytest.mark.parametrize(
    ("ends", "until"),
    [
        (timedelta(days=3), NOON + timedelta(days=3)),
        (timedelta(days=3, hours=10), new_york("2026-11-27T08:00")),  # at night, and then the window opens
        (None, None),
    ],
)
def test_a_used_up_drop_rate_begins_anew_with_its_own_window(ends: timedelta | None, until: datetime | None) -> None:
    """Another law's month, which ends sooner, counts other calls."""
    (own,) = drops(100, 9, NOON + ends if ends else None)
    month = DropCount(
        OWN_MEASURE._replace(of="calls-placed", window="calendar-month"), 100, 9, NOON + timedelta(days=1)
    )
    verdict = blocked(facts(drops=(month, own)), NOON)
    assert (verdict.reason, verdict.until) == (Reason.DROP_RATE, until)


def test_a_reserved_agent_cannot_abandon() -> None:
    verdict = cleared(facts(drops=(), agent_reserved=True), NOON)
    assert verdict.agent_reserved


def test_the_stricter_ceiling_holds_of_the_campaigns_and_the_laws() -> None:
    """16 CFR 310.4(b)(4): 3 % of the live answers, whatever the campaign would like."""
    assert blocked(facts(drops=drops(100, 4), drop_ceiling=0.5), NOON).reason is Reason.DROP_RATE
    assert blocked(facts(drops=drops(100, 1), drop_ceiling=0.01), NOON).reason is Reason.DROP_RATE


def test_reasons_come_in_the_stated_order() -> None:
    """Everything is wrong at once; mend one thing after the other."""
    night = new_york("2026-11-23T03:00")
    wrong: dict[str, Any] = {
        "do_not_call": ("*",),
        "jurisdictions": frozenset({"ZZ"}),
        "zones": frozenset(),
        "attempts": tries(*(night,) * 3),
        "drops": (),
    }
    mending: list[dict[str, Any]] = [
        {},
        {"do_not_call": ()},
        {"jurisdictions": frozenset({"US"})},
        {"zones": frozenset({NEW_YORK})},
        {"zones": frozenset({"Asia/Kolkata"})},
        {"attempts": ()},
    ]
    seen = []
    for step in mending:
        wrong |= step
        seen.append(blocked(facts(**wrong), night).reason)
    assert seen == ["do-not-call", "no-rules", "unknown-zone", "hours", "cap", "drop-rate"]


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(NaiveTime, match="2026-11-23T12:00:00 has no zone"):
        check(facts(), RULES, datetime(2026, 11, 23, 12))  # noqa: DTZ001


def test_rules_change_with_their_dates_in_the_called_partys_day() -> None:
    """A pack whose window narrows on 18 October: that day begins in New York before it does in Los Angeles."""
    text = """
country = "US"
version = 2026-11-23
[[hours]]
id = "wide"
jurisdiction = "US"
scope = ["telemarketing"]
protects = ["residence"]
open = { mon-sun = ["08:00-21:00"] }
basis = "law"
citation = "to 17 October"
confidence = "high"
effective_from = 2020-01-01
effective_to = 2026-10-17
[[hours]]
id = "narrow"
jurisdiction = "US"
scope = ["telemarketing"]
protects = ["residence"]
open = { mon-sat = ["09:00-19:00"], sun = [] }
basis = "law"
citation = "from 18 October"
confidence = "high"
effective_from = 2026-10-18
"""
    rules = make_rulebook([read_pack("test.toml", text)])
    saturday = new_york("2026-10-17T20:30")
    assert check(facts(drop_ceiling=1.0), rules, saturday).rules[0] == "wide"
    verdict = check(facts(drop_ceiling=1.0), rules, saturday + timedelta(hours=1))
    assert isinstance(verdict, Blocked)
    assert verdict.until == new_york("2026-10-19T09:00")  # not Sunday at 08:00
    assert check(facts(drop_ceiling=1.0), rules, new_york("2026-10-18T00:30")).rules == ("narrow",)


@given(moments, zone_sets, rings)
def test_never_cleared_outside_the_window_in_any_zone_and_always_inside(
    now: datetime, zones: frozenset[str], ring_seconds: int
) -> None:
    verdict = check(facts(zones=zones, ring_seconds=ring_seconds), RULES, now)
    assert isinstance(verdict, Cleared) is may_ring(zones, now, ring_seconds)
    if isinstance(verdict, Cleared):
        last = verdict.expires_at - timedelta(microseconds=1)
        assert may_ring(zones, last, ring_seconds)


@settings(max_examples=40, deadline=None)
@given(moments, zone_sets, rings, st.lists(st.integers(0, 48 * 60), max_size=5))
def test_until_is_the_first_minute_that_clears(
    now: datetime, zones: frozenset[str], ring_seconds: int, minutes_ago: list[int]
) -> None:
    attempts = tries(*(now - timedelta(minutes=minutes) for minutes in minutes_ago))

    def clears(moment: datetime) -> bool:
        recent = [past for past in attempts if moment - timedelta(hours=24) < past.at]
        return len(recent) < 3 and may_ring(zones, moment, ring_seconds)

    verdict = check(facts(zones=zones, ring_seconds=ring_seconds, attempts=attempts), RULES, now)
    whole = now.replace(second=0)
    candidates = sorted(
        [
            now,
            *(whole + timedelta(minutes=i) for i in range(1, 3 * 1440)),
            *(past.at + timedelta(hours=24) for past in attempts),
        ]
    )
    expected = next(moment for moment in candidates if moment >= now and clears(moment))
    if isinstance(verdict, Cleared):
        assert expected == now
    else:
        assert (expected, verdict.until) == (verdict.until, expected)
        assert isinstance(check(facts(zones=zones, ring_seconds=ring_seconds), RULES, expected), Cleared)


@given(moments, zone_sets, st.integers(0, 200), st.integers(0, 10))
def test_reserving_an_agent_never_makes_a_call_less_legal(
    now: datetime, zones: frozenset[str], live_answers: int, abandoned: int
) -> None:
    count = drops(live_answers, abandoned)
    verdicts = [check(facts(zones=zones, drops=count, agent_reserved=r), RULES, now) for r in (False, True)]
    for without, with_agent in pairwise(verdicts):
        if isinstance(without, Cleared):
            assert isinstance(with_agent, Cleared)
        if isinstance(with_agent, Blocked):
            assert with_agent.reason is Reason.HOURS


@given(moments, zone_sets, rings)
def test_what_may_ring_now_may_ring_until_the_hours_close_and_not_a_second_longer(now, zones, ring_seconds):
    called = facts(zones=zones, ring_seconds=ring_seconds)
    closes = closes_at(called, RULES, now)
    if isinstance(check(called, RULES, now), Cleared):
        last = closes - timedelta(seconds=ring_seconds)
        assert isinstance(check(called, RULES, last - timedelta(seconds=1)), Cleared)
        assert isinstance(check(called, RULES, last), Blocked)
    else:
        assert closes is None or closes - now <= timedelta(seconds=ring_seconds)
