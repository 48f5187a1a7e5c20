from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from compliance import consents
from compliance.consents import ConsentError, NewConsent

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
LONG_AGO, YESTERDAY, LATER = NOON - timedelta(days=30), NOON - timedelta(days=1), NOON + timedelta(days=1)
ONE, TWO = "+12125550101", "+12125550102"


def given(number: str = ONE, **values: Any) -> NewConsent:
    return NewConsent(
        **{"number": number, "client": "acme", "kind": "express", "source": "web form", "given_at": YESTERDAY} | values
    )


def held(session: Session, number: str = ONE, client: str = "acme", now: datetime = NOON) -> str:
    return consents.of_numbers(session, [number], client, now).get(number, "none")


def test_a_consent_holds_towards_its_client_and_no_other(session: Session) -> None:
    assert consents.add(session, [given(), given(TWO, client="*", kind="written")], NOON) == 2
    assert consents.of_numbers(session, [ONE, TWO], "acme", NOON) == {ONE: "express", TWO: "written"}
    assert consents.of_numbers(session, [ONE, TWO], "other", NOON) == {TWO: "written"}
    assert consents.of_numbers(session, [TWO], "", NOON) == {TWO: "written"}


def test_the_strongest_in_force_counts(session: Session) -> None:
    expired = given(kind="written", expires_at=NOON)
    consents.add(session, [given(), given(kind="relationship"), expired, given(kind="written", given_at=LATER)], NOON)
    assert (held(session), held(session, now=NOON - timedelta(hours=1)), held(session, now=LATER)) == (
        *("express", "written", "written"),
    )


def test_the_same_consent_twice_is_one(session: Session) -> None:
    assert consents.add(session, [given(), given()], NOON) == 1
    assert consents.add(session, [given(), given(text_version="2"), given(given_at=LONG_AGO)], NOON) == 2
    assert consents.add(session, [], NOON) == 0


def test_a_row_tells_all_that_was_said_of_it(session: Session) -> None:
    consents.add(session, [given(text_version="7", note="form 12", expires_at=LATER), given(given_at=LONG_AGO)], NOON)
    newest, oldest = consents.show(session, ONE)
    assert (newest.text_version, newest.note, newest.source, newest.given_at, newest.expires_at, newest.added_at) == (
        *("7", "form 12", "web form", YESTERDAY, LATER, NOON),
    )
    assert oldest.given_at == LONG_AGO
    assert consents.show(session, TWO) == []


def test_a_revoked_consent_stays_as_a_row_and_counts_no_more(session: Session) -> None:
    consents.add(session, [given(), given(kind="written"), given(TWO)], NOON)
    assert consents.revoke(session, ONE, None, "agent 7", NOON) == 2
    assert (held(session), held(session, TWO)) == ("none", "express")
    assert [(row.revoked_at, row.revoked_by) for row in consents.show(session, ONE)] == [(NOON, "agent 7")] * 2
    assert consents.revoke(session, ONE, None, "agent 8", LATER) == 0
    assert {row.revoked_by for row in consents.show(session, ONE)} == {"agent 7"}


def test_a_revocation_towards_one_client_ends_what_would_let_it_call_on(session: Session) -> None:
    consents.add(session, [given(), given(client="*"), given(client="other")], NOON)
    assert consents.revoke(session, ONE, "acme", "key-press", NOON) == 2
    assert (held(session), held(session, client="other")) == ("none", "express")


def test_an_old_file_does_not_undo_a_revocation(session: Session) -> None:
    consents.add(session, [given(), given(client="other")], NOON)
    consents.revoke(session, ONE, "acme", "key-press", NOON)
    late = [
        given(),
        given(text_version="2"),
        given(client="*", given_at=LONG_AGO),
        given(client="other", kind="written"),
    ]
    consents.add(session, late, LATER)
    assert (held(session, now=LATER), held(session, client="other", now=LATER)) == ("none", "written")
    consents.add(session, [given(given_at=LATER)], LATER)
    assert held(session, now=LATER) == "express"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kind": "oral"}, "'oral' is no consent: write relationship, express, written"),
        ({"kind": "none"}, "'none' is no consent"),
        ({"expires_at": YESTERDAY}, "not after it was given"),
        ({"given_at": datetime(2026, 11, 22)}, "without a zone"),  # noqa: DTZ001
        ({"expires_at": datetime(2027, 11, 22)}, "without a zone"),  # noqa: DTZ001
    ],
)
def test_a_consent_that_cannot_be_right_is_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConsentError, match=complaint):
        given(**values)


def test_many_numbers_go_in_and_come_out_past_the_limit_of_one_statement(session: Session) -> None:
    numbers = [f"+1212555{line:04d}" for line in range(2 * consents.BATCH - 1)]
    assert consents.add(session, [given(number) for number in numbers[::2]], NOON) == consents.BATCH
    assert list(consents.of_numbers(session, numbers, "acme", NOON)) == numbers[::2]
