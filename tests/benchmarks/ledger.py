"""What the chain of the decision ledger costs: rows a second beside the same rows in a plain insert."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert
from sqlmodel import Session

from compliance.ledger import CONTENT, DECISION, Entry, record_decisions
from dialer.db import schema
from dialer.db.database import Database
from dialer.db.sqlite import SqliteFile

NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)
ROWS = 4000
TOGETHER = (1, 20, 100)
ENTRY = Entry(
    **{"at": NOON, "kind": "telemarketing", "campaign_id": 1, "campaign": "spring", "client": "Acme", "lead_id": 1},
    **{"attempt_id": None, "number": "", "verdict": "blocked", "reason": "hours", "until": NOON, "rulebook": "d" * 64},
    rules=["us.hours.telemarketing", "us-fl.hours.telemarketing"],
    jurisdictions=["US", "US-FL"],
    zones=["America/New_York"],
    local_times=["2026-11-24T13:00-05:00 America/New_York"],
    facts={"consent": "written", "copies": {f"state:US-{state}": "2026-11-20" for state in ("FL", "TX", "CO", "IN")}},
)


def main() -> None:
    for together in TOGETHER:
        plain, chained = _rate(_plain, together), _rate(record_decisions, together)
        print(
            f"ledger: {chained:,.0f} rows a second in commits of {together}, {plain:,.0f} without the chain: "
            f"{1e6 / chained - 1e6 / plain:.0f} us a row, ratio {chained / plain:.2f}"
        )


def _plain(session: Session, decisions: list[Entry]) -> None:
    rows = [{name: getattr(decision, name) for name in CONTENT} for decision in decisions]
    same = {"previous": "0" * 64, "previous_of_number": "0" * 64, "hash": "0" * 64}
    session.connection().execute(insert(DECISION), [row | same for row in rows])


def _rate(keep: Callable[[Session, list[Entry]], None], together: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dialer.db"
        schema.upgrade(SqliteFile(path))
        database = Database.open(f"sqlite:///{path}")
        entries = [replace(ENTRY, number=f"+1305{2_000_000 + row}", lead_id=row) for row in range(ROWS)]
        begun = time.perf_counter()
        for start in range(0, ROWS, together):
            some = entries[start : start + together]
            database.write(lambda session, some=some: keep(session, some))
        seconds = time.perf_counter() - begun
        database.close()
    return ROWS / seconds
