"""What the gate must know about one call before it may say yes: plain values, gathered by the caller."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DropCount:
    """A campaign's abandoned calls over its live answers, and the fraction (0-1) that they may reach."""

    live_answers: int
    abandoned: int
    ceiling: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One call that somebody wants to place.

    `jurisdictions` and `zones` are those of every place where the called party may be (`compliance.locating`): the
    call must be legal in all of them.
    """

    number: str  # E.164
    kind: str  # telemarketing, survey
    jurisdictions: frozenset[str]  # US, US-FL
    zones: frozenset[str]  # IANA names
    ring_seconds: int
    do_not_call: tuple[str, ...]  # scopes over this campaign in which the number stands
    recent_attempts: tuple[datetime, ...]  # placed to this number by any campaign, in any order
    attempts_per_day: int  # to this number in any 24 hours, as the campaign limits itself
    drop_rate: DropCount
    agent_reserved: bool  # a free agent waits for this very call, so it cannot be abandoned
