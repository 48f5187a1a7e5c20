"""May this number be called now? The one place that says yes, and the reasons for no.

The questions are asked in this order, and the first that refuses names the reason:

1. emergency: calls to the place, or all calls, have been stopped
2. do-not-call: the number stands on a list that covers the call, or a list that must be asked is missing or too old
3. no-rules: a country of the called party is unknown, has no rule pack, or no hours for this kind of call
4. unknown-zone: no time zone is known for the called party
5. consent: less than what this kind of call to this kind of line needs
6. hours: the phone would ring outside the window, now or at the end of ringing, by any of the clocks
7. holiday: only the special date forbids it
8. cap: too many attempts on the number or the person
9. cool-down: what came of an earlier attempt asks for a pause
10. line-type: lines of this type must not be called, and a line of unknown type may be one
11. drop-rate: no more abandoned calls may be risked, and no agent is reserved for this one
"""

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from compliance import until
from compliance.abandonment import used_up
from compliance.binding import Binding, Case, binding, case_of, closed_by, local_days, schedule
from compliance.calling_hours import clocks, open_until
from compliance.facts import OWN_MEASURE, DropCount, Facts
from compliance.packs import measure_of
from compliance.rule import DaysRule, HoursRule
from compliance.rulebook import Rulebook

LIFETIME = timedelta(seconds=5)  # for one commit and one request to the carrier; what takes longer must ask again
OWN_CEILING = "campaign:drop-rate-ceiling"

_SEAL = object()  # known to this module only


class Reason(StrEnum):
    """Why a number may not be called."""

    EMERGENCY = "emergency"
    DO_NOT_CALL = "do-not-call"
    NO_RULES = "no-rules"
    UNKNOWN_ZONE = "unknown-zone"
    CONSENT = "consent"
    HOURS = "hours"
    HOLIDAY = "holiday"
    CAP = "cap"
    COOL_DOWN = "cool-down"
    LINE_TYPE = "line-type"
    DROP_RATE = "drop-rate"


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
    jurisdictions: tuple[str, ...]
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

    `until` is the first moment at which every rule would clear, as far as time alone can bring it: dates, hours, caps,
    pauses; for a used-up drop rate, when the windows of all that refuse begin anew (one to one, with agents reserved).
    None when no waiting helps; then the refusal is `permanent`, except for the drop rate, which recovers with answered
    calls too.
    """

    number: str
    at: datetime
    reason: Reason
    until: datetime | None
    rules: tuple[str, ...]  # what refused: rule ids, or do-not-call:SCOPE, emergency:PLACE, no-rules:COUNTRY
    jurisdictions: tuple[str, ...]
    zones: tuple[str, ...]
    local_times: tuple[str, ...]

    @property
    def permanent(self) -> bool:
        """Whether neither waiting nor better figures will help, only new facts about the number."""
        return self.until is None and self.reason is not Reason.DROP_RATE


@dataclass(frozen=True, slots=True)
class Answer:
    """What one of the gate's questions came to."""

    question: Reason
    refused_by: tuple[str, ...] | None  # as in `Blocked.rules`; None where it passed


@dataclass(frozen=True, slots=True)
class _Minute:
    """What holds for the called party in one minute of real time: windows begin and end on minutes."""

    case: Case
    days: tuple[date, ...]
    binding: Binding
    jurisdictions: tuple[str, ...]
    zones: tuple[str, ...]
    local_times: tuple[str, ...]
    hours_close: float | None  # epoch seconds, on an ordinary day; None when closed
    closes: float | None  # the same with the special days


Refused = tuple[str, ...] | None


def check(facts: Facts, rulebook: Rulebook, now: datetime) -> Cleared | Blocked:
    """Decide one call. Raises NaiveTime for a `now` without a zone, ValueError for an unknown consent."""
    minute, now = _look(facts, rulebook, now)
    for reason, question in _QUESTIONS:
        refused_by = question(facts, minute, now)
        if refused_by is not None:
            return Blocked(
                number=facts.number,
                at=now,
                reason=reason,
                until=_until(facts, minute, reason, now),
                rules=refused_by,
                jurisdictions=minute.jurisdictions,
                zones=minute.zones,
                local_times=minute.local_times,
            )
    expires_at = now + LIFETIME
    if minute.closes is not None and minute.closes - facts.ring_seconds < expires_at.timestamp():
        expires_at = datetime.fromtimestamp(minute.closes - facts.ring_seconds, UTC)
    return Cleared(
        seal=_SEAL,
        number=facts.number,
        ring_seconds=facts.ring_seconds,
        at=now,
        expires_at=expires_at,
        rules=(*minute.binding.passed, until.OWN_CAP),
        jurisdictions=minute.jurisdictions,
        zones=minute.zones,
        local_times=minute.local_times,
        agent_reserved=facts.agent_reserved,
    )


def explain(facts: Facts, rulebook: Rulebook, now: datetime) -> tuple[Answer, ...]:
    """Every question and its answer, in order, also behind the first that refuses. Raises as `check` does."""
    minute, now = _look(facts, rulebook, now)
    return tuple(Answer(reason, question(facts, minute, now)) for reason, question in _QUESTIONS)


def closes_at(facts: Facts, rulebook: Rulebook, now: datetime) -> datetime | None:
    """When the calling hours around `now` end for the number, by the first of its clocks; None outside them.

    The last ring must end before. Raises NaiveTime for a `now` without a zone.
    """
    minute, _now = _look(facts, rulebook, now)
    return None if minute.closes is None else datetime.fromtimestamp(minute.closes, UTC)


def _look(facts: Facts, rulebook: Rulebook, now: datetime) -> tuple[_Minute, datetime]:
    if now.tzinfo is None:
        raise NaiveTime(f"now {now.isoformat()} has no zone: give an aware datetime")
    now = now.astimezone(UTC)
    return _minute(case_of(facts, rulebook), facts.jurisdictions, int(now.timestamp() // 60)), now


@lru_cache(maxsize=4096)
def _minute(case: Case, jurisdictions: frozenset[str], minute: int) -> _Minute:
    now = datetime.fromtimestamp(minute * 60, UTC)
    local = ((now.astimezone(clock).isoformat(timespec="minutes"), clock.key) for clock in clocks(case.zones))
    days = local_days(case.zones, now)
    ordinary = open_until(schedule(case, special_days=False), now) if case.zones else None
    closes = open_until(schedule(case), now) if ordinary else None
    return _Minute(
        case=case,
        days=days,
        binding=binding(case, days),
        jurisdictions=tuple(sorted(jurisdictions)),
        zones=tuple(sorted(case.zones)),
        local_times=tuple(f"{time} {zone}" for time, zone in local),
        hours_close=ordinary.timestamp() if ordinary else None,
        closes=closes.timestamp() if closes else None,
    )


def _emergency(facts: Facts, minute: _Minute, _now: datetime) -> Refused:
    if not facts.emergencies:
        return None
    stopped = facts.emergencies & {"*", *minute.case.reach.jurisdictions}
    named = (rule.id for rule in minute.binding.emergencies if rule.jurisdiction in stopped)
    return (*(f"emergency:{place}" for place in sorted(stopped)), *named) if stopped else None


def _do_not_call(facts: Facts, minute: _Minute, _now: datetime) -> Refused:
    if facts.do_not_call:
        return tuple(f"do-not-call:{scope}" for scope in facts.do_not_call)
    return until.list_refusal(facts, minute.binding, minute.days)


def _no_rules(_facts: Facts, minute: _Minute, _now: datetime) -> Refused:
    return tuple(f"no-rules:{country}" for country in minute.binding.unruled) or None


def _unknown_zone(_facts: Facts, minute: _Minute, _now: datetime) -> Refused:
    return None if minute.zones else ()


def _consent(_facts: Facts, minute: _Minute, _now: datetime) -> Refused:
    return tuple(rule.id for rule in minute.binding.consents) or None


def _hours(facts: Facts, minute: _Minute, now: datetime) -> Refused:
    if minute.hours_close is not None and now.timestamp() + facts.ring_seconds < minute.hours_close:
        return None
    return closed_by(minute.case, HoursRule, now, facts.ring_seconds)


def _holiday(facts: Facts, minute: _Minute, now: datetime) -> Refused:
    if minute.closes is not None and now.timestamp() + facts.ring_seconds < minute.closes:
        return None
    return closed_by(minute.case, DaysRule, now, facts.ring_seconds) or None


def _cap(facts: Facts, minute: _Minute, now: datetime) -> Refused:
    return until.capped(facts, minute.binding, now) or None if facts.attempts else None


def _cool_down(facts: Facts, minute: _Minute, now: datetime) -> Refused:
    return until.resting(facts, minute.binding, now) or None if facts.attempts else None


def _line_type(facts: Facts, minute: _Minute, _now: datetime) -> Refused:
    return until.banned(facts, minute.binding) or None


def _drop_rate(facts: Facts, minute: _Minute, _now: datetime) -> Refused:
    if facts.agent_reserved:
        return None
    return tuple(name for name, _count in _used_up(facts, minute)) or None


def _used_up(facts: Facts, minute: _Minute) -> list[tuple[str, DropCount | None]]:
    """The ceilings that leave no room, each with the count that it is held against."""
    counts = {count.measure: count for count in facts.drops}
    asked = [(rule.id, counts.get(measure_of(rule)), rule.ceiling) for rule in minute.binding.drop_rates]
    if facts.drop_ceiling < 1:
        asked.append((OWN_CEILING, counts.get(OWN_MEASURE), facts.drop_ceiling))
    return [(name, count) for name, count, ceiling in asked if _gone(count, ceiling)]


def _gone(count: DropCount | None, ceiling: float) -> bool:
    """A count that nobody took is no budget."""
    return count is None or used_up(count, ceiling)


_QUESTIONS: tuple[tuple[Reason, Callable[[Facts, _Minute, datetime], Refused]], ...] = (
    (Reason.EMERGENCY, _emergency),
    (Reason.DO_NOT_CALL, _do_not_call),
    (Reason.NO_RULES, _no_rules),
    (Reason.UNKNOWN_ZONE, _unknown_zone),
    (Reason.CONSENT, _consent),
    (Reason.HOURS, _hours),
    (Reason.HOLIDAY, _holiday),
    (Reason.CAP, _cap),
    (Reason.COOL_DOWN, _cool_down),
    (Reason.LINE_TYPE, _line_type),
    (Reason.DROP_RATE, _drop_rate),
)


def _until(facts: Facts, minute: _Minute, reason: Reason, now: datetime) -> datetime | None:
    if reason is Reason.EMERGENCY:
        return None
    if reason is not Reason.DROP_RATE:
        return until.clears_at(facts, minute.case, now)
    ends = [count.ends_at if count else None for _name, count in _used_up(facts, minute)]
    known = [end for end in ends if end is not None]
    return until.clears_at(facts, minute.case, max(now, *known)) if len(known) == len(ends) else None
