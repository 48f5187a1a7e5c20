"""What becomes of leads that were looked at: the claim that commits an attempt before it is dialled, or the hold.

The claim is short, and looks again at everything that may have changed since the search: an opt-out, another call
to the same number, the operator's intent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlmodel import Session, SQLModel

import campaigns.tables
from campaigns.campaign import Intent
from campaigns.lead import Standing
from campaigns.prospects import Candidate, Question, earlier_attempts
from campaigns.search import Offer, Refusal
from campaigns.tables import Campaign
from compliance import consents, emergencies, ledger, lists
from compliance.facts import Facts, Past, as_json
from compliance.gate import Blocked, Cleared, Reason
from compliance.order import keep
from compliance.rulebook import Rulebook
from compliance.store import scopes_of_many

_tables = SQLModel.metadata.tables
ATTEMPT = _tables[campaigns.tables.Attempt.__tablename__]
CAMPAIGN, LEAD, PHONE = _tables["campaign"], _tables["lead"], _tables["phone"]

LOOK_AGAIN = timedelta(days=1)  # a refusal that no waiting mends: a list, a pack or the lead may have been mended since
HELD_TOGETHER = 100  # refusals kept in one write, for whoever answers a call meanwhile waits for it
SOON = timedelta(seconds=30)  # a refusal that ends with other people's answers


@dataclass(frozen=True, slots=True)
class Claim:
    """A committed attempt, ready to be placed."""

    attempt_id: str
    caller_id: str
    cleared: Cleared


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
        until = held_until(refusal.blocked, now)
        put_away.append({"lead": refusal.candidate.lead_id, "until": until, "reason": str(reason)})
    if put_away:
        lead = update(LEAD).where(LEAD.c.id == bindparam("lead"), LEAD.c.standing == Standing.OPEN)
        connection.execute(lead.values(due_at=bindparam("until"), held_reason=bindparam("reason")), put_away)


def held_until(blocked: Blocked, now: datetime) -> datetime:
    """When a refused lead is looked at again."""
    if blocked.reason is Reason.DROP_RATE:
        return now + SOON
    return blocked.until or now + LOOK_AGAIN


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
    wanted = select(CAMPAIGN.c.intent).where(CAMPAIGN.c.id == campaign.id).with_for_update(read=True)
    if connection.execute(wanted).scalar_one_or_none() != Intent.RUN:
        return []
    numbers = [offer.candidate.number for offer in offers.values()]
    free = keep(connection, numbers)
    past, live = earlier_attempts(connection, numbers)
    stands = _unchanged(session, campaign, past, numbers, now)
    claims, rows, used = [], [], []
    for attempt_id, offer in offers.items():
        number = offer.candidate.number
        if number not in free or number in live or not stands(offer) or not offer.cleared.covers(number, now):
            continue
        if not _take_lead(connection, offer.candidate, now):
            continue
        live.add(number)
        caller_id = campaign.caller_ids[int(number[1:]) % len(campaign.caller_ids)]  # a number always sees the same one
        rows.append(_attempt(attempt_id, offer, question, caller_id, now))
        claims.append(Claim(attempt_id, caller_id, offer.cleared))
        used.append(_entry(offer.facts, offer.cleared, campaign_id, offer.candidate, rulebook, attempt_id))
    if rows:
        connection.execute(_INSERT, rows)
    ledger.record_decisions(session, used)
    return claims


def _unchanged(
    session: Session, campaign: Campaign, past: Mapping[str, Sequence[Past]], numbers: Sequence[str], now: datetime
) -> Callable[[Offer], bool]:
    """Whether nothing that was said or tried of a number since it was looked at is in the offer's way."""
    forbidden = scopes_of_many(session, numbers, campaign.name, campaign.client)
    listed, agreed = lists.listed(session, numbers), consents.of_numbers(session, numbers, campaign.client, now)
    stopped = emergencies.in_force(session)

    def stands(offer: Offer) -> bool:
        facts, number = offer.facts, offer.facts.number
        said = (forbidden.get(number, ()), listed.get(number, ()), agreed.get(number, "none"), stopped)
        tried = [one for one in facts.attempts if one.number == number]
        return tried == sorted(past.get(number, ())) and said == (
            *(facts.do_not_call, facts.listed, facts.consent, facts.emergencies),
        )

    return stands


# Built once, for they run for each call: see `dialer/store.py`.
_STILL_OPEN = select(LEAD.c.id).where(LEAD.c.id == bindparam("lead"), LEAD.c.standing == Standing.OPEN)
_TAKE = (
    update(LEAD)
    .where(LEAD.c.id == _STILL_OPEN.with_for_update(skip_locked=True).scalar_subquery())
    .values(
        standing=Standing.DIALLING,
        attempts=LEAD.c.attempts + 1,
        last_attempt_at=bindparam("moment"),
        held_reason=None,
    )
)
_TRY = update(PHONE).where(PHONE.c.id == bindparam("phone")).values(attempts=PHONE.c.attempts + 1)
_INSERT = insert(ATTEMPT)


def _take_lead(connection: Connection, candidate: Candidate, now: datetime) -> bool:
    if connection.execute(_TAKE, {"lead": candidate.lead_id, "moment": now}).rowcount != 1:
        return False
    connection.execute(_TRY, {"phone": candidate.phone_id})
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
        "turn": offer.turn,
        "chance": offer.chance,
        "traits": list(offer.traits),
        "state": "placing",
        "sequence": -1,
        "last_event_at": now,
        "placing_at": now,
        "abandoned": False,
        "opted_out": False,
    }
