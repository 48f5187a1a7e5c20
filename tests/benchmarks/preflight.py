"""A campaign of a million leads looked over before its start: seconds, and whether memory stays flat."""

import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert
from sqlmodel import Session, SQLModel

import campaigns.preflight
from campaigns.prospects import Question
from campaigns.tables import Campaign
from compliance import consents, rulebook
from dialer.db import schema
from dialer.db.database import Database
from dialer.db.sqlite import SqliteFile

LEADS = 1_000_000
BATCH = 50_000
AIM_SECONDS = 30
NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)
PLACES = ((212, "NY"), (305, "FL"), (214, "TX"), (312, "IL"), (415, "CA"), (602, "AZ"), (404, "GA"), (303, "CO"))
CAMPAIGN = {
    **{"id": 1, "name": "spring", "kind": "telemarketing", "mode": "predictive", "intent": "stop", "client": "Acme"},
    **{"contact_number": "x", "region": "US", "caller_ids": [], "ring_seconds": 20, "wrap_up_seconds": 30},
    **{"drop_rate_ceiling": 0.03, "attempts_per_lead": 6, "attempts_per_day": 3, "machine_detection": True},
    **{"machine_error": 0.0, "business": False, "without": [], "dispositions": [], "created_at": NOON, "note": ""},
}
LEAD = (
    "INSERT INTO lead (id, campaign_id, list_id, first_name, last_name, email, state, postal_code, time_zone,"
    " line_type, custom, standing, priority, due_at, attempts)"
    " VALUES (?, 1, 1, '', '', '', ?, '', '', 'landline', '{}', 'open', 2, '2026-11-20 00:00:00.000000', 0)"
)
PHONE = "INSERT INTO phone (campaign_id, lead_id, number, rank, label, attempts) VALUES (1, ?, ?, 0, 'phone', 0)"


def main() -> None:
    book = rulebook.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dialer.db"
        schema.upgrade(SqliteFile(path))
        database = Database.open(f"sqlite:///{path}")
        for start in range(0, LEADS, BATCH):
            database.write(lambda session, start=start: _fill(session, start))
        with database.read() as session:
            question = Question(session.get_one(Campaign, 1), (), agent_reserved=True)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            begun = time.perf_counter()
            found = campaigns.preflight.preflight(session, question, book, NOON)
            seconds = time.perf_counter() - begun
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        database.close()
    assert found.leads == LEADS
    assert found.dialable + sum(found.later.values()) + sum(found.never.values()) == LEADS
    print(
        f"preflight: {LEADS:,} leads in {seconds:.1f} s, {AIM_SECONDS / seconds:.2f} of the aim of {AIM_SECONDS} s; "
        f"memory grew by {grown:.0f} MB; {found.dialable:,} dialable"
    )


def _fill(session: Session, start: int) -> None:
    connection, tables = session.connection(), SQLModel.metadata.tables
    if start == 0:
        connection.execute(insert(tables["campaign"]).values(CAMPAIGN))
        row = {"id": 1, "campaign_id": 1, "name": "x", "loaded_at": NOON, "rows": 0, "accepted": 0, "duplicates": 0}
        connection.execute(insert(tables["lead_list"]).values(row | {"rejected": {}}))
    leads = list(_leads(start))
    connection.exec_driver_sql(LEAD, [(lead, state) for lead, state, _number in leads])
    connection.exec_driver_sql(PHONE, [(lead, number) for lead, _state, number in leads])
    given = {"kind": "written", "source": "web", "given_at": datetime(2026, 1, 1, tzinfo=UTC)}
    consents.add(session, [consents.NewConsent(number=number, **given) for _lead, _state, number in leads], NOON)


def _leads(start: int) -> Iterator[tuple[int, str, str]]:
    for place in range(start, start + BATCH):
        area, state = PLACES[place % len(PLACES)]
        line = place // len(PLACES)
        yield place + 1, state, f"+1{area}{200 + line // 10_000}{line % 10_000:04}"
