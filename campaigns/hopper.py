"""Who is next: leads in order, each through the gate, and the claim that commits an attempt before it is dialled.

Looking reads and decides without holding up the writing thread; the claim is short, and looks again at everything that
may have changed in between: an opt-out, another campaign on the same number, the operator's intent.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update
from sqlmodel import Session, SQLModel

import campaigns.tables
from campaigns.campaign import Intent
from campaigns.dispositions import Outcome, came_to
from campaigns.lead import Priority, Standing, next_phone
from campaigns.tables import Campaign
from compliance import consents, emergencies, ledger, lists
from compliance.among import among
from compliance.facts import DropCount, Facts, Past, as_json
from compliance.gate import Blocked, Cleared, Reason, check
from compliance.locating import LocatingError, Location, locate
from compliance.rulebook import Rulebook
from compliance.store import scopes_of_many

_tables = SQLModel.metadata.tables
ATTEMPT = _tables[campaigns.tables.Attempt.__tablename__]
CAMPAIGN, LEAD, PHONE = _tables["campaign"], _tables["lead"], _tables["phone"]

LEAD_COLUMNS = ("id", "list_id", "state", "postal_code", "time_zone", "line_type", "business", "due_at", "held_reason")
PHONE_COLUMNS = ("id", "lead_id", "number", "rank", "attempts", "retired")
BATCH = 200  # leads looked at together
READ_TOGETHER = 2000  # where nobody waits
LOOK_LIMIT = 2000  # leads looked at for one tick, so that a list that sleeps cannot hold up the others
LOOK_AGAIN = timedelta(days=1)  # a refusal that no waiting mends: a list, a pack or the lead may have been mended since
HELD_TOGETHER = 100  # refusals kept in one write, for whoever answers a call meanwhile waits for it
SOON = timedelta(seconds=30)  # a refusal that ends with other people's answers
RING_MARGIN_SECONDS = 5  # the carrier may let it ring so much longer than asked (Twilio, `Timeout` of a call)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A due lead with the number that is its turn."""

    lead_id: int
    list_id: int
    phone_id: int
    number: str
    held_reason: str | None = None  # of its last refusal, if it was not dialled since


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate and the gate's yes."""

    candidate: Candidate
    facts: Facts
    cleared: Cleared


@dataclass(frozen=True, slots=True)
class Refusal:
    candidate: Candidate
    facts: Facts
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
    drops: tuple[DropCount, ...]
    agent_reserved: bool


def look(
    session: Session, question: Question, wanted: int, rulebook: Rulebook, now: datetime
) -> tuple[list[Offer], list[Refusal]]:
    """Up to `wanted` cleared leads in dialling order, and every refusal met on the way."""
    offers: list[Offer] = []
    refusals: list[Refusal] = []
    for rows in _due(session.connection(), question.campaign, now):
        for candidate, facts in facts_of(session, question, rows, now):
            verdict = check(facts, rulebook, now)
            if isinstance(verdict, Blocked):
                refusals.append(Refusal(candidate, facts, verdict))
            elif len(offers) < wanted:
                offers.append(Offer(candidate, facts, verdict))
        if len(offers) >= wanted or len(offers) + len(refusals) >= LOOK_LIMIT:
            break
    return offers, refusals


def _due(connection: Connection, campaign: Campaign, now: datetime) -> Iterator[Sequence[RowMapping]]:
    """Batches of open leads that are due: callbacks first, then recycled ones, then fresh ones, oldest first."""
    columns = [LEAD.c[name] for name in LEAD_COLUMNS]
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


def open_leads(
    connection: Connection, campaign_id: int, lead_ids: Sequence[int] = ()
) -> Iterator[Sequence[RowMapping]]:
    """Batches of a campaign's open leads, due or not, for `facts_of`; only the given ones if any are."""
    last = 0
    while True:
        query = select(*(LEAD.c[name] for name in LEAD_COLUMNS)).where(
            LEAD.c.campaign_id == campaign_id, LEAD.c.standing == Standing.OPEN, LEAD.c.id > last
        )
        if lead_ids:
            query = query.where(LEAD.c.id.in_(lead_ids))
        rows = connection.execute(query.order_by(LEAD.c.id).limit(READ_TOGETHER)).mappings().all()
        if rows:
            yield rows
            last = rows[-1]["id"]
        if len(rows) < READ_TOGETHER:
            break


class Prospect(NamedTuple):
    """A lead whose turn has a number with no live attempt, and what may differ from one lead to the next."""

    row: RowMapping  # LEAD_COLUMNS
    phone: Any  # a row of the table phone
    place: Location
    line_type: str
    business: bool
    do_not_call: tuple[str, ...]
    listed: tuple[str, ...]
    consent: str
    attempts: tuple[Past, ...]

    @property
    def circumstances(self) -> tuple[Any, ...]:
        """All that the gate looks at but the number and the attempts: leads of equal ones are in one case."""
        return (self.place.jurisdictions, self.place.zones, *self[3:8])

    @property
    def candidate(self) -> Candidate:
        row, phone = self.row, self.phone
        return Candidate(row["id"], row["list_id"], phone.id, phone.number, row["held_reason"])


def facts_of(
    session: Session, question: Question, rows: Sequence[RowMapping], now: datetime
) -> Iterator[tuple[Candidate, Facts]]:
    """Of the leads whose turn has a number with no live attempt."""
    to_facts = facts_for(session, question)
    for prospect in prospects(session, question, rows, now):
        yield prospect.candidate, to_facts(prospect)


def prospects(session: Session, question: Question, rows: Sequence[RowMapping], now: datetime) -> Iterator[Prospect]:
    """What is known of each lead that could be dialled, gathered for all of them together."""
    connection, campaign = session.connection(), question.campaign
    phones = defaultdict(list)
    of_leads = among(PHONE.c.lead_id, [row["id"] for row in rows])
    for known in connection.execute(select(*(PHONE.c[name] for name in PHONE_COLUMNS)).where(of_leads)):
        phones[known.lead_id].append(known)
    chosen = [(row, phone) for row in rows if (phone := next_phone(phones[row["id"]])) is not None]
    numbers = [phone.number for _row, phone in chosen]
    forbidden = scopes_of_many(session, numbers, campaign.name, campaign.client)
    listed = lists.listed(session, numbers)
    agreed = consents.of_numbers(session, numbers, campaign.client, now)
    past, live = earlier_attempts(connection, [known.number for row, _phone in chosen for known in phones[row["id"]]])
    for row, phone in chosen:
        number = phone.number
        if number in live:
            continue
        place = _place(number, row)
        of_person = chain.from_iterable(past.get(known.number, ()) for known in phones[row["id"]])
        yield Prospect(
            row,
            phone,
            place,
            (row["line_type"] if phone.rank == 0 else "") or place.line_type,
            campaign.business if row["business"] is None else row["business"],
            forbidden.get(number, ()),
            listed.get(number, ()),
            agreed.get(number, "none"),
            tuple(sorted(of_person)) if past else (),
        )


def facts_for(session: Session, question: Question) -> Callable[[Prospect], Facts]:
    """Makes the gate's facts, with what is the same for every lead of one look."""
    copies = {name: copy.as_of for name, copy in lists.copies(session).items()}
    common = _facts_in_common(question.campaign)
    stopped = emergencies.in_force(session)

    def facts(prospect: Prospect) -> Facts:
        return Facts(
            **common,
            number=prospect.phone.number,
            jurisdictions=prospect.place.jurisdictions,
            zones=prospect.place.zones,
            line_type=prospect.line_type,
            business=prospect.business,
            emergencies=stopped,
            do_not_call=prospect.do_not_call,
            listed=prospect.listed,
            copies=copies,
            consent=prospect.consent,
            attempts=prospect.attempts,
            drops=question.drops,
            agent_reserved=question.agent_reserved,
        )

    return facts


def _facts_in_common(campaign: Campaign) -> dict[str, Any]:
    return {
        "kind": campaign.kind,
        "campaign": campaign.name,
        "client": campaign.client,
        "without": frozenset(campaign.without),
        "ring_seconds": campaign.ring_seconds + RING_MARGIN_SECONDS,
        "attempts_per_day": campaign.attempts_per_day,
        "drop_ceiling": campaign.drop_rate_ceiling,
    }


def _place(number: str, lead: RowMapping) -> Location:
    try:
        return locate(number, state=lead["state"], postal_code=lead["postal_code"], time_zone=lead["time_zone"])
    except LocatingError:  # what cannot be read gives no zone, and the gate refuses
        pass
    try:
        return Location("", locate(number).jurisdictions, frozenset())
    except LocatingError:
        return Location("", frozenset(), frozenset())


def earlier_attempts(connection: Connection, numbers: Sequence[str]) -> tuple[Mapping[str, list[Past]], set[str]]:
    """What any campaign has tried on each number, and the numbers with a live attempt."""
    columns = ("number", "placing_at", "ended_at", "state", "outcome", "disposition", "abandoned")
    # The phone rang some time after we began: a cap's window must not end before it does at the carrier.
    began = func.coalesce(ATTEMPT.c.ringing_at, ATTEMPT.c.dialled_at, ATTEMPT.c.placing_at).label("began")
    found = connection.execute(
        select(*(ATTEMPT.c[name] for name in columns), began, CAMPAIGN.c.name, CAMPAIGN.c.client)
        .join(CAMPAIGN, CAMPAIGN.c.id == ATTEMPT.c.campaign_id)
        .where(among(ATTEMPT.c.number, numbers))
    )
    past: dict[str, list[Past]] = defaultdict(list)
    live = set()
    for row in found:
        if row.state != "ended":
            live.add(row.number)
        if row.outcome != Outcome.NOT_PLACED:
            came = came_to(row.outcome, row.disposition, row.abandoned)
            ended_at = row.ended_at or row.began
            past[row.number].append(Past(row.began, ended_at, row.number, row.name, row.client, came))
    return past, live


def hold(session: Session, refusals: Sequence[Refusal], campaign_id: int, rulebook: Rulebook, now: datetime) -> None:
    """Keep the refusals, and put each lead away until its refusal may have ended."""
    if not refusals:
        return
    connection = session.connection()
    looked_at = [_entry(r.facts, r.blocked, campaign_id, r.candidate, rulebook) for r in refusals if _is_news(r)]
    ledger.record_decisions(session, looked_at)
    put_away = []
    for refusal in refusals:
        reason = refusal.blocked.reason
        if reason is Reason.DO_NOT_CALL and refusal.facts.do_not_call:
            _give_up(connection, refusal.candidate)
            continue
        until = now + SOON if reason is Reason.DROP_RATE else refusal.blocked.until or now + LOOK_AGAIN
        put_away.append({"lead": refusal.candidate.lead_id, "until": until, "reason": str(reason)})
    if put_away:
        lead = update(LEAD).where(LEAD.c.id == bindparam("lead"), LEAD.c.standing == Standing.OPEN)
        connection.execute(lead.values(due_at=bindparam("until"), held_reason=bindparam("reason")), put_away)


def _is_news(refusal: Refusal) -> bool:
    """A budget that is used up refuses the same leads every half minute: once is enough for the auditor."""
    reason = refusal.blocked.reason
    return reason is not Reason.DROP_RATE or refusal.candidate.held_reason != reason


def _give_up(connection: Connection, candidate: Candidate) -> None:
    """Retire a number on a do-not-call list, and finish the lead when it was the last."""
    reason = str(Reason.DO_NOT_CALL)
    connection.execute(update(PHONE).where(PHONE.c.id == candidate.phone_id).values(retired=reason))
    other = select(PHONE.c.id).where(PHONE.c.lead_id == candidate.lead_id, PHONE.c.retired.is_(None)).exists()
    lead = update(LEAD).where(LEAD.c.id == candidate.lead_id, LEAD.c.standing == Standing.OPEN, ~other)
    connection.execute(lead.values(standing=Standing.FINISHED, held_reason=reason))


def _entry(
    facts: Facts,
    verdict: Cleared | Blocked,
    campaign_id: int,
    candidate: Candidate,
    rulebook: Rulebook,
    attempt_id: str | None = None,
) -> ledger.Entry:
    return ledger.entry(
        verdict,
        campaign_id=campaign_id,
        campaign=facts.campaign,
        client=facts.client,
        kind=facts.kind,
        lead_id=candidate.lead_id,
        attempt_id=attempt_id,
        facts=as_json(facts),
        rulebook=rulebook.digest,
    )


def claim(
    session: Session, offers: Mapping[str, Offer], question: Question, rulebook: Rulebook, now: datetime
) -> list[Claim]:
    """Commit an attempt, under the given id, for each offer that still stands."""
    connection, campaign = session.connection(), question.campaign
    campaign_id = campaign.id or 0
    intent = connection.execute(select(CAMPAIGN.c.intent).where(CAMPAIGN.c.id == campaign.id)).scalar_one_or_none()
    if intent != Intent.RUN:
        return []
    numbers = [offer.candidate.number for offer in offers.values()]
    live = _live_numbers(connection, numbers)
    stands = _unchanged(session, campaign, numbers, now)
    claims, used = [], []
    for attempt_id, offer in offers.items():
        number = offer.candidate.number
        if number in live or not stands(offer) or not offer.cleared.covers(number, now):
            continue
        if not _take_lead(connection, offer.candidate, now):
            continue
        live.add(number)
        caller_id = campaign.caller_ids[int(number[1:]) % len(campaign.caller_ids)]  # a number always sees the same one
        connection.execute(insert(ATTEMPT).values(_attempt(attempt_id, offer, question, caller_id, now)))
        claims.append(Claim(attempt_id, caller_id, offer.cleared))
        used.append(_entry(offer.facts, offer.cleared, campaign_id, offer.candidate, rulebook, attempt_id))
    ledger.record_decisions(session, used)
    return claims


def _unchanged(session: Session, campaign: Campaign, numbers: Sequence[str], now: datetime) -> Callable[[Offer], bool]:
    """Whether what people have said of a number since it was looked at still lets the offer stand."""
    forbidden = scopes_of_many(session, numbers, campaign.name, campaign.client)
    listed, agreed = lists.listed(session, numbers), consents.of_numbers(session, numbers, campaign.client, now)
    stopped = emergencies.in_force(session)

    def stands(offer: Offer) -> bool:
        facts, number = offer.facts, offer.facts.number
        said = (forbidden.get(number, ()), listed.get(number, ()), agreed.get(number, "none"), stopped)
        return said == (facts.do_not_call, facts.listed, facts.consent, facts.emergencies)

    return stands


def _live_numbers(connection: Connection, numbers: Sequence[str]) -> set[str]:
    live = connection.execute(
        select(ATTEMPT.c.number).where(among(ATTEMPT.c.number, numbers), ATTEMPT.c.state != "ended")
    )
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
