from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlmodel import Session

from compliance import lists
from compliance.lists import Copy, ListError

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
TODAY, YESTERDAY = date(2026, 11, 23), date(2026, 11, 22)
ONE, TWO, THREE = "+12125550101", "+12125550102", "+12125550103"
NATIONAL = "national:US"


def load(session: Session, name: str, numbers: list[str], as_of: date = TODAY) -> int:
    copy = lists.open_copy(session, name, as_of, NOON)
    lists.add_numbers(session, copy, numbers)
    lists.activate(session, copy)
    return copy


def stored(session: Session) -> int:
    return session.connection().execute(select(func.count()).select_from(lists.NUMBER)).scalar_one()


def test_a_copy_counts_only_from_its_activation(session: Session) -> None:
    copy = lists.open_copy(session, NATIONAL, TODAY, NOON)
    lists.add_numbers(session, copy, [ONE])
    assert (lists.listed(session, [ONE]), lists.copies(session)) == ({}, {})
    lists.activate(session, copy)
    assert lists.listed(session, [ONE, TWO]) == {ONE: (NATIONAL,)}
    assert lists.copies(session) == {NATIONAL: Copy(NATIONAL, TODAY, 1, NOON)}


def test_a_newer_copy_takes_the_place_of_the_older_and_leaves_other_lists_alone(session: Session) -> None:
    load(session, NATIONAL, [ONE, TWO], YESTERDAY)
    load(session, "state:US-TX", [ONE])
    load(session, NATIONAL, [TWO, THREE])
    assert lists.listed(session, [ONE, TWO, THREE]) == {
        ONE: ("state:US-TX",),
        TWO: (NATIONAL,),
        THREE: (NATIONAL,),
    }
    assert {name: copy.as_of for name, copy in lists.copies(session).items()} == {NATIONAL: TODAY, "state:US-TX": TODAY}


def test_a_number_on_several_lists_names_them_all(session: Session) -> None:
    load(session, "state:US-TX", [ONE])
    load(session, NATIONAL, [ONE])
    assert lists.listed(session, [ONE]) == {ONE: (NATIONAL, "state:US-TX")}


def test_rows_are_counted_once(session: Session) -> None:
    copy = lists.open_copy(session, NATIONAL, TODAY, NOON)
    assert lists.add_numbers(session, copy, [ONE, TWO, TWO]) == 2
    assert lists.add_numbers(session, copy, [TWO, THREE]) == 1
    assert lists.add_numbers(session, copy, []) == 0
    lists.activate(session, copy)
    lists.activate(session, copy)
    assert lists.copies(session)[NATIONAL].rows == 3


def test_many_numbers_are_looked_up_past_the_limit_of_one_statement(session: Session) -> None:
    numbers = [f"+1212555{line:04d}" for line in range(2 * lists.BATCH - 1)]
    load(session, NATIONAL, numbers[::2])
    assert list(lists.listed(session, numbers)) == numbers[::2]


def test_an_older_copy_is_refused_before_it_is_loaded_and_before_it_is_used(session: Session) -> None:
    late = lists.open_copy(session, NATIONAL, YESTERDAY, NOON)
    lists.add_numbers(session, late, [ONE])
    other = lists.COPY.insert().values(list=NATIONAL, as_of=TODAY, imported_at=NOON, rows=1, state="active")
    session.connection().execute(other)
    with pytest.raises(ListError, match="as of 2026-11-22 is older than the one in use, of 2026-11-23"):
        lists.activate(session, late)
    with pytest.raises(ListError, match="is older"):
        lists.open_copy(session, NATIONAL, YESTERDAY, NOON)
    assert lists.copies(session)[NATIONAL].as_of == TODAY
    lists.open_copy(session, NATIONAL, TODAY, NOON)


def test_a_copy_of_tomorrow_is_refused_but_not_where_tomorrow_has_begun(session: Session) -> None:
    lists.open_copy(session, NATIONAL, TODAY + timedelta(days=1), NOON)
    with pytest.raises(ListError, match="2026-11-24 lies in the future"):
        lists.open_copy(session, NATIONAL, TODAY + timedelta(days=1), NOON.replace(hour=9, minute=59))


@pytest.mark.parametrize("name", ["national", "internal", "state:Texas", "state:TX ", "federal:US"])
def test_an_unknown_list_is_refused(session: Session, name: str) -> None:
    with pytest.raises(ListError, match="is no do-not-call list"):
        lists.open_copy(session, name, TODAY, NOON)


def test_an_empty_copy_never_takes_the_place_of_a_full_one(session: Session) -> None:
    load(session, NATIONAL, [ONE], YESTERDAY)
    empty = lists.open_copy(session, NATIONAL, TODAY, NOON)
    with pytest.raises(ListError, match="holds no number"):
        lists.activate(session, empty)
    assert lists.listed(session, [ONE]) == {ONE: (NATIONAL,)}


def test_a_copy_that_is_not_loading_takes_no_more_numbers(session: Session) -> None:
    given_up = lists.open_copy(session, NATIONAL, TODAY, NOON)
    copy = load(session, NATIONAL, [ONE])
    for closed in (given_up, copy):
        with pytest.raises(ListError, match="takes no numbers"):
            lists.add_numbers(session, closed, [TWO])
    for gone in (given_up, 99):
        with pytest.raises(ListError, match="not on hand"):
            lists.activate(session, gone)


def test_another_lists_import_is_not_given_up(session: Session) -> None:
    copy = lists.open_copy(session, NATIONAL, TODAY, NOON)
    lists.open_copy(session, "state:US-TX", TODAY, NOON)
    assert lists.add_numbers(session, copy, [ONE]) == 1


def test_old_numbers_are_dropped_a_batch_at_a_time_and_only_they(session: Session) -> None:
    load(session, NATIONAL, [ONE, TWO, THREE], YESTERDAY)
    load(session, "state:US-TX", [ONE, TWO], YESTERDAY)
    load(session, NATIONAL, [ONE])
    load(session, "state:US-TX", [TWO])
    loading = lists.open_copy(session, "state:US-FL", TODAY, NOON)
    lists.add_numbers(session, loading, [THREE])
    assert [lists.drop_inactive(session, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert stored(session) == 3
    assert lists.listed(session, [ONE, TWO, THREE]) == {ONE: (NATIONAL,), TWO: ("state:US-TX",)}
    states = session.connection().execute(select(lists.COPY.c.state).order_by(lists.COPY.c.id)).scalars().all()
    assert states == ["dropped", "dropped", "active", "active", "loading"]


@pytest.mark.sqlite_only
def test_a_look_up_seeks_and_never_walks_a_copy(session: Session) -> None:
    plan = session.connection().execute(
        text(
            "EXPLAIN QUERY PLAN SELECT number, list FROM list_number JOIN list_copy ON id = copy_id "
            "WHERE state = 'active' AND number IN ('+12125550101', '+12125550102')"
        )
    )
    steps = [row.detail for row in plan]
    assert any("list_number USING PRIMARY KEY (copy_id=? AND number=?)" in step for step in steps), steps
