"""Our own do-not-call list in the database. Every function works inside the caller's transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import tuple_
from sqlmodel import Session, SQLModel, col, select

from compliance.among import among
from compliance.do_not_call import EVERYWHERE, applies, checked
from compliance.order import wait_for_claims
from compliance.tables import DoNotCallEntry
from compliance.upsert import insert_new

DO_NOT_CALL = SQLModel.metadata.tables[DoNotCallEntry.__tablename__]

BATCH = 5000  # numbers in one statement; SQLite takes 32,766 parameters


def add_entry(
    session: Session, number: str, *, scope: str = EVERYWHERE, source: str, note: str = "", now: datetime
) -> bool:
    """Forbid a number (E.164) in a scope. False when it stood there already; the older entry is kept.

    Raises UnknownScope.
    """
    return import_numbers(session, [number], scope=scope, source=source, note=note, now=now) == 1


def import_numbers(
    session: Session, numbers: Iterable[str], *, scope: str = EVERYWHERE, source: str, note: str = "", now: datetime
) -> int:
    """Forbid many numbers (E.164) at once; how many of them were new. Meant for batches of some thousands.

    Raises UnknownScope.
    """
    common = {"scope": checked(scope), "source": source, "note": note, "added_at": now}
    different = list(set(numbers))
    wait_for_claims(session.connection(), different)
    rows = [{"number": number, **common} for number in different]
    return insert_new(session.connection(), DO_NOT_CALL, rows)


def entries(
    session: Session, *, scope: str | None = None, limit: int, after: tuple[str, str] = ("", "")
) -> Sequence[DoNotCallEntry]:
    """A page of the list, by number and scope; `after` is the (number, scope) that ended the page before."""
    key = col(DoNotCallEntry.number), col(DoNotCallEntry.scope)
    query = select(DoNotCallEntry).where(tuple_(*key) > after).order_by(*key).limit(limit)
    if scope is not None:
        query = query.where(DoNotCallEntry.scope == scope)
    return session.exec(query).all()


def entries_of(session: Session, number: str) -> Sequence[DoNotCallEntry]:
    """Every entry of one number, whatever it covers."""
    query = select(DoNotCallEntry).where(DoNotCallEntry.number == number).order_by(col(DoNotCallEntry.scope))
    return session.exec(query).all()


def scopes_of_many(
    session: Session, numbers: Sequence[str], campaign_name: str, client: str
) -> dict[str, tuple[str, ...]]:
    """The scopes over this campaign in which each number stands; numbers in none of them are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(numbers), BATCH):
        wanted = among(col(DoNotCallEntry.number), numbers[start : start + BATCH])
        query = select(DoNotCallEntry.number, DoNotCallEntry.scope).where(wanted).order_by(col(DoNotCallEntry.scope))
        for number, scope in session.exec(query):
            if applies(scope, campaign=campaign_name, client=client):
                found[number] = (*found.get(number, ()), scope)
    return found
