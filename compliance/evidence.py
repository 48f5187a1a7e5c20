"""Everything we know about the calls to one number, in one document that can be checked without the database.

One JSON object: number, exported_at, ledger (the ledger's head then), leads, attempts, attempts_gone
(ids that were cleared, but erased since), decisions, erased (hashes of erased decisions that one of those follows),
consents, do_not_call, lists (every copy of a state's list in use, and whether the number stands in it), rulebooks
(digest -> file name -> text), rules (those that the decisions name, as they read), sha256 (of all the rest).
"""

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from compliance import consents, ledger, lists, store
from compliance.ledger import RULEBOOK_TEXT, canonical_json, row_hash

Row = Mapping[str, Any]

KEYS = {
    "number": str,
    "exported_at": str,
    "ledger": dict,
    "leads": list,
    "attempts": list,
    "attempts_gone": list,
    "decisions": list,
    "erased": list,
    "consents": list,
    "do_not_call": list,
    "lists": list,
    "rulebooks": dict,
    "rules": list,
    "sha256": str,
}


def gather(
    session: Session, number: str, *, attempts: Sequence[Row], leads: Sequence[Row], now: datetime
) -> dict[str, Any]:
    """The document about a number (E.164). `attempts` and `leads` are the rows that name it, all columns."""
    decisions = [plain(row) for row in ledger.rows_of(session, number)]
    head = ledger.head(session)
    rulebooks = _rulebooks(session, {row["rulebook"] for row in decisions})
    document = {
        "number": number,
        "exported_at": plain(now),
        "ledger": head._asdict() if head else {},
        "leads": [plain(row) for row in leads],
        "attempts": [plain(row) for row in attempts],
        "attempts_gone": sorted(_cleared(decisions) - {str(row["id"]) for row in attempts}),
        "decisions": decisions,
        "erased": ledger.erased(session, _missing(decisions)),
        "consents": [plain(row.model_dump()) for row in consents.show(session, number)],
        "do_not_call": [plain(row.model_dump()) for row in store.entries_of(session, number)],
        "lists": _lists(session, number),
        "rulebooks": rulebooks,
        "rules": list(_rules(decisions, rulebooks)),
    }
    return document | {"sha256": _digest(document)}


def plain(value: Any) -> Any:
    """The same in values that JSON has: times in UTC, dates as text, tuples as lists."""
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat()
        case date() | time():
            return value.isoformat()
    return value


def _missing(decisions: Sequence[Row]) -> set[str]:
    """Hashes that decisions follow and that are not among them."""
    return {row["previous_of_number"] for row in decisions} - {row["hash"] for row in decisions} - {""}


def _lists(session: Session, number: str) -> list[dict[str, Any]]:
    stands_in = lists.listed(session, [number]).get(number, ())
    return [plain(copy._asdict()) | {"listed": name in stands_in} for name, copy in lists.copies(session).items()]


def _rulebooks(session: Session, digests: set[str]) -> dict[str, dict[str, str]]:
    query = select(RULEBOOK_TEXT.c.digest, RULEBOOK_TEXT.c.packs).where(RULEBOOK_TEXT.c.digest.in_(digests))
    return {digest: packs for digest, packs in session.connection().execute(query.order_by(RULEBOOK_TEXT.c.digest))}


def _rules(decisions: Iterable[Row], rulebooks: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, Any]]:
    """Each rule that a decision names, once per rulebook, as its file has it. Names that are no rule's are left out."""
    named: dict[str, set[str]] = {}
    for row in decisions:
        named.setdefault(row["rulebook"], set()).update(row["rules"])
    for digest in sorted(named.keys() & rulebooks.keys()):
        for file, text in sorted(rulebooks[digest].items()):
            for table, rules in tomllib.loads(text).items():
                for rule in rules if isinstance(rules, list) else ():
                    if rule["id"] in named[digest]:
                        yield {"rulebook": digest, "file": file, "table": table, "rule": plain(rule)}


def _digest(document: Row) -> str:
    content = {key: value for key, value in document.items() if key != "sha256"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def verify(document: object) -> list[str]:
    """What is wrong with a document, one line each, in the order of the file; none when it is as it was written."""
    if not isinstance(document, dict):
        return ["this is no evidence file: it is not one JSON object"]
    misshapen = [f"{key}: missing or of the wrong shape" for key, kind in KEYS.items() if not _is(document, key, kind)]
    if misshapen:
        return misshapen
    problems = [*_decisions(document), *_head(document), *_attempts(document), *_texts(document)]
    if document.keys() - KEYS.keys():
        problems.append(f"{', '.join(sorted(map(str, document.keys() - KEYS.keys())))}: does not belong here")
    try:
        if _digest(document) != document["sha256"]:
            problems.append("sha256: does not fit the document: something in it has been changed")
    except ValueError as error:
        problems.append(f"sha256: {error}")
    return problems


def _is(document: Mapping[str, Any], key: str, kind: type) -> bool:
    value = document.get(key)
    row = str if key in ("attempts_gone", "erased") else dict
    return isinstance(value, kind) and (kind is not list or all(isinstance(item, row) for item in document[key]))


def _decisions(document: Row) -> Iterator[str]:
    """Each row's content against its hash, and each row against the one before about the number."""
    last, last_id = "", -1
    for place, row in enumerate(document["decisions"], start=1):
        where = f"decision {place} (id {row.get('id')})"
        try:
            if row_hash(row) != row["hash"]:
                yield f"{where}: has been changed: its content does not give its hash"
            if set(row) - {"id", "previous", "previous_of_number", "hash", *ledger.CONTENT}:
                yield f"{where}: holds more than a decision does"
            if row["previous_of_number"] != last and row["previous_of_number"] not in document["erased"]:
                yield f"{where}: does not follow the decision before it: one is missing, put in or moved"
            if row["number"] != document["number"]:
                yield f"{where}: is about another number"
            if row["id"] <= last_id:
                yield f"{where}: its id does not rise"
            last, last_id = row["hash"], row["id"]
        except (KeyError, TypeError, ValueError) as error:
            yield f"{where}: cannot be read: {error!r}"


def _head(document: Row) -> Iterator[str]:
    head, decisions = document["ledger"], document["decisions"]
    if not decisions:
        return
    newest = decisions[-1]
    try:
        if head["id"] < newest["id"] or (head["id"] == newest["id"]) != (head["hash"] == newest["hash"]):
            yield "ledger: its head does not fit the last decision"
    except (KeyError, TypeError):
        yield "ledger: its head cannot be read"


def _cleared(decisions: Iterable[Row]) -> set[str]:
    used = (row for row in decisions if row.get("verdict") == "cleared" and row.get("attempt_id") is not None)
    return {str(row["attempt_id"]) for row in used}


def _attempts(document: Row) -> Iterator[str]:
    """No clearance, no call: each attempt must have been cleared, and each clearance used have its attempt."""
    cleared, made = _cleared(document["decisions"]), set()
    for place, row in enumerate(document["attempts"], start=1):
        attempt_id = str(row.get("id"))
        made.add(attempt_id)
        if attempt_id not in cleared:
            yield f"attempt {place} (id {attempt_id}): no decision cleared it"
        if row.get("number") != document["number"]:
            yield f"attempt {place} (id {attempt_id}): is to another number"
    for missing in sorted(cleared - made - set(document["attempts_gone"])):
        yield f"attempt {missing}: was cleared and is missing"


def _texts(document: Row) -> Iterator[str]:
    """Each rulebook's text against its digest, which stands in the decisions; each rule against the texts."""
    rulebooks = document["rulebooks"]
    for digest in sorted({str(row.get("rulebook")) for row in document["decisions"]} - rulebooks.keys()):
        yield f"rulebook {digest}: its text is missing"
    for digest, packs in rulebooks.items():
        if not isinstance(packs, dict) or rulebook_digest(packs) != digest:
            yield f"rulebook {digest}: has been changed: its text does not give its digest"
    try:
        if list(_rules(document["decisions"], rulebooks)) != document["rules"]:
            yield "rules: are not those of the rulebooks that the decisions name"
    except (KeyError, TypeError, ValueError, AttributeError):
        yield "rules: cannot be compared with the rulebooks"


def rulebook_digest(packs: Mapping[str, str]) -> str:
    """As `compliance.rulebook` makes it: SHA-256 over names and texts, by name."""
    return hashlib.sha256("".join(f"{name}\0{text}\0" for name, text in sorted(packs.items())).encode()).hexdigest()
