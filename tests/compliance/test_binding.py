"""Each of the gate's questions, asked of a rule made for it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.facts import OWN_MEASURE, DropCount, Facts, Measure, Past
from compliance.gate import Blocked, Cleared, Reason, check, explain
from compliance.packs import read_pack
from compliance.rulebook import Rulebook, make_rulebook

NUMBER, OTHER_NUMBER = "+12125550123", "+12125550124"
NEW_YORK = "America/New_York"
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)  # a Monday in New York
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
HEAD = 'country = "US"\nversion = 2026-11-23\n'
HOURS = '[[hours]]\nid = "us.hours"\nopen = { mon-sun = ["08:00-21:00"] }\n'
COMMON = {
    "jurisdiction": '"US"',
    "scope": '["telemarketing", "survey"]',
    "basis": '"law"',
    "citation": '"c"',
    "confidence": '"high"',
}


def pack(*tables: str, head: str = HEAD, **changes: str) -> str:
    filled = (
        text + "".join(f"{key} = {value}\n" for key, value in {**COMMON, **changes}.items() if f"\n{key} =" not in text)
        for text in tables
    )
    return head + "".join(filled)


def book(*tables: str, **changes: str) -> Rulebook:
    """The usual hours for all, and the tables."""
    return make_rulebook([read_pack("us.toml", pack(HOURS) + pack(*tables, head="", **changes))])


def facts(**changes: Any) -> Facts:
    usual: dict[str, Any] = {
        **{"number": NUMBER, "kind": "telemarketing", "campaign": "spring", "client": "Acme"},
        **{"jurisdictions": frozenset({"US", "US-NY"}), "zones": frozenset({NEW_YORK}), "ring_seconds": 25},
        "attempts_per_day": 99,
    }
    return Facts(**(usual | changes))


def past(
    ago: timedelta, came_to: str = "", number: str = NUMBER, campaign: str = "spring", client: str = "Acme"
) -> Past:
    return Past(NOON - ago, NOON - ago, number, campaign, client, came_to)


def refusal(given_facts: Facts, rules: Rulebook, now: datetime = NOON) -> tuple[str, tuple[str, ...], datetime | None]:
    verdict = check(given_facts, rules, now)
    assert isinstance(verdict, Blocked), "cleared"
    return str(verdict.reason), verdict.rules, verdict.until


def clear(given_facts: Facts, rules: Rulebook, now: datetime = NOON) -> bool:
    return isinstance(check(given_facts, rules, now), Cleared)


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK))


# --- emergency


@pytest.mark.parametrize(("declared", "stopped"), [("*", True), ("US", True), ("US-NY", True), ("US-LA", False)])
def test_an_emergency_stops_calls_to_its_place(declared: str, stopped: bool) -> None:
    called = facts(emergencies=frozenset({declared}), do_not_call=("*",))
    assert refusal(called, book())[0] == ("emergency" if stopped else "do-not-call")


def test_an_emergency_is_named_with_its_law() -> None:
    rules = book('[[emergency]]\nid = "us-ny.emergency"\n', jurisdiction='"US-NY"')
    called = facts(emergencies=frozenset({"US-NY"}))
    assert refusal(called, rules) == ("emergency", ("emergency:US-NY", "us-ny.emergency"), None)


# --- lists

LIST = '[[do_not_call]]\nid = "us.list"\nlist = "national:US"\nage_days_maximum = 31\nlifted_by = "relationship"\n'


@pytest.mark.parametrize(
    ("copies", "listed", "free"),
    [
        ({}, (), False),
        ({"national:US": date(2026, 10, 23)}, (), True),
        ({"national:US": date(2026, 10, 22)}, (), False),  # 32 days old
        ({"national:US": date(2026, 11, 23)}, ("national:US",), False),
        ({"national:US": date(2026, 11, 23)}, ("state:US-TX",), True),
    ],
)
def test_a_list_is_asked_in_a_copy_that_is_not_too_old(
    copies: dict[str, date], listed: tuple[str, ...], free: bool
) -> None:
    called = facts(copies=copies, listed=listed)
    if free:
        assert clear(called, book(LIST))
    else:
        assert refusal(called, book(LIST)) == ("do-not-call", ("us.list",), None)
        assert clear(replace(called, consent="relationship"), book(LIST))


def test_a_list_that_nobody_has_to_buy_is_asked_when_it_is_there() -> None:
    rules = book(LIST + "required = false\n")
    assert clear(facts(), rules)
    assert not clear(facts(copies={"national:US": date(2026, 11, 1)}, listed=("national:US",)), rules)


# --- consent


@pytest.mark.parametrize(
    ("needs", "held", "enough"),
    [
        *(("relationship", held, held != "none") for held in ("none", "relationship", "express", "written")),
        *(("express", held, held in ("express", "written")) for held in ("none", "relationship", "express", "written")),
        *(("written", held, held == "written") for held in ("none", "relationship", "express", "written")),
    ],
)
def test_consent_must_be_of_the_kind_that_is_needed(needs: str, held: str, enough: bool) -> None:
    rules = book(f'[[consent]]\nid = "us.consent"\nneeds = "{needs}"\n')
    if enough:
        assert clear(facts(consent=held), rules)
    else:
        assert refusal(facts(consent=held), rules) == ("consent", ("us.consent",), None)


@pytest.mark.parametrize(
    ("line_type", "business", "bound"),
    [
        *(("mobile", False, True), ("unknown", False, True), ("landline", False, False), ("voip", False, False)),
        *(("mobile", True, True), ("unknown", True, True), ("landline", True, False)),
    ],
)
def test_a_line_of_unknown_type_may_be_a_mobile(line_type: str, business: bool, bound: bool) -> None:
    rules = book('[[consent]]\nid = "us.consent"\nneeds = "express"\nprotects = ["mobile"]\n')
    assert clear(facts(line_type=line_type, business=business), rules) is not bound


def test_a_recorded_voice_has_rules_of_its_own() -> None:
    rules = book('[[consent]]\nid = "us.consent"\nneeds = "written"\nvoice = ["recorded"]\n')
    assert clear(facts(), rules)
    assert refusal(facts(voice="recorded"), rules)[0] == "consent"


def test_until_is_the_day_on_which_the_rule_has_ended() -> None:
    rules = book('[[consent]]\nid = "us.consent"\nneeds = "written"\neffective_to = 2026-11-30\nrepealed = true\n')
    assert refusal(facts(), rules)[2] == new_york("2026-12-01T08:00")


# --- hours and days


def test_a_law_may_name_the_clock() -> None:
    """Eight to eight by Central standard time, which is nine to nine in New York's winter and ten to ten in summer."""
    fixed = '[[hours]]\nid = "us.fixed"\nclock = "Etc/GMT+6"\nopen = { mon-sun = ["08:00-20:00"] }\n'
    rules = book(fixed)
    assert not clear(facts(), rules, new_york("2026-11-23T08:59:59"))
    assert clear(facts(), rules, new_york("2026-11-23T09:00"))
    assert refusal(facts(), rules, new_york("2026-07-23T09:59"))[2] == new_york("2026-07-23T10:00")


def test_hours_of_state_and_country_bind_together() -> None:
    state = '[[hours]]\nid = "us-ny.hours"\nopen = { mon-sat = ["09:00-22:00"], sun = [] }\n'
    rules = book(state, jurisdiction='"US-NY"')
    sunday = new_york("2026-11-22T12:00")
    assert refusal(facts(), rules, sunday) == ("hours", ("us-ny.hours",), new_york("2026-11-23T09:00"))
    assert not clear(facts(), rules, new_york("2026-11-23T21:00"))
    assert clear(facts(jurisdictions=frozenset({"US", "US-NJ"})), rules, sunday)


def test_a_country_without_a_state_stands_for_all_its_states() -> None:
    state = '[[hours]]\nid = "us-pa.hours"\nopen = { mon-sat = ["09:00-19:00"], sun = [] }\n'
    rules = book(state, jurisdiction='"US-PA"')
    sunday = new_york("2026-11-22T12:00")
    assert not clear(facts(jurisdictions=frozenset({"US"})), rules, sunday)
    assert clear(facts(jurisdictions=frozenset({"US", "US-NY"})), rules, sunday)


HOLIDAYS = '[[days]]\nid = "us.holidays"\non = "holidays"\nopen = []\nalso = ["11-27"]\n'


def test_a_holiday_is_named_as_such_and_the_next_working_day_given() -> None:
    """Thanksgiving of 2026 is 26 November; the day after is one of `also`."""
    rules = book(HOLIDAYS)
    for day in ("26", "27"):
        found = refusal(facts(), rules, new_york(f"2026-11-{day}T12:00"))
        assert found == ("holiday", ("us.holidays",), new_york("2026-11-28T08:00"))
    assert refusal(facts(), rules, new_york("2026-11-26T06:00"))[0] == "hours"


def test_holidays_are_those_of_the_called_partys_calendar_day() -> None:
    """Thanksgiving has begun in New York and not yet in Honolulu."""
    rules = book(HOLIDAYS)
    moment = new_york("2026-11-26T00:30")  # 19:30 on Wednesday in Honolulu
    assert clear(facts(zones=frozenset({"Pacific/Honolulu"})), rules, moment)
    assert refusal(facts(zones=frozenset({NEW_YORK})), rules, moment)[0] == "hours"


def test_an_eve_may_end_early_on_some_weekdays() -> None:
    rules = book('[[days]]\nid = "us.eves"\non = "eves"\nopen = ["08:00-12:00"]\nweekdays = ["wed"]\n')
    assert clear(facts(), rules, new_york("2026-11-25T11:59:34"))
    found = refusal(facts(), rules, new_york("2026-11-25T11:59:35"))
    assert found == ("holiday", ("us.eves",), new_york("2026-11-26T08:00"))
    assert clear(facts(), rules, new_york("2026-12-24T13:00"))  # an eve, but a Thursday


def test_a_dated_day_comes_once_and_a_bare_one_each_year() -> None:
    once = book('[[days]]\nid = "us.once"\non = ["2026-11-23"]\nopen = []\n')
    each = book('[[days]]\nid = "us.each"\non = ["11-23"]\nopen = []\n')
    in_a_year = NOON + 365 * DAY
    assert [clear(facts(), once, NOON), clear(facts(), once, in_a_year)] == [False, True]
    assert [clear(facts(), each, NOON), clear(facts(), each, in_a_year)] == [False, False]


def test_a_customary_window_can_be_switched_off_and_nothing_is_left_unruled() -> None:
    custom = HEAD + pack(HOURS, head="", basis='"custom"')
    rules = make_rulebook([read_pack("us.toml", custom)])
    night = new_york("2026-11-23T03:00")
    assert refusal(facts(), rules, night)[0] == "hours"
    assert clear(facts(without=frozenset({"us.hours"})), rules, night)


# --- caps


def cap(**keys: Any) -> Rulebook:
    values = {"id": "us.cap", "attempts": 2, "hours": 24, "of": "number", "across": "everyone"} | keys
    lines = (f"{key} = {value if isinstance(value, int) else repr(value)}\n" for key, value in values.items() if value)
    return book("[[cap]]\n" + "".join(lines))


THREE_TRIES = (past(23 * HOUR, number=OTHER_NUMBER), past(2 * HOUR, campaign="autumn"), past(HOUR, client="Bond"))


@pytest.mark.parametrize(
    ("of", "across", "counted"),
    [
        ("number", "everyone", 2),
        ("person", "everyone", 3),
        ("number", "client", 1),
        ("person", "client", 2),
        ("person", "campaign", 2),
        ("number", "campaign", 1),
    ],
)
def test_a_cap_counts_what_its_law_counts(of: str, across: str, counted: int) -> None:
    for limit in (counted, counted + 1):
        rules = cap(attempts=limit, of=of, across=across)
        assert clear(facts(attempts=THREE_TRIES), rules) is (limit > counted)


def test_a_cap_clears_when_the_oldest_attempt_that_counts_is_a_window_old() -> None:
    tries = (past(23 * HOUR), past(2 * HOUR))
    assert refusal(facts(attempts=tries), cap()) == ("cap", ("us.cap",), NOON + HOUR)
    assert not clear(facts(attempts=tries), cap(), NOON + HOUR - SECOND)
    assert clear(facts(attempts=tries), cap(), NOON + HOUR)


def test_a_cap_over_the_whole_campaign_never_clears() -> None:
    tries = (past(400 * DAY), past(2 * HOUR))
    assert refusal(facts(attempts=tries), cap(hours=None)) == ("cap", ("us.cap",), None)
    assert clear(facts(attempts=tries[1:]), cap(hours=None))


def test_a_cap_is_lifted_by_consent() -> None:
    tries = (past(HOUR), past(2 * HOUR))
    assert clear(facts(attempts=tries, consent="express"), cap(lifted_by="express"))
    assert not clear(facts(attempts=tries, consent="relationship"), cap(lifted_by="express"))


def test_the_campaigns_own_limit_is_of_the_number_over_all_campaigns() -> None:
    called = facts(attempts=THREE_TRIES, attempts_per_day=2)
    assert refusal(called, book()) == ("cap", ("campaign:attempts-per-day",), NOON + 22 * HOUR - DAY + DAY)


# --- cool-downs


def pause(after: str, **keys: Any) -> Rulebook:
    values = {"id": "us.pause", "after": after, "hours": 72, "of": "number", "across": "everyone"} | keys
    lines = (
        f"{key} = {str(value).lower() if not isinstance(value, str) else repr(value)}\n"
        for key, value in values.items()
    )
    return book("[[cool_down]]\n" + "".join(lines))


@pytest.mark.parametrize("after", ["abandoned", "machine", "refusal", "conversation", "hung-up"])
def test_what_came_of_an_attempt_asks_for_a_pause(after: str) -> None:
    rules = pause(after)
    tried = facts(attempts=(past(2 * DAY, after),))
    assert refusal(tried, rules) == ("cool-down", ("us.pause",), NOON + DAY)
    assert clear(tried, rules, NOON + DAY)
    assert clear(facts(attempts=(past(2 * DAY),)), rules)


def test_a_pause_begins_at_the_end_of_the_call() -> None:
    talk = Past(NOON - 72 * HOUR, NOON - 71 * HOUR, NUMBER, "spring", "Acme", "conversation")
    assert refusal(facts(attempts=(talk,)), pause("conversation"))[2] == NOON + HOUR


def test_a_refusal_is_a_conversation_too() -> None:
    assert not clear(facts(attempts=(past(HOUR, "refusal"),)), pause("conversation"))
    assert clear(facts(attempts=(past(HOUR, "conversation"),)), pause("refusal"))


def test_a_pause_for_ever_never_clears() -> None:
    assert refusal(facts(attempts=(past(900 * DAY, "refusal"),)), pause("refusal", hours="inf"))[2] is None


def test_an_agent_reserved_first_may_end_the_pause() -> None:
    tried = facts(attempts=(past(HOUR, "abandoned"),))
    rules = pause("abandoned", unless_agent_reserved=True)
    assert not clear(tried, rules)
    assert clear(replace(tried, agent_reserved=True), rules)
    assert not clear(replace(tried, agent_reserved=True), pause("abandoned"))


def test_a_pause_may_want_several_in_a_row() -> None:
    rules = pause("hung-up", times=2)
    assert clear(facts(attempts=(past(3 * HOUR, "hung-up"), past(2 * HOUR), past(HOUR, "hung-up"))), rules)
    assert not clear(facts(attempts=(past(3 * HOUR, "hung-up"), past(2 * HOUR, "hung-up"), past(HOUR))), rules)


def test_a_pause_may_be_over_with_the_next_attempt() -> None:
    rules = pause("abandoned", hours="inf", until_next_attempt=True)
    assert not clear(facts(attempts=(past(2 * HOUR), past(HOUR, "abandoned"))), rules)
    assert clear(facts(attempts=(past(2 * HOUR, "abandoned"), past(HOUR))), rules)


# --- line types


@pytest.mark.parametrize(("line_type", "banned"), [("mobile", True), ("unknown", True), ("landline", False)])
def test_a_banned_line_is_not_called_nor_one_that_may_be_banned(line_type: str, banned: bool) -> None:
    rules = book('[[line_ban]]\nid = "us.ban"\nlines = ["mobile"]\nlifted_by = "written"\n')
    if banned:
        assert refusal(facts(line_type=line_type), rules) == ("line-type", ("us.ban",), None)
        assert clear(facts(line_type=line_type, consent="written"), rules)
    else:
        assert clear(facts(line_type=line_type), rules)


# --- drop rate

DROPS = """
[[abandonment]]
id = "us.drops"
ceiling = 0.05
of = "calls-placed"
window = "calendar-month"
across = "everyone"
"""
MONTHLY = Measure("calls-placed", "calendar-month", "everyone", False, True)


def test_the_law_counts_by_its_own_measure() -> None:
    month_end = datetime(2026, 12, 1, tzinfo=UTC)
    used = DropCount(MONTHLY, 100, 5, month_end)
    own = DropCount(OWN_MEASURE, 1000, 0, NOON + DAY)
    found = refusal(facts(drops=(used, own), drop_ceiling=0.03), book(DROPS))
    assert found == ("drop-rate", ("us.drops",), month_end)  # the campaign's own block ends sooner and refuses nothing
    assert clear(facts(drops=(used._replace(abandoned=4), own), drop_ceiling=0.03), book(DROPS))


def test_a_measure_that_nobody_took_is_no_budget() -> None:
    own = DropCount(OWN_MEASURE, 1000, 0)
    assert refusal(facts(drops=(own,), drop_ceiling=0.03), book(DROPS))[:2] == ("drop-rate", ("us.drops",))
    assert clear(facts(drops=(), agent_reserved=True), book(DROPS))


# --- packs of our own


def own_pack(whose: str) -> str:
    hours = '[[hours]]\nid = "own.hours"\nopen = { mon-sun = ["10:00-12:30"] }\n'
    return pack(hours, head=f"{whose}\nversion = 2026-11-23\n", jurisdiction='"*"')


def test_a_campaigns_own_pack_makes_its_calls_stricter_and_nobody_elses() -> None:
    own = pack(
        '[[hours]]\nid = "own.hours"\nopen = { mon-sun = ["10:00-12:30"] }\n',
        head='campaign = "spring"\nversion = 2026-11-23\n',
        jurisdiction='"*"',
    )
    rules = make_rulebook([read_pack("us.toml", pack(HOURS)), read_pack("own.toml", own)])
    afternoon = new_york("2026-11-23T13:00")
    assert refusal(facts(), rules, afternoon)[1] == ("own.hours",)
    assert clear(facts(campaign="autumn"), rules, afternoon)


def test_a_clients_own_pack_reaches_all_of_its_campaigns() -> None:
    own = pack(
        '[[hours]]\nid = "own.hours"\nopen = { mon-sun = ["10:00-12:30"] }\n',
        head='client = "Acme"\nversion = 2026-11-23\n',
        jurisdiction='"*"',
    )
    rules = make_rulebook([read_pack("us.toml", pack(HOURS)), read_pack("own.toml", own)])
    assert not clear(facts(campaign="autumn"), rules, new_york("2026-11-23T13:00"))
    assert clear(facts(client="Bond"), rules, new_york("2026-11-23T13:00"))


def test_rules_of_our_own_do_not_open_a_country() -> None:
    own = pack(
        '[[hours]]\nid = "own.hours"\nopen = { mon-sun = ["10:00-12:30"] }\n',
        head='client = "Acme"\nversion = 2026-11-23\n',
        jurisdiction='"*"',
    )
    rules = make_rulebook([read_pack("own.toml", own)])
    assert refusal(facts(jurisdictions=frozenset({"FR"})), rules) == ("no-rules", ("no-rules:FR",), None)


# --- all questions


def test_every_question_is_answered_also_behind_the_first_refusal() -> None:
    answers = explain(facts(do_not_call=("*",), zones=frozenset()), book(DROPS), NOON)
    assert [answer.question for answer in answers] == list(Reason)
    refused = {str(answer.question): answer.refused_by for answer in answers if answer.refused_by is not None}
    assert refused == {
        "do-not-call": ("do-not-call:*",),
        "unknown-zone": (),
        "hours": ("us.hours",),
        "drop-rate": ("us.drops",),
    }


@settings(deadline=None)
@given(st.integers(0, 14 * 86_400), st.lists(st.integers(0, 5 * 86_400), max_size=4), st.booleans())
def test_until_is_a_moment_that_clears_and_no_earlier_minute_does(later: int, ago: list[int], holidays: bool) -> None:
    tables = [HOLIDAYS] if holidays else []
    capped = '[[cap]]\nid = "us.cap"\nattempts = 2\nhours = 48\nof = "number"\nacross = "everyone"\n'
    paused = '[[cool_down]]\nid = "us.pause"\nafter = "machine"\nhours = 30\nof = "number"\nacross = "everyone"\n'
    rules = book(capped, paused, *tables)
    now = NOON.replace(day=20) + timedelta(seconds=later)
    tries = tuple(sorted(Past(at, at, NUMBER, "spring", "Acme", "machine") for at in (now - s * SECOND for s in ago)))
    verdict = check(facts(attempts=tries), rules, now)
    if isinstance(verdict, Cleared):
        return
    assert verdict.until is not None
    assert clear(facts(attempts=tries), rules, verdict.until)
    minutes = int((verdict.until - now).total_seconds() // 60)
    assert not any(clear(facts(attempts=tries), rules, now + minute * 60 * SECOND) for minute in range(0, minutes, 7))
    assert not clear(facts(attempts=tries), rules, verdict.until - SECOND)
