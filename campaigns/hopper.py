"""Who is next: leads in order, each through the gate, and the claim that commits an attempt before it is dialled.

Looking reads and decides without holding up the writing thread; the claim is short, and looks again at everything that
may have changed in between: an opt-out, another campaign on the same number, the operator's intent.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlmodel import Session, SQLModel

import campaigns.tables
from campaigns.campaign import Intent
from campaigns.dispositions import Outcome
from campaigns.lead import Priority, Standing, next_phone
from campaigns.tables import Campaign
from compliance.facts import DropCount, Facts
from compliance.gate import Blocked, Cleared, Reason, check
from compliance.locating import LocatingError, Location, locate
from compliance.rulebook import Rulebook
from compliance.store import decision, record_decisions, scopes_of_many

_tables = SQLModel.metadata.tables
ATTEMPT = _tables[campaigns.tables.Attempt.__tablename__]
CAMPAIGN, LEAD, PHONE = _tables["campaign"], _tables["lead"], _tables["phone"]

BATCH = 200  # leads looked at together
LOOK_LIMIT = 2000  # leads looked at for one tick, so that a list that sleeps cannot hold up the others
LOOK_AGAIN = timedelta(days=1)  # a refusal that no waiting mends: a list, a pack or the lead may have been mended since
HELD_TOGETHER = 100  # refusals kept in one write, for whoever answers a call meanwhile waits for it
SOON = timedelta(seconds=30)  # a refusal that ends with other people's answers
CAP_WINDOW = timedelta(days=1)
RING_MARGIN_SECONDS = 5  # the carrier may let it ring so much longer than asked (Twilio, `Timeout` of a call)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A due lead with the number that is its turn."""

    lead_id: int
    list_id: int
    phone_id: int
    number: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate and the gate's yes."""

    candidate: Candidate
    cleared: Cleared


@dataclass(frozen=True, slots=True)
class Refusal:
    candidate: Candidate
    blocked: Blocked


@dataclass(frozen=True, slots=True)
class Claim:
    """A committed attempt, ready to be placed."""

    attempt_id: str
    caller_id: str
    cleared: Cleared


@dataclass(frozen=True, slots=True)
class Question:
    """What is the same for every lead of one look."""

    campaign: Campaign
    drop_rate: DropCount
    agent_reserved: bool


def look(
    session: Session, question: Question, wanted: int, rulebook: Rulebook, now: datetime
) -> tuple[list[Offer], list[Refusal]]:
    """Up to `wanted` cleared leads in dialling order, and every refusal met on the way."""
    offers: list[Offer] = []
    refusals: list[Refusal] = []
    for rows in _due(session.connection(), question.campaign, now):
        for candidate, facts in _facts(session, question, rows, now):
            verdict = check(facts, rulebook, now)
            if isinstance(verdict, Blocked):
                refusals.append(Refusal(candidate, verdict))
            elif len(offers) < wanted:
                offers.append(Offer(candidate, verdict))
        if len(offers) >= wanted or len(offers) + len(refusals) >= LOOK_LIMIT:
            break
    return offers, refusals


def _due(connection: Connection, campaign: Campaign, now: datetime) -> Iterator[Sequence[RowMapping]]:
    """Batches of open leads that are due: callbacks first, then recycled ones, then fresh ones, oldest first."""
    columns = [LEAD.c[name] for name in ("id", "list_id", "state", "time_zone", "due_at")]
    for priority in Priority:
        last: RowMapping | None = None
        while True:
            query = (
                select(*columns)
                .where(LEAD.c.campaign_id == campaign.id, LEAD.c.standing == Standing.OPEN)
                .where(LEAD.c.priority == int(priority), LEAD.c.due_at <= now)
                .order_by(LEAD.c.due_at, LEAD.c.id)
                .limit(BATCH)
            )
            if last is not None:
                query = query.where(
                    (LEAD.c.due_at > last["due_at"]) | ((LEAD.c.due_at == last["due_at"]) & (LEAD.c.id > last["id"]))
                )
            rows = connection.execute(query).mappings().all()
            if rows:
                yield rows
                last = rows[-1]
            if len(rows) < BATCH:
                break


def _facts(
    session: Session, question: Question, rows: Sequence[RowMapping], now: datetime
) -> Iterator[tuple[Candidate, Facts]]:
    connection, campaign = session.connection(), question.campaign
    phones = defaultdict(list)
    for known in connection.execute(select(PHONE).where(PHONE.c.lead_id.in_([row["id"] for row in rows]))):
        phones[known.lead_id].append(known)
    chosen = [(row, phone) for row in rows if (phone := next_phone(phones[row["id"]])) is not None]
    numbers = [phone.number for _row, phone in chosen]
    listed = scopes_of_many(session, numbers, campaign.name)
    recent, live = recent_attempts(connection, numbers, now)
    for row, phone in chosen:
        if phone.number in live:
            continue
        place = _place(phone.number, row)
        yield (
            Candidate(row["id"], row["list_id"], phone.id, phone.number),
            Facts(
                number=phone.number,
                kind=campaign.kind,
                jurisdictions=place.jurisdictions,
                zones=place.zones,
                ring_seconds=campaign.ring_seconds + RING_MARGIN_SECONDS,
                do_not_call=listed.get(phone.number, ()),
                recent_attempts=tuple(recent[phone.number]),
                attempts_per_day=campaign.attempts_per_day,
                drop_rate=question.drop_rate,
                agent_reserved=question.agent_reserved,
            ),
        )


def _place(number: str, lead: RowMapping) -> Location:
    try:
        return locate(number, state=lead["state"], time_zone=lead["time_zone"])
    except LocatingError:  # what cannot be read gives no zone, and the gate refuses
        pass
    try:
        return Location("", locate(number).jurisdictions, frozenset())
    except LocatingError:
        return Location("", frozenset(), frozenset())


def recent_attempts(
    connection: Connection, numbers: Sequence[str], now: datetime
) -> tuple[Mapping[str, list[datetime]], set[str]]:
    """When each number was dialled in the cap's window by any campaign, and the numbers with a live attempt."""
    columns = (ATTEMPT.c.number, ATTEMPT.c.placing_at, ATTEMPT.c.state, ATTEMPT.c.outcome)
    found = connection.execute(
        select(*columns).where(ATTEMPT.c.number.in_(numbers), ATTEMPT.c.placing_at > now - CAP_WINDOW)
    )
    times: dict[str, list[datetime]] = defaultdict(list)
    live = set()
    for number, placing_at, state, outcome in found:
        if state != "ended":
            live.add(number)
        if outcome != Outcome.NOT_PLACED:
            times[number].append(placing_at)
    return times, live


def hold(session: Session, refusals: Sequence[Refusal], campaign_id: int, now: datetime) -> None:
    """Keep the refusals, and put each lead away until its refusal may have ended."""
    if not refusals:
        return
    connection = session.connection()
    looked_at = [decision(r.blocked, campaign_id=campaign_id, lead_id=r.candidate.lead_id) for r in refusals]
    record_decisions(session, looked_at)
    put_away = []
    for refusal in refusals:
        reason = refusal.blocked.reason
        if reason is Reason.DO_NOT_CALL:
            _give_up(connection, refusal.candidate)
            continue
        until = refusal.blocked.until or now + (SOON if reason is Reason.DROP_RATE else LOOK_AGAIN)
        put_away.append({"lead": refusal.candidate.lead_id, "until": until, "reason": str(reason)})
    if put_away:
        lead = update(LEAD).where(LEAD.c.id == bindparam("lead"), LEAD.c.standing == Standing.OPEN)
        connection.execute(lead.values(due_at=bindparam("until"), held_reason=bindparam("reason")), put_away)


def _give_up(connection: Connection, candidate: Candidate) -> None:
    """Retire a number on a do-not-call list, and finish the lead when it was the last."""
    reason = str(Reason.DO_NOT_CALL)
    connection.execute(update(PHONE).where(PHONE.c.id == candidate.phone_id).values(retired=reason))
    other = select(PHONE.c.id).where(PHONE.c.lead_id == candidate.lead_id, PHONE.c.retired.is_(None)).exists()
    lead = update(LEAD).where(LEAD.c.id == candidate.lead_id, LEAD.c.standing == Standing.OPEN, ~other)
    connection.execute(lead.values(standing=Standing.FINISHED, held_reason=reason))


def claim(session: Session, offers: Mapping[str, Offer], question: Question, now: datetime) -> list[Claim]:
    """Commit an attempt, under the given id, for each offer that still stands."""
    connection, campaign = session.connection(), question.campaign
    campaign_id = campaign.id or 0
    intent = connection.execute(select(CAMPAIGN.c.intent).where(CAMPAIGN.c.id == campaign.id)).scalar_one_or_none()
    if intent != Intent.RUN:
        return []
    numbers = [offer.candidate.number for offer in offers.values()]
    listed = scopes_of_many(session, numbers, campaign.name)
    live = _live_numbers(connection, numbers)
    claims, used = [], []
    for attempt_id, offer in offers.items():
        number = offer.candidate.number
        if listed.get(number) or number in live or not offer.cleared.covers(number, now):
            continue
        if not _take_lead(connection, offer.candidate, now):
            continue
        live.add(number)
        caller_id = campaign.caller_ids[int(number[1:]) % len(campaign.caller_ids)]  # a number always sees the same one
        connection.execute(insert(ATTEMPT).values(_attempt(attempt_id, offer, question, caller_id, now)))
        claims.append(Claim(attempt_id, caller_id, offer.cleared))
        lead_id = offer.candidate.lead_id
        used.append(decision(offer.cleared, campaign_id=campaign_id, lead_id=lead_id, attempt_id=attempt_id))
    record_decisions(session, used)
    return claims


def _live_numbers(connection: Connection, numbers: Sequence[str]) -> set[str]:
    live = connection.execute(select(ATTEMPT.c.number).where(ATTEMPT.c.number.in_(numbers), ATTEMPT.c.state != "ended"))
    return {row.number for row in live}


def _take_lead(connection: Connection, candidate: Candidate, now: datetime) -> bool:
    lead = update(LEAD).where(LEAD.c.id == candidate.lead_id, LEAD.c.standing == Standing.OPEN)
    taken = connection.execute(
        lead.values(standing=Standing.DIALLING, attempts=LEAD.c.attempts + 1, last_attempt_at=now, held_reason=None)
    )
    if taken.rowcount != 1:
        return False
    phone = update(PHONE).where(PHONE.c.id == candidate.phone_id)
    connection.execute(phone.values(attempts=PHONE.c.attempts + 1))
    return True


def _attempt(attempt_id: str, offer: Offer, question: Question, caller_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": attempt_id,
        "campaign_id": question.campaign.id,
        "list_id": offer.candidate.list_id,
        "lead_id": offer.candidate.lead_id,
        "phone_id": offer.candidate.phone_id,
        "number": offer.candidate.number,
        "caller_id": caller_id,
        "ring_seconds": question.campaign.ring_seconds,
        "agent_reserved": question.agent_reserved,
        "state": "placing",
        "sequence": -1,
        "last_event_at": now,
        "placing_at": now,
        "abandoned": False,
        "opted_out": False,
    }
