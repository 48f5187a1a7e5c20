"""Leads into the database, a batch in a transaction. Runs on the writing thread; `session` belongs to its transaction.

The statements of a batch are plain SQL: a million leads through the ORM take ten times as long, through Core
inserts twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic_core import to_json
from sqlalchemy import Connection, bindparam, delete, func, select, text, update
from sqlmodel import Session, SQLModel

import campaigns.tables
from campaigns.lead import Priority, Standing
from campaigns.lead_file import LeadRow
from campaigns.tables import LeadList

_tables = SQLModel.metadata.tables
LEAD, LIST = _tables[campaigns.tables.Lead.__tablename__], _tables["lead_list"]

# Fresh leads are due since an hour before the load, and each a microsecond after the line before it: whatever the order
# in which they were written, they come up in the order of the file. The hour has room for 3.6 billion lines.
FILE_ORDER_SPAN = timedelta(hours=1)
MOST_PARAMETERS = 10_000  # in one statement; SQLite takes 32,766

_INSERT_LEAD = f"""
INSERT INTO lead (id, campaign_id, list_id, external_id, first_name, last_name, email, state, postal_code,
                  time_zone, line_type, business,
                  custom, due_at, standing, priority, attempts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{Standing.OPEN}', {Priority.FRESH:d}, 0)"""
_INSERT_PHONE = "INSERT INTO phone (campaign_id, lead_id, number, rank, label, attempts) VALUES (?, ?, ?, ?, ?, 0)"

_OF_LIST = select(LIST.c.campaign_id, LIST.c.loaded_at).where(LIST.c.id == bindparam("list"))
_LAST_LEAD = select(func.coalesce(func.max(LEAD.c.id), 0))
_NEXT_LEADS = text("SELECT nextval(pg_get_serial_sequence('lead', 'id')) FROM generate_series(1, :count)")
_COUNT = (
    update(LIST)
    .where(LIST.c.id == bindparam("list"))
    .values(
        rows=LIST.c.rows + bindparam("more_rows"),
        accepted=LIST.c.accepted + bindparam("more_accepted"),
        duplicates=LIST.c.duplicates + bindparam("more_duplicates"),
    )
)


@dataclass(frozen=True, slots=True)
class BatchReceipt:
    """What became of a batch: its rows are the sum."""

    accepted: int
    duplicates: int


def open_list(session: Session, campaign_id: int, name: str, now: datetime) -> int:
    """The id of a new, empty list."""
    lead_list = LeadList(campaign_id=campaign_id, name=name, loaded_at=now)
    session.add(lead_list)
    session.flush()
    assert lead_list.id is not None
    return lead_list.id


def load_batch(session: Session, list_id: int, rows: Sequence[LeadRow]) -> BatchReceipt:
    """Add the leads that are new to the list's campaign.

    A duplicate has an external id that is there, or no number that is not there; another lead comes with its new
    numbers only. Loading a batch again adds nothing.
    """
    connection = session.connection()
    campaign_id, loaded_at = connection.execute(_OF_LIST, {"list": list_id}).one()
    numbers = _there(connection, "phone", "number", campaign_id, [number for row in rows for number, _ in row.phones])
    ids = _there(connection, "lead", "external_id", campaign_id, [row.external_id for row in rows if row.external_id])
    new_ids = _new_ids(connection, len(rows))
    due_from = loaded_at.replace(tzinfo=None) - FILE_ORDER_SPAN
    leads: list[tuple[object, ...]] = []
    phones: list[tuple[object, ...]] = []
    for line, external_id, *person, row_phones, custom in rows:
        new = [(rank, *phone) for rank, phone in enumerate(row_phones) if phone[0] not in numbers]
        if external_id in ids or not new:
            continue
        lead_id = next(new_ids)
        due_at = (due_from + timedelta(microseconds=line)).isoformat(" ", "microseconds")
        leads.append((lead_id, campaign_id, list_id, external_id, *person, to_json(custom).decode(), due_at))
        for rank, number, label in new:
            phones.append((campaign_id, lead_id, number, rank, label))
            numbers.add(number)
        if external_id:
            ids.add(external_id)
    if leads:
        connection.exec_driver_sql(_marked(connection, _INSERT_LEAD), leads)
        connection.exec_driver_sql(_marked(connection, _INSERT_PHONE), phones)
    accepted, duplicates = len(leads), len(rows) - len(leads)
    connection.execute(
        _COUNT,
        {"list": list_id, "more_rows": len(rows), "more_accepted": accepted, "more_duplicates": duplicates},
    )
    return BatchReceipt(accepted, duplicates)


def close_list(session: Session, list_id: int, rejected: Mapping[str, int]) -> None:
    """Complete a list's receipt. A list that brought no lead is removed: the file had been loaded before."""
    connection = session.connection()
    connection.execute(delete(LIST).where(LIST.c.id == list_id, LIST.c.accepted == 0))
    receipt = {"rows": LIST.c.rows + sum(rejected.values()), "rejected": dict(rejected)}
    connection.execute(update(LIST).where(LIST.c.id == list_id).values(receipt))


def _there(connection: Connection, table: str, column: str, campaign_id: int, values: Sequence[str]) -> set[str]:
    """Those of the values that the campaign has in the column."""
    found: set[str] = set()
    for start in range(0, len(values), MOST_PARAMETERS):
        some = values[start : start + MOST_PARAMETERS]
        marks = ", ".join("?" * len(some))
        query = f"SELECT {column} FROM {table} WHERE campaign_id = ? AND {column} IN ({marks})"
        found.update(row[0] for row in connection.exec_driver_sql(_marked(connection, query), (campaign_id, *some)))
    return found


def _new_ids(connection: Connection, count: int) -> Iterator[int]:
    """Ids for leads, ascending. A file has one writer; on a server, another may be loading too."""
    if connection.dialect.name == "sqlite":
        last = connection.execute(_LAST_LEAD).scalar_one()
        return iter(range(last + 1, last + 1 + count))
    return iter(connection.execute(_NEXT_LEADS, {"count": count}).scalars().all())


def _marked(connection: Connection, statement: str) -> str:
    """With the driver's own mark for a parameter."""
    return statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")
