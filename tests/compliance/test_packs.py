"""What a pack may say, and what is refused with the file, the rule and the key."""

import math
from datetime import date

import pytest

from compliance.packs import RuleError, read_pack
from compliance.rule import CapRule, CoolDownRule, HoursRule, ListRule

HEAD = 'country = "US"\nversion = 2026-11-23\n'
HOURS = """
[[hours]]
id = "us.hours"
jurisdiction = "US"
scope = ["telemarketing"]
basis = "law"
citation = "a law"
confidence = "high"
open = { mon-fri = ["08:00-12:00", "13:00-21:00"], sat = ["10:00-24:00"], sun = [] }
"""


def refused(text: str) -> str:
    with pytest.raises(RuleError) as caught:
        read_pack("us.toml", text)
    return str(caught.value)


def changed(old: str, new: str, text: str = HOURS) -> str:
    assert old in text
    return HEAD + text.replace(old, new)


def twice(*changes: tuple[str, str]) -> str:
    second = HOURS.replace('"us.hours"', '"us.hours.two"')
    for old, new in changes:
        assert old in second
        second = second.replace(old, new)
    return HEAD + HOURS + second


def test_a_pack_holds_its_rules_with_their_defaults() -> None:
    pack = read_pack("us.toml", HEAD + HOURS)
    (rule,) = pack.rules
    assert isinstance(rule, HoursRule)
    assert (pack.country, pack.version, pack.text) == ("US", date(2026, 11, 23), HEAD + HOURS)
    assert rule.open[0] == ((8 * 3600, 12 * 3600), (13 * 3600, 21 * 3600))
    assert rule.open[5:] == (((10 * 3600, 24 * 3600),), ())
    assert rule.voice == {"live", "recorded"}
    assert rule.protects == {"residence", "mobile", "business"}
    assert rule.in_force(date(1900, 1, 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("country = ", "us.toml: "),
        ("version = 2026-11-23", "us.toml: country: write one of country, campaign and client"),
        ('country = "US"\nclient = "Acme"\nversion = 2026-11-23', "write one of country, campaign and client"),
        ('country = "US"', "us.toml: version: Field required"),
        (HEAD + "colour = 3", "us.toml: colour: Extra inputs are not permitted"),
        (HEAD + "[[ours]]\nid = 'x'", "us.toml: ours: no such table: write one of hours"),
        (HEAD + "[[hours]]\n", "us.toml: rule in [[hours]] without an id: id: Field required"),
        (changed("citation =", "source ="), "us.toml: rule us.hours: citation: Field required"),
        (changed('"high"', '"certain"'), "rule us.hours: confidence: Input should be 'high', 'medium' or 'low'"),
        (changed('["telemarketing"]', '["sales"]'), "rule us.hours: scope: 0: Input should be"),
        (changed('["telemarketing"]', "[]"), "rule us.hours: scope: "),
        (changed('"US"', '"FR"'), "rule us.hours: jurisdiction: FR is not in US"),
        (changed("08:00-12:00", "8-12"), "rule us.hours: open: '8-12' is no window: write 08:00-21:00"),
        (changed("08:00-12:00", "12:00-08:00"), "open: '12:00-08:00' does not end after it begins"),
        (changed("08:00-12:00", "08:00-24:30"), "open: '08:00-24:30' does not end after it begins"),
        (changed("13:00-21:00", "11:00-21:00"), "open: '11:00-21:00' does not come after the window before it"),
        (changed(", sun = []", ""), "rule us.hours: open: no windows for sun"),
        (changed("sat =", "fri-sat ="), "rule us.hours: open: fri is given twice"),
        (changed("sun =", "sunday ="), "rule us.hours: open: 'sunday' is no day"),
        (changed("mon-fri =", "fri-mon ="), "rule us.hours: open: 'fri-mon' runs backwards"),
        (changed('["10:00-24:00"]', '"10:00-24:00"'), "rule us.hours: open: '10:00-24:00' is no list of texts"),
        (changed('["10:00-24:00"]', "[10]"), "rule us.hours: open: [10] is no list of texts"),
        (changed("sun = []", "sun = {}"), "rule us.hours: open: {} is no list of texts"),
        (changed("open = {", "open = [{").replace("sun = [] }", "sun = [] }]"), "rule us.hours: open: [{"),
        (changed("[[hours]]", "[hours]"), "us.toml: hours: write [[hours]] with two brackets"),
        (changed('"US"', '"US-ZZ"'), "rule us.hours: jurisdiction: US-ZZ is no place"),
        (changed('"us.hours"', '"us.hours"\nclock = 5'), "rule us.hours: clock: 5 is no time zone"),
        (changed('"us.hours"', '"us.hours"\nclock = "EST"'), "rule us.hours: clock: "),
        (changed('"us.hours"', '"us.hours"\nlifted_by = "written"'), "lifted_by: Extra inputs are not permitted"),
        (changed('"us.hours"', '"us.hours"\nrepealed = true'), "rule us.hours: repealed without effective_to"),
        (
            changed('"us.hours"', '"us.hours"\neffective_from = 2026-02-01\neffective_to = 2026-01-01'),
            "rule us.hours: effective_to 2026-01-01 lies before effective_from 2026-02-01",
        ),
        (
            changed('"us.hours"', '"us.hours"\neffective_to = 2026-01-01'),
            "rule us.hours: effective_to: nothing follows on 2026-01-02: add its successor, or repealed = true",
        ),
    ],
)
def test_a_fault_is_named_with_its_file_rule_and_key(text: str, words: str) -> None:
    message = refused(text)
    assert message.startswith("us.toml: ")
    assert words in message
    assert "\n" not in message


def days(on: str, more: str = "") -> str:
    head = '[[days]]\nid = "us.days"\njurisdiction = "US"\nscope = ["survey"]\nopen = []\nbasis = "law"\n'
    return f'{HEAD}{head}citation = "a law"\nconfidence = "low"\non = {on}\n{more}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (days('"weekends"'), "rule us.days: on: 'weekends' is no occasion"),
        (days('["24.12."]'), "rule us.days: on: '24.12.' is no date"),
        (days('["02-30"]'), "rule us.days: on: day is out of range for month"),
        (days("[1224]"), "rule us.days: on: [1224] is no list of texts"),
        (days("1224"), "rule us.days: on: 1224 is no occasion"),
        (days('"holidays"', 'also = "12-24"'), "rule us.days: also: '12-24' is no list of texts"),
        (days('"holidays"', 'calendar = "US-ZZ"'), "rule us.days: calendar: 'US-ZZ'"),
        (days('"holidays"', 'weekdays = ["monday"]'), "rule us.days: weekdays: "),
    ],
)
def test_special_dates_that_are_none_are_refused(text: str, words: str) -> None:
    assert words in refused(text)


def test_the_leap_day_is_a_date() -> None:
    assert read_pack("us.toml", days('["02-29", "2026-12-24"]')).rules


def test_two_rules_for_the_same_people_on_one_day_are_refused() -> None:
    assert refused(twice()) == "us.toml: rule us.hours.two: effective_from: overlaps with rule us.hours"


@pytest.mark.parametrize(
    "change",
    [
        ('["telemarketing"]', '["survey"]'),
        ('"US"', '"US-FL"'),
        ('"us.hours.two"', '"us.hours.two"\nclock = "Etc/GMT+6"'),
    ],
)
def test_rules_for_others_stand_side_by_side(change: tuple[str, str]) -> None:
    assert len(read_pack("us.toml", twice(change)).rules) == 2


@pytest.mark.parametrize(("first", "second"), [("live", "recorded"), ("recorded", "live")])
def test_rules_for_other_voices_stand_side_by_side(first: str, second: str) -> None:
    text = HEAD + HOURS + f'voice = ["{first}"]\n' + HOURS.replace("us.hours", "us.two") + f'voice = ["{second}"]\n'
    assert len(read_pack("us.toml", text).rules) == 2


@pytest.mark.parametrize(
    ("begins", "words"),
    [
        ("2026-10-17", "us.hours.two: effective_from: overlaps with rule us.hours"),
        ("2026-10-19", "us.hours: effective_to: nothing follows on 2026-10-18"),
    ],
)
def test_a_successor_begins_the_day_after(begins: str, words: str) -> None:
    first, second = "effective_to = 2026-10-17\n", f"effective_from = {begins}\n"
    text = HEAD + HOURS + first + HOURS.replace('"us.hours"', '"us.hours.two"') + second
    assert words in refused(text)
    fitting = text.replace(second, "effective_from = 2026-10-18\n")
    old, new = read_pack("us.toml", fitting).rules
    assert [old.in_force(date(2026, 10, 17)), new.in_force(date(2026, 10, 17))] == [True, False]
    assert [old.in_force(date(2026, 10, 18)), new.in_force(date(2026, 10, 18))] == [False, True]


def test_a_successor_is_for_all_the_people_of_the_rule_before() -> None:
    first = HOURS.replace('["telemarketing"]', '["telemarketing", "survey"]') + "effective_to = 2026-10-17\n"
    rest = HOURS.replace('"us.hours"', '"us.two"') + "effective_from = 2026-10-18\n"
    assert "nothing follows on 2026-10-18 for survey, " in refused(HEAD + first + rest)
    survey = rest.replace('"us.two"', '"us.three"').replace("telemarketing", "survey")
    assert len(read_pack("us.toml", HEAD + first + rest + survey).rules) == 3


@pytest.mark.parametrize("hours", ["inf", "nan", "1e12", "0"])
def test_a_cap_counts_over_a_time_that_can_be_reckoned_with(hours: str) -> None:
    text = f'[[cap]]\nattempts = 3\nhours = {hours}\nof = "person"\nacross = "client"\n'
    common = HOURS.partition("[[hours]]")[2].partition("open =")[0]
    assert "us.toml: rule us.hours: hours: " in refused(HEAD + text + common)


def test_a_repealed_rule_needs_no_successor() -> None:
    (rule,) = read_pack("us.toml", HEAD + HOURS + "effective_to = 2026-10-17\nrepealed = true\n").rules
    assert not rule.in_force(date(2026, 10, 18))


def test_every_other_table_is_read() -> None:
    common = 'jurisdiction = "US"\nscope = ["survey"]\nbasis = "code"\ncitation = "c"\nconfidence = "low"\n'
    texts = [
        '[[cap]]\nid = "a"\nattempts = 3\nhours = 24\nof = "person"\nacross = "client"\nlifted_by = "express"\n',
        '[[cool_down]]\nid = "b"\nafter = "refusal"\nhours = inf\nof = "number"\nacross = "everyone"\n',
        '[[do_not_call]]\nid = "c"\nlist = "national:US"\nage_days_maximum = 31\n',
        '[[consent]]\nid = "d"\nneeds = "written"\n',
        '[[line_ban]]\nid = "e"\nlines = ["mobile"]\n',
        '[[connect]]\nid = "f"\nseconds = 2\ncounted_from = "greeting"\n',
        '[[ring]]\nid = "g"\nseconds_minimum = 15\n',
        '[[message]]\nid = "h"\nsays = ["caller"]\n',
        '[[emergency]]\nid = "i"\n',
        '[[retention]]\nid = "j"\nyears = 5\nof = ["attempts"]\n',
        '[[recording]]\nid = "k"\nconsent = "all"\n',
        '[[duty]]\nid = "l"\ntext = "Be kind."\n',
    ]
    rules = read_pack("us.toml", HEAD + "".join(text + common for text in texts)).rules
    assert [rule.id for rule in rules] == list("abcdefghijkl")
    cap, pause, listed = rules[:3]
    assert isinstance(cap, CapRule)
    assert (cap.attempts, cap.hours, cap.lifted_by) == (3, 24, "express")
    assert isinstance(pause, CoolDownRule)
    assert math.isinf(pause.hours)
    assert isinstance(listed, ListRule)
    assert (listed.list, listed.age_days_maximum, listed.required) == ("national:US", 31, True)
