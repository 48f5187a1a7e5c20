"""Batches of leads in the database: duplicates, order, and the list's receipt."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine
from sqlmodel import Session, SQLModel, col, func, select

from campaigns.lead_file import LeadRow
from campaigns.lead_store import BatchReceipt, close_list, load_batch, open_list
from campaigns.tables import Campaign, Lead, LeadList, Phone
from dialer.db.database import place_of

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)


def campaign(name: str) -> Campaign:
    return Campaign(
        name=name,
        kind="telemarketing",
        mode="progressive",
        intent="stop",
        client="Acme",
        contact_number="+12125550100",
        region="US",
        caller_ids=["+12125550199"],
        ring_seconds=20,
        wrap_up_seconds=10,
        drop_rate_ceiling=0.03,
        attempts_per_lead=3,
        attempts_per_day=3,
        machine_detection=True,
        dispositions=[],
        created_at=NOON,
    )


def new_engine() -> Engine:
    engine = create_engine("sqlite://")
    tables = [SQLModel.metadata.tables[name] for name in ("campaign", "lead_list", "lead", "phone")]
    SQLModel.metadata.create_all(engine, tables)
    return engine


@pytest.fixture
def session(backend, request):
    engine = new_engine() if backend == "sqlite" else place_of(request.getfixturevalue("database_url")).writing().engine
    with Session(engine) as session:
        session.add_all([campaign("one"), campaign("two")])
        session.flush()
        yield session
    engine.dispose()


def row(line: int, *numbers: int, external_id: str | None = None) -> LeadRow:
    phones = tuple((f"+1212555{number:04}", f"phone {rank}") for rank, number in enumerate(numbers))
    return LeadRow(
        line, external_id, "Ann", "Lee", "", "NY", "10001", "", "mobile", True, phones, {"note": f"é {line}"}
    )


def numbers(session: Session, campaign_id: int = 1) -> list[str]:
    query = select(Phone.number).where(Phone.campaign_id == campaign_id).order_by(Phone.number)
    return [number[-4:] for number in session.exec(query)]


def test_a_lead_is_kept_as_it_was_read(session):
    list_id = open_list(session, 1, "file.csv", NOON)
    assert load_batch(session, list_id, [row(2, 100, 101, external_id="7")]) == BatchReceipt(1, 0)
    lead = session.exec(select(Lead)).one()
    assert (lead.campaign_id, lead.list_id, lead.external_id, lead.first_name, lead.last_name) == (
        1,
        1,
        "7",
        "Ann",
        "Lee",
    )
    assert (lead.state, lead.postal_code, lead.custom) == ("NY", "10001", {"note": "é 2"})
    assert (lead.line_type, lead.business) == ("mobile", True)
    assert (lead.standing, lead.priority, lead.attempts, lead.disposition) == ("open", 2, 0, None)
    phones = session.exec(select(Phone).order_by(Phone.rank)).all()
    assert [(phone.lead_id, phone.number, phone.rank, phone.label) for phone in phones] == [
        (lead.id, "+12125550100", 0, "phone 0"),
        (lead.id, "+12125550101", 1, "phone 1"),
    ]


def test_a_batch_that_came_as_json_is_the_same_batch(session):
    rows = [row(2, 100, 101, external_id="7"), row(3, 102)]
    sent = [LeadRow(*values) for values in json.loads(json.dumps(rows))]
    assert load_batch(session, open_list(session, 1, "file.csv", NOON), sent) == BatchReceipt(2, 0)
    assert load_batch(session, open_list(session, 1, "file.csv", NOON), rows) == BatchReceipt(0, 2)
    assert session.exec(select(Lead.custom)).first() == {"note": "é 2"}


def test_leads_are_due_at_once_and_in_the_order_of_the_file_however_they_were_batched(session):
    list_id = open_list(session, 1, "file.csv", NOON)
    load_batch(session, list_id, [row(9, 100), row(3, 101)])
    load_batch(session, list_id, [row(2, 102), row(1_000_000, 103), row(4, 104)])
    due = session.exec(select(Lead).where(Lead.due_at <= NOON).order_by(Lead.due_at, Lead.id)).all()
    assert [lead.custom["note"] for lead in due] == ["é 2", "é 3", "é 4", "é 9", "é 1000000"]
    assert due[0].due_at > NOON - timedelta(hours=2)


def test_a_number_stands_once_in_a_campaign(session):
    list_id = open_list(session, 1, "file.csv", NOON)
    assert load_batch(session, list_id, [row(2, 100), row(3, 100)]) == BatchReceipt(1, 1)
    assert load_batch(session, list_id, [row(4, 100), row(5, 101)]) == BatchReceipt(1, 1)
    assert numbers(session) == ["0100", "0101"]


def test_another_campaign_may_have_the_same_people(session):
    load_batch(session, open_list(session, 1, "file.csv", NOON), [row(2, 100, external_id="7")])
    other = open_list(session, 2, "file.csv", NOON)
    assert load_batch(session, other, [row(2, 100, external_id="7")]) == BatchReceipt(1, 0)


def test_a_lead_with_some_new_number_comes_with_that_one_only(session):
    list_id = open_list(session, 1, "file.csv", NOON)
    load_batch(session, list_id, [row(2, 100)])
    assert load_batch(session, list_id, [row(3, 100, 101)]) == BatchReceipt(1, 0)
    kept = session.exec(select(Phone).where(Phone.number == "+12125550101")).one()
    assert (kept.rank, kept.label) == (1, "phone 1")
    assert numbers(session) == ["0100", "0101"]


def test_an_external_id_stands_once_in_a_campaign(session):
    list_id = open_list(session, 1, "file.csv", NOON)
    rows = [row(2, 100, external_id="7"), row(3, 101, external_id="7")]
    assert load_batch(session, list_id, rows) == BatchReceipt(1, 1)
    assert load_batch(session, list_id, [row(4, 102, external_id="7")]) == BatchReceipt(0, 1)
    assert numbers(session) == ["0100"]


def test_a_list_adds_up_its_batches_and_takes_the_rejected_rows_at_the_end(session):
    list_id = open_list(session, 1, "file.csv", NOON)
    load_batch(session, list_id, [row(2, 100), row(3, 100)])
    load_batch(session, list_id, [row(4, 101)])
    close_list(session, list_id, {"no-phone": 2, "ragged": 1})
    kept = session.exec(select(LeadList)).one()
    assert (kept.name, kept.loaded_at) == ("file.csv", NOON)
    assert (kept.rows, kept.accepted, kept.duplicates) == (6, 2, 1)
    assert kept.rejected == {"no-phone": 2, "ragged": 1}


def test_a_list_that_brought_nothing_is_not_kept(session):
    load_batch(session, open_list(session, 1, "file.csv", NOON), [row(2, 100)])
    again = open_list(session, 1, "file.csv", NOON)
    load_batch(session, again, [row(2, 100)])
    close_list(session, again, {})
    assert [kept.accepted for kept in session.exec(select(LeadList))] == [1]


def test_more_numbers_than_one_statement_takes(session):
    list_id = open_list(session, 1, "file.csv", NOON)
    wide = [row(line, *range(line * 30, line * 30 + 30)) for line in range(330)]
    assert load_batch(session, list_id, wide) == BatchReceipt(330, 0)
    assert load_batch(session, list_id, [*wide, row(400, 9999)]) == BatchReceipt(1, 330)


rows_of_a_file = st.lists(
    st.tuples(
        st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True), st.sampled_from([None, None, "a", "b"])
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(file=rows_of_a_file, cut=st.integers(1, 7))
def test_loading_twice_changes_nothing(file, cut):
    rows = [row(line, *phones, external_id=external) for line, (phones, external) in enumerate(file, 2)]
    batches = [rows[start : start + cut] for start in range(0, len(rows), cut)]
    with Session(new_engine()) as session:
        session.add(campaign("one"))
        session.flush()
        first, second = (
            [load_batch(session, list_id, batch) for batch in batches]
            for list_id in (open_list(session, 1, "first", NOON), open_list(session, 1, "second", NOON))
        )
        assert sum(receipt.accepted + receipt.duplicates for receipt in first) == len(rows)
        assert session.exec(select(func.count(col(Lead.id)))).one() == sum(receipt.accepted for receipt in first)
        assert [(receipt.accepted, receipt.duplicates) for receipt in second] == [(0, len(batch)) for batch in batches]
