"""May this number be called now? The one place that says yes, and the reasons for no.

The rules are asked in this order, and the first that refuses names the reason:

1. do-not-call: the number stands on a list that covers the campaign
2. no-rules: a jurisdiction of the called party is unknown, has no rule pack, or no hours for this kind of call
3. unknown-zone: no time zone is known for the called party
4. hours: the phone would ring outside the window, now or at the end of ringing, in any of the zones
5. cap: the number has been tried too often
6. drop-rate: no more abandoned calls may be risked, and no agent is reserved for this one
"""

from dataclasses import InitVar, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache, partial

from compliance.abandonment import used_up
from compliance.calling_hours import clocks, next_opening, open_until
from compliance.facts import DropCount, Facts
from compliance.frequency import next_allowed
from compliance.rulebook import Rulebook

LIFETIME = timedelta(seconds=5)  # for one commit and one request to the carrier; what takes longer must ask again
ATTEMPTS_WINDOW = timedelta(hours=24)
ATTEMPTS_RULE = "campaign:attempts-per-day"

_SEAL = object()  # known to this module only


class Reason(StrEnum):
    """Why a number may not be called."""

    HOURS = "hours"
    HOLIDAY = "holiday"
    DO_NOT_CALL = "do-not-call"
    CONSENT = "consent"
    CAP = "cap"
    COOL_DOWN = "cool-down"
    LINE_TYPE = "line-type"
    DROP_RATE = "drop-rate"
    UNKNOWN_ZONE = "unknown-zone"
    NO_RULES = "no-rules"
    EMERGENCY = "emergency"


class ForgedClearance(Exception):
    """A `Cleared` was made outside the gate: call `compliance.gate.check`."""


class NaiveTime(ValueError):
    """A moment without a zone cannot be compared with calling hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """The gate's yes for one number, from `at` until just before `expires_at`.

    It expires within seconds, and in any case while a call with this `ring_seconds` still stops ringing inside the
    calling hours. Only `check` can make one.
    """

    seal: InitVar[object]
    number: str
    ring_seconds: int
    at: datetime
    expires_at: datetime
    rules: tuple[str, ...]  # ids of the rules that were asked and passed
    zones: tuple[str, ...]
    local_times: tuple[str, ...]  # 2026-11-23T12:00-05:00 America/New_York
    agent_reserved: bool

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise ForgedClearance("a clearance is made by compliance.gate.check and by nobody else")

    def covers(self, number: str, now: datetime) -> bool:
        """Whether it still allows a call to this number to be placed at this moment."""
        return number == self.number and self.at <= now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The gate's no.

    `until` is the first moment at which hours and caps would both clear; None when no moment does: then the refusal
    is `permanent`, except for the drop rate, which recovers with live answers and not with time.
    """

    number: str
    at: datetime
    reason: Reason
    until: datetime | None
    rules: tuple[str, ...]  # what refused: rule ids, or do-not-call:SCOPE, or no-rules:JURISDICTION
    local_times: tuple[str, ...]

    @property
    def permanent(self) -> bool:
        """Whether neither waiting nor better figures will help, only new facts about the number."""
        return self.until is None and self.reason is not Reason.DROP_RATE


@dataclass(frozen=True, slots=True)
class _Minute:
    """What holds for the called party in one minute of real time: windows begin and end on minutes."""

    zones: tuple[str, ...]
    local_times: tuple[str, ...]
    unruled: tuple[str, ...]  # no-rules:COUNTRY, for each without calling hours for this kind of call
    hours: tuple[str, ...]  # rule ids
    closes: float | None  # epoch seconds; None when closed
    drop_rules: tuple[str, ...]
    ceiling: float  # the strictest of the drop rules; 1 without any
    passed: tuple[str, ...]  # the rules of a clearance


def check(facts: Facts, rulebook: Rulebook, now: datetime) -> Cleared | Blocked:
    """Decide one call. Raises NaiveTime for a `now` without a zone."""
    if now.tzinfo is None:
        raise NaiveTime(f"now {now.isoformat()} has no zone: give an aware datetime")
    now = now.astimezone(UTC)
    moment = now.timestamp()
    minute = _minute(rulebook, facts.kind, facts.jurisdictions, facts.zones, int(moment // 60))
    refusal = _never(facts, minute) or _not_yet(facts, rulebook, minute, now) or _drop_rate(facts, minute)
    if refusal:
        reason, until, rules = refusal
        return Blocked(
            number=facts.number, at=now, reason=reason, until=until, rules=rules, local_times=minute.local_times
        )
    expires_at = now + LIFETIME
    if minute.closes is not None and minute.closes - facts.ring_seconds < moment + LIFETIME.total_seconds():
        expires_at = datetime.fromtimestamp(minute.closes - facts.ring_seconds, UTC)
    return Cleared(
        seal=_SEAL,
        number=facts.number,
        ring_seconds=facts.ring_seconds,
        at=now,
        expires_at=expires_at,
        rules=minute.passed,
        zones=minute.zones,
        local_times=minute.local_times,
        agent_reserved=facts.agent_reserved,
    )


_Refusal = tuple[Reason, datetime | None, tuple[str, ...]]


def _never(facts: Facts, minute: _Minute) -> _Refusal | None:
    """The refusals that no waiting ends."""
    if facts.do_not_call:
        return Reason.DO_NOT_CALL, None, tuple(f"do-not-call:{scope}" for scope in facts.do_not_call)
    if minute.unruled:
        return Reason.NO_RULES, None, minute.unruled
    if not facts.zones:
        return Reason.UNKNOWN_ZONE, None, ()
    return None


def _not_yet(facts: Facts, rulebook: Rulebook, minute: _Minute, now: datetime) -> _Refusal | None:
    """The refusals that end by themselves: all of them set the moment, the first of them gives the reason."""
    closed = minute.closes is None or now.timestamp() + facts.ring_seconds >= minute.closes
    allowed_at = next_allowed(facts.recent_attempts, facts.attempts_per_day, ATTEMPTS_WINDOW, now)
    if not closed and allowed_at == now:
        return None
    windows_on = partial(rulebook.windows, facts.kind, facts.jurisdictions)
    until = next_opening(windows_on, facts.zones, allowed_at, timedelta(seconds=facts.ring_seconds))
    return (Reason.HOURS, until, minute.hours) if closed else (Reason.CAP, until, (ATTEMPTS_RULE,))


def _drop_rate(facts: Facts, minute: _Minute) -> _Refusal | None:
    if facts.agent_reserved:
        return None
    own = facts.drop_rate
    count = DropCount(own.live_answers, own.abandoned, min(own.ceiling, minute.ceiling))
    return (Reason.DROP_RATE, None, minute.drop_rules) if used_up(count) else None


@lru_cache(maxsize=16_384)
def _minute(
    rulebook: Rulebook, kind: str, jurisdictions: frozenset[str], zones: frozenset[str], minute: int
) -> _Minute:
    now = datetime.fromtimestamp(minute * 60, UTC)
    local = [now.astimezone(clock) for clock in clocks(zones)]
    days = sorted({moment.date() for moment in local} or {now.date()})
    unruled = {place for day in days for place in rulebook.without_hours(kind, jurisdictions, day)}
    hours = {rule.id for day in days for rule in rulebook.hours(kind, jurisdictions, day)}
    drop_rules = {rule.id: rule for day in days for rule in rulebook.abandonments(kind, jurisdictions, day)}
    closes = open_until(partial(rulebook.windows, kind, jurisdictions), zones, now) if zones else None
    names = tuple(sorted(zones))
    return _Minute(
        zones=names,
        local_times=tuple(f"{t.isoformat(timespec='minutes')} {name}" for t, name in zip(local, names, strict=True)),
        unruled=tuple(f"no-rules:{place}" for place in (sorted(unruled) if jurisdictions else ["unknown"])),
        hours=tuple(sorted(hours)),
        closes=closes.timestamp() if closes else None,
        drop_rules=tuple(sorted(drop_rules)),
        ceiling=min((rule.ceiling for rule in drop_rules.values()), default=1.0),
        passed=(*sorted(hours), ATTEMPTS_RULE, *sorted(drop_rules)),
    )
