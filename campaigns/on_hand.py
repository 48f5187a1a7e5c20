"""What a campaign has on hand: how many leads are due, and until when they may be called."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, func, select
from sqlmodel import Session

from campaigns.lead import Priority, Standing
from campaigns.prospects import LEAD, OPEN, Question, facts_of
from campaigns.tables import Campaign
from compliance.facts import Facts
from compliance.gate import Cleared, check, closes_at
from compliance.rulebook import Rulebook

AHEAD = timedelta(minutes=10)  # a closing further away changes no decision
TOGETHER = 50  # leads looked at together: the first few nearly always settle it
LOOKED_AT = 1000  # leads of one priority, at most: half a second of one core, in the last minutes only
HOPELESS = 500  # leads none of which may be called: it is night
STRETCHES = 3  # of calling hours in one day, at most, with
BREAKS = tuple(timedelta(hours=hours) for hours in (1, 2, 3))  # between them; a night is longer
DRAWN = 10  # leads of one priority, from each end: a file is often in the order of where people live


class Ends(NamedTuple):
    """Of calling hours; None where that is not known."""

    soon: datetime | None = None  # for sure
    about: datetime | None = None

    def seconds_from(self, now: datetime) -> tuple[float, float]:
        """Infinite where that is not known."""
        soon, about = ((end - now).total_seconds() if end else inf for end in self)
        return soon, about


def due_leads(connection: Connection, campaign_id: int, most: int, now: datetime) -> int:
    """How many leads are due, counted up to `most`; the gate has not been asked."""
    found = 0
    for priority in Priority:
        found += _count(connection, campaign_id, priority, most - found, now)
        if found >= most:
            break
    return found


def ends_of_calling(session: Session, campaign: Campaign, rulebook: Rulebook, now: datetime) -> Ends:
    """`last_call_at` and `day_ends_at`."""
    return Ends(last_call_at(session, campaign, rulebook, now), day_ends_at(session, campaign, rulebook, now))


def last_call_at(session: Session, campaign: Campaign, rulebook: Rulebook, now: datetime) -> datetime | None:
    """When calling hours end for the last of the leads that are due by then.

    None where that is more than ten minutes away, nobody may be called now, or too many are due to look at them all: in
    the order of a file the last ones may live elsewhere.
    """
    connection, campaign_id, by = session.connection(), campaign.id or 0, now + AHEAD
    if any(_count(connection, campaign_id, priority, LOOKED_AT + 1, by) > LOOKED_AT for priority in Priority):
        return None
    latest: datetime | None = None
    looked_at = 0
    question = Question(campaign, (), agent_reserved=True)  # the drop rate comes and goes
    for rows in _batches(connection, campaign_id, by):
        if latest is None and looked_at >= HOPELESS:
            return None
        looked_at += len(rows)
        due = {row["id"]: row["due_at"] for row in rows}
        for candidate, facts in facts_of(session, question, rows, now):
            at = max(now, due[candidate.lead_id])
            closes = closes_at(facts, rulebook, at)
            if closes is None or not isinstance(check(facts, rulebook, at), Cleared):
                continue
            if closes > by:
                return None
            latest = max(latest or closes, closes)
    return latest


def day_ends_at(session: Session, campaign: Campaign, rulebook: Rulebook, now: datetime) -> datetime | None:
    """About when calling hours end: for the last of some of the leads that are due, the first and the last of them.

    None where none of these is within calling hours.
    """
    connection, campaign_id = session.connection(), campaign.id or 0
    question = Question(campaign, (), agent_reserved=True)
    rows: list[RowMapping] = []
    for priority in Priority:
        due = OPEN.where(*_due(campaign_id, priority, now)).limit(DRAWN)
        for turn in ((LEAD.c.due_at, LEAD.c.id), (LEAD.c.due_at.desc(), LEAD.c.id.desc())):
            rows += connection.execute(due.order_by(*turn)).mappings().all()
    if not rows:
        return None
    ends = (_day_ends_at(facts, rulebook, now) for _candidate, facts in facts_of(session, question, rows, now))
    return max(filter(None, ends), default=None)


def _day_ends_at(facts: Facts, rulebook: Rulebook, now: datetime) -> datetime | None:
    end = closes_at(facts, rulebook, now)
    for _stretch in range(STRETCHES - 1):
        later = (closes_at(facts, rulebook, end + after) for after in BREAKS) if end else ()
        end = next(filter(None, later), end)
    return end


def _count(connection: Connection, campaign_id: int, priority: Priority, most: int, by: datetime) -> int:
    some = select(LEAD.c.id).where(*_due(campaign_id, priority, by)).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def _due(campaign_id: int, priority: Priority, by: datetime) -> tuple[Any, ...]:
    of_campaign = (LEAD.c.campaign_id == campaign_id, LEAD.c.standing == Standing.OPEN)
    return (*of_campaign, LEAD.c.priority == int(priority), LEAD.c.due_at <= by)


def _batches(connection: Connection, campaign_id: int, by: datetime) -> Iterator[Sequence[RowMapping]]:
    for priority in Priority:
        query = OPEN.where(*_due(campaign_id, priority, by))
        yield from connection.execute(query).mappings().partitions(TOGETHER)
