"""Leads into the database, a batch in a transaction. Runs on the writing thread; `session` belongs to its transaction.

The statements of a batch are plain SQL for SQLite: a million leads through the ORM take ten times as long, through Core
inserts twice.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update
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

_LEAD_COLUMNS = (
    *("id", "campaign_id", "list_id", "external_id", "first_name", "last_name", "email", "state", "postal_code"),
    *("time_zone", "custom", "standing", "priority", "due_at", "attempts"),
)
_PHONE_COLUMNS = ("campaign_id", "lead_id", "number", "rank", "label", "attempts")


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


_INSERT_LEAD = _insert("lead", _LEAD_COLUMNS)
_INSERT_PHONE = _insert("phone", _PHONE_COLUMNS)


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
    of_list = select(LIST.c.campaign_id, LIST.c.loaded_at).where(LIST.c.id == list_id)
    campaign_id, loaded_at = connection.execute(of_list).one()
    numbers = _there(connection, "phone", "number", campaign_id, [number for row in rows for number, _ in row.phones])
    ids = _there(connection, "lead", "external_id", campaign_id, [row.external_id for row in rows if row.external_id])
    lead_id = connection.execute(select(func.coalesce(func.max(LEAD.c.id), 0))).scalar_one()
    due_from = loaded_at.replace(tzinfo=None) - FILE_ORDER_SPAN
    leads: list[tuple[object, ...]] = []
    phones: list[tuple[object, ...]] = []
    for row in rows:
        new = [(rank, *phone) for rank, phone in enumerate(row.phones) if phone[0] not in numbers]
        if row.external_id in ids or not new:
            continue
        lead_id += 1
        due_at = (due_from + timedelta(microseconds=row.line)).isoformat(" ", "microseconds")
        place = (row.first_name, row.last_name, row.email, row.state, row.postal_code, row.time_zone)
        work = (json.dumps(row.custom), Standing.OPEN.value, Priority.FRESH.value, due_at, 0)
        leads.append((lead_id, campaign_id, list_id, row.external_id, *place, *work))
        phones.extend((campaign_id, lead_id, number, rank, label, 0) for rank, number, label in new)
        numbers.update(number for _rank, number, _label in new)
        if row.external_id:
            ids.add(row.external_id)
    if leads:
        connection.exec_driver_sql(_INSERT_LEAD, leads)
        connection.exec_driver_sql(_INSERT_PHONE, phones)
    receipt = BatchReceipt(len(leads), len(rows) - len(leads))
    counted = {"rows": len(rows), "accepted": receipt.accepted, "duplicates": receipt.duplicates}
    connection.execute(
        update(LIST).where(LIST.c.id == list_id).values({name: LIST.c[name] + count for name, count in counted.items()})
    )
    return receipt


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
        found.update(row[0] for row in connection.exec_driver_sql(query, (campaign_id, *some)))
    return found
