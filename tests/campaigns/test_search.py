"""Who is next: the likeliest to answer, without anybody waiting for ever."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from campaigns import hopper, search
from campaigns.lead import Priority
from campaigns.prospects import Question
from campaigns.tables import Campaign
from campaigns.turns import LONGEST_WAITING, STRETCH, WAITING_EVERY, Turn
from compliance.facts import OWN_MEASURE, DropCount
from dialer.pacing.leads import LeadChances

pytestmark = pytest.mark.both_databases

NUMBERS = [f"+1{area}5550{line}" for area in (212, 646, 917, 718, 347) for line in range(100, 200)]


@pytest.fixture
def question(database):
    def question(campaign_id):
        with database.read() as session:
            campaign = session.get_one(Campaign, campaign_id)
            session.expunge(campaign)
        return Question(campaign, (DropCount(OWN_MEASURE, 1000, 0),), agent_reserved=True)

    return question


@pytest.fixture
def look(database, clock, rules, question):
    def look(campaign_id, wanted, places=None):
        with database.read() as session:
            return search.look(session, question(campaign_id), wanted, rules, clock.now(), places or {})

    return look


@pytest.fixture
def dial(database, clock, rules, question):
    """Claims what is offered, as the daemon does; the ids of the leads."""

    def dial(campaign_id, offers):
        named = {f"attempt-{offer.candidate.lead_id}-{clock.now():%d%H%M%S}": offer for offer in offers}
        asked = question(campaign_id)
        claims = database.write(lambda session: hopper.claim(session, named, asked, rules, clock.now()))
        return [named[claim.attempt_id].candidate.lead_id for claim in claims]

    return dial


def taught(good: str, bad: str) -> LeadChances:
    chances = LeadChances()
    for number in range(400):
        chances.learn((good,), number % 2 == 0)
        chances.learn((bad,), number % 20 == 0)
    return chances


def ids(offers):
    return [offer.candidate.lead_id for offer in offers]


def test_the_likeliest_to_answer_is_offered_first_whether_recycled_or_fresh(build, look, clock):
    campaign = build.campaign()
    last = {"priority": 1, "attempts": 1, "last_attempt_at": clock.now() - timedelta(hours=4)}
    silent = build.lead(campaign, disposition="no-answer", **last)
    fresh = build.lead(campaign)
    busy = build.lead(campaign, disposition="busy", **last)
    offers = search.choose(look(campaign, 1), 3, taught("last busy", "last no-answer"), 1)
    assert ids(offers) == [busy, fresh, silent]
    chances = [offer.chance for offer in offers]
    assert chances == sorted(chances, reverse=True)


def test_where_nothing_is_known_the_order_is_that_of_waiting(build, look, clock):
    campaign = build.campaign()
    ago = [clock.now() - timedelta(minutes=minutes) for minutes in (9, 5, 2)]
    leads = [build.lead(campaign, due_at=due_at) for due_at in ago]
    assert ids(search.choose(look(campaign, 3), 3, LeadChances(), 1)) == leads


def test_promised_callbacks_go_first_however_unlikely(build, look):
    campaign = build.campaign()
    build.leads(campaign, NUMBERS[:150])
    callbacks = [build.lead(campaign, number, priority=0) for number in NUMBERS[200:202]]
    known = taught("area 1212", "area 1917")
    offers = search.choose(look(campaign, 4), 4, known, 0)
    assert ids(offers)[:2] == callbacks
    assert [offer.turn for offer in offers[:2]] == [Turn.CALLBACK] * 2
    assert ids(search.choose(look(campaign, 1), 1, known, 0)) == callbacks[:1]


def test_a_long_list_is_searched_stretch_by_stretch_and_then_again(build, look):
    campaign = build.campaign()
    leads = build.leads(campaign, NUMBERS[:200])
    seen, places, stretches = set(), {}, []
    for _ in range(4):
        found = look(campaign, 1, places)
        stretch = {one.candidate.lead_id for one in found.others} - set(leads[:LONGEST_WAITING])
        stretches.append(stretch)
        seen |= stretch
        places = found.places
    assert seen == set(leads[LONGEST_WAITING:])
    assert stretches[0] == set(leads[LONGEST_WAITING : LONGEST_WAITING + STRETCH])
    assert not places  # begins again
    lead = build.row("lead", id=leads[0])
    start = {Priority.FRESH: (lead["due_at"], lead["id"])}  # since when older ones have become due
    found = look(campaign, 1, start).others
    assert len({one.candidate.lead_id for one in found}) == len(found) == LONGEST_WAITING + STRETCH
    assert len({len(stretch) for stretch in stretches[:3]}) == 1


def test_a_stretch_begins_right_behind_its_place_among_leads_due_together_or_not(build, look, clock):
    """Each place of a list in four heaps, ids in no order, and places that no lead has any more."""
    campaign = build.campaign()
    heaps = [clock.now() - timedelta(minutes=minutes) for minutes in (9, 5, 2)] + [clock.now() + timedelta(minutes=1)]
    ids = build.leads(campaign, NUMBERS[:200])
    for number, lead_id in enumerate(ids):
        build.change("lead", lead_id, due_at=heaps[number * 7 % 4])
    order = sorted((heaps[number * 7 % 4], lead_id) for number, lead_id in enumerate(ids))
    order = [place for place in order if place[0] <= clock.now()]
    last = order[LONGEST_WAITING - 1]
    between = [(due_at + timedelta(seconds=1), 0) for due_at in heaps] + [(heaps[-1], 0)]
    between += [(due_at, 10**9) for due_at in heaps]
    for place in [*order[::6], *between]:
        further = [one for one in order if one > max(place, last)][:STRETCH]
        found = look(campaign, 1, {Priority.FRESH: place})
        assert [one.place[1:] for one in found.others] == [*order[:LONGEST_WAITING], *further], place
        assert found.places == ({Priority.FRESH: further[-1]} if len(further) == STRETCH else {})


@pytest.mark.sqlite_only
def test_among_leads_due_together_nothing_before_the_place_is_read(build, look, clock, database):
    campaign = build.campaign()
    ids = build.leads(campaign, NUMBERS[:200])
    plans = []

    @event.listens_for(Engine, "before_cursor_execute")
    def explain(_connection, cursor, statement, parameters, *_rest):
        if " FROM lead " in " ".join(statement.split()):
            plans.extend(row[3] for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    try:
        for place in (ids[100], ids[-1]):
            look(campaign, 1, {Priority.FRESH: (clock.now(), place)})
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
    hopper = "SEARCH lead USING INDEX lead_hopper (campaign_id=? AND standing=? AND priority=? AND "
    sought = "due_at<?", "due_at=? AND id>?", "due_at>? AND due_at<?"  # the first page, those due together, later ones
    assert set(plans) == {f"{hopper}{which})" for which in sought}


def test_a_good_lead_far_down_the_list_is_found(build, look, dial):
    campaign = build.campaign()
    leads = build.leads(campaign, [*NUMBERS[:150], NUMBERS[450]])  # the last one in area 347
    known, places, found = taught("area 1347", "area 1212"), {}, []
    for number in range(6):
        looked = look(campaign, 1, places)
        places = looked.places
        found += dial(campaign, search.choose(looked, 1, known, number))
    assert leads[-1] in found


def test_no_lead_waits_for_ever_however_unlikely(build, look, dial):
    """The bound of `in_turn` holds in the database: one recycled lead, and better ones without end."""
    campaign = build.campaign()
    ahead = 2
    build.leads(campaign, NUMBERS[:ahead])
    worst = build.lead(campaign, NUMBERS[210])
    build.leads(campaign, NUMBERS[400:480])
    known, places = taught("area 1347", "area 1917"), {}
    for offered in range(WAITING_EVERY * (ahead + 1)):
        looked = look(campaign, 1, places)
        places = looked.places
        dialled = dial(campaign, search.choose(looked, 1, known, offered))
        if worst in dialled:
            break
    assert dialled == [worst]


def test_what_the_gate_refuses_further_on_is_kept_only_when_it_is_asked_for(build, look, clock):
    """The first few dozen are refused as soon as the others do not suffice."""
    campaign = build.campaign()
    build.leads(campaign, NUMBERS[:LONGEST_WAITING])
    asleep = [build.lead(campaign, f"+18085550{line}", state="HI") for line in range(100, 110)]
    found = look(campaign, 1)
    assert (len(found.others), found.refusals) == (LONGEST_WAITING, [])
    found = look(campaign, LONGEST_WAITING + 1)
    assert {refusal.candidate.lead_id for refusal in found.refusals} == set(asleep)


def test_an_attempt_keeps_why_the_lead_was_next(build, look, dial):
    campaign = build.campaign()
    build.lead(campaign, NUMBERS[0])
    (offer,) = search.choose(look(campaign, 1), 1, taught("area 1212", "area 1917"), 1)
    dial(campaign, [offer])
    attempt = build.row("attempt")
    assert (attempt["turn"], attempt["chance"]) == ("chance", offer.chance)
    assert attempt["traits"] == ["area 1212", "hour 12", "hour 12 weekday", "attempt 1"]
    assert offer.chance == pytest.approx(0.5, abs=0.15)


def test_that_a_person_answered_before_is_told_and_the_hour_is_the_called_partys(build, look, clock):
    campaign = build.campaign()
    lead = build.lead(campaign, "+13035550101", state="CO", attempts=1, disposition="hung-up", priority=1)
    yesterday = clock.now() - timedelta(days=1)
    times = {"placing_at": yesterday, "ended_at": yesterday}
    build.attempt(lead, "ended", outcome="answered", disposition="hung-up", **times)
    build.change("lead", lead, last_attempt_at=yesterday)
    (one,) = look(campaign, 1).others
    assert {"hour 10", "answered before in this part of the day", "last hung-up"} <= set(one.traits)
    assert one.candidate.priority == Priority.RECYCLED
