"""Pauses that what came of earlier attempts asks for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import isinf

from compliance.facts import Past
from compliance.rule import CoolDownRule


def over_at(rule: CoolDownRule, attempts: Sequence[Past], now: datetime) -> datetime | None:
    """The first moment, `now` or later, at which the rule's pause is over; None where it never will be.

    `attempts` are those that the rule looks at, oldest first. A pause begins at the end of the last of `rule.times`
    attempts in a row that came to the same.
    """
    count = len(attempts)
    ends = [count] if rule.until_next_attempt else range(rule.times, count + 1)
    begun = [attempts[end - 1].ended_at for end in ends if end >= rule.times and _came(rule, attempts, end)]
    if not begun:
        return now
    return None if isinf(rule.hours) else max(now, max(begun).astimezone(UTC) + timedelta(hours=rule.hours))


def asks_for(rule: CoolDownRule, came_to: str) -> bool:
    """Whether an attempt that came to this counts towards the pause."""
    return came_to == rule.after or (rule.after == "conversation" and came_to == "refusal")  # who refuses has talked


def _came(rule: CoolDownRule, attempts: Sequence[Past], end: int) -> bool:
    return all(asks_for(rule, past.came_to) for past in attempts[end - rule.times : end])
