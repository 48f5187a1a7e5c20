import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, delete, event, insert, select, text, update
from sqlalchemy.pool import StaticPool
from sqlmodel import Session

from compliance import ledger
from compliance.facts import Facts, as_json
from compliance.gate import Blocked, Reason, check
from compliance.ledger import DECISION, Broken, Entry, Head
from compliance.packs import read_pack
from compliance.rulebook import make_rulebook

pytestmark = pytest.mark.both_databases

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
ONE, TWO, THREE = "+12125550101", "+12125550102", "+12125550103"
PACK = """
country = "US"
version = 2026-11-01

[[hours]]
id = "us.hours"
jurisdiction = "US"
scope = ["survey"]
basis = "custom"
citation = "none"
confidence = "high"
open = { mon-sun = ["08:00-21:00"] }
"""
ENTRY = Entry(
    at=NOON,
    kind="survey",
    campaign_id=1,
    campaign="spring",
    client="acme",
    lead_id=2,
    attempt_id=None,
    number=ONE,
    verdict="blocked",
    reason="hours",
    until=NOON + timedelta(hours=5),
    rules=["us.hours"],
    jurisdictions=["US", "US-NY"],
    zones=["America/New_York"],
    local_times=["2026-11-23T12:00-05:00 America/New_York"],
    facts={"consent": "none", "drops": [[1, 0.5]]},
    rulebook="d1",
)


def rows(session: Session) -> list[dict[str, Any]]:
    return [dict(row) for row in session.connection().execute(select(DECISION).order_by(DECISION.c.id)).mappings()]


def record(session: Session, *numbers: str) -> None:
    ledger.record_decisions(session, [replace(ENTRY, number=number) for number in numbers])


def test_a_refusal_is_kept_as_it_was_given() -> None:
    blocked = Blocked(
        number=ONE,
        at=NOON,
        reason=Reason.HOURS,
        until=NOON + timedelta(hours=5),
        rules=("us.hours",),
        jurisdictions=("US", "US-NY"),
        zones=("America/New_York",),
        local_times=("2026-11-23T12:00-05:00 America/New_York",),
    )
    made = ledger.entry(
        blocked,
        campaign_id=1,
        campaign="spring",
        client="acme",
        kind="survey",
        lead_id=2,
        facts={"consent": "none", "drops": [[1, 0.5]]},
        rulebook="d1",
    )
    assert made == ENTRY


def test_a_clearance_names_the_attempt_it_was_used_for(session: Session) -> None:
    facts = Facts(
        number=ONE,
        kind="survey",
        jurisdictions=frozenset({"US"}),
        zones=frozenset({"America/New_York"}),
        ring_seconds=20,
        line_type="landline",
        attempts_per_day=3,
        agent_reserved=True,
        consent="written",
    )
    rules = make_rulebook([read_pack("us.toml", PACK)])
    verdict = check(facts, rules, NOON)
    made = ledger.entry(
        verdict,
        campaign_id=1,
        campaign="spring",
        client="",
        kind="survey",
        lead_id=2,
        attempt_id="a1",
        facts=as_json(facts),
        rulebook=rules.digest,
    )
    ledger.record_decisions(session, [made])
    (row,) = rows(session)
    assert (row["verdict"], row["reason"], row["until"], row["attempt_id"]) == ("cleared", None, None, "a1")
    assert (row["rules"], row["zones"], row["rulebook"]) == (list(verdict.rules), ["America/New_York"], rules.digest)
    assert (row["facts"]["consent"], row["facts"]["ring_seconds"]) == ("written", 20)
    assert ledger.verify(session) is None


def test_each_row_follows_the_one_before_and_the_one_before_about_its_number(session: Session) -> None:
    record(session, ONE, TWO, ONE)
    record(session, TWO, THREE)
    first, second, third, fourth, fifth = kept = rows(session)
    assert [row["previous"] for row in kept] == ["", *(row["hash"] for row in kept[:-1])]
    assert [row["previous_of_number"] for row in kept] == ["", "", first["hash"], second["hash"], ""]
    assert len({row["hash"] for row in kept}) == 5
    assert third["number"] == ONE
    assert (ledger.head(session), fourth["number"]) == (Head(fifth["id"], fifth["hash"]), TWO)


def test_nothing_to_record_is_no_statement(engine: Engine, session: Session) -> None:
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    ledger.record_decisions(session, [])
    assert said == []
    assert ledger.head(session) is None


def test_a_batch_costs_one_look_and_one_insert_however_long(engine: Engine, session: Session) -> None:
    record(session, ONE)
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    record(session, *[f"+1212555{line:04d}" for line in range(200)], ONE)
    assert [one.split()[0] for one in said if "advisory_xact_lock" not in one] == ["SELECT", "INSERT"]


def test_the_hash_is_written_down_so_that_others_can_compute_it(session: Session) -> None:
    record(session, ONE)
    (row,) = rows(session)
    content = {name: row[name] for name in row if name in ledger.CONTENT}
    assert row.keys() - content.keys() == {"id", "hash", "previous", "previous_of_number", "erased_at"}
    times = {"at": "2026-11-23T17:00:00+00:00", "until": "2026-11-23T22:00:00+00:00"}
    canonical = json.dumps(content | times, sort_keys=True, separators=(",", ":"))
    assert row["hash"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert row["hash"] == ledger.row_hash(row | times)


def test_a_time_has_one_hash_in_whatever_zone_it_is_told() -> None:
    row = {name: getattr(ENTRY, name) for name in ledger.CONTENT} | {"previous": "", "previous_of_number": ""}
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert ledger.row_hash(row | {"at": elsewhere}) == ledger.row_hash(row)


@pytest.mark.parametrize("value", [float("nan"), datetime(2026, 11, 23), object()])  # noqa: DTZ001
def test_what_has_no_one_spelling_is_not_recorded(session: Session, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        ledger.record_decisions(session, [replace(ENTRY, facts={"x": value})])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def in_memory() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    DECISION.create(engine)
    return engine


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.datetimes(timezones=st.just(UTC)))
def test_whatever_was_recorded_is_found_whole(facts: dict[str, Any], at: datetime) -> None:
    with Session(in_memory()) as session:
        ledger.record_decisions(session, [replace(ENTRY, facts=facts, at=at)])
        assert ledger.verify(session) is None


CHANGES: dict[str, object] = {
    "at": NOON + timedelta(microseconds=1),
    "kind": "telemarketing",
    "campaign_id": 9,
    "campaign": "autumn",
    "client": "",
    "lead_id": 9,
    "attempt_id": "a9",
    "number": THREE,
    "verdict": "cleared",
    "reason": None,
    "until": None,
    "rules": [],
    "jurisdictions": ["US"],
    "zones": [],
    "local_times": [],
    "facts": {"consent": "none", "drops": [[1, 0.25]]},
    "rulebook": "d2",
    "previous": "",
    "previous_of_number": "",
    "hash": "0" * 64,
    "erased_at": NOON,
}


def test_every_column_but_the_id_is_tried() -> None:
    assert CHANGES.keys() == {column.name for column in DECISION.columns} - {"id"}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_field_is_found_where_it_is(session: Session, column: str) -> None:
    record(session, ONE, TWO, ONE, TWO, ONE)
    session.connection().execute(update(DECISION).where(DECISION.c.id == 3).values({column: CHANGES[column]}))
    broken = ledger.verify(session)
    assert broken is not None
    assert broken.id == 3


def drop(session: Session, place: int) -> None:
    session.connection().execute(delete(DECISION).where(DECISION.c.id == place))


def swap(session: Session, place: int) -> None:
    connection = session.connection()
    for before, after in ((place, -1), (place + 1, place), (-1, place + 1)):
        connection.execute(update(DECISION).where(DECISION.c.id == before).values(id=after))


def put_in(session: Session, place: int) -> None:
    """A copy of the row behind itself, chained to it and rightly hashed."""
    kept = rows(session)
    copy = next(row for row in kept if row["id"] == place)
    copy |= {"previous": copy["hash"], "previous_of_number": copy["hash"]}
    copy["hash"] = ledger.row_hash(copy)
    later = [row for row in kept if row["id"] > place]
    session.connection().execute(delete(DECISION).where(DECISION.c.id > place))
    session.connection().execute(insert(DECISION), [row | {"id": row["id"] + 1} for row in (copy, *later)])


def rewrite(session: Session, place: int) -> None:
    """The row changed and rightly hashed again."""
    row = next(row for row in rows(session) if row["id"] == place) | {"verdict": "cleared"}
    changed = {"verdict": "cleared", "hash": ledger.row_hash(row)}
    session.connection().execute(update(DECISION).where(DECISION.c.id == place).values(changed))


@given(st.lists(st.sampled_from([ONE, TWO, THREE]), min_size=3, max_size=8), st.data())
def test_a_row_that_is_missing_moved_put_in_or_rewritten_is_found(numbers: list[str], data: st.DataObject) -> None:
    tampering: Callable[[Session, int], None] = data.draw(st.sampled_from([drop, swap, put_in, rewrite]))
    place = data.draw(st.integers(1, len(numbers) - 1))  # what is cut off at the end is found by the head that was kept
    with Session(in_memory()) as session:
        ledger.record_decisions(
            session, [replace(ENTRY, number=number, lead_id=lead) for lead, number in enumerate(numbers)]
        )
        assert ledger.verify(session) is None
        tampering(session, place)
        broken = ledger.verify(session)
        assert broken is not None
        assert place <= broken.id <= place + 2


def test_a_row_out_of_its_numbers_chain_is_found_though_it_is_rightly_hashed(session: Session) -> None:
    record(session, ONE, TWO)
    forged = rows(session)[0] | {"id": 3, "previous": rows(session)[1]["hash"]}
    forged["hash"] = ledger.row_hash(forged)
    session.connection().execute(insert(DECISION).values(forged))
    assert ledger.verify(session) == Broken(3, "does not follow the last row about its number")


def test_a_cut_at_the_end_is_found_by_the_head_that_was_kept(session: Session) -> None:
    record(session, ONE, TWO)
    head = ledger.head(session)
    record(session, ONE)
    assert ledger.verify(session, kept=head) is None
    session.connection().execute(delete(DECISION).where(DECISION.c.id >= 2))
    assert ledger.verify(session) is None
    assert ledger.verify(session, kept=head) == Broken(2, "is missing, though it was there before")
    record(session, THREE)
    session.connection().execute(update(DECISION).where(DECISION.c.id > 1).values(id=2))
    assert ledger.verify(session, kept=head) == Broken(2, "is another row than the one that was kept")


def test_the_proof_goes_through_every_page_and_says_how_far_it_is(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BATCH", 10)
    record(session, *[ONE, TWO] * 16)
    heard: list[int] = []
    assert ledger.verify(session, heard.append) is None
    assert heard == [10, 20, 30]
    session.connection().execute(update(DECISION).where(DECISION.c.id == 31).values(campaign="other"))
    broken = ledger.verify(session)
    assert broken is not None
    assert broken.id == 31


def test_a_batch_past_the_limit_of_one_statement_stays_chained(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(session, ONE, THREE, TWO)
    monkeypatch.setattr(ledger, "BATCH", 2)
    record(session, THREE, ONE, TWO)
    assert ledger.verify(session) is None


def test_rows_of_a_number_come_oldest_first_and_without_others(session: Session) -> None:
    record(session, ONE, TWO, ONE)
    assert [(row["id"], row["number"]) for row in ledger.rows_of(session, ONE)] == [(1, ONE), (3, ONE)]


def test_the_rules_are_kept_once_as_they_first_read(session: Session) -> None:
    ledger.keep_rulebook(session, "d1", {"us.toml": "a"}, NOON)
    ledger.keep_rulebook(session, "d1", {"us.toml": "a"}, NOON + timedelta(days=1))
    ledger.keep_rulebook(session, "d2", {"us.toml": "b"}, NOON + timedelta(days=1))
    kept = session.connection().execute(select(ledger.RULEBOOK_TEXT).order_by(text("digest"))).all()
    assert [tuple(row) for row in kept] == [
        ("d1", {"us.toml": "a"}, NOON),
        ("d2", {"us.toml": "b"}, NOON + timedelta(days=1)),
    ]


def test_an_erased_row_names_nobody_and_leaves_the_chain_whole(session: Session) -> None:
    record(session, ONE, TWO, ONE, ONE)
    assert ledger.erase(session, [1, 3], NOON) == 2
    assert ledger.erase(session, [1], NOON) == 0
    assert ledger.erased_rows(session) == 2
    for row in rows(session)[0], rows(session)[2]:
        assert (row["number"], row["lead_id"], row["facts"], row["zones"], row["local_times"]) == ("", 0, {}, [], [])
        assert (row["rules"], row["erased_at"]) == (["us.hours"], NOON)
    assert ledger.verify(session) is None
    assert [row["id"] for row in ledger.rows_of(session, ONE)] == [4]
    record(session, ONE)
    assert ledger.verify(session) is None


def test_erasing_hides_no_other_change(session: Session) -> None:
    record(session, ONE, TWO, ONE)
    ledger.erase(session, [1], NOON)
    session.connection().execute(update(DECISION).where(DECISION.c.id == 3).values(reason="cap"))
    assert ledger.verify(session) == Broken(3, "has been changed: its content does not give its hash")
    session.connection().execute(delete(DECISION).where(DECISION.c.id == 1))
    assert ledger.verify(session) == Broken(2, "does not follow the row before it: a row is missing, put in or moved")
