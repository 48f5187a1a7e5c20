"""What a campaign would find if it began now."""

from datetime import timedelta

import pytest

from campaigns.preflight import RECYCLED, is_hopeless, preflight
from campaigns.prospects import Question
from campaigns.tables import Campaign
from compliance.packs import read_pack
from compliance.rulebook import make_rulebook
from compliance.store import add_entry

pytestmark = pytest.mark.both_databases

COMMON = 'jurisdiction = "US"\nscope = ["telemarketing"]\nbasis = "law"\ncitation = "c"\nconfidence = "high"\n'
ARIZONA = f"""
country = "US"
version = 2026-11-23
[[hours]]
id = "us.hours"
open = {{ mon-sun = ["08:00-21:00"] }}
{COMMON}
[[line_ban]]
id = "us.ban"
lines = ["mobile"]
{COMMON}
"""


@pytest.fixture
def look(database, clock, rules):
    def look(campaign, what=preflight):
        with database.read() as session:
            return what(session, Question(session.get_one(Campaign, campaign), (), True), rules, clock.now())

    return look


def test_leads_by_what_holds_them(build, look, database, clock):
    campaign = build.campaign()
    build.lead(campaign)
    build.lead(campaign, "+18085550101", state="HI")  # seven in the morning there
    build.lead(campaign, due_at=clock.now() + timedelta(hours=3, minutes=20))
    build.lead(campaign, "+18765550101", state="")
    build.lead(campaign, "+12125550177")
    build.lead(campaign, standing="finished")
    build.attempt(build.lead(campaign), "ringing")
    database.write(lambda session: add_entry(session, "+12125550177", source="cli", now=clock.now()))
    found = look(campaign)
    assert (found.leads, found.dialable) == (5, 1)
    noon = clock.now()
    assert found.later == {
        (noon + timedelta(hours=1), "hours"): 1,
        (noon + timedelta(hours=3), RECYCLED): 1,
    }
    assert found.never == {"no-rules": 1, "do-not-call": 1}


def test_a_campaign_without_a_prospect_is_hopeless(build, look):
    campaign, other = build.campaign(), build.campaign("autumn")
    assert look(campaign, is_hopeless)
    build.lead(campaign, "+18765550101", state="")
    assert look(campaign, is_hopeless)
    assert look(campaign).hopeless
    build.lead(other, "+18085550101", state="HI")
    assert not look(other, is_hopeless)
    assert not look(other).hopeless


def test_what_never_ends_is_named_and_not_the_hour_of_the_day(build, database, clock):
    """In the night a mobile in Arizona is refused for the hour first, and for ever for the line."""
    campaign = build.campaign()
    build.lead(campaign, "+16025550101", state="AZ", line_type="mobile")
    clock.advance(hours=14)
    with database.read() as session:
        question = Question(session.get_one(Campaign, campaign), (), True)
        found = preflight(session, question, make_rulebook([read_pack("us.toml", ARIZONA)]), clock.now())
    assert found.never == {"line-type": 1}


@pytest.mark.parametrize("tried_first", [True, False])
def test_leads_alike_in_all_but_what_was_tried_are_told_apart(build, look, clock, tried_first):
    campaign = build.campaign(attempts_per_day=1)
    leads = [build.lead(campaign) for _ in range(3)]
    at = clock.now() - timedelta(hours=2)
    build.attempt(leads[0 if tried_first else 2], "ended", outcome="busy", placing_at=at, ended_at=at)
    found = look(campaign)
    assert found.dialable == 2
    assert found.later == {(at.replace(minute=0) + timedelta(days=1), "cap"): 1}
