"""What a campaign would find if it began now: who may be dialled, who later and why, and who never."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from campaigns.prospects import Question, facts_for, open_leads, prospects
from compliance.facts import Facts
from compliance.gate import Blocked, Reason, check, explain
from compliance.rulebook import Rulebook

RECYCLED = "recycled"  # the gate would clear it, but it is not due before
PASSING = (Reason.HOURS, Reason.HOLIDAY, Reason.CAP, Reason.COOL_DOWN, Reason.DROP_RATE)  # as a rule they end
NO_TURN = "in a call, or without a number"


@dataclass(frozen=True, slots=True)
class Preflight:
    """Leads of a campaign that are open, by what the gate says of their next number, an agent reserved for each."""

    leads: int = 0
    dialable: int = 0
    later: Counter[tuple[datetime, str]] = field(default_factory=Counter)  # by full hour in UTC, and reason
    never: Counter[str] = field(default_factory=Counter)  # by reason; no waiting helps

    @property
    def hopeless(self) -> bool:
        """Nobody may be dialled, now or at any known moment."""
        return not self.dialable and not self.later


def preflight(
    session: Session,
    question: Question,
    rulebook: Rulebook,
    now: datetime,
    progress: Callable[[int], None] = lambda _leads: None,
) -> Preflight:
    """Looks at every open lead; memory stays flat. `progress` hears how many have been looked at."""
    leads = dialable = 0
    later: Counter[tuple[datetime, str]] = Counter()
    never: Counter[str] = Counter()
    for count, found in _prospects(session, question, rulebook, now):
        leads += count
        for at, reason in found:
            if not reason:
                dialable += 1
            elif at is None:
                never[reason] += 1
            else:
                later[at.replace(minute=0, second=0, microsecond=0), reason] += 1
        progress(leads)
    return Preflight(leads, dialable, later, never)


def is_hopeless(session: Session, question: Question, rulebook: Rulebook, now: datetime) -> bool:
    """As `Preflight.hopeless`, but looks no further than the first lead with a prospect."""
    found = (one for _count, some in _prospects(session, question, rulebook, now) for one in some)
    return not any(at is not None or not reason for at, reason in found)


def _prospects(
    session: Session, question: Question, rulebook: Rulebook, now: datetime
) -> Iterator[tuple[int, list[tuple[datetime | None, str]]]]:
    """For each batch of leads its size, and for each lead when it may be dialled (None: never) and what holds it."""
    to_facts, judged = facts_for(session, question), dict[Any, tuple[datetime | None, str]]()
    for rows in open_leads(session.connection(), question.campaign.id or 0):
        found: list[tuple[datetime | None, str]] = []
        for prospect in prospects(session, question, rows, now):
            case = prospect.circumstances
            verdict = judged.get(case) if not prospect.attempts else None
            if verdict is None:
                verdict = _judge(to_facts(prospect), rulebook, now)
                if not prospect.attempts:
                    judged[case] = verdict
            due = prospect.row["due_at"]
            found.append((due, RECYCLED) if not verdict[1] and due > now else verdict)
        found += [(None, NO_TURN)] * (len(rows) - len(found))
        yield len(rows), found


def _judge(facts: Facts, rulebook: Rulebook, now: datetime) -> tuple[datetime | None, str]:
    """When the lead may be dialled, and what holds it until then."""
    verdict = check(facts, rulebook, now)
    if not isinstance(verdict, Blocked):
        return now, ""
    passing = verdict.until is None and verdict.reason in PASSING
    return verdict.until, str(_for_ever(facts, rulebook, now) if passing else verdict.reason)


def _for_ever(facts: Facts, rulebook: Rulebook, now: datetime) -> Reason:
    """What no waiting mends, of all that refuses: not the hour that comes first in the gate's order."""
    refused = [answer.question for answer in explain(facts, rulebook, now) if answer.refused_by is not None]
    return next((question for question in refused if question not in PASSING), refused[0])
