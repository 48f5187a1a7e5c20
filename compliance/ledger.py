"""The decision ledger: every clearance and refusal that mattered, chained so that no row can be changed unseen.

Each row carries the hash of the row before it and of the row before about the same number, so that the rows of one
number prove themselves when they are taken out of the ledger (`compliance.evidence`). What a chain cannot show is a cut
at its end: keep a head (`head`), from an evidence file or a log, and give it to `verify`.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, func, insert, select, text, update
from sqlmodel import Session, SQLModel

import compliance.tables
from compliance.gate import Blocked, Cleared
from compliance.upsert import insert_new

DECISION = SQLModel.metadata.tables[compliance.tables.Decision.__tablename__]
RULEBOOK_TEXT = SQLModel.metadata.tables[compliance.tables.RulebookText.__tablename__]

BLANK: Mapping[str, Any] = {  # of an erased row
    "number": "",
    "lead_id": 0,
    "facts": {},
    "local_times": [],
    "zones": [],
    "jurisdictions": [],
}
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(1684629868, 2)")  # "dial" in ASCII; 2: the ledger; until commit
BATCH = 5000  # numbers in one statement; SQLite takes 32,766 parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a row says, without its place in the chain."""

    at: datetime
    kind: str
    campaign_id: int
    campaign: str
    client: str
    lead_id: int
    attempt_id: str | None
    number: str  # E.164
    verdict: str  # cleared, blocked
    reason: str | None
    until: datetime | None
    rules: list[str]
    jurisdictions: list[str]
    zones: list[str]
    local_times: list[str]
    facts: Mapping[str, Any]  # JSON values, keys of text
    rulebook: str  # digest


CONTENT = tuple(sorted(field.name for field in fields(Entry)))  # what the hash covers besides the two hashes before


class Head(NamedTuple):
    """A row that must stay where it is."""

    id: int
    hash: str


class Broken(NamedTuple):
    """The first row that is not as it was written."""

    id: int
    problem: str


def entry(
    verdict: Cleared | Blocked,
    *,
    campaign_id: int,
    campaign: str,
    client: str,
    kind: str,
    lead_id: int,
    attempt_id: str | None = None,
    facts: Mapping[str, Any],
    rulebook: str,
) -> Entry:
    """A verdict as the auditor will read it; `attempt_id` when the clearance was used."""
    blocked = verdict if isinstance(verdict, Blocked) else None
    return Entry(
        at=verdict.at,
        kind=kind,
        campaign_id=campaign_id,
        campaign=campaign,
        client=client,
        lead_id=lead_id,
        attempt_id=attempt_id,
        number=verdict.number,
        verdict="blocked" if blocked else "cleared",
        reason=str(blocked.reason) if blocked else None,
        until=blocked.until if blocked else None,
        rules=list(verdict.rules),
        jurisdictions=list(verdict.jurisdictions),
        zones=list(verdict.zones),
        local_times=list(verdict.local_times),
        facts=facts,
        rulebook=rulebook,
    )


def record_decisions(session: Session, decisions: Sequence[Entry]) -> None:
    """Append them in one statement. Two writers at once would fork the chain: on a server they wait for each other."""
    if not decisions:
        return
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(_ONE_AT_A_TIME)
    previous, of_number = _last_hashes(session, sorted({decision.number for decision in decisions}))
    rows = []
    for decision in decisions:
        row = {name: getattr(decision, name) for name in CONTENT}
        before = of_number.get(decision.number, "")
        row |= {"previous": previous, "previous_of_number": before}
        row["hash"] = previous = of_number[decision.number] = row_hash(row)
        rows.append(row)
    session.connection().execute(insert(DECISION), rows)


def row_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 over the two hashes before and the canonical JSON of all other content but the id."""
    content = canonical_json({name: row[name] for name in CONTENT})
    return hashlib.sha256(f"{row['previous']}{row['previous_of_number']}{content}".encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """Sorted keys, no blanks, ASCII, times in UTC. Raises ValueError for NaN and infinities, TypeError for objects."""
    return _ENCODER.encode(value)


def _plain(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{value!r} cannot stand in the ledger")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def head(session: Session) -> Head | None:
    """The newest row; None for an empty ledger."""
    query = select(DECISION.c.id, DECISION.c.hash).order_by(DECISION.c.id.desc()).limit(1)
    newest = session.connection().execute(query).one_or_none()
    return Head(*newest) if newest else None


def _last_hashes(session: Session, numbers: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Of the newest row of all, and of the newest about each number; one look, for it comes before every call."""
    newest, of_number = (0, ""), {}
    for start in range(0, len(numbers), BATCH):
        for row_id, number, last in session.connection().execute(_LAST, {"numbers": numbers[start : start + BATCH]}):
            newest = max(newest, (row_id, last))
            of_number[number] = last  # the newest of all may be about another number, and is its newest too
    return newest[1], of_number


def _last() -> Select[int, str, str]:
    of_all = select(func.max(DECISION.c.id))
    asked = DECISION.c.number.in_(bindparam("numbers", expanding=True))
    newest = of_all.where(asked).group_by(DECISION.c.number).union_all(of_all)
    return select(DECISION.c.id, DECISION.c.number, DECISION.c.hash).where(DECISION.c.id.in_(newest))


_LAST = _last()  # made once: to make it costs as much as to run it


def erase(session: Session, ids: Sequence[int], now: datetime) -> int:
    """Take out of rows whom they were about and by which facts; the hashes stay, so that the chain does. How many."""
    known = update(DECISION).where(DECISION.c.id.in_(ids), DECISION.c.erased_at.is_(None))
    return session.connection().execute(known.values(**BLANK, erased_at=now)).rowcount


def erased_rows(session: Session) -> int:
    """How many rows have been erased."""
    query = select(func.count()).where(DECISION.c.erased_at.is_not(None))
    return session.connection().execute(query).scalar_one()


def erased(session: Session, hashes: Collection[str]) -> list[str]:
    """Those of the hashes that belong to erased rows, sorted."""
    query = select(DECISION.c.hash).where(DECISION.c.hash.in_(hashes), DECISION.c.erased_at.is_not(None))
    return sorted(session.connection().execute(query).scalars())


def rows_of(session: Session, number: str) -> list[dict[str, Any]]:
    """Every row about a number, oldest first, as it is stored."""
    columns = [DECISION.c[name] for name in ("id", *CONTENT, "previous", "previous_of_number", "hash")]
    query = select(*columns).where(DECISION.c.number == number).order_by(DECISION.c.id)
    return [dict(row) for row in session.connection().execute(query).mappings()]


def keep_rulebook(session: Session, digest: str, packs: Mapping[str, str], now: datetime) -> None:
    """Remember how the rules read (file name -> text) under their digest. Safe to repeat; the first time stays."""
    row = {"digest": digest, "packs": dict(packs), "first_used_at": now}
    insert_new(session.connection(), RULEBOOK_TEXT, [row])


def verify(
    session: Session, progress: Callable[[int], None] = lambda _rows: None, kept: Head | None = None
) -> Broken | None:
    """The first row that was changed, put in, moved or missed, or None when all is as it was written or erased.

    An erased row shows only that it stood there.

    `progress` hears how many rows have been read. `kept` is a head from earlier, which must still be there.
    """
    previous = ""
    for count, row in enumerate(_rows(session), start=1):
        problem = _problem(row, previous)
        if problem:
            return Broken(row["id"], problem)
        if kept is not None and row["id"] == kept.id and row["hash"] != kept.hash:
            return Broken(kept.id, "is another row than the one that was kept")
        previous = row["hash"]
        if count % BATCH == 0:
            progress(count)
    if (
        kept is not None
        and session.connection().execute(select(DECISION).where(DECISION.c.id == kept.id)).first() is None
    ):
        return Broken(kept.id, "is missing, though it was there before")
    return None


def _problem(row: Mapping[str, Any], previous: str) -> str:
    if row["previous"] != previous:
        return "does not follow the row before it: a row is missing, put in or moved"
    if row["erased_at"] is not None:
        is_blank = all(row[name] == value for name, value in BLANK.items())
        return "" if is_blank else "is marked as erased, and is not"
    if row["previous_of_number"] != row["last_of_number"] and not row["last_is_erased"]:
        return "does not follow the last row about its number"
    if row["hash"] != row_hash(row):
        return "has been changed: its content does not give its hash"
    return ""


def _rows(session: Session) -> Iterator[Mapping[str, Any]]:
    """All rows by id, each with the hash of the row before about its number, in pages so that memory stays flat."""
    before = DECISION.alias()
    last = (
        select(before.c.hash)
        .where(before.c.number == DECISION.c.number, before.c.id < DECISION.c.id)
        .order_by(before.c.id.desc())
        .limit(1)
        .correlate(DECISION)
        .scalar_subquery()
    )
    gone = DECISION.alias()
    is_gone = select(gone.c.id).where(gone.c.hash == DECISION.c.previous_of_number, gone.c.erased_at.is_not(None))
    labelled = func.coalesce(last, "").label("last_of_number"), is_gone.exists().label("last_is_erased")
    query = select(DECISION, *labelled).order_by(DECISION.c.id).limit(BATCH)
    after = -1
    while page := session.connection().execute(query.where(DECISION.c.id > after)).all():
        yield from (row._asdict() for row in page)
        after = page[-1].id
