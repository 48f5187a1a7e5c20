"""Copies of the do-not-call lists that states keep: millions of numbers, loaded beside the copy in use, then swapped.

A copy is `loading` while it is filled, `active` when calls are held against it, `replaced` when a newer one is, and
`dropped` when its numbers are gone. Every function works inside the caller's transaction.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlmodel import Session, SQLModel, col

import compliance.tables
from compliance.among import among
from compliance.order import wait_for_claims
from compliance.tables import ListCopy, ListNumber
from compliance.upsert import insert_new

COPY = SQLModel.metadata.tables[compliance.tables.ListCopy.__tablename__]
NUMBER = SQLModel.metadata.tables[compliance.tables.ListNumber.__tablename__]

BATCH = 5000  # numbers in one statement; SQLite takes 32,766 parameters
NAME = re.compile(r"(national|state):[A-Z]{2}(-[A-Z0-9]{1,3})?")
FIRST_TO_SEE_A_DAY = timedelta(hours=14)  # ahead of UTC, on Kiritimati


class ListError(ValueError):
    """A copy cannot be taken into use; the message says which and why."""


class Copy(NamedTuple):
    """A copy that calls are held against."""

    list: str
    as_of: date
    rows: int
    imported_at: datetime


def open_copy(session: Session, name: str, as_of: date, now: datetime) -> int:
    """Begin a copy of the list `name` (national:US, state:US-TX) as the state gave it out on `as_of`; its id.

    A copy of that list whose loading was broken off is given up. Raises ListError.
    """
    if not NAME.fullmatch(name):
        raise ListError(f"{name!r} is no do-not-call list: write national:US or state:US-TX")
    if as_of > (now + FIRST_TO_SEE_A_DAY).date():
        raise ListError(f"list {name}: as-of date {as_of} lies in the future: give the day on which it was given out")
    _refuse_older(session, name, as_of)
    session.connection().execute(
        update(COPY).where(COPY.c.list == name, COPY.c.state == "loading").values(state="replaced")
    )
    row = {"list": name, "as_of": as_of, "imported_at": now, "rows": 0, "state": "loading"}
    return int(session.connection().execute(insert(COPY).values(row).returning(COPY.c.id)).scalar_one())


def add_numbers(session: Session, copy_id: int, numbers: Iterable[str]) -> int:
    """Put numbers (E.164) into a copy that is loading; how many were new. Meant for batches of some thousands.

    Raises ListError when the copy is not loading any more.
    """
    rows = [{"copy_id": copy_id, "number": number} for number in sorted(set(numbers))]
    connection = session.connection()
    new = insert_new(connection, NUMBER, rows)
    loading = update(COPY).where(COPY.c.id == copy_id, COPY.c.state == "loading")
    if connection.execute(loading.values(rows=COPY.c.rows + new)).rowcount != 1:
        raise ListError(f"copy {copy_id} takes no numbers any more: another import of the list has begun, start again")
    return new


def activate(session: Session, copy_id: int) -> None:
    """Hold calls against this copy from now on, and no longer against the one before. Safe to repeat.

    Raises ListError when the copy is empty, was given up, or is older than the one in use.
    """
    connection = session.connection()
    copy = connection.execute(select(COPY).where(COPY.c.id == copy_id)).one_or_none()
    if copy is None or copy.state in ("replaced", "dropped"):
        raise ListError(f"copy {copy_id} is not on hand: import the list again")
    if copy.rows == 0:
        raise ListError(f"list {copy.list}: the copy as of {copy.as_of} holds no number: check the file")
    _refuse_older(session, copy.list, copy.as_of)
    wait_for_claims(connection)
    others = update(COPY).where(COPY.c.list == copy.list, COPY.c.state == "active", COPY.c.id != copy_id)
    connection.execute(others.values(state="replaced"))
    connection.execute(update(COPY).where(COPY.c.id == copy_id).values(state="active"))


def _refuse_older(session: Session, name: str, as_of: date) -> None:
    there = copies(session).get(name)
    if there is not None and as_of < there.as_of:
        raise ListError(f"list {name}: a copy as of {as_of} is older than the one in use, of {there.as_of}")


def drop_inactive(session: Session, limit: int) -> int:
    """Delete up to `limit` numbers of replaced copies; how many went. Fewer than `limit` means that none is left."""
    connection = session.connection()
    dropped = 0
    old = select(COPY.c.id).where(COPY.c.state == "replaced").order_by(COPY.c.id)
    for copy_id in connection.execute(old).scalars().all():
        some = select(NUMBER.c.number).where(NUMBER.c.copy_id == copy_id).limit(limit - dropped)
        gone = delete(NUMBER).where(NUMBER.c.copy_id == copy_id, NUMBER.c.number.in_(some))
        dropped += connection.execute(gone).rowcount
        if dropped >= limit:
            break
        connection.execute(update(COPY).where(COPY.c.id == copy_id).values(state="dropped"))
    return dropped


def copies(session: Session) -> dict[str, Copy]:
    """The copy in use of each list that has one."""
    wanted = (COPY.c.list, COPY.c.as_of, COPY.c.rows, COPY.c.imported_at)
    found = session.connection().execute(select(*wanted).where(COPY.c.state == "active").order_by(COPY.c.list))
    return {row.list: Copy(*row) for row in found}


def listed(session: Session, numbers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The lists on which each number (E.164) stands, by the copies in use; numbers on none are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(numbers), BATCH):
        query = (
            select(col(ListNumber.number), col(ListCopy.list))
            .join(ListCopy, col(ListCopy.id) == col(ListNumber.copy_id))
            .where(col(ListCopy.state) == "active", among(col(ListNumber.number), numbers[start : start + BATCH]))
            .order_by(col(ListCopy.list))
        )
        for number, name in session.connection().execute(query):
            found[number] = (*found.get(number, ()), name)
    return found
