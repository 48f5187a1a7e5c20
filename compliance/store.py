"""Do-not-call entries and decisions in the database. Every function works inside the caller's transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import insert, tuple_
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, col, select

from compliance.do_not_call import EVERYWHERE, applies
from compliance.gate import Blocked, Cleared
from compliance.tables import Decision, DoNotCallEntry

BATCH = 5000  # numbers in one statement; SQLite takes 32,766 parameters


def add_entry(
    session: Session, number: str, *, scope: str = EVERYWHERE, source: str, note: str = "", now: datetime
) -> bool:
    """Forbid a number (E.164) in a scope. False when it stood there already; the older entry is kept."""
    return import_numbers(session, [number], scope=scope, source=source, note=note, now=now) == 1


def import_numbers(
    session: Session, numbers: Iterable[str], *, scope: str = EVERYWHERE, source: str, note: str = "", now: datetime
) -> int:
    """Forbid many numbers (E.164) at once; how many of them were new. Meant for batches of some thousands."""
    rows = [
        {"number": number, "scope": scope, "source": source, "note": note, "added_at": now} for number in set(numbers)
    ]
    if not rows:
        return 0
    return session.connection().execute(sqlite.insert(DoNotCallEntry).on_conflict_do_nothing(), rows).rowcount


def entries(
    session: Session, *, scope: str | None = None, limit: int, after: tuple[str, str] = ("", "")
) -> Sequence[DoNotCallEntry]:
    """A page of the list, by number and scope; `after` is the (number, scope) that ended the page before."""
    key = col(DoNotCallEntry.number), col(DoNotCallEntry.scope)
    query = select(DoNotCallEntry).where(tuple_(*key) > after).order_by(*key).limit(limit)
    if scope is not None:
        query = query.where(DoNotCallEntry.scope == scope)
    return session.exec(query).all()


def scopes_of_many(session: Session, numbers: Sequence[str], campaign_name: str) -> dict[str, tuple[str, ...]]:
    """The scopes over this campaign in which each number stands; numbers in none of them are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(numbers), BATCH):
        wanted = col(DoNotCallEntry.number).in_(numbers[start : start + BATCH])
        query = select(DoNotCallEntry.number, DoNotCallEntry.scope).where(wanted).order_by(col(DoNotCallEntry.scope))
        for number, scope in session.exec(query):
            if applies(scope, campaign_name):
                found[number] = (*found.get(number, ()), scope)
    return found


def decision(verdict: Cleared | Blocked, *, campaign_id: int, lead_id: int, attempt_id: str | None = None) -> Decision:
    """A verdict as the auditor will read it; `attempt_id` when the clearance was used."""
    blocked = verdict if isinstance(verdict, Blocked) else None
    return Decision(
        at=verdict.at,
        campaign_id=campaign_id,
        lead_id=lead_id,
        attempt_id=attempt_id,
        number=verdict.number,
        verdict="blocked" if blocked else "cleared",
        reason=blocked.reason if blocked else None,
        until=blocked.until if blocked else None,
        rules=list(verdict.rules),
        local_times=list(verdict.local_times),
    )


def record_decisions(session: Session, decisions: Sequence[Decision]) -> None:
    """Append them to the ledger in one statement."""
    if decisions:
        session.connection().execute(insert(Decision), [row.model_dump(exclude={"id"}) for row in decisions])
