"""How many leads are due, and until when any of them may be called."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.on_hand import AHEAD, DRAWN, HOPELESS, LOOKED_AT, day_ends_at, due_leads, ends_of_calling
from campaigns.tables import Campaign
from compliance.rulebook import load
from compliance.store import add_entry

pytestmark = pytest.mark.both_databases

NUMBERS = [f"+1{area}555{line}" for area in (212, 646, 917, 718, 347) for line in range(1000, 1200)]
TO_NINE = timedelta(hours=9)  # from noon until nobody in New York may be called


@pytest.fixture
def due(database, clock):
    def due(campaign, most=100):
        with database.read() as session:
            return due_leads(session.connection(), campaign, most, clock.now())

    return due


@pytest.fixture
def both_ends(database, clock, rules):
    def both_ends(campaign):
        with database.read() as session:
            return ends_of_calling(session, session.get_one(Campaign, campaign), rules, clock.now())

    return both_ends


@pytest.fixture
def last(both_ends):
    return lambda campaign: both_ends(campaign).soon


@pytest.fixture
def about(both_ends):
    return lambda campaign: both_ends(campaign).about


def test_open_leads_whose_time_has_come_are_due(build, due, clock):
    campaign, other = build.campaign(), build.campaign("autumn")
    for priority in (0, 1, 2):
        build.lead(campaign, priority=priority)
    build.lead(campaign, due_at=clock.now() + timedelta(seconds=1))
    build.lead(campaign, standing="finished")
    build.lead(other)
    assert due(campaign) == 3
    assert [due(campaign, most) for most in (0, 1, 2, 3)] == [0, 1, 2, 3]


def test_while_calling_hours_go_on_nothing_ends_soon(build, last, clock):
    campaign = build.campaign()
    build.lead(campaign)
    clock.time += TO_NINE - AHEAD - timedelta(minutes=1)
    assert last(campaign) is None


def test_the_end_is_that_of_the_calling_hours(build, last, clock):
    campaign = build.campaign()
    build.lead(campaign)
    nine = clock.now() + TO_NINE
    clock.time += TO_NINE - AHEAD
    assert last(campaign) == nine
    clock.time = nine - timedelta(seconds=20)  # the last ring must end before
    assert last(campaign) is None


def test_one_lead_further_west_is_enough_to_go_on(build, last, clock):
    campaign = build.campaign()
    for _ in range(60):
        build.lead(campaign)
    clock.time += TO_NINE - timedelta(minutes=5)
    assert last(campaign) is not None
    build.lead(campaign, "+13125550101", state="IL")
    assert last(campaign) is None


@pytest.mark.parametrize("asleep", [{"due_at": timedelta(hours=12)}, {"standing": "finished"}, {"listed": True}])
def test_a_lead_that_is_not_called_any_more_keeps_nobody_waiting(build, last, clock, database, asleep):
    """Put away until tomorrow, finished, or on a do-not-call list."""
    campaign = build.campaign()
    build.lead(campaign)
    changes = {"standing": asleep["standing"]} if "standing" in asleep else {}
    if "due_at" in asleep:
        changes["due_at"] = clock.now() + asleep["due_at"]
    build.lead(campaign, "+13125550101", state="IL", **changes)
    if "listed" in asleep:
        database.write(lambda session: add_entry(session, "+13125550101", source="cli", now=clock.now()))
    nine = clock.now() + TO_NINE
    clock.time += TO_NINE - timedelta(minutes=5)
    assert last(campaign) == nine


def test_a_lead_that_will_be_due_before_the_end_counts(build, last, clock):
    """Though it may not be called right now, for it was called less than a day before it will be due."""
    campaign = build.campaign(attempts_per_day=1)
    nine = clock.now() + TO_NINE
    lead = build.lead(campaign, due_at=nine - timedelta(minutes=2))
    build.attempt(lead, "ended", placing_at=nine - timedelta(days=1, minutes=2), outcome="busy", disposition="busy")
    clock.time += TO_NINE - timedelta(minutes=8)
    assert last(campaign) == nine


def test_of_more_leads_than_are_looked_at_no_end_is_promised(build, last, clock):
    """The file is sorted by state: the one that may be called for longer comes last."""
    campaign = build.campaign()
    build.leads(campaign, NUMBERS[:LOOKED_AT])
    nine = clock.now() + TO_NINE
    clock.time += TO_NINE - timedelta(minutes=5)
    assert last(campaign) == nine
    build.lead(campaign, "+13125550101", state="IL")
    assert last(campaign) is None


@pytest.mark.parametrize(("asleep", "ends"), [(HOPELESS - 1, True), (HOPELESS, False)])
def test_at_night_the_search_for_one_who_may_be_called_is_given_up(build, last, clock, asleep, ends):
    campaign = build.campaign()
    build.leads(campaign, [f"+1787555{line}" for line in range(1000, 1000 + asleep)])  # Puerto Rico, an hour ahead
    build.lead(campaign, NUMBERS[0])
    nine = clock.now() + TO_NINE
    clock.time += TO_NINE - timedelta(minutes=5)
    assert last(campaign) == (nine if ends else None)


def test_without_a_lead_there_is_no_end(build, last):
    assert last(build.campaign()) is None


def test_about_when_the_day_ends_is_known_from_its_beginning_however_many_are_due(build, about, last, clock):
    campaign = build.campaign()
    build.leads(campaign, [*NUMBERS, *(f"+1212556{line}" for line in range(1000, 1002))])
    nine = clock.now() + TO_NINE
    assert (about(campaign), last(campaign)) == (nine, None)
    clock.time = nine - timedelta(minutes=5)
    assert (about(campaign), last(campaign)) == (nine, None)
    clock.time = nine
    assert about(campaign) is None


@pytest.mark.parametrize("last_in_the_file", [True, False])
def test_the_day_is_as_long_as_for_those_furthest_west_at_either_end_of_a_file(build, about, clock, last_in_the_file):
    campaign = build.campaign()
    east, west = [(number, "") for number in NUMBERS[: 3 * DRAWN]], [("+13125550101", "IL")]
    for number, state in (east + west) if last_in_the_file else (west + east):
        build.lead(campaign, number, state=state)
    assert about(campaign) == clock.now() + TO_NINE + timedelta(hours=1)


def test_of_those_who_are_not_due_the_day_says_nothing(build, about, clock):
    campaign = build.campaign()
    build.lead(campaign, NUMBERS[0], priority=1)
    build.lead(campaign, "+13125550101", state="IL", due_at=clock.now() + timedelta(hours=1))
    assert about(campaign) == clock.now() + TO_NINE
    assert about(build.campaign("autumn")) is None


def test_a_break_at_midday_does_not_end_the_day(build, database):
    """In France sales calls stop at one and go on at two, until eight."""
    campaign, law = build.campaign(kind="telemarketing"), load()
    build.lead(campaign, "+33142345678", due_at=datetime(2026, 11, 1, tzinfo=ZoneInfo("UTC")))

    def about(hour: int, minute: int) -> datetime | None:
        now = datetime(2026, 12, 1, hour, minute, tzinfo=ZoneInfo("Europe/Paris"))
        with database.read() as session:
            return day_ends_at(session, session.get_one(Campaign, campaign), law, now)

    eight = datetime(2026, 12, 1, 20, tzinfo=ZoneInfo("Europe/Paris"))
    assert [about(11, 0), about(13, 30), about(14, 30)] == [eight, None, eight]
