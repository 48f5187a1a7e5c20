"""Who is next, through the gate, and the claim that looks again."""

from datetime import timedelta

import pytest

from campaigns import hopper, search
from campaigns.prospects import Question
from campaigns.tables import Campaign
from compliance import consents, emergencies
from compliance.facts import OWN_MEASURE, DropCount
from compliance.gate import Reason
from compliance.store import add_entry
from dialer.pacing.leads import LeadChances

pytestmark = pytest.mark.both_databases

NO_DROPS = (DropCount(OWN_MEASURE, 1000, 0),)
HONOLULU = "+18085550101"  # where it is 7 in the morning when it is noon in New York
NEW_YORK, NEW_YORK_TOO = "+12125550101", "+12125550102"
AREAS = (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229)
NUMBERS = [f"+1{area}5550{line}" for area in AREAS for line in range(100, 200)]


@pytest.fixture
def look(database, clock, rules):
    def look(campaign_id, wanted=100, drops=NO_DROPS, reserved=True):
        with database.read() as session:
            campaign = session.get_one(Campaign, campaign_id)
            session.expunge(campaign)
            question = Question(campaign, drops, reserved)
            found = search.look(session, question, wanted, rules, clock.now(), {})
            return question, search.choose(found, wanted, LeadChances(), 0), found.refusals

    return look


@pytest.fixture
def claim(database, clock, rules):
    def claim(question, offers):
        named = {f"attempt-{offer.candidate.lead_id}": offer for offer in offers}
        return database.write(lambda session: hopper.claim(session, named, question, rules, clock.now()))

    return claim


@pytest.fixture
def dial(look, claim):
    """Look and claim; the numbers claimed."""

    def dial(campaign_id, **how):
        question, offers, _refusals = look(campaign_id, **how)
        return [claimed.cleared.number for claimed in claim(question, offers)]

    return dial


@pytest.fixture
def hold(database, rules):
    def hold(campaign_id, refusals, now):
        database.write(lambda session: hopper.hold(session, refusals, campaign_id, rules, now))

    return hold


def leads_of(offers):
    return [offer.candidate.lead_id for offer in offers]


def test_callbacks_come_before_recycled_leads_and_those_before_fresh_ones_each_in_order_of_time(build, look, clock):
    campaign = build.campaign()
    ago = [clock.now() - timedelta(minutes=minutes) for minutes in range(10)]
    fresh_2 = build.lead(campaign, due_at=ago[5])
    fresh_1 = build.lead(campaign, due_at=ago[9])
    recycled_2 = build.lead(campaign, due_at=ago[1], priority=1)
    recycled_1 = build.lead(campaign, due_at=ago[2], priority=1)
    callback_2 = build.lead(campaign, due_at=ago[0], priority=0)
    callback_1 = build.lead(campaign, due_at=ago[4], priority=0)
    order = [callback_1, callback_2, recycled_1, recycled_2, fresh_1, fresh_2]
    assert leads_of(look(campaign)[1]) == order
    assert leads_of(look(campaign, wanted=3)[1]) == order[:3]


def test_order_holds_over_batches(build, look):
    campaign = build.campaign()
    leads = build.leads(campaign, NUMBERS[: 2 * search.BATCH + 1])
    assert leads_of(look(campaign, wanted=len(leads) - 1)[1]) == leads[:-1]


def test_only_open_leads_that_are_due_are_looked_at(build, look, clock):
    campaign = build.campaign()
    due = build.lead(campaign)
    build.lead(campaign, due_at=clock.now() + timedelta(seconds=1))
    build.lead(campaign, standing="finished")
    build.lead(campaign, standing="dialling")
    build.lead(build.campaign("autumn"))
    _question, offers, refusals = look(campaign)
    assert (leads_of(offers), refusals) == ([due], [])


def test_phones_of_a_lead_take_turns(build, dial, database, clock):
    campaign = build.campaign()
    lead = build.lead(campaign, NEW_YORK, NEW_YORK_TOO)
    numbers = []
    for _ in range(3):
        numbers += dial(campaign)
        attempt = build.row("attempt", state="placing")
        build.change("attempt", attempt["id"], state="ended", id=f"{attempt['id']}-{len(numbers)}")
        build.change("lead", lead, standing="open")
        clock.advance(hours=1)
    assert numbers == [NEW_YORK, NEW_YORK_TOO, NEW_YORK]


def test_a_lead_whose_phones_are_all_retired_is_neither_offered_nor_refused(build, look):
    campaign = build.campaign()
    build.lead(campaign)
    build.change("phone", build.row("phone")["id"], retired="fax")
    assert look(campaign)[1:] == ([], [])


def test_a_refusal_is_kept_and_the_lead_held_until_it_may_have_ended(build, look, database, clock, hold):
    campaign = build.campaign()
    lead = build.lead(campaign, HONOLULU, state="HI")
    _question, offers, refusals = look(campaign)
    hold(campaign, refusals, clock.now())
    assert offers == []
    opens = clock.now() + timedelta(hours=1)  # at 8 in Honolulu
    decision = build.row("decision")
    assert (decision["verdict"], decision["reason"], decision["until"]) == ("blocked", "hours", opens)
    assert (decision["lead_id"], decision["number"], decision["attempt_id"]) == (lead, HONOLULU, None)
    held = build.row("lead")
    assert (held["standing"], held["due_at"], held["held_reason"]) == ("open", opens, "hours")
    assert look(campaign)[1:] == ([], [])
    clock.time = opens
    assert leads_of(look(campaign)[1]) == [lead]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"state": "Nowhere"}, Reason.UNKNOWN_ZONE), ({"time_zone": "Mars/Olympus"}, Reason.UNKNOWN_ZONE)],
)
def test_an_address_that_cannot_be_read_holds_the_lead_for_a_day(build, look, database, clock, changes, reason, hold):
    campaign = build.campaign()
    build.lead(campaign, **changes)
    _question, offers, refusals = look(campaign)
    assert (offers, [refusal.blocked.reason for refusal in refusals]) == ([], [reason])
    hold(campaign, refusals, clock.now())
    assert build.row("lead")["due_at"] == clock.now() + timedelta(days=1)


def test_a_number_that_names_no_place_is_refused_and_stops_nobody_else(build, look):
    campaign = build.campaign()
    build.lead(campaign, "+1999")
    good = build.lead(campaign)
    _question, offers, refusals = look(campaign)
    assert leads_of(offers) == [good]
    assert [refusal.blocked.reason for refusal in refusals] == [Reason.NO_RULES]


def test_a_country_without_a_rule_pack_is_refused(build, look):
    campaign = build.campaign()
    build.lead(campaign, "+442079460123", state="")
    _question, offers, refusals = look(campaign)
    assert (offers, [refusal.blocked.reason for refusal in refusals]) == ([], [Reason.NO_RULES])


def test_a_listed_number_is_given_up_and_the_next_phone_takes_its_turn(build, look, database, clock, hold):
    campaign = build.campaign()
    build.lead(campaign, NEW_YORK, NEW_YORK_TOO)
    database.write(lambda session: add_entry(session, NEW_YORK, source="cli", now=clock.now()))
    _question, offers, refusals = look(campaign)
    hold(campaign, refusals, clock.now())
    assert offers == []
    assert [offer.candidate.number for offer in look(campaign)[1]] == [NEW_YORK_TOO]
    database.write(lambda session: add_entry(session, NEW_YORK_TOO, source="cli", now=clock.now()))
    hold(campaign, look(campaign)[2], clock.now())
    assert (build.row("lead")["standing"], build.row("lead")["held_reason"]) == ("finished", "do-not-call")
    assert [phone["retired"] for phone in build.rows("phone")] == ["do-not-call"] * 2


def test_an_entry_for_another_campaign_forbids_nothing_here(build, dial, database, clock):
    campaign = build.campaign()
    build.lead(campaign, NEW_YORK)
    database.write(lambda session: add_entry(session, NEW_YORK, scope="campaign:autumn", source="cli", now=clock.now()))
    assert dial(campaign) == [NEW_YORK]


def test_a_used_up_drop_rate_budget_holds_leads_for_a_moment_unless_an_agent_is_reserved(build, look, clock, hold):
    campaign = build.campaign()
    lead = build.lead(campaign)
    over = (DropCount(OWN_MEASURE, 100, 3),)
    assert leads_of(look(campaign, drops=over, reserved=True)[1]) == [lead]
    refusals = look(campaign, drops=over, reserved=False)[2]
    hold(campaign, refusals, clock.now())
    assert (build.row("lead")["held_reason"], build.row("lead")["due_at"]) == (
        *("drop-rate", clock.now() + hopper.SOON),
    )
    clock.advance(hopper.SOON.total_seconds())
    hold(campaign, look(campaign, drops=over, reserved=False)[2], clock.now())
    assert build.row("lead")["due_at"] == clock.now() + hopper.SOON
    assert len(build.rows("decision")) == 1  # the second refusal is no news


@pytest.mark.parametrize("change", ["opt-out", "emergency", "consent"])
def test_what_people_say_between_look_and_claim_holds(build, look, claim, database, clock, change):
    campaign = build.campaign()
    build.lead(campaign, NEW_YORK)
    question, offers, _refusals = look(campaign)

    def say(session):
        given = {"kind": "express", "source": "web", "given_at": clock.now()}
        match change:
            case "opt-out":
                add_entry(session, NEW_YORK, source="cli", now=clock.now())
            case "emergency":
                emergencies.declare(session, "US", "operator", clock.now())
            case "consent":
                consents.add(session, [consents.NewConsent(number=NEW_YORK, **given)], clock.now())

    database.write(say)
    assert claim(question, offers) == []
    assert build.rows("attempt") == []


def test_attempts_of_every_campaign_count_towards_the_cap_of_a_number(build, look, clock):
    ours, other = build.campaign(attempts_per_day=2), build.campaign("autumn")
    build.lead(ours, NEW_YORK)
    theirs = build.lead(other, NEW_YORK, standing="finished")
    first = clock.now() - timedelta(hours=3)
    build.attempt(theirs, "ended", placing_at=first, outcome="no-answer")
    assert len(look(ours)[1]) == 1
    build.attempt(theirs, "ended", placing_at=clock.now() - timedelta(hours=2), outcome="busy")
    (refusal,) = look(ours)[2]
    assert (refusal.blocked.reason, refusal.blocked.until) == (Reason.CAP, first + timedelta(days=1))


def test_a_caps_window_begins_when_the_phone_rang_and_not_when_we_began(build, look, clock):
    """The carrier may take a call late, and would see the next one too early."""
    campaign = build.campaign(attempts_per_day=1)
    lead = build.lead(campaign, NEW_YORK)
    placing = clock.now() - timedelta(days=1, seconds=1)
    rang = {"dialled_at": placing + timedelta(seconds=1), "ringing_at": placing + timedelta(seconds=5)}
    build.attempt(lead, "ended", placing_at=placing, outcome="busy", **rang)
    (refusal,) = look(campaign)[2]
    assert (refusal.blocked.reason, refusal.blocked.until) == (Reason.CAP, clock.now() + timedelta(seconds=4))


def test_what_never_left_for_the_carrier_does_not_count_towards_the_cap(build, look, clock):
    ours, other = build.campaign(attempts_per_day=1), build.campaign("autumn")
    build.lead(ours, NEW_YORK)
    theirs = build.lead(other, NEW_YORK, standing="finished")
    build.attempt(theirs, "ended", placing_at=clock.now() - timedelta(hours=1), outcome="not-placed")
    assert len(look(ours)[1]) == 1


def test_a_number_on_the_line_in_another_campaign_waits(build, look):
    ours, other = build.campaign(), build.campaign("autumn")
    build.lead(ours, NEW_YORK)
    attempt = build.attempt(build.lead(other, NEW_YORK))
    assert look(ours)[1:] == ([], [])
    build.change("attempt", attempt, state="ended")
    assert len(look(ours)[1]) == 1


def test_a_look_ends_at_its_limit_so_that_a_list_that_sleeps_holds_up_nobody(build, look, clock):
    campaign = build.campaign()
    build.leads(campaign, NUMBERS[: search.LOOK_LIMIT + 1])
    clock.time += timedelta(hours=12)  # midnight in New York, 9 in the evening in Los Angeles
    _question, offers, refusals = look(campaign)
    assert (len(offers), len(refusals)) == (0, search.LOOK_LIMIT)


def test_a_claim_commits_the_attempt_before_anything_is_sent(build, look, claim, clock):
    campaign = build.campaign(caller_ids=["+12125550198", "+12125550197"])
    lead = build.lead(campaign, "+12125550121")
    question, offers, _refusals = look(campaign)
    clock.advance(1)
    (claimed,) = claim(question, offers)
    attempt = build.row("attempt")
    assert (attempt["id"], attempt["state"], attempt["number"]) == (claimed.attempt_id, "placing", "+12125550121")
    assert (attempt["placing_at"], attempt["agent_reserved"]) == (clock.now(), True)
    assert attempt["caller_id"] == claimed.caller_id == "+12125550197"
    assert (build.row("lead")["standing"], build.row("lead")["attempts"], build.row("phone")["attempts"]) == (
        *("dialling", 1, 1),
    )
    decision = build.row("decision")
    assert (decision["verdict"], decision["lead_id"], decision["attempt_id"]) == ("cleared", lead, claimed.attempt_id)
    assert decision["rules"] == list(claimed.cleared.rules)
    assert decision["local_times"] == ["2026-11-23T12:00-05:00 America/New_York"]


def opt_out(database, build, clock):
    database.write(lambda session: add_entry(session, NEW_YORK, source="key-press", now=clock.now()))


def other_call(database, build, clock):
    build.attempt(build.lead(build.campaign("autumn"), NEW_YORK))


def other_call_that_has_ended(database, build, clock):
    lead = build.lead(build.campaign("autumn"), NEW_YORK)
    build.attempt(lead, "ended", outcome="busy", placing_at=clock.now(), ended_at=clock.now())


def paused(database, build, clock):
    build.change("campaign", build.row("campaign")["id"], intent="pause")


def too_late(database, build, clock):
    clock.advance(5)


def taken(database, build, clock):
    build.change("lead", build.row("lead")["id"], standing="finished")


@pytest.mark.parametrize("event", [opt_out, other_call, other_call_that_has_ended, paused, too_late, taken])
def test_what_happens_between_look_and_claim_stops_the_claim(build, look, claim, database, clock, event):
    campaign = build.campaign()
    lead = build.lead(campaign, NEW_YORK)
    question, offers, _refusals = look(campaign)
    event(database, build, clock)
    assert len(offers) == 1
    assert claim(question, offers) == []
    assert build.rows("attempt", campaign_id=campaign) == []
    assert build.rows("decision") == []
    assert build.row("lead", id=lead)["attempts"] == 0


def test_a_claim_that_falls_through_spares_the_others(build, look, claim, database, clock):
    campaign = build.campaign()
    build.lead(campaign, NEW_YORK)
    build.lead(campaign, NEW_YORK_TOO)
    question, offers, _refusals = look(campaign)
    opt_out(database, build, clock)
    assert [claimed.cleared.number for claimed in claim(question, offers)] == [NEW_YORK_TOO]


def test_a_campaign_that_is_gone_claims_nothing(build, look, claim, database):
    question, offers, _refusals = look(build.campaign())
    assert claim(question, offers) == []
    question.campaign.id = 99
    assert claim(question, offers) == []
