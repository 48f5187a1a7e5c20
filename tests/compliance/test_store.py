from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from compliance import store
from compliance.do_not_call import UnknownScope

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
ONE, TWO, THREE = "+12125550101", "+12125550102", "+12125550103"


def scopes(session: Session, numbers: list[str], campaign: str, client: str = "acme") -> dict[str, tuple[str, ...]]:
    return store.scopes_of_many(session, numbers, campaign, client)


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


def test_scopes_are_those_over_the_campaign_and_its_client(session: Session) -> None:
    for number, scope in (
        (ONE, "*"),
        (ONE, "campaign:spring"),
        (ONE, "campaign:autumn"),
        (TWO, "campaign:autumn"),
        (THREE, "client:acme"),
    ):
        store.add_entry(session, number, scope=scope, source="cli", now=NOON)
    assert scopes(session, [ONE], "spring") == {ONE: ("*", "campaign:spring")}
    assert TWO not in scopes(session, [TWO], "spring")
    assert scopes(session, [ONE, TWO], "autumn") == {ONE: ("*", "campaign:autumn"), TWO: ("campaign:autumn",)}
    assert scopes(session, [THREE], "spring") == {THREE: ("client:acme",)}
    assert scopes(session, [THREE], "spring", "other") == {}


def test_an_entry_that_would_forbid_nothing_is_refused(session: Session) -> None:
    with pytest.raises(UnknownScope, match="'spring'"):
        store.add_entry(session, ONE, scope="spring", source="cli", now=NOON)
    assert store.entries(session, limit=10) == []


def test_an_entry_is_in_force_for_the_next_look_in_the_same_transaction(session: Session) -> None:
    assert ONE not in scopes(session, [ONE], "spring")
    store.add_entry(session, ONE, source="key-press", now=NOON)
    assert scopes(session, [ONE], "spring") == {ONE: ("*",)}


def test_an_import_counts_what_was_new(session: Session) -> None:
    store.add_entry(session, ONE, source="cli", now=NOON)
    assert store.import_numbers(session, [ONE, TWO, TWO, THREE], source="import", note="list.csv", now=NOON) == 2
    assert store.import_numbers(session, [ONE, TWO, THREE], source="import", now=NOON) == 0
    assert store.import_numbers(session, [ONE], scope="campaign:spring", source="import", now=NOON) == 1
    assert store.import_numbers(session, [], source="import", now=NOON) == 0


def test_many_numbers_are_looked_up_past_the_limit_of_one_statement(session: Session) -> None:
    numbers = [f"+1212555{line:04d}" for line in range(2 * store.BATCH - 1)]
    store.import_numbers(session, numbers[::2], source="import", now=NOON)
    assert sorted(scopes(session, numbers, "spring")) == numbers[::2]


def test_the_list_is_read_in_pages(session: Session) -> None:
    store.import_numbers(session, [ONE, TWO, THREE], source="import", now=NOON)
    store.add_entry(session, ONE, scope="campaign:spring", source="agent", now=NOON)
    pages, after = [], ("", "")
    while page := store.entries(session, limit=3, after=after):
        pages.append([(entry.number, entry.scope) for entry in page])
        after = pages[-1][-1]
    assert pages == [[(ONE, "*"), (ONE, "campaign:spring"), (TWO, "*")], [(THREE, "*")]]
    assert [entry.number for entry in store.entries(session, scope="campaign:spring", limit=3)] == [ONE]


def test_every_entry_of_one_number_is_found_whatever_it_covers(session: Session) -> None:
    store.import_numbers(session, [ONE, TWO], scope="client:other", source="import", now=NOON)
    store.add_entry(session, ONE, source="agent", now=NOON)
    assert [(entry.number, entry.scope) for entry in store.entries_of(session, ONE)] == [
        (ONE, "*"),
        (ONE, "client:other"),
    ]
