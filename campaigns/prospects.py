"""What is known of leads before the gate is asked: gathered for many at once, in a fixed number of statements."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, func, select
from sqlmodel import Session, SQLModel

import campaigns.tables
from campaigns.dispositions import Outcome, came_to
from campaigns.lead import Standing, next_phone
from campaigns.tables import Campaign
from compliance import consents, emergencies, lists
from compliance.among import among
from compliance.facts import DropCount, Facts, Past
from compliance.locating import LocatingError, Location, locate
from compliance.store import entries_of, scopes_of_many

_tables = SQLModel.metadata.tables
ATTEMPT = _tables[campaigns.tables.Attempt.__tablename__]
CAMPAIGN, LEAD, PHONE = _tables["campaign"], _tables["lead"], _tables["phone"]

LEAD_COLUMNS = (
    *("id", "list_id", "state", "postal_code", "time_zone", "line_type", "business", "priority", "due_at"),
    *("held_reason", "attempts", "disposition", "last_attempt_at"),
)
PHONE_COLUMNS = ("id", "lead_id", "number", "rank", "attempts", "retired")
READ_TOGETHER = 2000  # where nobody waits
RING_MARGIN_SECONDS = 5  # the carrier may let it ring so much longer than asked (Twilio, `Timeout` of a call)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A due lead with the number that is its turn."""

    lead_id: int
    list_id: int
    phone_id: int
    number: str
    priority: int  # campaigns.lead.Priority
    due_at: datetime
    held_reason: str | None  # of its last refusal, if it was not dialled since
    attempts: int  # that used up a try
    disposition: str | None  # of the last attempt
    last_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Question:
    """What is the same for every lead of one look."""

    campaign: Campaign
    drops: tuple[DropCount, ...]
    agent_reserved: bool


def open_leads(connection: Connection, campaign_id: int) -> Iterator[Sequence[RowMapping]]:
    """Batches of a campaign's open leads, due or not, for `facts_of`; in the order in which they were loaded."""
    # With `+ 0` no index fits: by `lead_hopper` each page would sort, or pass over, all the leads of those before it.
    query = OPEN.where(LEAD.c.campaign_id + 0 == campaign_id).order_by(LEAD.c.id).limit(READ_TOGETHER)
    rows = connection.execute(query).mappings().all()
    while rows:
        yield rows
        rows = connection.execute(query.where(LEAD.c.id > rows[-1]["id"])).mappings().all()


def open_lead(connection: Connection, lead_id: int) -> Sequence[RowMapping]:
    """The lead if it is open, for `facts_of`."""
    return connection.execute(OPEN.where(LEAD.c.id == lead_id)).mappings().all()


def any_lead(connection: Connection, lead_id: int) -> Sequence[RowMapping]:
    """The lead, open or not, for `facts_of` with a phone's id."""
    return connection.execute(ANY.where(LEAD.c.id == lead_id)).mappings().all()


ANY = select(*(LEAD.c[name] for name in LEAD_COLUMNS))
OPEN = ANY.where(LEAD.c.standing == Standing.OPEN)


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
        return Candidate(
            lead_id=row["id"],
            list_id=row["list_id"],
            phone_id=phone.id,
            number=phone.number,
            priority=row["priority"],
            due_at=row["due_at"],
            held_reason=row["held_reason"],
            attempts=row["attempts"],
            disposition=row["disposition"],
            last_attempt_at=row["last_attempt_at"],
        )


def facts_of(
    session: Session, question: Question, rows: Sequence[RowMapping], now: datetime, phone_id: int | None = None
) -> Iterator[tuple[Candidate, Facts]]:
    """Of the leads whose turn has a number with no live attempt; or of one phone, whether or not it may be offered."""
    to_facts = facts_for(session, question)
    for prospect in prospects(session, question, rows, now, phone_id):
        yield prospect.candidate, to_facts(prospect)


def prospects(
    session: Session, question: Question, rows: Sequence[RowMapping], now: datetime, phone_id: int | None = None
) -> Iterator[Prospect]:
    """What is known of each lead that could be dialled, or of one phone, gathered for all of them together."""
    connection, campaign = session.connection(), question.campaign
    phones = defaultdict(list)
    of_leads = among(PHONE.c.lead_id, [row["id"] for row in rows])
    for known in connection.execute(select(*(PHONE.c[name] for name in PHONE_COLUMNS)).where(of_leads)):
        phones[known.lead_id].append(known)
    if phone_id is None:
        chosen = [(row, phone) for row in rows if (phone := next_phone(phones[row["id"]])) is not None]
    else:
        chosen = [(row, phone) for row in rows for phone in phones[row["id"]] if phone.id == phone_id]
    numbers = [phone.number for _row, phone in chosen]
    forbidden = scopes_of_many(session, numbers, campaign.name, campaign.client)
    listed = lists.listed(session, numbers)
    agreed = consents.of_numbers(session, numbers, campaign.client, now)
    past, live = earlier_attempts(connection, [known.number for row, _phone in chosen for known in phones[row["id"]]])
    for row, phone in chosen:
        number = phone.number
        if number in live and phone_id is None:
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
    copies = _copies(session)
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


def _copies(session: Session) -> dict[str, date]:
    return {name: copy.as_of for name, copy in lists.copies(session).items()}


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


def facts_of_number(session: Session, number: str, kind: str, ring_seconds: int, now: datetime) -> Facts:
    """Of a number that is no lead's, at its strictest, for nobody knows which campaign would call it.

    Refusals and attempts of any campaign count, and only consent that was given to every client. Raises LocatingError.
    """
    place = locate(number)
    past, _live = earlier_attempts(session.connection(), [number])
    attempts = tuple(one._replace(campaign="", client="") for one in sorted(past.get(number, ())))
    return Facts(
        number=number,
        kind=kind,
        jurisdictions=place.jurisdictions,
        zones=place.zones,
        line_type=place.line_type,
        ring_seconds=ring_seconds,
        emergencies=emergencies.in_force(session),
        do_not_call=tuple(entry.scope for entry in entries_of(session, number)),
        listed=lists.listed(session, [number]).get(number, ()),
        copies=_copies(session),
        consent=consents.of_numbers(session, [number], "", now).get(number, "none"),
        attempts=attempts,
        attempts_per_day=len(attempts) + 1,  # there is no campaign to have a cap of its own
        agent_reserved=True,
    )


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
