"""One person's data: found, exported, and erased as far as the law lets it go."""

from dataclasses import replace
from datetime import timedelta

import pytest

from compliance import rulebook
from dialer import privacy
from dialer.timetable import make_timetable
from tests.conftest import NOON

pytestmark = pytest.mark.both_databases

BOOK = rulebook.load()
NUMBER, OTHER = "+12125550120", "+12125550121"
LATER = NOON + timedelta(days=365 * 5 + 2)  # five years and a leap day


async def nothing():
    pass


@pytest.fixture
def on(database):
    """Run a function of the module on the person with this number or id."""

    def on(who, act, *rest):
        return database.write(lambda session: act(session, privacy.find(session, str(who)), *rest))

    return on


@pytest.fixture
def person(build, exchange):
    """Called once by telemarketing, refused once, with a consent and a webhook; and a neighbour."""

    def person(kind="telemarketing"):
        campaign = build.campaign(kind=kind)
        known = {"first_name": "Ann", "last_name": "Lee", "email": "a@example.com", "external_id": "7"}
        lead = build.lead(campaign, NUMBER, OTHER, **known, custom={"plan": "gold"})
        attempt = build.attempt(lead, "ended", outcome="answered", disposition="not-interested", ended_at=NOON)
        build.add("carrier_event", {"key": "k", "attempt_id": attempt, **EVENT})
        build.add("consent", {"number": NUMBER, **CONSENT})
        for number, lead_id in ((NUMBER, lead), ("+12125550190", build.lead(campaign, "+12125550190"))):
            build.add("decision", {"number": number, "lead_id": lead_id, "hash": number, "kind": kind, **DECISION})
        return lead

    return person


EVENT = {"received_at": NOON, "kind": "answer", "parameters": {"To": NUMBER}, "answer": "<Response/>", "problem": ""}
CONSENT = {"client": "*", "kind": "written", "source": "web", "text_version": "1", "given_at": NOON, "added_at": NOON}
CONSENT |= {"revoked_by": "", "note": ""}
DECISION = {"at": NOON, "campaign_id": 1, "campaign": "spring", "client": "Acme", "verdict": "cleared", "rules": []}
DECISION |= {"jurisdictions": ["US"], "zones": [], "local_times": [], "facts": {}, "rulebook": "d", "previous": ""}
DECISION |= {"previous_of_number": ""}


def test_an_export_holds_every_row_about_the_person_and_no_other(person, on):
    lead = person()
    by_number, by_id = (on(who, privacy.export, NOON) for who in (NUMBER, lead))
    assert by_number == by_id
    counts = {name: len(rows) for name, rows in by_id.items() if isinstance(rows, list)}
    expected = {"numbers": 2, "leads": 1, "phones": 2, "attempts": 1, "carrier_events": 1, "decisions": 1}
    assert counts == {**expected, "consents": 1, "do_not_call": 0}
    assert by_id["leads"][0]["email"] == "a@example.com"


def test_what_the_law_wants_stays_without_the_name(person, on, build):
    person()
    done = on(NUMBER, privacy.erase, BOOK, NOON)
    assert done.kept == {"attempts": 1, "decisions": 1, "consents": 1, "phones": 1, "leads": 1, "do_not_call": 2}
    assert done.rules["attempts"] == {"us.retention.telemarketing"}
    assert done.until["attempts"] == NOON.replace(year=2031)
    lead = build.rows("lead")[0]
    assert (lead["first_name"], lead["last_name"], lead["email"], lead["external_id"], lead["custom"]) == (
        *("", "", "", None),
        {},
    )
    assert (lead["standing"], lead["state"]) == ("finished", "NY")
    assert build.rows("carrier_event")[0]["parameters"] == {}
    assert build.row("consent")["revoked_at"] == NOON
    assert {row["number"] for row in build.rows("do_not_call")} == {NUMBER, OTHER}


def test_everything_goes_when_its_time_is_over_but_the_do_not_call_entry(person, on, build):
    person()
    done = on(NUMBER, privacy.erase, BOOK, LATER)
    assert done.kept == {"do_not_call": 2, "phones": 0, "leads": 0}
    assert done.erased == dict.fromkeys(("attempts", "decisions", "consents", "leads", "carrier_events"), 1) | {
        "phones": 2
    }
    assert [row["number"] for row in build.rows("phone")] == ["+12125550190"]
    assert (build.rows("attempt"), build.rows("consent")) == ([], [])
    assert [row["number"] for row in build.rows("decision")] == ["", "+12125550190"]


def test_a_survey_leaves_nothing_that_no_law_asks_for(person, on, build):
    person(kind="survey")
    on(NUMBER, privacy.erase, BOOK, NOON + timedelta(seconds=1))
    assert build.rows("attempt") == []
    assert build.row("consent")["revoked_at"] is not None  # the telemarketing law wants the proof


def test_nobody_is_erased_in_the_middle_of_a_call(build, on, clock):
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign, NUMBER), "connected")
    with pytest.raises(privacy.StillInACall):
        on(NUMBER, privacy.erase, BOOK, NOON)
    build.change("attempt", attempt, state="ended")
    agent = build.agent("anna", campaign, "wrap-up", attempt_id=attempt)
    with pytest.raises(privacy.StillInACall):
        on(NUMBER, privacy.erase, BOOK, NOON)
    assert build.rows("do_not_call") == []
    build.change("agent", agent, attempt_id=None)
    on(NUMBER, privacy.erase, BOOK, NOON)


@pytest.mark.parametrize("who", ["+12125550777", "77", "nobody"])
def test_somebody_unknown_is_said_to_be(on, build, who):
    with pytest.raises(privacy.UnknownPerson, match=r"give a lead's id"):
        on(who, privacy.export, NOON)


def test_a_number_without_a_lead_is_forgotten_too(on, build):
    build.add("consent", {"number": NUMBER, **CONSENT})
    assert on(NUMBER, privacy.erase, BOOK, LATER).erased["consents"] == 1


@pytest.mark.parametrize(("years", "left"), [(4, 1), (5, 0)])
async def test_upkeep_forgets_deleted_campaigns_when_no_law_wants_them(
    person, build, exchange, leases, clock, years, left
):
    person()
    build.change("campaign", 1, intent="stop", deleted_at=NOON)
    clock.advance(days=years * 365 + 2)
    upkeep = make_timetable(
        replace(exchange, rulebook=BOOK), leases, quiet_seconds=20, lost_seconds=120, save_pacing=nothing
    ).get_job("upkeep")
    await upkeep.func(*upkeep.args)
    counts = [len(build.rows(table)) for table in ("attempt", "campaign")]
    assert counts == [left, left]
    assert [row["number"] for row in build.rows("decision")] == ([NUMBER, "+12125550190"] if left else ["", ""])


async def test_upkeep_leaves_living_campaigns_alone(person, build, exchange, leases, clock):
    person()
    clock.advance(days=4000)
    upkeep = make_timetable(exchange, leases, quiet_seconds=20, lost_seconds=120, save_pacing=nothing).get_job("upkeep")
    await upkeep.func(*upkeep.args)
    assert (len(build.rows("attempt")), [row["erased_at"] for row in build.rows("decision")]) == (1, [None, None])
