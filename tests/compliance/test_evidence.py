import copy
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, SQLModel

from compliance import consents, evidence, ledger, lists, store
from compliance.consents import NewConsent
from compliance.ledger import Entry
from compliance.packs import read_pack
from compliance.rulebook import make_rulebook

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
ONE, TWO = "+12125550101", "+12125550102"
RULE = """
[[hours]]
id = "{}"
jurisdiction = "{}"
scope = ["survey"]
basis = "custom"
citation = "none"
confidence = "high"
effective_from = 2020-01-01
open = {{ mon-sun = ["08:00-21:00"] }}
"""
PACKS = {
    "us.toml": 'country = "US"\nversion = 2026-11-01\n' + RULE.format("us.hours", "US") + RULE.format("us.tx", "US-TX"),
    "gb.toml": 'country = "GB"\nversion = 2026-11-01\n' + RULE.format("gb.hours", "GB"),
}
DIGEST = evidence.rulebook_digest(PACKS)
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
    jurisdictions=["US"],
    zones=["America/New_York"],
    local_times=["2026-11-23T12:00-05:00 America/New_York"],
    facts={"consent": "none"},
    rulebook=DIGEST,
)
ATTEMPT = {"id": "a1", "number": ONE, "placing_at": NOON, "state": "ended", "ring_seconds": 20}
LEAD = {"id": 2, "name": "A. Person", "custom": {"x": [1]}}


def make(erase: Sequence[int] = ()) -> dict[str, Any]:
    """A document with something in every part, as it comes back from a file."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    ours = ("do_not_call", "list_copy", "list_number", "consent", "decision", "rulebook_text")
    SQLModel.metadata.create_all(engine, tables=[SQLModel.metadata.tables[name] for name in ours])
    with Session(engine) as session:
        return fill(session, erase)


def fill(session: Session, erase: Sequence[int]) -> dict[str, Any]:
    ledger.keep_rulebook(session, DIGEST, PACKS, NOON)
    cleared = {"verdict": "cleared", "reason": None, "until": None, "rules": ["us.hours", "campaign:attempts-per-day"]}
    refused = [replace(ENTRY, at=NOON + timedelta(hours=hours)) for hours in range(3)]
    used = [replace(ENTRY, attempt_id=attempt_id, **cleared) for attempt_id in ("a1", "gone")]
    ledger.record_decisions(session, [*refused, replace(ENTRY, number=TWO), *used, replace(ENTRY, number=TWO)])
    store.add_entry(session, ONE, source="key-press", now=NOON)
    store.add_entry(session, TWO, source="key-press", now=NOON)
    consents.add(session, [NewConsent(number=ONE, kind="express", source="form", given_at=NOON)], NOON)
    for name, number in (("national:US", ONE), ("state:US-TX", TWO)):
        copy_id = lists.open_copy(session, name, date(2026, 11, 20), NOON)
        lists.add_numbers(session, copy_id, [number])
        lists.activate(session, copy_id)
    ledger.erase(session, erase, NOON)
    document = evidence.gather(session, ONE, attempts=[ATTEMPT], leads=[LEAD], now=NOON)
    restored: dict[str, Any] = json.loads(json.dumps(document))
    assert restored == document
    return restored


DOCUMENT = make()


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """With the document's own hash made right again, as a forger would."""
    rest = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return rest | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def changed(**parts: Any) -> dict[str, Any]:
    return sealed(copy.deepcopy(DOCUMENT) | parts)


def test_a_document_is_sound_as_it_was_written() -> None:
    assert evidence.verify(DOCUMENT) == []
    assert sealed(DOCUMENT) == DOCUMENT


def test_it_holds_all_that_is_known_about_the_number_and_nothing_about_others() -> None:
    assert (DOCUMENT["number"], DOCUMENT["exported_at"]) == (ONE, "2026-11-23T17:00:00+00:00")
    assert [row["id"] for row in DOCUMENT["decisions"]] == [1, 2, 3, 5, 6]
    assert DOCUMENT["ledger"]["id"] == 7
    assert (DOCUMENT["attempts"][0]["placing_at"], DOCUMENT["attempts_gone"]) == ("2026-11-23T17:00:00+00:00", ["gone"])
    assert DOCUMENT["leads"] == [LEAD]
    assert [row["kind"] for row in DOCUMENT["consents"]] == ["express"]
    assert [(row["number"], row["scope"]) for row in DOCUMENT["do_not_call"]] == [(ONE, "*")]
    assert [(row["list"], row["as_of"], row["listed"]) for row in DOCUMENT["lists"]] == [
        ("national:US", "2026-11-20", True),
        ("state:US-TX", "2026-11-20", False),
    ]
    assert TWO not in json.dumps(DOCUMENT)


def test_it_holds_the_rules_that_were_named_as_they_read_then() -> None:
    (rule,) = DOCUMENT["rules"]
    assert (rule["rulebook"], rule["file"], rule["table"], rule["rule"]["id"]) == (
        DIGEST,
        "us.toml",
        "hours",
        "us.hours",
    )
    assert (rule["rule"]["citation"], rule["rule"]["effective_from"]) == ("none", "2020-01-01")
    assert DOCUMENT["rulebooks"] == {DIGEST: PACKS}


def test_a_rulebook_has_the_digest_that_the_rulebook_says() -> None:
    assert make_rulebook([read_pack(*pack) for pack in PACKS.items()]).digest == DIGEST


def test_a_number_we_know_nothing_of_makes_a_sound_document(session: Session) -> None:
    document = evidence.gather(session, ONE, attempts=[], leads=[], now=NOON)
    assert (document["decisions"], document["ledger"]) == ([], {})
    assert evidence.verify(document) == []


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every single value of a document stands."""
    if isinstance(value, dict):
        return [deep for key, item in value.items() for deep in paths(item, (*path, key))]
    if isinstance(value, list):
        return [deep for place, item in enumerate(value) for deep in paths(item, (*path, place))]
    return [path]


OTHER = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=1)


@given(st.sampled_from(paths(DOCUMENT)), OTHER)
def test_any_changed_value_is_found(path: tuple[Any, ...], other: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    *way, last = path
    part = document
    for key in way:
        part = part[key]
    before = json.dumps(part[last])
    part[last] = other
    assert bool(evidence.verify(document)) == (json.dumps(other) != before)


@given(st.integers(0, 4), st.sampled_from(sorted({*ledger.CONTENT, "previous", "previous_of_number", "hash"})), OTHER)
def test_a_changed_decision_is_found_and_named_though_the_document_was_sealed_again(
    place: int, field: str, other: Any
) -> None:
    decisions = copy.deepcopy(DOCUMENT["decisions"])
    if json.dumps(decisions[place][field]) == json.dumps(other):
        return
    decisions[place][field] = other
    problems = evidence.verify(changed(decisions=decisions))
    assert any(problem.startswith(f"decision {place + 1} ") for problem in problems), problems


@given(st.data())
def test_a_decision_dropped_swapped_or_put_in_is_found_though_the_document_was_sealed_again(
    data: st.DataObject,
) -> None:
    decisions = copy.deepcopy(DOCUMENT["decisions"])
    place = data.draw(st.integers(0, 3))
    match data.draw(st.sampled_from(["drop", "swap", "put in"])):
        case "drop":
            del decisions[place]
        case "swap":
            decisions[place : place + 2] = reversed(decisions[place : place + 2])
        case "put in":
            decisions.insert(place + 1, copy.deepcopy(decisions[place]))
    problems = evidence.verify(changed(decisions=decisions))
    assert any("does not follow the decision before it" in problem for problem in problems)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"number": TWO}, "decision 1 (id 1): is about another number"),
        ({"attempts": []}, "attempt a1: was cleared and is missing"),
        ({"attempts": [evidence.plain(ATTEMPT) | {"id": "a2"}]}, "attempt 1 (id a2): no decision cleared it"),
        ({"attempts": [evidence.plain(ATTEMPT) | {"number": TWO}]}, "attempt 1 (id a1): is to another number"),
        ({"rulebooks": {}}, f"rulebook {DIGEST}: its text is missing"),
        (
            {"rulebooks": {DIGEST: PACKS | {"us.toml": PACKS["us.toml"].replace("21:00", "22:00")}}},
            f"rulebook {DIGEST}: has been changed: its text does not give its digest",
        ),
        ({"rules": []}, "rules: are not those of the rulebooks that the decisions name"),
        ({"ledger": {}}, "ledger: its head cannot be read"),
        ({"ledger": {"id": 5, "hash": "0"}}, "ledger: its head does not fit the last decision"),
        ({"ledger": {"id": 6, "hash": "0"}}, "ledger: its head does not fit the last decision"),
        ({"note": "mine"}, "note: does not belong here"),
        ({"decisions": [{}]}, "decision 1 (id None): cannot be read: KeyError('at')"),
    ],
)
def test_what_does_not_fit_is_named_though_the_document_was_sealed_again(parts: dict[str, Any], problem: str) -> None:
    assert problem in evidence.verify(changed(**parts))


def test_a_stray_field_in_a_decision_is_found() -> None:
    decisions = copy.deepcopy(DOCUMENT["decisions"])
    decisions[1]["remark"] = "fine"
    assert evidence.verify(changed(decisions=decisions)) == ["decision 2 (id 2): holds more than a decision does"]


def test_ids_that_do_not_rise_are_found() -> None:
    decisions = copy.deepcopy(DOCUMENT["decisions"])
    decisions[1]["id"] = 1
    assert evidence.verify(changed(decisions=decisions)) == ["decision 2 (id 1): its id does not rise"]


def test_only_the_hash_of_the_document_shows_a_change_elsewhere() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["consents"][0]["kind"] = "written"
    assert evidence.verify(document) == ["sha256: does not fit the document: something in it has been changed"]


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_what_is_no_document_is_said_to_be_none(document: object) -> None:
    assert evidence.verify(document) == ["this is no evidence file: it is not one JSON object"]


@pytest.mark.parametrize("key", evidence.KEYS)
def test_a_missing_part_is_named(key: str) -> None:
    without = {name: value for name, value in DOCUMENT.items() if name != key}
    assert evidence.verify(without) == [f"{key}: missing or of the wrong shape"]


def test_a_value_that_json_does_not_have_is_named() -> None:
    document = copy.deepcopy(DOCUMENT) | {"leads": [{"x": float("nan")}]}
    assert any(problem.startswith("sha256: ") for problem in evidence.verify(document))


def test_a_decision_whose_rulebook_was_not_kept_is_shown_as_such(session: Session) -> None:
    document = fill(session, ())
    session.connection().execute(delete(ledger.RULEBOOK_TEXT))
    document = evidence.gather(session, ONE, attempts=[ATTEMPT], leads=[], now=NOON)
    assert evidence.verify(document) == [f"rulebook {DIGEST}: its text is missing"]


def test_decisions_that_were_erased_are_told_from_missing_ones() -> None:
    document = make(erase=[1, 3])
    assert [row["id"] for row in document["decisions"]] == [2, 5, 6]
    assert document["erased"] == sorted(DOCUMENT["decisions"][place]["hash"] for place in (0, 2))
    assert evidence.verify(document) == []
    (problem, *_) = evidence.verify(sealed(document | {"erased": []}))
    assert problem == "decision 1 (id 2): does not follow the decision before it: one is missing, put in or moved"
