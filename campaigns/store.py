"""Campaigns and leads in the database. Writes run on the writing thread; `session` belongs to its transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, func, select, update
from sqlmodel import Session, SQLModel, col
from sqlmodel import select as select_rows

import campaigns.tables
from campaigns.campaign import (
    LINES_PER_AGENT,
    CampaignPlan,
    ImpossibleVerb,
    Intent,
    State,
    Verb,
    check_deletable,
    intend,
    problems_of,
    state_of,
)
from campaigns.dispositions import lookup
from campaigns.lead import Standing
from campaigns.recycling import Again, recycle, retires_phone, uses_try
from campaigns.tables import Campaign
from compliance.among import among
from compliance.rulebook import Limits

_tables = SQLModel.metadata.tables
ATTEMPT = _tables[campaigns.tables.Attempt.__tablename__]
CAMPAIGN, LEAD, PHONE = _tables["campaign"], _tables["lead"], _tables["phone"]
LIST, COUNT = _tables["lead_list"], _tables["call_count"]


class UnknownCampaign(Exception):
    """No campaign has this name."""


class CampaignExists(Exception):
    """A campaign of this name is there already, and it is another."""


class BadPlan(Exception):
    """The campaign as asked for cannot be; the message lists every problem."""


def campaign_named(session: Session, name: str) -> Campaign:
    """Raises UnknownCampaign, naming those that exist."""
    found = _there(session, name)
    if found is None:
        query = select_rows(Campaign.name).where(col(Campaign.deleted_at).is_(None)).order_by(Campaign.name)
        names = session.exec(query.limit(10)).all()
        known = ", ".join(names) if names else "none yet; make one with `dialer campaign create`"
        raise UnknownCampaign(f"no campaign {name!r}; there is: {known}")
    return found


def _there(session: Session, name: str) -> Campaign | None:
    query = select_rows(Campaign).where(Campaign.name == name, col(Campaign.deleted_at).is_(None))
    return session.exec(query).one_or_none()


def live_attempts(session: Session, campaign_id: int) -> int:
    """Attempts that have not ended."""
    of_campaign = (ATTEMPT.c.campaign_id == campaign_id, ATTEMPT.c.state != "ended")
    return session.connection().execute(select(func.count()).where(*of_campaign)).scalar_one()


def campaign_state(session: Session, campaign: Campaign) -> State:
    assert campaign.id is not None
    return state_of(Intent(campaign.intent), live_attempts(session, campaign.id))


def create_campaign(session: Session, plan: CampaignPlan, law: Limits, now: datetime) -> bool:
    """False when the very same campaign is there already. Raises BadPlan, CampaignExists."""
    problems = problems_of(plan, law)
    if problems:
        raise BadPlan("; ".join(problems))
    plain = asdict(plan).items()
    values: dict[str, Any] = {name: list(value) if isinstance(value, tuple) else value for name, value in plain}
    if plan.lines_per_agent is None:
        values["lines_per_agent"] = LINES_PER_AGENT
    there = _there(session, plan.name)
    if there is None:
        session.add(Campaign(**values, intent=Intent.STOP, created_at=now))
        return True
    different = [name for name, value in values.items() if getattr(there, name) != value]
    if different:
        raise CampaignExists(f"campaign {plan.name!r} exists with another {', '.join(different)}: choose another name")
    return False


def say(session: Session, name: str, verb: Verb, note: str = "") -> Campaign:
    """Change what is wanted of a campaign, with a note on why. Raises UnknownCampaign, ImpossibleVerb."""
    campaign = campaign_named(session, name)
    session.refresh(campaign, with_for_update=True)  # two nodes may be told at once
    try:
        campaign.intent = intend(Intent(campaign.intent), verb)
    except ImpossibleVerb as error:
        raise ImpossibleVerb(f"campaign {name!r} {error}") from None
    campaign.note = note
    session.add(campaign)
    return campaign


def delete_campaign(session: Session, name: str, now: datetime) -> None:
    """Remove a stopped campaign with its leads. Raises UnknownCampaign, ImpossibleVerb.

    Attempts, and the leads they were made on, stay unseen until no law wants them (`forget_campaigns`): caps and drop
    rates of other campaigns count them too. So do do-not-call entries and the gate's decisions.
    """
    campaign = campaign_named(session, name)
    assert campaign.id is not None
    try:
        check_deletable(Intent(campaign.intent), live_attempts(session, campaign.id))
    except ImpossibleVerb as error:
        raise ImpossibleVerb(f"campaign {name!r} {error}") from None
    campaign.deleted_at = now
    session.add(campaign)
    session.flush()
    theirs = LEAD.c.campaign_id == campaign.id
    forget_untried(session.connection(), theirs)
    session.connection().execute(update(LEAD).where(theirs).values(standing=Standing.FINISHED))


def forget_untried(connection: Connection, which: ColumnElement[bool]) -> None:
    """Remove those of a deleted campaign's leads that have no attempt."""
    untried = (which, ~select(ATTEMPT.c.id).where(ATTEMPT.c.lead_id == LEAD.c.id).exists())
    connection.execute(delete(PHONE).where(PHONE.c.lead_id.in_(select(LEAD.c.id).where(*untried))))
    connection.execute(delete(LEAD).where(*untried))


def forget_campaigns(session: Session, counted_since: datetime) -> int:
    """Remove deleted campaigns of which no attempt is left, nor a count since that moment; how many."""
    connection = session.connection()
    attempts = select(ATTEMPT.c.id).where(ATTEMPT.c.campaign_id == CAMPAIGN.c.id)
    counts = select(COUNT.c.hour).where(COUNT.c.campaign_id == CAMPAIGN.c.id, COUNT.c.hour >= counted_since)
    over = select(CAMPAIGN.c.id).where(CAMPAIGN.c.deleted_at.is_not(None), ~attempts.exists(), ~counts.exists())
    gone = connection.execute(over).scalars().all()
    for campaign_id in gone:
        leads = select(LEAD.c.id).where(LEAD.c.campaign_id == campaign_id)
        connection.execute(delete(PHONE).where(PHONE.c.lead_id.in_(leads)))
        for table in (LEAD, LIST, COUNT):
            connection.execute(delete(table).where(table.c.campaign_id == campaign_id))
        connection.execute(delete(CAMPAIGN).where(CAMPAIGN.c.id == campaign_id))
    return len(gone)


# Built once: SQLAlchemy works out anew for each new statement whether it has compiled it before.
_TRIES = select(func.count()).where(
    ATTEMPT.c.lead_id == bindparam("lead"),  # has the index
    ATTEMPT.c.phone_id == bindparam("phone"),
    ATTEMPT.c.disposition == bindparam("code"),
)
_ATTEMPTS = select(LEAD.c.attempts).where(LEAD.c.id == bindparam("lead"))
_USABLE = select(PHONE.c.id).where(PHONE.c.lead_id == bindparam("lead"), PHONE.c.retired.is_(None)).limit(1)
_SETTLE = update(LEAD).where(LEAD.c.id == bindparam("lead"))


def recycle_lead(connection: Connection, attempt: RowMapping, code: str, callback_at: datetime | None) -> None:
    """Settle the lead after an attempt that ended with this disposition; `attempt` has its campaign's columns."""
    phone = {"lead": attempt["lead_id"], "phone": attempt["phone_id"], "code": code}
    tries = connection.execute(_TRIES, phone).scalar_one()
    if retires_phone(code, tries):
        connection.execute(update(PHONE).where(PHONE.c.id == attempt["phone_id"]).values(retired=code))
    if not uses_try(code):
        for table, key in ((LEAD, "lead_id"), (PHONE, "phone_id")):
            connection.execute(update(table).where(table.c.id == attempt[key]).values(attempts=table.c.attempts - 1))
    attempts = connection.execute(_ATTEMPTS, phone).scalar_one()
    after = recycle(
        code,
        tries_of_it=tries,
        attempts=attempts,
        attempts_per_lead=attempt["campaign_attempts_per_lead"],
        phones_left=connection.execute(_USABLE, phone).first() is not None,
        callback_at=callback_at,
        now=attempt["placing_at"],
    )
    if isinstance(after, Again):
        values = {"standing": Standing.OPEN, "due_at": after.due_at, "priority": int(after.priority)}
    else:
        values = {"standing": Standing.FINISHED}
    connection.execute(_SETTLE, {"lead": attempt["lead_id"], "disposition": code, **values})


def retire_numbers(connection: Connection, numbers: Sequence[str], scope_campaign: int | None, why: str) -> None:
    """Give up numbers that may not be called any more, and the open leads that have no other."""
    phones = [among(PHONE.c.number, numbers), PHONE.c.retired.is_(None)]
    if scope_campaign is not None:
        phones.append(PHONE.c.campaign_id == scope_campaign)
    found = connection.execute(update(PHONE).where(*phones).values(retired=why).returning(PHONE.c.lead_id))
    leads = [row.lead_id for row in found]
    if leads:
        other = select(PHONE.c.id).where(PHONE.c.lead_id == LEAD.c.id, PHONE.c.retired.is_(None)).exists()
        finished = update(LEAD).where(among(LEAD.c.id, leads), LEAD.c.standing == Standing.OPEN, ~other)
        connection.execute(finished.values(standing=Standing.FINISHED, held_reason=why))


def clients_calling_from(session: Session, number: str) -> list[str]:
    """For whom campaigns show this number, those of deleted campaigns too: people call back late."""
    found = session.exec(select_rows(Campaign.client, Campaign.caller_ids, Campaign.contact_number))
    return sorted({client for client, caller_ids, contact in found if number in caller_ids or number == contact})


def campaigns_wanted(session: Session) -> Sequence[Campaign]:
    """Every campaign that was not deleted, by name."""
    wanted = select_rows(Campaign).where(col(Campaign.deleted_at).is_(None))
    return session.exec(wanted.order_by(Campaign.name)).all()


def disposition_allowed(campaign: Campaign, code: str) -> bool:
    """Whether agents of the campaign may give this code. Raises UnknownDisposition for one not in the catalogue."""
    return lookup(code).code in campaign.dispositions
