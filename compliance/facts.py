"""What the gate must know about one call before it may say yes: plain values, gathered by the caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

EVERYWHERE = "*"


class Past(NamedTuple):
    """An earlier attempt on this number, or on another one of the same person."""

    at: datetime  # when it was placed
    ended_at: datetime
    number: str  # E.164
    campaign: str
    client: str
    came_to: str = ""  # abandoned, machine, refusal, conversation, hung-up; empty for anything else


class Measure(NamedTuple):
    """How a body of law counts abandoned calls; the words are those of `compliance.rule.AbandonmentRule`."""

    of: str
    window: str
    across: str
    counts_given_up: bool
    counts_cut_off: bool


class DropCount(NamedTuple):
    """Abandoned calls over the calls that count, in the present window of one measure."""

    measure: Measure
    calls: float
    abandoned: float
    ends_at: datetime | None = None  # when a new window begins; None for none


OWN_MEASURE = Measure("live-answers", "30-day-blocks", "campaign", False, False)  # of a campaign's own ceiling


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One call that somebody wants to place.

    `jurisdictions` and `zones` are those of every place where the called party may be (`compliance.locating`): the
    call must be legal in all of them.
    """

    number: str  # E.164
    kind: str  # telemarketing, survey, debt-collection
    voice: str = "live"  # live, recorded: whom the called party hears
    campaign: str = ""
    client: str = ""
    without: frozenset[str] = frozenset()  # ids of customary rules that the campaign has switched off
    jurisdictions: frozenset[str]  # US, US-FL
    zones: frozenset[str]  # IANA names
    line_type: str = "unknown"  # mobile, landline, voip, unknown
    business: bool = False
    ring_seconds: int  # the longest it may ring
    emergencies: frozenset[str] = frozenset()  # jurisdictions with a declared emergency; * stops everything
    do_not_call: tuple[str, ...] = ()  # scopes over this campaign in which the number stands
    listed: tuple[str, ...] = ()  # do-not-call lists of the state in which it stands
    copies: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))  # list on hand -> its date
    consent: str = "none"  # none, relationship, express, written
    attempts: tuple[Past, ...] = ()  # on this number and this person's others, oldest first
    attempts_per_day: int  # to this number in any 24 hours, as the campaign limits itself
    drops: tuple[DropCount, ...] = ()
    drop_ceiling: float = 1.0  # fraction that the campaign allows itself
    agent_reserved: bool = False  # a free agent waits for this very call, so it cannot be abandoned


def as_json(facts: Facts) -> dict[str, Any]:
    """What the ledger keeps of them: everything but what the decision says anyway."""
    return {
        "voice": facts.voice,
        "without": sorted(facts.without),
        "line_type": facts.line_type,
        "business": facts.business,
        "ring_seconds": facts.ring_seconds,
        "emergencies": sorted(facts.emergencies),
        "do_not_call": list(facts.do_not_call),
        "listed": list(facts.listed),
        "copies": {name: day.isoformat() for name, day in sorted(facts.copies.items())},
        "consent": facts.consent,
        "attempts": [[past.at.isoformat(), past.number, past.campaign, past.came_to] for past in facts.attempts],
        "attempts_per_day": facts.attempts_per_day,
        "drops": [[*count.measure, count.calls, count.abandoned] for count in facts.drops],
        "drop_ceiling": facts.drop_ceiling,
        "agent_reserved": facts.agent_reserved,
    }
