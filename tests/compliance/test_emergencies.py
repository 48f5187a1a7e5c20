from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session

from compliance import emergencies

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
LATER = NOON + timedelta(days=2)


def test_calls_are_stopped_from_the_declaration_until_it_is_lifted(session: Session) -> None:
    assert emergencies.in_force(session) == frozenset()
    assert emergencies.declare(session, "US-LA", "ops", NOON, "hurricane")
    assert emergencies.declare(session, "*", "ops", NOON)
    assert emergencies.in_force(session) == {"US-LA", "*"}
    assert emergencies.lift(session, "*", "boss", LATER)
    assert emergencies.in_force(session) == {"US-LA"}


def test_declaring_and_lifting_twice_changes_nothing(session: Session) -> None:
    assert not emergencies.lift(session, "US", "ops", NOON)
    emergencies.declare(session, "US", "ops", NOON)
    assert not emergencies.declare(session, "US", "other", LATER)
    assert emergencies.lift(session, "US", "ops", LATER)
    assert not emergencies.lift(session, "US", "other", LATER + timedelta(days=1))
    (row,) = emergencies.history(session)
    assert (row.declared_by, row.declared_at, row.lifted_by, row.lifted_at) == ("ops", NOON, "ops", LATER)


def test_what_was_lifted_can_be_declared_again_and_both_are_remembered(session: Session) -> None:
    emergencies.declare(session, "US-LA", "ops", NOON, "first")
    emergencies.lift(session, "US-LA", "ops", NOON)
    assert emergencies.declare(session, "US-LA", "ops", LATER, "second")
    assert emergencies.in_force(session) == {"US-LA"}
    assert [row.note for row in emergencies.history(session)] == ["second", "first"]


@pytest.mark.parametrize("place", ["", "Louisiana", "us-la", "US-", "LA US", "**", "US-ZZ", "ZZ", "GB-", "GB-sct"])
def test_a_place_that_no_call_would_meet_is_refused(session: Session, place: str) -> None:
    with pytest.raises(emergencies.UnknownPlace, match="is no jurisdiction"):
        emergencies.declare(session, place, "ops", NOON)
    assert emergencies.history(session) == []
