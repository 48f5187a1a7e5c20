"""Packs put together: which rules reach a call, and what a region asks of a campaign."""

from datetime import date
from pathlib import Path

import pytest

from compliance import rulebook
from compliance.packs import RuleError, read_pack
from compliance.rule import ConsentRule, HoursRule
from compliance.rulebook import ANYBODY, Reach, callees, make_rulebook

TODAY = date(2026, 11, 23)
COMMON = 'scope = ["telemarketing"]\nbasis = "law"\ncitation = "c"\nconfidence = "high"\n'
OPEN = 'open = { mon-sun = ["08:00-21:00"] }\n'


def table(name: str, rule: str, jurisdiction: str, keys: str) -> str:
    return f'[[{name}]]\nid = "{rule}"\njurisdiction = "{jurisdiction}"\n{COMMON}{keys}'


HOURS = table("hours", "us.hours", "US", OPEN)
DROPS = 'ceiling = {}\nof = "live-answers"\nwindow = "30-day-blocks"\nacross = "campaign"\n'
CONNECT = 'seconds = {}\ncounted_from = "answer"\n'
HEAD = 'country = "US"\nversion = 2026-11-23\n'


def reach(*places: str, kind: str = "telemarketing") -> Reach:
    return Reach(kind, "live", frozenset(places), ANYBODY)


def test_a_countrys_rule_reaches_its_states_and_a_states_no_other() -> None:
    florida = table("consent", "us-fl.consent", "US-FL", 'needs = "written"\n')
    book = make_rulebook([read_pack("us.toml", HEAD + HOURS + florida)])
    assert [rule.id for rule in book.reaching(reach("US-FL"))] == ["us-fl.consent", "us.hours"]
    assert [rule.id for rule in book.reaching(reach("US-GA"))] == ["us.hours"]
    assert book.reaching(reach("CA")) == ()
    assert book.reaching(reach("US", kind="survey")) == ()
    assert [rule.id for rule in book.on(reach("US-FL"), ConsentRule, TODAY)] == ["us-fl.consent"]
    assert book.states("US") == {"US-FL"}


@pytest.mark.parametrize(
    ("line_type", "business", "expected"),
    [
        ("landline", False, {"residence"}),
        ("voip", False, {"residence"}),
        ("mobile", False, {"mobile"}),
        ("unknown", False, {"residence", "mobile"}),
        ("landline", True, {"business"}),
        ("mobile", True, {"business", "mobile"}),
        ("unknown", True, {"business", "mobile"}),
    ],
)
def test_whom_a_line_may_belong_to(line_type: str, business: bool, expected: set[str]) -> None:
    assert callees(line_type, business) == expected


def test_a_regions_limits_are_the_strictest_of_country_and_states() -> None:
    texts = [
        *(
            table("abandonment", "us.drops", "US", DROPS.format(0.03)),
            table("connect", "us.c", "US", CONNECT.format(3)),
        ),
        *(
            table("abandonment", "us-ca.d", "US-CA", DROPS.format(0.01)),
            table("connect", "us-va.c", "US-VA", CONNECT.format(2)),
        ),
        *(
            table("ring", "us.ring", "US", "seconds_minimum = 15\n"),
            table("ring", "us-dc.ring", "US-DC", "seconds_maximum = 90\n"),
        ),
    ]
    book = make_rulebook([read_pack("us.toml", HEAD + "".join(texts))])
    limits = book.limits("US", "telemarketing", TODAY)
    assert (limits.ceiling, limits.connect_seconds) == (0.01, 2)
    assert (limits.ring_seconds_minimum, limits.ring_seconds_maximum) == (15, 90)
    assert [rule.id for rule in limits.drop_rates] == ["us-ca.d", "us.drops"]
    with pytest.raises(RuleError, match="no abandonment rule for survey in US"):
        book.limits("US", "survey", TODAY)
    with pytest.raises(RuleError, match="no abandonment rule for telemarketing in FR"):
        book.limits("FR", "telemarketing", TODAY)


OWN = {
    "spring.toml": 'campaign = "spring"\nversion = 2026-11-23\n'
    + table("abandonment", "own.drops", "*", DROPS.format(0.01))
    + table("ring", "own.ring", "US-VT", "seconds_minimum = 20\nseconds_maximum = 60\n"),
    "acme.toml": 'client = "Acme"\nversion = 2026-11-23\n'
    + table("abandonment", "acme.drops", "US", DROPS.format(0.02))
    + table("connect", "acme.connect", "*", CONNECT.format(1))
    + table("ring", "acme.ring", "*", "seconds_maximum = 40\n"),
}


@pytest.mark.parametrize(
    ("campaign", "client", "expected"),
    [
        ("", "", (0.03, 2, 15, None)),
        ("autumn", "Other", (0.03, 2, 15, None)),
        ("spring", "Other", (0.01, 2, 20, 60)),
        ("autumn", "Acme", (0.02, 1, 15, 40)),
        ("spring", "Acme", (0.01, 1, 20, 40)),
    ],
)
def test_our_own_rules_make_the_limits_of_their_campaign_and_client_stricter(
    campaign: str, client: str, expected: tuple[float, float, int, int | None]
) -> None:
    law = (
        table("abandonment", "us.drops", "US", DROPS.format(0.03))
        + table("connect", "us.c", "US", CONNECT.format(2))
        + table("ring", "us.ring", "US", "seconds_minimum = 15\n")
    )
    book = make_rulebook([read_pack("us.toml", HEAD + law), *(read_pack(*one) for one in OWN.items())])
    limits = book.limits("US", "telemarketing", TODAY, campaign, client)
    assert expected == (
        *(limits.ceiling, limits.connect_seconds),
        *(limits.ring_seconds_minimum, limits.ring_seconds_maximum),
    )


def test_our_own_looser_rules_loosen_nothing() -> None:
    law = table("abandonment", "us.d", "US", DROPS.format(0.03)) + table("connect", "us.c", "US", CONNECT.format(2))
    loose = table("abandonment", "own.d", "*", DROPS.format(0.5)) + table("connect", "own.c", "*", CONNECT.format(9))
    own = read_pack("own.toml", 'campaign = "spring"\nversion = 2026-11-23\n' + loose)
    limits = make_rulebook([read_pack("us.toml", HEAD + law), own]).limits("US", "telemarketing", TODAY, "spring")
    assert (limits.ceiling, limits.connect_seconds) == (0.03, 2)
    with pytest.raises(RuleError, match="no abandonment rule for telemarketing in US"):
        make_rulebook([own]).limits("US", "telemarketing", TODAY, "spring")


def test_one_id_one_rule_and_one_pack_a_country() -> None:
    pack = read_pack("us.toml", HEAD + HOURS)
    own = 'client = "Acme"\nversion = 2026-11-23\n'
    with pytest.raises(RuleError, match="country: US has another pack: a country has one"):
        make_rulebook([pack, read_pack("us2.toml", HEAD)])
    with pytest.raises(RuleError, match=r"z.toml: rule us.hours: id: given twice"):
        make_rulebook([pack, read_pack("z.toml", own + HOURS)])
    with pytest.raises(RuleError, match=r"a.toml: rule us.hours: id: given twice"):  # ours is at fault, not the law
        make_rulebook([read_pack("a.toml", own + HOURS), pack])


def test_only_customs_can_be_switched_off() -> None:
    custom = table("hours", "us.custom", "US", OPEN).replace('"law"', '"custom"').replace("telemarketing", "survey")
    book = make_rulebook([read_pack("us.toml", HEAD + HOURS + custom)])
    book.check_without(["us.custom"])
    with pytest.raises(RuleError, match=r"rule us.hours: basis law: only a customary rule"):
        book.check_without(["us.hours"])
    with pytest.raises(RuleError, match=r"no rule 'us.nothing'"):
        book.check_without(["us.nothing"])


def test_the_digest_changes_with_any_text() -> None:
    one, same, other = (make_rulebook([read_pack("us.toml", HEAD + HOURS + more)]).digest for more in ("", "", "# x\n"))
    assert one == same != other


def test_own_rules_come_from_a_directory(tmp_path: Path) -> None:
    own = 'campaign = "spring"\nversion = 2026-11-23\n' + table("hours", "own.hours", "*", OPEN)
    (tmp_path / "own.toml").write_text(own)
    book = rulebook.load(str(tmp_path))
    assert isinstance(book.by_id["own.hours"], HoursRule)
    assert "own.hours" not in [rule.id for rule in book.reaching(reach("US"))]
    assert "own.hours" in [rule.id for rule in book.reaching(reach("US")._replace(campaign="spring"))]


def test_own_rules_are_for_a_campaign_or_client_and_never_for_a_country(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('country = "ZZ"\nversion = 2026-11-23\n')
    with pytest.raises(RuleError, match=r"own.toml: country: rules of our own are for one campaign or client"):
        rulebook.load(str(tmp_path))
    with pytest.raises(RuleError, match="nowhere: no such directory"):
        rulebook.load(str(tmp_path / "nowhere"))
    (tmp_path / "own.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match=r"own.toml: cannot be read"):
        rulebook.load(str(tmp_path))
