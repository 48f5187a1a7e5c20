"""Places to which calls have been stopped: declared, lifted, remembered. Works in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlmodel import Session, SQLModel, col
from sqlmodel import select as select_rows

import compliance.tables
from compliance.facts import EVERYWHERE
from compliance.order import wait_for_claims
from compliance.places import is_jurisdiction
from compliance.tables import Emergency

EMERGENCY = SQLModel.metadata.tables[compliance.tables.Emergency.__tablename__]


class UnknownPlace(ValueError):
    """No call would ever meet such a jurisdiction: nothing would be stopped."""


def declare(session: Session, jurisdiction: str, by: str, now: datetime, note: str = "") -> bool:
    """Stop calls to US-LA, US, or `*` for all. False when they were stopped already. Raises UnknownPlace."""
    if jurisdiction != EVERYWHERE and not is_jurisdiction(jurisdiction):
        raise UnknownPlace(f"{jurisdiction!r} is no jurisdiction: write US-LA, US, or * for every call")
    if jurisdiction in in_force(session):
        return False
    wait_for_claims(session.connection())
    row = {"jurisdiction": jurisdiction, "declared_at": now, "declared_by": by, "note": note, "lifted_by": ""}
    session.connection().execute(insert(EMERGENCY).values(row))
    return True


def lift(session: Session, jurisdiction: str, by: str, now: datetime) -> bool:
    """Let calls to this jurisdiction go on. False when none was stopped."""
    lifted = update(EMERGENCY).where(EMERGENCY.c.jurisdiction == jurisdiction, EMERGENCY.c.lifted_at.is_(None))
    return session.connection().execute(lifted.values(lifted_at=now, lifted_by=by)).rowcount > 0


def in_force(session: Session) -> frozenset[str]:
    """The jurisdictions to which calls are stopped."""
    query = select(EMERGENCY.c.jurisdiction).where(EMERGENCY.c.lifted_at.is_(None))
    return frozenset(session.connection().execute(query).scalars())


def history(session: Session) -> Sequence[Emergency]:
    """Every emergency there has been, newest first."""
    return session.exec(select_rows(Emergency).order_by(col(Emergency.id).desc())).all()
