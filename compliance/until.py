"""The next moment at which every rule would clear, and the questions that the gate asks for it and for itself."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from compliance.binding import Binding, Case, binding, local_days, next_change, schedule
from compliance.calling_hours import next_opening
from compliance.cool_down import over_at
from compliance.facts import Facts, Past
from compliance.frequency import next_allowed
from compliance.rule import CapRule, CoolDownRule, LineBanRule, ListRule

STEPS = 200  # of the search; every step passes a rule's date or an opening


OWN_CAP = "campaign:attempts-per-day"  # to one number, over all campaigns
DAY = timedelta(hours=24)


def list_refusal(facts: Facts, binding: Binding, days: Sequence[date]) -> tuple[str, ...] | None:
    """The rules whose list names the number, is missing though it must be asked, or is too old on the last day."""
    refused = [rule.id for rule in binding.lists if rule.list in facts.listed or _unasked(rule, facts, days[-1])]
    return tuple(refused) or None


def _unasked(rule: ListRule, facts: Facts, day: date) -> bool:
    as_of = facts.copies.get(rule.list)
    if as_of is None:
        return rule.required
    return rule.age_days_maximum is not None and (day - as_of).days > rule.age_days_maximum


def capped(facts: Facts, binding: Binding, now: datetime) -> tuple[str, ...]:
    """The caps that leave no room now."""
    full = [rule.id for rule in binding.caps if _room_at(rule, facts, now) != now]
    return (*full, OWN_CAP) if _own_room_at(facts, now) != now else tuple(full)


def resting(facts: Facts, binding: Binding, now: datetime) -> tuple[str, ...]:
    """The rules whose pause is not over."""
    return tuple(rule.id for rule in _pauses(facts, binding) if _over_at(rule, facts, now) != now)


def banned(facts: Facts, binding: Binding) -> tuple[str, ...]:
    """The bans of the line's type; one of unknown type may be any."""
    return tuple(rule.id for rule in binding.line_bans if _may_be(rule, facts.line_type))


def _may_be(rule: LineBanRule, line_type: str) -> bool:
    return line_type == "unknown" or line_type in rule.lines


def _pauses(facts: Facts, binding: Binding) -> list[CoolDownRule]:
    return [rule for rule in binding.cool_downs if not (facts.agent_reserved and rule.unless_agent_reserved)]


def _looked_at(rule: CapRule | CoolDownRule, facts: Facts) -> list[Past]:
    return [
        past
        for past in facts.attempts
        if (rule.of == "person" or past.number == facts.number)
        and (rule.across != "client" or past.client == facts.client)
        and (rule.across != "campaign" or past.campaign == facts.campaign)
    ]


def _room_at(rule: CapRule, facts: Facts, now: datetime) -> datetime | None:
    times = [past.at for past in _looked_at(rule, facts)]
    if rule.hours is None:
        return now if len(times) < rule.attempts else None
    return next_allowed(times, rule.attempts, timedelta(hours=rule.hours), now)


def _own_room_at(facts: Facts, now: datetime) -> datetime:
    times = [past.at for past in facts.attempts if past.number == facts.number]
    return next_allowed(times, facts.attempts_per_day, DAY, now)


def _over_at(rule: CoolDownRule, facts: Facts, now: datetime) -> datetime | None:
    return over_at(rule, _looked_at(rule, facts), now)


def clears_at(facts: Facts, case: Case, start: datetime) -> datetime | None:
    """The first moment, `start` or later, at which dates, lists' ages, hours, caps and pauses all allow the call.

    None for never, or not within a year of the last date on which a rule changes. The drop rate and emergencies are
    left out: nobody knows when they end.
    """
    if facts.do_not_call or not case.zones:
        return None
    moment = start
    for _ in range(STEPS):
        change = next_change(case, moment)
        later = _waits_until(facts, case, moment)
        if later is not None and later == moment:
            later = _opening(case, moment, facts.ring_seconds)
            if later is None or later == moment:
                return later
        if later is None and change is None:
            return None
        moment = min(filter(None, (later, change)))
    return None


def _waits_until(facts: Facts, case: Case, moment: datetime) -> datetime | None:
    """When the rules in force at the moment would all clear, hours left out; None for never under these rules."""
    days = local_days(case.zones, moment)
    rules = binding(case, days)
    if rules.unruled or rules.consents or list_refusal(facts, rules, days) or banned(facts, rules):
        return None
    if not facts.attempts:
        return moment
    room = [_own_room_at(facts, moment), *(_room_at(rule, facts, moment) for rule in rules.caps)]
    waits = [*room, *(_over_at(rule, facts, moment) for rule in _pauses(facts, rules))]
    known = [wait for wait in waits if wait is not None]
    return max(known) if len(known) == len(waits) else None


@lru_cache(maxsize=4096)
def _opening(case: Case, moment: datetime, ring_seconds: int) -> datetime | None:
    return next_opening(schedule(case), moment, timedelta(seconds=ring_seconds))
