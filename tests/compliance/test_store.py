from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, SQLModel, create_engine, select

from compliance import rulebook, store
from compliance.facts import DropCount, Facts
from compliance.gate import check
from compliance.tables import Decision, DoNotCallEntry

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
ONE, TWO, THREE = "+12125550101", "+12125550102", "+12125550103"


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine, tables=[DoNotCallEntry.__table__, Decision.__table__])  # type: ignore[attr-defined]
    with Session(engine) as open_session:
        yield open_session


def test_an_entry_is_added_once_and_the_older_one_kept(session: Session) -> None:
    assert store.add_entry(session, ONE, source="key-press", note="first", now=NOON)
    assert not store.add_entry(session, ONE, source="cli", now=NOON + timedelta(days=1))
    (entry,) = store.entries(session, limit=10)
    assert (entry.number, entry.scope, entry.source, entry.note, entry.added_at) == (
        ONE,
        "*",
        "key-press",
        "first",
        NOON,
    )


def test_scopes_are_those_over_the_campaign(session: Session) -> None:
    for number, scope in ((ONE, "*"), (ONE, "spring"), (ONE, "autumn"), (TWO, "autumn")):
        store.add_entry(session, number, scope=scope, source="cli", now=NOON)
    assert store.scopes_of_many(session, [ONE], "spring") == {ONE: ("*", "spring")}
    assert TWO not in store.scopes_of_many(session, [TWO], "spring")
    assert store.scopes_of_many(session, [ONE, TWO, THREE], "autumn") == {ONE: ("*", "autumn"), TWO: ("autumn",)}


def test_an_entry_is_in_force_for_the_next_look_in_the_same_transaction(session: Session) -> None:
    assert ONE not in store.scopes_of_many(session, [ONE], "spring")
    store.add_entry(session, ONE, source="key-press", now=NOON)
    assert store.scopes_of_many(session, [ONE], "spring") == {ONE: ("*",)}


def test_an_import_counts_what_was_new(session: Session) -> None:
    store.add_entry(session, ONE, source="cli", now=NOON)
    assert store.import_numbers(session, [ONE, TWO, TWO, THREE], source="import", note="list.csv", now=NOON) == 2
    assert store.import_numbers(session, [ONE, TWO, THREE], source="import", now=NOON) == 0
    assert store.import_numbers(session, [ONE], scope="spring", source="import", now=NOON) == 1
    assert store.import_numbers(session, [], source="import", now=NOON) == 0


def test_many_numbers_are_looked_up_past_the_limit_of_one_statement(session: Session) -> None:
    numbers = [f"+1212555{line:04d}" for line in range(2 * store.BATCH - 1)]
    store.import_numbers(session, numbers[::2], source="import", now=NOON)
    assert list(store.scopes_of_many(session, numbers, "spring")) == numbers[::2]


def test_the_list_is_read_in_pages(session: Session) -> None:
    store.import_numbers(session, [ONE, TWO, THREE], source="import", now=NOON)
    store.add_entry(session, ONE, scope="spring", source="agent", now=NOON)
    pages, after = [], ("", "")
    while page := store.entries(session, limit=3, after=after):
        pages.append([(entry.number, entry.scope) for entry in page])
        after = pages[-1][-1]
    assert pages == [[(ONE, "*"), (ONE, "spring"), (TWO, "*")], [(THREE, "*")]]
    assert [entry.number for entry in store.entries(session, scope="spring", limit=3)] == [ONE]


def test_verdicts_are_kept_as_they_were_given(session: Session) -> None:
    def facts(zone: str) -> Facts:
        return Facts(
            number=ONE,
            kind="survey",
            jurisdictions=frozenset({"US"}),
            zones=frozenset({zone}),
            ring_seconds=20,
            do_not_call=(),
            recent_attempts=(),
            attempts_per_day=3,
            drop_rate=DropCount(0, 0, 0.03),
            agent_reserved=True,
        )

    rules = rulebook.load()
    verdicts = [check(facts(zone), rules, NOON) for zone in ("America/New_York", "Pacific/Guam")]
    store.record_decisions(
        session,
        [
            store.decision(verdicts[0], campaign_id=1, lead_id=2, attempt_id="a1"),
            store.decision(verdicts[1], campaign_id=1, lead_id=3),
        ],
    )
    yes, no = session.exec(select(Decision).order_by(Decision.id)).all()  # type: ignore[arg-type]
    assert (yes.at, yes.number, yes.verdict, yes.reason, yes.until, yes.attempt_id) == (
        *(NOON, ONE, "cleared", None, None, "a1"),
    )
    assert yes.rules == ["us.hours.survey", "campaign:attempts-per-day", "us.abandonment.survey"]
    assert yes.local_times == ["2026-11-23T12:00-05:00 America/New_York"]
    assert (no.verdict, no.reason, no.until, no.lead_id) == (
        *("blocked", "hours", datetime(2026, 11, 23, 22, tzinfo=UTC), 3),
    )


def test_no_decisions_are_no_statement(session: Session) -> None:
    store.record_decisions(session, [])
    assert session.exec(select(Decision)).all() == []
