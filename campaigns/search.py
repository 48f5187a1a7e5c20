"""Who is next: due leads, each through the gate, in the order of their turns.

Looking reads and decides without holding up the writing thread; `hopper` claims what is offered, and looks again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping
from sqlmodel import Session, SQLModel

import campaigns.tables
from campaigns.dispositions import PERSON_CAME
from campaigns.lead import Priority
from campaigns.prospects import OPEN, Candidate, Question, facts_of
from campaigns.tables import Campaign
from campaigns.traits import traits
from campaigns.turns import BY_CHANCE, Turn, in_turn, pool
from compliance.facts import Facts
from compliance.gate import Blocked, Cleared, check
from compliance.rulebook import Rulebook

LEAD = SQLModel.metadata.tables[campaigns.tables.Lead.__tablename__]

BATCH = 200  # leads looked at together
LOOK_LIMIT = 2000  # leads looked at for one tick, so that a list that sleeps cannot hold up the others

Place = tuple[datetime, int]  # due at, id
Page = Callable[[Priority, int, Place | None], Sequence[RowMapping]]


class Chances(Protocol):
    """What is known of leads' chances to answer, by their traits (`dialer.pacing.leads.LeadChances`)."""

    def chances(self, rows: Sequence[Sequence[str]]) -> NDArray[np.float64]: ...

    def ranking(self, rows: Sequence[Sequence[str]]) -> NDArray[np.float64]: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate and the gate's yes. `chance`: that a person answers."""

    candidate: Candidate
    facts: Facts
    cleared: Cleared
    turn: Turn
    traits: tuple[str, ...]
    chance: float


@dataclass(frozen=True, slots=True)
class Refusal:
    candidate: Candidate
    facts: Facts
    blocked: Blocked


@dataclass(frozen=True, slots=True)
class Fit:
    """A due lead that the gate has cleared."""

    candidate: Candidate
    facts: Facts
    cleared: Cleared
    traits: tuple[str, ...]

    @property
    def place(self) -> tuple[int, datetime, int]:
        """In the order without chances: recycled leads before fresh ones, the longest due first."""
        return self.candidate.priority, self.candidate.due_at, self.candidate.lead_id


@dataclass(frozen=True, slots=True)
class Look:
    """`promised` callbacks and the others, each in the order without chances; `places`: where the next look goes on."""

    promised: list[Fit]
    others: list[Fit]
    refusals: list[Refusal]
    places: Mapping[Priority, Place]


def look(
    session: Session,
    question: Question,
    wanted: int,
    rulebook: Rulebook,
    now: datetime,
    places: Mapping[Priority, Place],
) -> Look:
    """At least `wanted` cleared leads if there are so many, and every refusal met on the way.

    Promised callbacks first. The others are those that have waited longest and a stretch further on, behind `places`:
    so in time all of a long list is searched for good leads, and in one tick no more of it than before. Only where
    that yields too few, all are gone through.
    """
    page = partial(_page, session.connection(), question.campaign, now)
    judge = partial(_judge, session, question, rulebook, now)
    promised, refusals = judge(_due(page, (Priority.CALLBACK,)), wanted)
    wanted -= len(promised)
    if wanted <= 0:
        return Look(promised, [], refusals, places)
    waiting, further, reached = pool(page, _place, places, wanted)
    fit, refused = judge([[*waiting, *further]], wanted)
    if len(fit) < wanted:
        seen = {row["id"] for row in (*waiting, *further)}
        others = ([row for row in rows if row["id"] not in seen] for rows in _due(page, BY_CHANCE))
        more, also_refused = judge(others, wanted - len(fit), LOOK_LIMIT - len(seen))
        fit, refused = fit + more, refused + also_refused
    else:  # nobody has asked for the stretch yet: what it refuses is kept when its turn comes
        asked = {row["id"] for row in waiting}
        refused = [refusal for refusal in refused if refusal.candidate.lead_id in asked]
    return Look(promised, sorted(fit, key=attrgetter("place")), refusals + refused, reached)


def choose(look: Look, wanted: int, known: Chances, offered: int) -> list[Offer]:
    """Whom to dial, in order, when so many were offered before, promised callbacks apart."""
    callbacks = [(one, Turn.CALLBACK) for one in look.promised[:wanted]]
    ranks = known.ranking([one.traits for one in look.others])
    queues = [one.candidate.priority for one in look.others]
    turns = in_turn(queues, ranks, wanted - len(callbacks), offered)
    next_ones = callbacks + [(look.others[place], turn) for place, turn in turns]
    chances: list[float] = known.chances([one.traits for one, _turn in next_ones]).tolist()
    return [
        Offer(one.candidate, one.facts, one.cleared, turn, one.traits, chance)
        for (one, turn), chance in zip(next_ones, chances, strict=True)
    ]


def _judge(
    session: Session,
    question: Question,
    rulebook: Rulebook,
    now: datetime,
    batches: Iterable[Sequence[RowMapping]],
    wanted: int,
    limit: int = LOOK_LIMIT,
) -> tuple[list[Fit], list[Refusal]]:
    """Batch by batch until so many are cleared, or the limit is reached."""
    fit: list[Fit] = []
    refused: list[Refusal] = []
    for rows in batches:
        for candidate, facts in facts_of(session, question, rows, now):
            verdict = check(facts, rulebook, now)
            if isinstance(verdict, Blocked):
                refused.append(Refusal(candidate, facts, verdict))
            else:
                fit.append(Fit(candidate, facts, verdict, _traits(candidate, facts, now)))
        if len(fit) >= wanted or len(fit) + len(refused) >= limit:
            break
    return fit, refused


def _traits(candidate: Candidate, facts: Facts, now: datetime) -> tuple[str, ...]:
    return traits(
        candidate.number,
        now.astimezone(ZoneInfo(min(facts.zones))),
        attempts=candidate.attempts,
        last=candidate.disposition,
        last_at=candidate.last_attempt_at,
        answered_at=[past.at for past in facts.attempts if past.came_to in PERSON_CAME],
    )


def _due(page: Page, priorities: Iterable[Priority]) -> Iterator[Sequence[RowMapping]]:
    """Batches of open leads that are due, the longest due first."""
    for priority in priorities:
        behind: Place | None = None
        while rows := page(priority, BATCH, behind):
            yield rows
            if len(rows) < BATCH:
                break
            behind = _place(rows[-1])


def _page(
    connection: Connection,
    campaign: Campaign,
    now: datetime,
    priority: Priority,
    limit: int,
    behind: Place | None,
) -> Sequence[RowMapping]:
    """Open leads of one priority that are due, the longest due first."""
    query = OPEN.where(LEAD.c.campaign_id == campaign.id, LEAD.c.priority == int(priority))
    due = query.where(LEAD.c.due_at <= now).order_by(LEAD.c.due_at, LEAD.c.id)
    if behind is None:
        return connection.execute(due.limit(limit)).mappings().all()
    due_at, lead_id = behind
    if due_at > now:  # the clock was set back
        return []
    # Not one comparison of pairs: of that SQLite looks up only `due_at`, and a whole list may be due together. With
    # `due_at <= now` it would not even look up that.
    together = query.where(LEAD.c.due_at == due_at, LEAD.c.id > lead_id).order_by(LEAD.c.id).limit(limit)
    rows = [*connection.execute(together).mappings()]
    if len(rows) < limit:
        rows += connection.execute(due.where(LEAD.c.due_at > due_at).limit(limit - len(rows))).mappings()
    return rows


def _place(row: RowMapping) -> Place:
    return row["due_at"], row["id"]
