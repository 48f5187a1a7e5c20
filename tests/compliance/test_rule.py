"""The shipped rules that count or stop calls, rule by rule, with their numbers written a second time by hand."""

from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from compliance import rulebook
from compliance.facts import OWN_MEASURE, DropCount, Facts, Measure, Past
from compliance.gate import Blocked, Cleared, Reason, check
from compliance.rule import (
    AbandonmentRule,
    CapRule,
    ConnectRule,
    ConsentRule,
    CoolDownRule,
    EmergencyRule,
    HoursRule,
    ListRule,
    MessageRule,
    RingRule,
    Rule,
)
from compliance.wording import effect
from tests.compliance.oracle import WHERE
from tests.compliance.test_rules import CONSENTS, WINDOWS

BOOK = rulebook.load()
NOON = {  # a Wednesday at which every place below may be called
    **{"US": datetime(2026, 11, 18, 18, tzinfo=UTC), "CA": datetime(2026, 11, 18, 18, tzinfo=UTC)},
    **{"JP": datetime(2026, 11, 18, 3, tzinfo=UTC), "AU": datetime(2026, 11, 18, 3, tzinfo=UTC)},
}
EUROPE = datetime(2026, 11, 18, 14, tzinfo=UTC)
NUMBER, OTHER = "+12125550123", "+12125550124"


def at(place: str) -> datetime:
    return NOON.get(place[:2], EUROPE)


def call(place: str, kind: str, **changes: Any) -> Facts:
    usual: dict[str, Any] = {
        **{"number": NUMBER, "kind": kind, "ring_seconds": 25, "attempts_per_day": 99, "line_type": "landline"},
        **{"jurisdictions": frozenset({place, place[:2]}), "zones": WHERE[place], "consent": "written"},
        **{"campaign": "spring", "client": "Acme", "copies": dict.fromkeys(BOOK.lists(), at(place).date())},
    }
    return Facts(**(usual | changes))


def past(when: datetime, came_to: str = "", **changes: str) -> Past:
    usual = {"number": NUMBER, "campaign": "spring", "client": "Acme"}
    return Past(when, when, **(usual | changes), came_to=came_to)


CAPS = [  # rule, place, kind, changes to the call, attempts, hours, other people's calls that count too
    ("ca-bc.cap.telemarketing", "CA-BC", "telemarketing", {"consent": "none"}, 1, 720, {"number": OTHER}),
    ("de.cap.survey.day", "DE", "survey", {}, 3, 24, {"client": "B", "campaign": "b"}),
    ("de.cap.survey.life", "DE", "survey", {}, 10, None, {}),
    ("de.cap.telemarketing.day", "DE", "telemarketing", {}, 3, 24, {"client": "B", "campaign": "b"}),
    ("de.cap.telemarketing.life", "DE", "telemarketing", {}, 30, None, {}),
    ("de.cap.telemarketing.week", "DE", "telemarketing", {}, 15, 168, {"client": "B", "campaign": "b"}),
    ("fr.cap.telemarketing.month", "FR", "telemarketing", {}, 4, 720, {"campaign": "b"}),
    ("us-fl.cap.telemarketing", "US-FL", "telemarketing", {}, 3, 24, {"campaign": "b", "number": OTHER}),
    ("us-md.cap.telemarketing", "US-MD", "telemarketing", {}, 3, 24, {"campaign": "b", "number": OTHER}),
    ("us-me.cap.recorded", "US-ME", "survey", {"voice": "recorded"}, 1, 8, {"client": "B", "campaign": "b"}),
    ("us-ok.cap.telemarketing", "US-OK", "telemarketing", {}, 3, 24, {"campaign": "b", "number": OTHER}),
    ("us-or.cap.telemarketing", "US-OR", "telemarketing", {"consent": "none"}, 3, 24, {"number": OTHER}),
    ("us.cap.debt-collection", "US-NY", "debt-collection", {}, 7, 168, {"number": OTHER}),
    (
        *("us.cap.recorded.survey", "US-NY", "survey", {"voice": "recorded", "consent": "none"}, 3, 720),
        {"client": "B", "campaign": "b"},
    ),
]
COOL_DOWNS = [  # rule, place, kind, changes to the call, what came of how many earlier calls, hours
    ("fr.cool-down.telemarketing.refusal", "FR", "telemarketing", {}, ["refusal"], 1440),
    ("gb.cool-down.survey.abandoned", "GB", "survey", {}, ["abandoned"], 72),
    ("gb.cool-down.survey.machine", "GB", "survey", {}, ["machine"], 24),
    ("gb.cool-down.telemarketing.abandoned", "GB", "telemarketing", {}, ["abandoned"], 72),
    ("gb.cool-down.telemarketing.machine", "GB", "telemarketing", {}, ["machine"], 24),
    ("it.cool-down.telemarketing.abandoned", "IT", "telemarketing", {"agent_reserved": True}, ["abandoned"], 120),
    ("it.cool-down.telemarketing.reserved", "IT", "telemarketing", {}, ["abandoned"], inf),
    ("jp.cool-down.telemarketing.hung-up", "JP", "telemarketing", {}, ["hung-up", "hung-up"], inf),
    ("jp.cool-down.telemarketing.refusal", "JP", "telemarketing", {}, ["refusal"], inf),
    ("us-nv.cool-down.recorded", "US-NV", "survey", {"voice": "recorded"}, ["hung-up"], inf),
    ("us.cool-down.debt-collection", "US-NY", "debt-collection", {}, ["conversation"], 168),
]
USUAL = (0.03, Measure("live-answers", "30-day-blocks", "campaign", False, True))
AMERICAN = (0.03, USUAL[1]._replace(counts_cut_off=False))
DROP_RATES = {  # where it is another than the usual
    **dict.fromkeys(("us.abandonment.telemarketing", "us.abandonment.survey", "us-ca.abandonment"), AMERICAN),
    **dict.fromkeys(("us.abandonment.debt-collection", "ca.abandonment.survey"), AMERICAN),
    "ca.abandonment.telemarketing": (0.05, Measure("calls-placed", "calendar-month", "everyone", False, False)),
    "de.abandonment.survey": (0.01, Measure("attempts", "24-hours", "campaign", True, True)),
    "gb.abandonment.survey": (0.03, Measure("live-answers", "24-hours", "campaign", False, True)),
    "gb.abandonment.telemarketing": (0.03, Measure("live-answers", "24-hours", "campaign", False, True)),
    "it.abandonment.telemarketing": (0.03, Measure("live-answers", "campaign", "campaign", False, True)),
}
GREETING = ("us-ca.connect", "us-sc.connect", "us-va.connect", "us.connect.custom", "us.connect.telemarketing")
RINGS = {
    **{"de.ring.telemarketing": (15, 40), "gb.ring.survey": (15, None), "gb.ring.telemarketing": (15, None)},
    **{"us-dc.ring.telemarketing": (None, 90), "us.ring.custom": (15, None), "us.ring.telemarketing": (15, None)},
}
MESSAGES = {
    "de.message.telemarketing": ({"caller"}, None),
    "gb.message.survey": ({"caller", "number", "opt-out"}, 2),
    "gb.message.telemarketing": ({"caller", "number", "opt-out"}, 2),
    "us-sc.message": ({"caller", "number", "opt-out"}, 2),
    "us-va.message": ({"caller", "number"}, 2),
    "us.message.telemarketing": ({"caller", "number", "opt-out", "purpose"}, 2),
}
EMERGENCIES = {"us-la.emergency.telemarketing": "US-LA", "us-ny.emergency.telemarketing": "US-NY"}


def shipped(kind: type[Rule]) -> set[str]:
    return {rule.id for rule in BOOK.by_id.values() if isinstance(rule, kind)}


def test_no_rule_is_missing_here() -> None:
    assert shipped(CapRule) == {row[0] for row in CAPS}
    assert shipped(CoolDownRule) == {row[0] for row in COOL_DOWNS}
    assert shipped(RingRule) == RINGS.keys()
    assert shipped(MessageRule) == MESSAGES.keys()
    assert shipped(EmergencyRule) == EMERGENCIES.keys()


@pytest.mark.parametrize(("rule", "place", "kind", "changes", "cap", "hours", "whose"), CAPS, ids=[c[0] for c in CAPS])
def test_the_cap_of(
    rule: str, place: str, kind: str, changes: dict[str, Any], cap: int, hours: float | None, whose: dict[str, str]
) -> None:
    """One attempt too many is refused by this rule until the oldest no longer counts; one fewer is not."""
    now, window = at(place), timedelta(hours=hours or 5000)
    spread = [past(now - window + window * (place_ + 1) / (cap + 1), **whose) for place_ in range(cap)]
    refused = check(call(place, kind, attempts=tuple(spread), **changes), BOOK, now)
    assert isinstance(refused, Blocked)
    assert rule in refused.rules
    assert refused.reason is Reason.CAP
    fewer = check(call(place, kind, attempts=tuple(spread[1:]), **changes), BOOK, now)
    assert rule not in fewer.rules or isinstance(fewer, Cleared)
    if hours is not None:
        over = spread[0].at + window
        last = check(call(place, kind, attempts=tuple(spread), **changes), BOOK, over - timedelta(seconds=1))
        assert _refused_by(last, rule, Reason.CAP) or _another_question_first(last)
        assert not _refused_by(
            check(call(place, kind, attempts=tuple(spread), **changes), BOOK, over), rule, Reason.CAP
        )


def _refused_by(verdict: Cleared | Blocked, rule: str, reason: Reason) -> bool:
    return isinstance(verdict, Blocked) and verdict.reason is reason and rule in verdict.rules


def _another_question_first(verdict: Cleared | Blocked) -> bool:
    return isinstance(verdict, Blocked) and verdict.reason in (Reason.HOURS, Reason.HOLIDAY, Reason.DO_NOT_CALL)


@pytest.mark.parametrize(
    ("rule", "place", "kind", "changes", "came", "hours"), COOL_DOWNS, ids=[c[0] for c in COOL_DOWNS]
)
def test_the_pause_of(rule: str, place: str, kind: str, changes: dict[str, Any], came: list[str], hours: float) -> None:
    now = at(place)
    length = timedelta(hours=2000 if hours == inf else hours)

    def verdict(ago: timedelta, came: list[str], **more: Any) -> Cleared | Blocked:
        attempts = [past(now - ago - timedelta(minutes=place_), word) for place_, word in enumerate(came)]
        return check(call(place, kind, attempts=tuple(reversed(attempts)), **(changes | more)), BOOK, now)

    assert _refused_by(verdict(length - timedelta(minutes=1), came), rule, Reason.COOL_DOWN)
    assert _refused_by(verdict(length, came), rule, Reason.COOL_DOWN) is (hours == inf)
    assert not _refused_by(verdict(length - timedelta(minutes=1), [""] * len(came)), rule, Reason.COOL_DOWN)
    assert not _refused_by(verdict(length - timedelta(minutes=1), came[1:]), rule, Reason.COOL_DOWN)
    if rule.startswith("gb.") or rule.endswith(".reserved"):
        reserved = verdict(length - timedelta(minutes=1), came, agent_reserved=True)
        assert not _refused_by(reserved, rule, Reason.COOL_DOWN)


@pytest.mark.parametrize("rule", sorted(shipped(AbandonmentRule)))
def test_the_drop_rate_of(rule: str) -> None:
    found = BOOK.by_id[rule]
    assert isinstance(found, AbandonmentRule)
    ceiling, measure = DROP_RATES.get(rule, USUAL)
    kind = sorted(found.scope)[0]
    place = {"BR": "BR-RJ"}.get(found.jurisdiction, found.jurisdiction)
    zones = next((zones for name, zones in WHERE.items() if name.startswith(found.jurisdiction)), frozenset({"UTC"}))

    def verdict(abandoned: float) -> Cleared | Blocked:
        drops = tuple(
            DropCount(one, 1000, abandoned if one == measure else 0, at(place) + timedelta(days=3))
            for one in {*BOOK.measures, OWN_MEASURE}
        )
        facts = call("US-NY", kind, jurisdictions=frozenset({place, place[:2]}), zones=zones, drops=drops)
        return check(facts, BOOK, _open_moment(facts))

    assert _refused_by(verdict(ceiling * 1000 + 1), rule, Reason.DROP_RATE)
    assert not _refused_by(verdict(ceiling * 1000 - 1), rule, Reason.DROP_RATE)


@pytest.mark.parametrize(("rule", "said"), [("us.abandonment.telemarketing", True), ("gb.abandonment.survey", False)])
def test_a_drop_rate_says_whether_it_counts_whom_the_machine_detector_took_from_an_agent(rule: str, said: bool) -> None:
    assert ("without whom the machine detector took from an agent" in effect(BOOK.by_id[rule])) is said


def _open_moment(facts: Facts) -> datetime:
    """Some hour of a working week at which only the drop rate could refuse."""
    quiet = Facts(**{name: getattr(facts, name) for name in facts.__slots__} | {"agent_reserved": True})
    hours = (datetime(2026, 11, 18, tzinfo=UTC) + timedelta(hours=hour) for hour in range(72))
    return next(hour for hour in hours if isinstance(check(quiet, BOOK, hour), Cleared))


@pytest.mark.parametrize("rule", sorted(shipped(ConnectRule)))
def test_the_seconds_to_an_agent_of(rule: str) -> None:
    found = BOOK.by_id[rule]
    assert isinstance(found, ConnectRule)
    assert found.seconds == (3 if rule == "it.connect.telemarketing" else 2)
    assert found.counted_from == ("greeting" if rule in GREETING else "answer")


@pytest.mark.parametrize("rule", RINGS)
def test_the_ring_of(rule: str) -> None:
    found = BOOK.by_id[rule]
    assert isinstance(found, RingRule)
    assert (found.seconds_minimum, found.seconds_maximum) == RINGS[rule]


@pytest.mark.parametrize("rule", MESSAGES)
def test_the_message_of(rule: str) -> None:
    found = BOOK.by_id[rule]
    assert isinstance(found, MessageRule)
    assert (found.says, found.seconds) == MESSAGES[rule]


@pytest.mark.parametrize(("rule", "place"), EMERGENCIES.items())
def test_the_emergency_of(rule: str, place: str) -> None:
    declared = check(call(place, "telemarketing", emergencies=frozenset({place})), BOOK, at(place))
    assert _refused_by(declared, rule, Reason.EMERGENCY)
    assert isinstance(
        check(call(place, "telemarketing", emergencies=frozenset({"US-TX"}), agent_reserved=True), BOOK, at(place)),
        Cleared,
    )


# Monday to Friday, Saturday, Sunday; - for no calls. The others are in `test_rules.py`, with their days.
WEEKS = {
    "08:00-20:00 | - | -": """
        at.hours.telemarketing cz.hours.telemarketing hu.hours.telemarketing pl.hours.telemarketing
        sk.hours.telemarketing""",
    "09:00-21:00 | 09:00-21:00 | 10:00-21:00": """
        at.hours.survey be.hours.survey cz.hours.survey gb.hours.survey hu.hours.survey ie.hours.survey it.hours.survey
        mx.hours.survey nz.hours.survey pl.hours.survey pt.hours.survey se.hours.survey sg.hours.survey
        sk.hours.survey""",
    "09:00-20:00 | - | -": """
        by.hours.any kz.hours.any ro.hours.any ru.hours.telemarketing ua.hours.telemarketing""",
    "09:00-20:00 | 09:00-17:00 | -": "au.hours.telemarketing",
    "08:00-20:00 | 09:00-18:00 | -": "be.hours.telemarketing",
    "09:00-20:00 | 10:00-14:00 | -": "br.hours.survey br.hours.telemarketing mx.hours.telemarketing",
    "09:00-21:30 | 10:00-18:00 | 10:00-18:00": "ca.hours.recorded.survey ca.hours.survey",
    "09:00-21:00 | 10:00-14:00 | -": "es.hours.survey",
    "09:00-21:00 | 09:00-20:00 | -": "fr.hours.survey",
    "10:00-13:00 14:00-20:00 | - | -": "fr.hours.telemarketing",
    "09:00-21:00 | 09:00-17:00 | -": "ie.hours.telemarketing",
    "10:00-20:00 | 10:00-20:00 | -": "in.hours.survey",
    "09:00-20:00 | 10:00-19:00 | -": "it.hours.telemarketing",
    "09:00-20:00 | 09:00-20:00 | -": "jp.hours.telemarketing",
    "09:00-22:00 | 10:00-18:00 | -": "nl.hours.survey",
    "09:00-22:00 | 10:00-16:00 | -": "nl.hours.telemarketing",
    "08:00-21:00 | 08:00-21:00 | -": "nz.hours.telemarketing",
    "09:00-22:00 | - | -": "pt.hours.telemarketing",
    "09:00-21:00 | 10:00-20:00 | 10:00-20:00": "ru.hours.survey",
    "08:00-21:00 | 10:00-18:00 | -": "se.hours.telemarketing",
    "09:00-21:00 | 09:00-18:00 | -": "sg.hours.telemarketing sg.hours.telemarketing.business",
    "08:00-20:00 | 09:00-13:00 | -": "za.hours.survey",
    "09:00-21:00 | 09:00-21:00 | 09:00-21:00": """
        jp.hours.survey us-ca.hours.recorded us-il.hours.recorded us-mi.hours.telemarketing
        us-mn.hours.recorded.survey us-nv.hours.recorded""",
    "08:00-21:00 | 08:00-21:00 | 08:00-21:00": """
        us-dc.hours.telemarketing us-ga.hours.recorded us-hi.hours.telemarketing us-il.hours.telemarketing
        us-ky.hours.recorded.survey us-mt.hours.telemarketing us-nc.hours.telemarketing us-nd.hours.recorded.survey
        us-nd.hours.telemarketing us-ne.hours.recorded.survey us-nj.hours.telemarketing us-ny.hours.telemarketing
        us-sc.hours.telemarketing us-tn.hours.telemarketing us-va.hours.telemarketing us-wv.hours.telemarketing
        us.hours.business""",
    "09:00-17:00 | - | -": "us-me.hours.recorded",
    "08:00-21:00 | 08:00-21:00 | 13:00-21:00": "us-ne.hours.recorded.telemarketing",
    "09:00-20:00 | 09:00-20:00 | 09:00-20:00": "us-nv.hours.telemarketing",
    "08:00-20:00 | 08:00-20:00 | 08:00-20:00": "us-or.hours.telemarketing",
    "08:00-19:00 | 08:00-19:00 | 08:00-19:00": "us-sc.hours.recorded",
    "09:00-21:00 | - | -": "us-sd.hours.telemarketing",
    "09:00-21:00 | 09:00-21:00 | 12:00-21:00": "us-tx.hours.telemarketing",
}
WEEK_OF = {rule: week for week, rules in WEEKS.items() for rule in rules.split()}
NEEDS = {  # consent for any call, or only for recorded ones or mobiles where the name says so
    "written": "us.consent.recorded.telemarketing",
    "relationship": "us-sc.consent.recorded",
    "express": """
        at.consent.telemarketing be.consent.recorded.telemarketing by.consent.any ca.consent.recorded.telemarketing
        cz.consent.telemarketing es.consent.telemarketing gb.consent.recorded.telemarketing
        ie.consent.telemarketing.mobile in.consent.telemarketing kz.consent.any nl.consent.telemarketing
        pt.consent.telemarketing ro.consent.any ru.consent.survey ru.consent.telemarketing sk.consent.telemarketing
        ua.consent.telemarketing us-ca.consent.recorded us-ga.consent.recorded us-in.consent.recorded
        us-ky.consent.recorded.survey us-la.consent.mobile us-mn.consent.recorded us-nd.consent.recorded
        us-nj.consent.mobile us.consent.recorded.mobile za.consent.recorded.telemarketing""",
}
NEEDED_BY = {rule: level for level, rules in NEEDS.items() for rule in rules.split()}
AGES = {  # days that a copy of a list may have; None where the law names none
    **{"au.do-not-call.telemarketing": 30, "be.do-not-call.telemarketing": 5, "br.do-not-call.telemarketing": 30},
    **{"ca.do-not-call.national": 31, "es.do-not-call.telemarketing": 30, "fr.do-not-call.telemarketing": None},
    **{"gb.do-not-call.telemarketing": 28, "ie.do-not-call.telemarketing": 28, "in.do-not-call.telemarketing": 1},
    **{"it.do-not-call.survey": 15, "it.do-not-call.telemarketing": 15, "mx.do-not-call.telemarketing": 30},
    **{"nl.do-not-call.survey": None, "nz.do-not-call.telemarketing": 30, "se.do-not-call.telemarketing": 30},
    **{"sg.do-not-call.telemarketing": 21, "sk.do-not-call.telemarketing": 15, "za.do-not-call.telemarketing": 30},
    **{"us-co.do-not-call.state": None, "us-fl.do-not-call.state": None, "us-in.do-not-call.state": 92},
    **{"us-la.do-not-call.state": 31, "us-ma.do-not-call.state": 92, "us-mo.do-not-call.state": 92},
    **{"us-ok.do-not-call.state": None, "us-pa.do-not-call.state": None, "us-tn.do-not-call.state": None},
    **{"us-tx.do-not-call.state": 92, "us-wy.do-not-call.state": None, "us.do-not-call.national": 31},
}


def test_every_window_consent_and_list_is_written_down_by_hand() -> None:
    by_hand = {row[0] for row in WINDOWS}
    assert shipped(HoursRule) == WEEK_OF.keys() | {rule for rule in by_hand if ".hours." in rule}
    assert shipped(ConsentRule) == NEEDED_BY.keys() | {row[0] for row in CONSENTS}
    assert shipped(ListRule) == AGES.keys()


@pytest.mark.parametrize("rule", sorted(WEEK_OF))
def test_the_week_of(rule: str) -> None:
    found = BOOK.by_id[rule]
    assert isinstance(found, HoursRule)
    written = [" ".join(f"{_clock(a)}-{_clock(b)}" for a, b in windows) or "-" for windows in found.open]
    assert len(set(written[:5])) == 1
    assert " | ".join(written[4:]) == WEEK_OF[rule]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"


@pytest.mark.parametrize("rule", sorted(NEEDED_BY))
def test_the_consent_needed_by(rule: str) -> None:
    """One level less is refused by this rule, the level itself is not."""
    found = BOOK.by_id[rule]
    assert isinstance(found, ConsentRule)
    levels = ("none", "relationship", "express", "written")
    where = frozenset({found.jurisdiction, found.jurisdiction[:2]})
    callee = {"line_type": "mobile" if "mobile" in found.protects else "landline", "business": False}
    changes = {"jurisdictions": where, "voice": sorted(found.voice)[-1], **callee, "agent_reserved": True}
    zones = next((zones for name, zones in WHERE.items() if name.startswith(found.jurisdiction)), frozenset({"UTC"}))
    level = levels.index(NEEDED_BY[rule])
    for consent, refused in ((levels[level - 1], True), (levels[level], False)):
        facts = call("US-NY", sorted(found.scope)[-1], consent=consent, zones=zones, **changes)
        verdict = check(facts, BOOK, at(found.jurisdiction))
        assert _refused_by(verdict, rule, Reason.CONSENT) is refused, verdict


@pytest.mark.parametrize("rule", sorted(AGES))
def test_the_age_of_a_list_by(rule: str) -> None:
    """The copy's last day holds, the day after does not; where no age is named, an old copy holds."""
    found = BOOK.by_id[rule]
    assert isinstance(found, ListRule)
    assert found.age_days_maximum == AGES[rule]
    now = datetime(2026, 6, 17, 15, tzinfo=UTC) if rule.startswith("fr.") else at(found.jurisdiction)
    zones = next(zones for name, zones in WHERE.items() if name.startswith(found.jurisdiction))
    where = frozenset({found.jurisdiction, found.jurisdiction[:2]})
    today = now.astimezone(ZoneInfo(min(zones))).date()

    def verdict(age: int) -> Cleared | Blocked:
        copies = dict.fromkeys(BOOK.lists(), today) | {found.list: today - timedelta(days=age)}
        facts = {"copies": copies, "jurisdictions": where, "zones": zones, "consent": "none", "agent_reserved": True}
        return check(call("US-NY", sorted(found.scope)[0], **facts), BOOK, now)

    limit = 400 if AGES[rule] is None else AGES[rule]
    assert not _refused_by(verdict(limit), rule, Reason.DO_NOT_CALL)
    assert _refused_by(verdict(limit + 1), rule, Reason.DO_NOT_CALL) is (AGES[rule] is not None)
