"""The report against a plain count in Python over the same rows."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, SQLModel, col

from campaigns.dispositions import CATALOGUE, lookup
from campaigns.reports.attempts import placed_between
from campaigns.reports.dispositions import NO_AGENT, By, disposition_report
from campaigns.reports.tally import Ratio
from campaigns.tables import Attempt, Campaign, Lead, LeadList

LOADED = datetime(2026, 1, 1, tzinfo=UTC)
LISTS = {1: "north.csv", 2: "south.csv", 3: "never dialled.csv"}
LEADS = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3}  # lead: list
ZONES = ["UTC", "America/New_York", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"]


@pytest.fixture(scope="module")
def engine():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        for number, name in ((1, "Autumn"), (2, "Winter")):
            session.add(campaign(number, name))
        session.flush()
        for number, name in LISTS.items():
            session.add(LeadList(id=number, campaign_id=1, name=name, loaded_at=LOADED))
        session.add(LeadList(id=9, campaign_id=2, name="other", loaded_at=LOADED))
        session.flush()
        for number, lead_list in LEADS.items():
            session.add(Lead(id=number, campaign_id=1, list_id=lead_list, due_at=LOADED))
        session.add(Lead(id=99, campaign_id=2, list_id=9, due_at=LOADED))
        session.commit()
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine):
    with Session(engine) as session:
        yield session


def campaign(number, name):
    return Campaign(
        id=number,
        name=name,
        kind="telemarketing",
        mode="predictive",
        intent="run",
        client="Example",
        contact_number="+12125550100",
        region="US",
        caller_ids=["+12125550101"],
        ring_seconds=20,
        wrap_up_seconds=30,
        drop_rate_ceiling=0.03,
        attempts_per_lead=5,
        attempts_per_day=3,
        machine_detection=True,
        dispositions=["sale"],
        created_at=LOADED,
    )


def attempt(number, placing_at, disposition="no-answer", *, lead=1, campaign_id=1, **values):
    return Attempt(
        id=f"attempt-{number}",
        campaign_id=campaign_id,
        list_id=LEADS.get(lead, 9),
        lead_id=lead,
        phone_id=lead,
        number="+12125550123",
        caller_id="+12125550101",
        ring_seconds=20,
        last_event_at=placing_at,
        placing_at=placing_at,
        disposition=disposition,
        **({"state": "ended"} | values),
    )


def store(session, attempts):
    session.expunge_all()
    session.connection().execute(delete(Attempt))
    session.add_all(attempts)
    session.flush()


def human(disposition):
    return disposition is None or lookup(disposition).human


def live_answer(row):
    by_person = row.answered_by in (None, "human", "unknown")
    known = row.state == "ended" or row.answered_by is not None
    return row.abandoned or (row.answered_at is not None and by_person and known and human(row.disposition))


# A row of each kind that the call machine can leave behind, and around the hours at which clocks change in 2026.
MOMENTS = st.sampled_from(
    [
        datetime(2026, 3, 8, 4, tzinfo=UTC),
        datetime(2026, 3, 29, 0, tzinfo=UTC),
        datetime(2026, 4, 4, 12, tzinfo=UTC),
        datetime(2026, 11, 1, 3, tzinfo=UTC),
    ]
).flatmap(lambda start: st.integers(0, 2 * 86_400).map(lambda seconds: start + timedelta(seconds=seconds)))


@st.composite
def rows(draw):
    state = draw(st.sampled_from(["ended", "ended", "ended", "ringing", "connected"]))
    code = draw(st.none() | st.sampled_from(sorted(CATALOGUE)))
    at = draw(MOMENTS)
    return {
        "placing_at": at,
        "lead": draw(st.sampled_from([1, 2, 3, 4, 5, 5])),
        "state": state,
        "disposition": code,
        "answered_at": draw(st.sampled_from([None, at])),
        "answered_by": draw(st.sampled_from([None, "human", "unknown", "machine_start", "machine_end_beep", "fax"])),
        "abandoned": draw(st.booleans()),
        "agent": draw(st.sampled_from([None, "Anna", "Bo"])),
    }


def local_name(row, by, zone):
    local = row.placing_at.astimezone(zone)
    match by:
        case By.DAY:
            return local.date().isoformat()
        case By.HOUR:
            offset = local.isoformat()[-6:]
            return f"{local.date()}T{local.hour:02}:00{offset}"
        case By.LIST:
            return f"{LISTS[row.list_id]} (list {row.list_id})"
        case By.AGENT:
            return row.agent or NO_AGENT


def agrees(tally, rows):
    ended = [row for row in rows if row.state == "ended"]
    dialled = [row for row in ended if row.disposition not in ("not-placed", "rejected")]
    disposed = [lookup(row.disposition) for row in ended if row.disposition is not None]
    contacts = sum(entry.contact for entry in disposed)
    assert tally.attempts == len(rows) == tally.live + tally.undisposed + sum(tally.dispositions.values())
    assert tally.live == len(rows) - len(ended)
    assert tally.dispositions == {
        entry.code: sum(other.code == entry.code for other in disposed) for entry in set(disposed)
    }
    assert tally.drop_rate == Ratio(sum(row.abandoned for row in rows), sum(map(live_answer, rows)))
    assert tally.answer_rate == Ratio(sum(map(live_answer, ended)), len(dialled))
    assert tally.contact_rate == Ratio(contacts, len(dialled))
    assert tally.conversion == Ratio(sum(entry.sale for entry in disposed), contacts)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.lists(rows(), max_size=25),
    by=st.none() | st.sampled_from(By),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    start=st.none() | st.dates(date(2026, 3, 7), date(2026, 3, 10)),
    end=st.none() | st.dates(date(2026, 3, 9), date(2026, 11, 3)),
)
def test_every_figure_equals_a_plain_count_of_the_raw_attempts(session, made, by, zone, start, end):
    attempts = [attempt(number, **values) for number, values in enumerate(made)]
    store(session, [*attempts, attempt("other", LOADED + timedelta(days=90), lead=99, campaign_id=2)])
    report = disposition_report(session, 1, start=start, end=end, by=by, zone=zone)

    def inside(row):
        day = row.placing_at.astimezone(zone).date()
        return (start is None or day >= start) and (end is None or day < end)

    counted = [row for row in attempts if inside(row)]
    agrees(report.total.tally, counted)
    assert report.total.attempts_per_lead == Ratio(len(counted), len({row.lead_id for row in counted}))
    assert report.total.penetration == Ratio(len({row.lead_id for row in counted}), len(LEADS))
    if by is None:
        assert report.groups == ()
        return
    expected = {}
    for row in sorted(counted, key=lambda row: row.placing_at):
        expected.setdefault(local_name(row, by, zone), []).append(row)
    for group in report.groups:
        agrees(group.tally, expected.get(group.name, []))
    names = [group.name for group in report.groups]
    if by is By.LIST:
        assert names == [f"{name} (list {number})" for number, name in LISTS.items()]
    else:
        assert names == (sorted(expected) if by is By.AGENT else list(expected))


def test_days_begin_at_local_midnight_on_the_days_on_which_clocks_change(session):
    new_york = ZoneInfo("America/New_York")
    edges = [
        datetime(2026, 10, 31, 23, 59, 59, tzinfo=new_york),
        datetime(2026, 11, 1, 0, 0, tzinfo=new_york),
        datetime(2026, 11, 1, 23, 59, 59, tzinfo=new_york),  # 25 hours long
        datetime(2026, 11, 2, 0, 0, tzinfo=new_york),
    ]
    store(session, [attempt(number, edge) for number, edge in enumerate(edges)])
    by_day = disposition_report(session, 1, by=By.DAY, zone=new_york)
    assert [(group.name, group.tally.attempts) for group in by_day.groups] == [
        ("2026-10-31", 1),
        ("2026-11-01", 2),
        ("2026-11-02", 1),
    ]
    one_day = disposition_report(session, 1, start=date(2026, 11, 1), end=date(2026, 11, 2), zone=new_york)
    assert one_day.total.tally.attempts == 2


def test_the_hour_that_comes_twice_is_told_twice(session):
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 in New York
    store(session, [attempt(1, first), attempt(2, first + timedelta(hours=1))])
    report = disposition_report(session, 1, by=By.HOUR, zone=ZoneInfo("America/New_York"))
    assert [group.name for group in report.groups] == ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00"]


def test_days_of_a_zone_with_a_quarter_hour_offset(session):
    midnight = datetime(2026, 3, 1, 0, 0, tzinfo=ZoneInfo("Asia/Kathmandu"))  # 18:15 UTC
    store(session, [attempt(1, midnight - timedelta(seconds=1)), attempt(2, midnight)])
    report = disposition_report(session, 1, by=By.DAY, zone=ZoneInfo("Asia/Kathmandu"))
    assert [(group.name, group.tally.attempts) for group in report.groups] == [("2026-02-28", 1), ("2026-03-01", 1)]


def test_a_list_that_was_never_dialled_has_no_penetration_but_a_line(session):
    store(session, [attempt(1, LOADED, lead=4), attempt(2, LOADED, lead=4), attempt(3, LOADED, lead=5)])
    north, south, never = disposition_report(session, 1, by=By.LIST).groups
    assert (north.penetration, south.penetration, never.penetration) == (Ratio(0, 3), Ratio(2, 2), Ratio(0, 1))
    assert south.attempts_per_lead == Ratio(3, 2)
    assert north.attempts_per_lead.value is None


@pytest.mark.parametrize("by", [By.DAY, By.HOUR, By.AGENT])
def test_leads_are_not_counted_in_groups_to_which_they_may_belong_twice(session, by):
    store(session, [attempt(1, LOADED)])
    (group,) = disposition_report(session, 1, by=by).groups
    assert group.attempts_per_lead is None
    assert group.penetration is None


def test_a_campaign_without_attempts_has_undefined_rates(session):
    store(session, [])
    total = disposition_report(session, 1).total
    assert total.tally.attempts == 0
    assert total.attempts_per_lead.value is None
    assert total.tally.drop_rate.value is None


def test_other_campaigns_are_left_out(session):
    store(session, [attempt(1, LOADED, lead=99, campaign_id=2), attempt(2, LOADED)])
    assert disposition_report(session, 1).total.tally.attempts == 1


def test_an_unknown_campaign_is_refused(session):
    with pytest.raises(NoResultFound):
        disposition_report(session, 77)


def test_a_report_of_one_day_does_not_read_the_years_before_it(session):
    conditions = placed_between(1, LOADED, LOADED + timedelta(days=1))
    statement = select(col(Attempt.id)).where(*conditions)
    compiled = statement.compile(session.connection(), compile_kwargs={"literal_binds": True})
    (step,) = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    assert "attempt_campaign (campaign_id=? AND placing_at>? AND placing_at<?)" in step[3]
