"""What is counted of calls, and how each law's measure reads it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from campaigns.tables import Campaign
from compliance.facts import OWN_MEASURE, Measure
from dialer.call import Call, CallState
from dialer.counts import count_call, drop_counts

pytestmark = pytest.mark.both_databases

PLACED = OWN_MEASURE._replace(of="calls-placed")
FRESH = Call(CallState.PLACING, 2.0)


@pytest.fixture
def count(database, clock):
    """Counts a call that ended now, as (what it was, what it is)."""

    def count(campaign, before=FRESH, **after):
        times = {"dialled_at": clock.now(), "answered_at": clock.now(), "ended_at": clock.now()}
        call = replace(FRESH, state=CallState.ENDED, **(times | after))
        database.write(lambda session: count_call(session.connection(), campaign, before, call))
        return call

    return count


@pytest.fixture
def read(database, clock):
    def read(campaign, *measures):
        with database.read() as session:
            row = session.get_one(Campaign, campaign)
            counts = drop_counts(session.connection(), row, measures or (OWN_MEASURE,), clock.now())
        return [(count.calls, count.abandoned) for count in counts]

    return read


def test_live_answers_and_abandoned_calls_of_one_campaign(build, count, read):
    spring, autumn = build.campaign(), build.campaign("autumn")
    count(spring)
    count(spring, abandoned=True)
    count(autumn)
    count(spring, answered_at=None, outcome="no-answer")
    assert read(spring) == [(2, 1)]
    assert read(spring, PLACED) == [(3, 1)]
    assert read(spring, OWN_MEASURE._replace(across="everyone")) == [(3, 1)]


def test_one_sum_over_all_serves_every_campaign_of_a_tick(build, count, database, clock):
    ids = [build.campaign(), build.campaign("autumn", machine_error=0.5)]
    for campaign in ids:
        count(campaign, abandoned=True)
        count(campaign, answered_by="machine_start")
    everyone, sums, asked = OWN_MEASURE._replace(across="everyone"), {}, []
    with database.read() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *seen: asked.append(seen[2]))
        found = [
            drop_counts(session.connection(), session.get_one(Campaign, one), (everyone,), clock.now(), sums)
            for one in ids
        ]
    assert [count.abandoned for (count,) in found] == [2.0, 3.0]
    assert len([statement for statement in asked if "sum(" in statement]) == 1


def test_a_call_taken_out_of_the_carriers_queue_was_never_placed(build, count, read, clock):
    campaign = build.campaign()
    dialled = replace(FRESH, state=CallState.DIALLED, dialled_at=clock.now())
    count(campaign, before=dialled, answered_at=None, dialled_at=None, outcome="not-placed")
    count(campaign, answered_at=None, outcome="canceled")
    count(campaign, answered_at=None, outcome="canceled")
    assert read(campaign, PLACED) == [(1, 0)]


def test_a_correction_takes_back_what_was_counted(build, count, read):
    campaign = build.campaign()
    before = count(campaign)
    count(campaign, before=before, disposition="machine")
    assert read(campaign) == [(0, 0)]


def test_a_campaign_without_calls_has_no_drops(build, read):
    assert read(build.campaign()) == [(0, 0)]


def test_blocks_of_30_days_begin_with_the_first_call(build, count, read, clock):
    campaign = build.campaign()
    count(campaign)
    clock.advance(days=29, hours=23)
    count(campaign, abandoned=True)
    assert read(campaign) == [(2, 1)]
    clock.advance(hours=2)
    count(campaign)
    assert read(campaign) == [(1, 0)]
    clock.advance(days=29)
    assert read(campaign) == [(1, 0)]


def test_months_days_and_whole_campaigns(build, count, read, clock):
    campaign = build.campaign()
    count(campaign)  # 23 November
    clock.advance(days=7)
    count(campaign)  # 30 November
    clock.advance(days=1)
    count(campaign)  # 1 December
    month, day, life = (OWN_MEASURE._replace(window=window) for window in ("calendar-month", "24-hours", "campaign"))
    assert read(campaign, month, day, life) == [(1, 0), (2, 0), (3, 0)]
    clock.advance(hours=2)
    assert read(campaign, day) == [(1, 0)]


def test_calls_given_up_while_they_rang_count_where_the_law_counts_them(build, count, read):
    campaign = build.campaign()
    count(campaign, answered_at=None, outcome="canceled")
    measure = Measure("attempts", "24-hours", "campaign", True, True)
    assert read(campaign, measure, measure._replace(counts_given_up=False)) == [(1, 1), (1, 0)]


def test_a_share_of_the_detectors_machines_was_persons(build, count, read, clock):
    campaign = build.campaign(machine_error=0.1)
    for _ in range(20):
        count(campaign, answered_by="machine_start", outcome="machine")
    count(campaign)
    assert read(campaign) == [(pytest.approx(3.0), pytest.approx(2.0))]
    count(campaign, answered_by="machine_start", outcome="machine", connected_at=clock.now(), detection_ms=3100)
    every = OWN_MEASURE._replace(counts_cut_off=True)
    assert read(campaign, OWN_MEASURE, every) == [
        (pytest.approx(3.0), pytest.approx(2.0)),
        (pytest.approx(3.1), pytest.approx(2.1)),
    ], "whom an agent had met counts only where the law says so"
    blind = build.campaign("blind", machine_error=0.1, machine_detection=False)
    count(blind, answered_by="machine_start", outcome="machine")
    assert read(blind) == [(0, 0)]


def test_each_thing_is_counted_in_the_hour_in_which_it_happened(build, count, clock):
    campaign = build.campaign()
    placed = clock.now()
    clock.advance(hours=1)
    count(campaign, dialled_at=placed, answered_at=placed + timedelta(minutes=59), abandoned=True)
    assert [(row["hour"], row["placed"], row["abandoned"]) for row in build.rows("call_count")] == [(placed, 1, 1)]
