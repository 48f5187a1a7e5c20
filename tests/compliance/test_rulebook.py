from datetime import date

import pytest

from compliance.rulebook import RuleError, load, make_rulebook, read_pack

HOUR = 3600
US = frozenset({"US"})
TODAY = date(2026, 11, 23)
HOURS = """
[[hours]]
id = "xx.hours"
jurisdiction = "XX"
scope = ["telemarketing"]
protects = ["residence"]
open = { mon-fri = ["09:00-12:00", "14:00-20:00"], sat = ["10:00-16:00"], sun = [] }
basis = "law"
citation = "Act 1"
confidence = "high"
effective_from = 2020-01-01
"""
ABANDONMENT = """
[[abandonment]]
id = "xx.abandonment"
jurisdiction = "XX"
scope = ["telemarketing"]
protects = ["residence"]
ceiling = 0.03
connect_seconds = 2
ring_seconds_minimum = 15
window_days = 30
basis = "law"
citation = "Act 2"
confidence = "high"
effective_from = 2020-01-01
"""
PACK = 'country = "XX"\n' + HOURS


@pytest.mark.parametrize("kind", ["telemarketing", "survey"])
def test_federal_hours_are_8_to_21_every_day(kind: str) -> None:
    """47 CFR 64.1200(c)(1), 16 CFR 310.4(c)."""
    for day in range(23, 30):
        assert load().windows(kind, US, date(2026, 11, day)) == ((8 * HOUR, 21 * HOUR),)


def test_federal_abandonment_is_3_percent_2_seconds_15_seconds() -> None:
    """16 CFR 310.4(b)(4)(i)-(iii)."""
    rule = load().abandonment(frozenset({"US", "US-GU"}), TODAY)
    assert (rule.ceiling, rule.connect_seconds, rule.ring_seconds_minimum, rule.window_days) == (0.03, 2, 15, 30)
    assert rule.rules == ("us.abandonment.telemarketing",)


def test_what_no_law_asks_of_surveys_is_marked_as_custom() -> None:
    bases = {rule.id: rule.basis for pack in load().packs for rule in (*pack.hours, *pack.abandonment)}
    assert bases == {
        "us.hours.telemarketing": "law",
        "us.hours.survey": "custom",
        "us.abandonment.telemarketing": "law",
        "us.abandonment.survey": "custom",
    }


def test_a_rule_binds_from_its_first_to_its_last_day() -> None:
    """The Telemarketing Sales Rule began on 31 December 1995."""
    rules = load()
    assert rules.hours("telemarketing", US, date(1995, 12, 30)) == ()
    assert len(rules.hours("telemarketing", US, date(1995, 12, 31))) == 1
    ended = make_rulebook([read_pack("xx.toml", PACK + "effective_to = 2026-11-23")])
    assert [len(ended.hours("telemarketing", frozenset({"XX"}), date(2026, 11, d))) for d in (23, 24)] == [1, 0]


def test_a_countrys_rule_binds_its_states_and_no_other_country() -> None:
    rules = load()
    assert rules.without_hours("survey", frozenset({"US-FL"}), TODAY) == ()
    assert rules.without_hours("survey", frozenset({"US", "CA", "CA-ON"}), TODAY) == ("CA",)
    assert rules.windows("survey", frozenset({"US", "CA"}), TODAY) == ()


def test_windows_are_read_per_weekday() -> None:
    rules = make_rulebook([read_pack("xx.toml", PACK)])
    friday, saturday, sunday = (
        rules.windows("telemarketing", frozenset({"XX"}), date(2026, 11, day)) for day in (27, 28, 29)
    )
    assert friday == ((9 * HOUR, 12 * HOUR), (14 * HOUR, 20 * HOUR))
    assert saturday == ((10 * HOUR, 16 * HOUR),)
    assert sunday == ()


def test_rules_of_a_country_and_its_state_hold_together() -> None:
    """The windows' overlap, the lowest ceiling, the shortest wait for an agent, the longest ring."""
    state = (
        (HOURS + ABANDONMENT)
        .replace('"XX"', '"XX-1"')
        .replace('"xx.', '"xx-1.')
        .replace('"09:00-12:00"', '"11:00-13:00"')
    )
    state = state.replace("0.03", "0.01").replace("minimum = 15", "minimum = 20").replace("days = 30", "days = 1")
    state = state.replace("connect_seconds = 2", "connect_seconds = 1.5")
    rules = make_rulebook([read_pack("xx.toml", PACK + ABANDONMENT + state)])
    places = frozenset({"XX", "XX-1"})
    assert rules.windows("telemarketing", places, TODAY) == ((11 * HOUR, 12 * HOUR), (14 * HOUR, 20 * HOUR))
    strictest = rules.abandonment(places, TODAY)
    assert (strictest.ceiling, strictest.connect_seconds) == (0.01, 1.5)
    assert (strictest.ring_seconds_minimum, strictest.window_days) == (20, 1)
    assert strictest.rules == ("xx-1.abandonment", "xx.abandonment")


def test_no_abandonment_rule_is_an_error_for_whoever_needs_one() -> None:
    with pytest.raises(RuleError, match="no abandonment rule for telemarketing in XX on 2026-11-23"):
        load().abandonment(frozenset({"XX"}), TODAY)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('country = "XX"', 'country = "Ruritania"', "xx.toml: country: "),
        ('country = "XX"', 'country = "XX"\nlunch = 1', "xx.toml: lunch: "),
        ("confidence", "konfidence", "xx.toml: rule xx.hours: "),
        ('id = "xx.hours"', "", "xx.toml: rule number 1 of hours: id: "),
        ("sun = []", "sun = [], holiday = []", "rule xx.hours: open: 'holiday' is no day"),
        (", sun = []", "", "rule xx.hours: open: no windows for sun"),
        ("mon-fri", "mon-sat", "rule xx.hours: open: sat is given twice"),
        ("10:00-16:00", "16:00-10:00", "rule xx.hours: open: '16:00-10:00' does not end after it begins"),
        ("10:00-16:00", "10:00-24:30", "rule xx.hours: open: '10:00-24:30' does not end after it begins"),
        ("10:00-16:00", "10-16", "rule xx.hours: open: '10-16' is no window"),
        ("14:00-20:00", "12:00-20:00", "rule xx.hours: open: '12:00-20:00' does not come after"),
        ('"telemarketing"', '"anything"', "rule xx.hours: scope"),
        ('jurisdiction = "XX"', 'jurisdiction = "YY"', "rule xx.hours: jurisdiction: YY is not in XX"),
        ("effective_from = 2020-01-01", "", "rule xx.hours: effective_from is missing"),
        ("2020-01-01", "2020-01-01\neffective_to = 2019-12-31", "rule xx.hours: effective_to 2019-12-31 lies before"),
        ("effective_from", "effective_from = ", "xx.toml: "),
    ],
)
def test_a_rule_with_an_error_is_refused_naming_file_rule_and_key(old: str, new: str, message: str) -> None:
    assert old in PACK
    with pytest.raises(RuleError) as error:
        read_pack("xx.toml", PACK.replace(old, new))
    assert str(error.value).startswith("xx.toml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_ceiling_in_percent_is_refused() -> None:
    with pytest.raises(RuleError, match=r"xx.toml: rule xx.abandonment: ceiling: "):
        read_pack("xx.toml", PACK + ABANDONMENT.replace("0.03", "3"))


def test_rules_that_overlap_are_refused() -> None:
    later = HOURS.replace('"xx.hours"', '"xx.later"').replace("2020-01-01", "2026-10-18")
    with pytest.raises(RuleError, match=r"xx.toml: rule xx.later: effective_from: overlaps with rule xx.hours"):
        read_pack("xx.toml", PACK + later)
    read_pack("xx.toml", PACK + "effective_to = 2026-10-17\n" + later)
    read_pack("xx.toml", PACK + later.replace('"residence"', '"business"'))


def test_a_country_has_one_pack_and_a_rule_one_id() -> None:
    pack = read_pack("xx.toml", PACK)
    other = read_pack("yy.toml", PACK.replace('"XX"', '"YY"'))
    with pytest.raises(RuleError, match="XX is given twice"):
        make_rulebook([pack, pack])
    with pytest.raises(RuleError, match=r"xx\.hours is given twice"):
        make_rulebook([pack, other])
