"""Consents in the database: who agreed to what, towards whom, and until when. Works in the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlmodel import Session, SQLModel, col
from sqlmodel import select as select_rows

import compliance.tables
from compliance.among import among
from compliance.consent import ANY_CLIENT, Given, strongest
from compliance.order import wait_for_claims
from compliance.rule import LEVELS
from compliance.tables import Consent
from compliance.upsert import insert_new

CONSENT = SQLModel.metadata.tables[compliance.tables.Consent.__tablename__]

BATCH = 5000  # numbers in one statement; SQLite takes 32,766 parameters
LATE = "an earlier revocation"  # who revoked what turned up after it


class ConsentError(ValueError):
    """A consent that cannot be right; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConsent:
    """A consent to be kept. Raises ConsentError for an unknown kind or an end before the beginning."""

    number: str  # E.164
    client: str = ANY_CLIENT
    kind: str  # relationship, express, written
    source: str
    text_version: str = ""
    given_at: datetime
    expires_at: datetime | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in LEVELS[1:]:
            raise ConsentError(f"{self.kind!r} is no consent: write {', '.join(LEVELS[1:])}")
        if self.given_at.tzinfo is None or (self.expires_at and self.expires_at.tzinfo is None):
            raise ConsentError(f"a time without a zone ({self.given_at}): write it as 2026-11-23T12:00-05:00")
        if self.expires_at is not None and self.expires_at <= self.given_at:
            raise ConsentError(f"expires at {self.expires_at}, not after it was given at {self.given_at}")


def add(session: Session, consents: Iterable[NewConsent], now: datetime) -> int:
    """Keep consents; how many were new. The same one twice is one, and stays revoked if it was.

    One that turns up late, given before a revocation that is already known for that number towards that client (or
    any), is kept as revoked: an old file must not undo somebody's word.
    """
    rows = [asdict(consent) | {"added_at": now, "revoked_by": ""} for consent in consents]
    new = 0
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        new += insert_new(session.connection(), CONSENT, batch)
        _revoke_late_comers(session, [str(row["number"]) for row in batch])
    return new


def _revoke_late_comers(session: Session, numbers: Sequence[str]) -> None:
    no = CONSENT.alias()
    same_client = (no.c.client == CONSENT.c.client) | (no.c.client == ANY_CLIENT) | (CONSENT.c.client == ANY_CLIENT)
    word = (no.c.revoked_at >= CONSENT.c.given_at) & (no.c.revoked_by != LATE)
    later = (no.c.number == CONSENT.c.number) & same_client & word
    said = select(func.max(no.c.revoked_at)).where(later).correlate(CONSENT).scalar_subquery()
    late = CONSENT.c.number.in_(numbers) & CONSENT.c.revoked_at.is_(None)
    session.connection().execute(
        update(CONSENT)
        .where(late, exists(select(no.c.id).where(later).correlate(CONSENT)))
        .values(revoked_at=said, revoked_by=LATE)
    )


def of_numbers(session: Session, numbers: Sequence[str], client: str, now: datetime) -> dict[str, str]:
    """The strongest consent each number (E.164) has in force towards this client; those with none are left out."""
    given: dict[str, list[Given]] = defaultdict(list)
    columns = (CONSENT.c[name] for name in ("number", *Given._fields))
    towards = select(*columns).where(CONSENT.c.client.in_((client, ANY_CLIENT)))
    for start in range(0, len(numbers), BATCH):
        query = towards.where(among(CONSENT.c.number, numbers[start : start + BATCH]))
        for number, *rest in session.connection().execute(query):
            given[number].append(Given(*rest))
    held = {number: strongest(consents, now) for number, consents in given.items()}
    return {number: kind for number, kind in held.items() if kind != LEVELS[0]}


def show(session: Session, number: str) -> Sequence[Consent]:
    """Every consent of a number, also the revoked and the expired, newest first."""
    newest = col(Consent.given_at).desc(), col(Consent.id).desc()
    return session.exec(select_rows(Consent).where(Consent.number == number).order_by(*newest)).all()


def revoke(session: Session, number: str, client: str | None, by: str, now: datetime) -> int:
    """End the consents of a number given until `now`: all, or those towards one client; how many were ended.

    Those towards any client end with it: they would let this one call on.
    """
    wait_for_claims(session.connection(), [number])
    meant = (CONSENT.c.number == number) & CONSENT.c.revoked_at.is_(None) & (CONSENT.c.given_at <= now)
    if client is not None:
        meant &= CONSENT.c.client.in_((client, ANY_CLIENT))
    return session.connection().execute(update(CONSENT).where(meant).values(revoked_at=now, revoked_by=by)).rowcount
