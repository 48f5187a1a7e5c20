"""What is known of one person, and its erasure as far as the law lets it go. Works in the caller's transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Table, delete, or_, select, update
from sqlmodel import Session, SQLModel

from campaigns.dispositions import came_to
from campaigns.lead import Standing
from campaigns.store import forget_untried
from compliance import ledger, lists, store
from compliance.consents import CONSENT
from compliance.evidence import plain
from compliance.ledger import DECISION
from compliance.retention import Kept, Record, looked_back_on, reach_of, retained
from compliance.rulebook import Rulebook
from dialer.store import AGENT, ATTEMPT, CAMPAIGN, CARRIER_EVENT

LEAD, PHONE = SQLModel.metadata.tables["lead"], SQLModel.metadata.tables["phone"]
DO_NOT_CALL = SQLModel.metadata.tables["do_not_call"]

BLANK: Mapping[str, Any] = {"external_id": None, "first_name": "", "last_name": "", "email": "", "custom": {}}
ERASED = "erased"
KINDS = ("telemarketing", "survey", "debt-collection")
PAGE = 1000  # rows of deleted campaigns looked at together


class UnknownPerson(Exception):
    """Nothing is known under this number or id."""


class StillInACall(Exception):
    """A call to the person has not ended, or its agent not wrapped up."""


@dataclass(frozen=True, slots=True)
class Person:
    """Leads in any campaign, deleted ones too, and every number by which they can be called."""

    lead_ids: tuple[int, ...]
    numbers: tuple[str, ...]  # E.164


@dataclass(slots=True)
class Erasure:
    """Rows erased, and rows that stay with the last day on which a law wants them; rule ids say which law."""

    erased: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    until: dict[str, datetime] = field(default_factory=dict)
    rules: dict[str, set[str]] = field(default_factory=dict)

    def keep(self, what: str, kept: Kept) -> None:
        self.kept[what] += 1
        self.until[what] = max(kept.until, self.until.get(what, kept.until))
        self.rules.setdefault(what, set()).update(kept.rules)


def find(session: Session, who: str) -> Person:
    """By a number (E.164), which may be several leads', or a lead's id. Raises UnknownPerson."""
    connection = session.connection()
    if who.startswith("+"):
        lead_ids = connection.execute(select(PHONE.c.lead_id).where(PHONE.c.number == who).distinct()).scalars().all()
        numbers = {who}
    else:
        known = select(LEAD.c.id).where(LEAD.c.id == (int(who) if who.isdecimal() else 0))
        lead_ids, numbers = connection.execute(known).scalars().all(), set()
    numbers |= set(connection.execute(select(PHONE.c.number).where(PHONE.c.lead_id.in_(lead_ids))).scalars())
    person = Person(tuple(sorted(lead_ids)), tuple(sorted(numbers)))
    if not lead_ids and not _any_row(session, person):
        raise UnknownPerson(f"nothing is known of {who}: give a lead's id, or a number as +12125550123")
    return person


def _any_row(session: Session, person: Person) -> bool:
    tables = (CONSENT, DO_NOT_CALL, DECISION, ATTEMPT)
    return any(session.connection().execute(_of_numbers(table, person).limit(1)).first() for table in tables)


def _of_numbers(table: Table, person: Person) -> Any:
    return select(table).where(table.c.number.in_(person.numbers))


def _of_person(table: Table, person: Person) -> Any:
    """Attempts and decisions: those on the leads, and those on the numbers whose lead is gone."""
    orphan = ~select(LEAD.c.id).where(LEAD.c.id == table.c.lead_id).exists()
    theirs = or_(table.c.lead_id.in_(person.lead_ids), orphan)
    return select(table).where(table.c.number.in_(person.numbers), theirs)


def export(session: Session, person: Person, now: datetime) -> dict[str, Any]:
    """Every row about the person, in JSON values."""

    def rows(query: Any) -> list[Any]:
        return [plain(row) for row in session.connection().execute(query).mappings()]

    attempts = rows(_of_person(ATTEMPT, person))
    ids = [row["id"] for row in attempts]
    return {
        "exported_at": plain(now),
        "numbers": list(person.numbers),
        "leads": rows(select(LEAD).where(LEAD.c.id.in_(person.lead_ids))),
        "phones": rows(select(PHONE).where(PHONE.c.lead_id.in_(person.lead_ids))),
        "attempts": attempts,
        "carrier_events": rows(select(CARRIER_EVENT).where(CARRIER_EVENT.c.attempt_id.in_(ids))),
        "decisions": rows(_of_person(DECISION, person)),
        "consents": rows(_of_numbers(CONSENT, person)),
        "do_not_call": rows(_of_numbers(DO_NOT_CALL, person)),
        "listed": {number: list(names) for number, names in lists.listed(session, person.numbers).items()},
    }


def erase(session: Session, person: Person, rulebook: Rulebook, now: datetime) -> Erasure:
    """Remove what no law wants kept, empty the rest of names, and see that nobody calls the numbers again.

    Do-not-call entries always stay, and each number gets one. Raises StillInACall, and then nothing has changed.
    """
    connection, done = session.connection(), Erasure()
    theirs = _of_person(ATTEMPT, person).join(CAMPAIGN, CAMPAIGN.c.id == ATTEMPT.c.campaign_id).add_columns(*_WHOSE)
    attempts = connection.execute(theirs).mappings().all()
    _check_over(session, attempts)
    gone = [row["id"] for row in attempts if _is_over(done, "attempts", row, row["placing_at"], rulebook, now)]
    ids = [row["id"] for row in attempts]
    events = update(CARRIER_EVENT).where(CARRIER_EVENT.c.attempt_id.in_(ids)).values(parameters={})
    done.erased["carrier_events"] = connection.execute(events).rowcount
    done.erased["attempts"] = connection.execute(delete(ATTEMPT).where(ATTEMPT.c.id.in_(gone))).rowcount
    decisions = connection.execute(_of_person(DECISION, person)).mappings().all()
    over = [row["id"] for row in decisions if _is_over(done, "decisions", row, row["at"], rulebook, now)]
    done.erased["decisions"] = ledger.erase(session, over, now)
    _erase_consents(session, person, attempts, rulebook, done, now)
    _erase_leads(session, person, done)
    for number in person.numbers:
        store.add_entry(session, number, source=ERASED, note="the person asked to be forgotten", now=now)
    done.kept["do_not_call"] = len(session.connection().execute(_of_numbers(DO_NOT_CALL, person)).all())
    return done


_WHOSE = (CAMPAIGN.c.kind, CAMPAIGN.c.name.label("campaign"), CAMPAIGN.c.client)


def _is_over(done: Erasure, what: str, row: RowMapping, since: datetime, rulebook: Rulebook, now: datetime) -> bool:
    kept = _kept(rulebook, row, "attempts", since)
    if kept.until > now:
        done.keep(what, kept)
    return kept.until <= now


def _kept(rulebook: Rulebook, row: RowMapping, record: Record, since: datetime) -> Kept:
    reach = reach_of(rulebook, row["number"], row["kind"], row["campaign"], row["client"])
    return retained(rulebook, reach, record, since)


def _check_over(session: Session, attempts: Sequence[RowMapping]) -> None:
    ids = [row["id"] for row in attempts]
    wrapping = session.connection().execute(select(AGENT.c.name).where(AGENT.c.attempt_id.in_(ids))).first()
    if wrapping is not None or any(row["state"] != "ended" for row in attempts):
        raise StillInACall("a call to this person has not ended: try again when it has, and its agent has wrapped up")


def _erase_consents(
    session: Session,
    person: Person,
    attempts: Iterable[RowMapping],
    rulebook: Rulebook,
    done: Erasure,
    now: datetime,
) -> None:
    """A consent is proof for as long after its last use as after its beginning; one that stays is revoked."""
    last: dict[str, datetime] = {}
    for row in attempts:
        last[row["number"]] = max(row["placing_at"], last.get(row["number"], row["placing_at"]))
    for row in session.connection().execute(_of_numbers(CONSENT, person)).mappings():
        since = max(row["given_at"], last.get(row["number"], row["given_at"]), row["revoked_at"] or row["given_at"])
        client = row["client"]
        reaches = (reach_of(rulebook, row["number"], kind, "", client) for kind in KINDS)
        kept = max(retained(rulebook, reach, "consents", since) for reach in reaches)
        this = CONSENT.c.id == row["id"]
        if kept.until > now:
            done.keep("consents", kept)
            revoked = update(CONSENT).where(this, CONSENT.c.revoked_at.is_(None))
            session.connection().execute(revoked.values(revoked_at=now, revoked_by=ERASED))
        else:
            done.erased["consents"] += session.connection().execute(delete(CONSENT).where(this)).rowcount


def _erase_leads(session: Session, person: Person, done: Erasure) -> None:
    connection, theirs = session.connection(), LEAD.c.id.in_(person.lead_ids)
    unused = ~select(ATTEMPT.c.id).where(ATTEMPT.c.phone_id == PHONE.c.id).exists()
    of_leads = PHONE.c.lead_id.in_(person.lead_ids)
    done.erased["phones"] = connection.execute(delete(PHONE).where(of_leads, unused)).rowcount
    done.kept["phones"] = connection.execute(update(PHONE).where(of_leads).values(retired=ERASED)).rowcount
    alone = ~select(PHONE.c.id).where(PHONE.c.lead_id == LEAD.c.id).exists()
    done.erased["leads"] = connection.execute(delete(LEAD).where(theirs, alone)).rowcount
    blank = update(LEAD).where(theirs).values(**BLANK, standing=Standing.FINISHED, held_reason=ERASED)
    done.kept["leads"] = connection.execute(blank).rowcount


def outlived_attempts(session: Session, rulebook: Rulebook, now: datetime, after: str) -> tuple[list[str], str | None]:
    """Of a page of deleted campaigns' attempts: those that no law wants any more, and where the next page begins."""
    deleted = ATTEMPT.c.campaign_id.in_(select(CAMPAIGN.c.id).where(CAMPAIGN.c.deleted_at.is_not(None)))
    page = select(ATTEMPT, *_WHOSE).join(CAMPAIGN, CAMPAIGN.c.id == ATTEMPT.c.campaign_id)
    query = page.where(deleted, ATTEMPT.c.id > after).order_by(ATTEMPT.c.id).limit(PAGE)
    rows = session.connection().execute(query).mappings().all()
    gone = [row["id"] for row in rows if _last_use(rulebook, row) <= now]
    return gone, rows[-1]["id"] if len(rows) == PAGE else None


def _last_use(rulebook: Rulebook, row: RowMapping) -> datetime:
    """The law's retention, or the last moment at which a cap or pause may look back on the attempt."""
    reach = reach_of(rulebook, row["number"], row["kind"], row["campaign"], row["client"])
    came = came_to(row["outcome"], row["disposition"], row["abandoned"])
    back = looked_back_on(rulebook, reach, came, row["ended_at"] or row["last_event_at"])
    return max(back, retained(rulebook, reach, "attempts", row["placing_at"]).until)


def outlived_decisions(session: Session, rulebook: Rulebook, now: datetime, after: int) -> tuple[list[int], int | None]:
    """As `outlived_attempts`, for what the gate decided."""
    there = DECISION.c.campaign_id.in_(select(CAMPAIGN.c.id).where(CAMPAIGN.c.deleted_at.is_(None)))
    query = select(DECISION).where(~there, DECISION.c.erased_at.is_(None), DECISION.c.id > after)
    rows = session.connection().execute(query.order_by(DECISION.c.id).limit(PAGE)).mappings().all()
    gone = [row["id"] for row in rows if _kept(rulebook, row, "attempts", row["at"]).until <= now]
    return gone, rows[-1]["id"] if len(rows) == PAGE else None


def forget_attempts(session: Session, ids: Sequence[str]) -> int:
    """Remove attempts of deleted campaigns, and the leads that have no other; how many attempts."""
    connection, these = session.connection(), ATTEMPT.c.id.in_(ids)
    leads = connection.execute(select(ATTEMPT.c.lead_id).where(these).distinct()).scalars().all()
    removed = connection.execute(delete(ATTEMPT).where(these)).rowcount
    forget_untried(connection, LEAD.c.id.in_(leads))
    return removed
