"""Which rules bind a call in one place on one day, sorted by the gate's questions; and when the next ones begin."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from compliance.calendars import is_eve, is_holiday
from compliance.calling_hours import DAY, Schedule, Windows, clocks, common, everywhere, open_until
from compliance.facts import Facts
from compliance.packs import calendar_of
from compliance.rule import (
    DAYS,
    AbandonmentRule,
    CapRule,
    ConsentRule,
    CoolDownRule,
    DaysRule,
    EmergencyRule,
    HoursRule,
    LiftedRule,
    LineBanRule,
    ListRule,
    Rule,
    holds,
)
from compliance.rulebook import Reach, Rulebook, callees, country_of

ALL_DAY: Windows = ((0, DAY),)
NOWHERE = "unknown"
ONE_DAY = timedelta(days=1)
DECIDING: tuple[type[Rule], ...] = (  # in the order of the gate's questions
    EmergencyRule,
    ListRule,
    ConsentRule,
    HoursRule,
    DaysRule,
    CapRule,
    CoolDownRule,
    LineBanRule,
    AbandonmentRule,
)
AnyRule = TypeVar("AnyRule", bound=Rule)


class Case(NamedTuple):
    """Whatever decides which rules bind a call, but the day."""

    rulebook: Rulebook
    reach: Reach
    zones: frozenset[str]
    consent: str


@dataclass(frozen=True, slots=True)
class Binding:
    """The rules in force on a day, those that the consent lifts left out."""

    unruled: tuple[str, ...]  # countries without calling hours for this kind of call
    emergencies: tuple[EmergencyRule, ...]
    lists: tuple[ListRule, ...]
    consents: tuple[ConsentRule, ...]  # that the consent does not reach
    passed: tuple[str, ...]  # ids of all that a clearance rests on
    caps: tuple[CapRule, ...]
    cool_downs: tuple[CoolDownRule, ...]
    line_bans: tuple[LineBanRule, ...]
    drop_rates: tuple[AbandonmentRule, ...]


def case_of(facts: Facts, rulebook: Rulebook) -> Case:
    """A country whose state is not known stands for all of its states: the call must be legal in each."""
    reach = Reach(
        facts.kind,
        facts.voice,
        _places(rulebook, facts.jurisdictions),
        callees(facts.line_type, facts.business),
        facts.campaign,
        facts.client,
        facts.without,
    )
    return Case(rulebook, reach, facts.zones, facts.consent)


@lru_cache(maxsize=65_536)
def _places(rulebook: Rulebook, jurisdictions: frozenset[str]) -> frozenset[str]:
    countries = {place for place in jurisdictions if "-" not in place}
    known = {country_of(place) for place in jurisdictions - countries}
    return jurisdictions.union(*(rulebook.states(country) for country in countries - known))


@lru_cache(maxsize=65_536)
def binding(case: Case, days: tuple[date, ...]) -> Binding:
    """Of the called party's local days: more than one where the zones have different dates, and then all bind."""

    def of(table: type[AnyRule]) -> tuple[AnyRule, ...]:
        found = {rule.id: rule for day in days for rule in case.rulebook.on(case.reach, table, day)}
        return tuple(rule for _id, rule in sorted(found.items()) if not _lifted(rule, case.consent))

    return Binding(
        unruled=_unruled(case, days),
        emergencies=of(EmergencyRule),
        lists=of(ListRule),
        consents=tuple(rule for rule in of(ConsentRule) if not holds(case.consent, rule.needs)),
        caps=of(CapRule),
        cool_downs=of(CoolDownRule),
        line_bans=of(LineBanRule),
        drop_rates=of(AbandonmentRule),
        passed=tuple(rule.id for table in DECIDING for rule in of(table)),
    )


def _lifted(rule: Rule, consent: str) -> bool:
    return isinstance(rule, LiftedRule) and rule.lifted_by is not None and holds(consent, rule.lifted_by)


def _unruled(case: Case, days: Iterable[date]) -> tuple[str, ...]:
    """A customary window that is switched off still counts as a rule: somebody has looked at the country."""
    reach = case.reach
    countries = sorted(set(map(country_of, reach.jurisdictions)))
    bare = Reach(reach.kind, reach.voice, reach.jurisdictions, reach.callees)
    ruled = {country_of(rule.jurisdiction) for day in days for rule in case.rulebook.on(bare, HoursRule, day)}
    return tuple(country for country in countries if country not in ruled) or (() if countries else (NOWHERE,))


def local_days(zones: frozenset[str], at: datetime) -> tuple[date, ...]:
    """The dates on the calendars of the zones; in UTC where no zone is known."""
    return tuple(sorted({at.astimezone(clock).date() for clock in clocks(zones)} or {at.astimezone(UTC).date()}))


@lru_cache(maxsize=65_536)
def schedule(case: Case, *, special_days: bool = True) -> Schedule:
    """The windows of the called party's clocks, and of those that a law names; with the special days or without."""
    own = [(clock, partial(_windows, case.rulebook, case.reach, None, special_days)) for clock in clocks(case.zones)]
    named = {rule.clock for rule in case.rulebook.reaching(case.reach) if isinstance(rule, HoursRule) and rule.clock}
    fixed = [(ZoneInfo(name), partial(_windows, case.rulebook, case.reach, name, False)) for name in sorted(named)]
    return (*own, *fixed)


@lru_cache(maxsize=262_144)
def _windows(rulebook: Rulebook, reach: Reach, clock: str | None, special_days: bool, day: date) -> Windows:
    windows = ALL_DAY
    for hours in rulebook.on(reach, HoursRule, day):
        if hours.clock == clock:
            windows = common(windows, hours.open[day.weekday()])
    if special_days:
        for rule in rulebook.on(reach, DaysRule, day):
            if falls_on(rule, day):
                windows = common(windows, rule.open)
    return windows


@lru_cache(maxsize=4096)
def closed_by(case: Case, table: type[HoursRule | DaysRule], now: datetime, ring_seconds: int) -> tuple[str, ...]:
    """Ids of the rules, of hours or of special dates, that by themselves forbid a call that rings so long."""
    rules = (rule for rule in case.rulebook.reaching(case.reach) if isinstance(rule, table))
    return tuple(rule.id for rule in rules if not _lets_ring(rule, case.zones, now, timedelta(seconds=ring_seconds)))


def _lets_ring(rule: HoursRule | DaysRule, zones: frozenset[str], now: datetime, ring: timedelta) -> bool:
    named = rule.clock if isinstance(rule, HoursRule) else None
    clocks_asked = frozenset({named}) if named else zones
    if not clocks_asked:
        return isinstance(rule, DaysRule)  # nobody knows the hour there, so hours forbid it, and no date need be asked
    closes = open_until(everywhere(partial(_windows_of, rule), clocks_asked), now)
    return closes is not None and now + ring < closes


def _windows_of(rule: HoursRule | DaysRule, day: date) -> Windows:
    if not rule.in_force(day):
        return ALL_DAY
    if isinstance(rule, HoursRule):
        return rule.open[day.weekday()]
    return rule.open if falls_on(rule, day) else ALL_DAY


def falls_on(rule: DaysRule, day: date) -> bool:
    """Whether the day is one of the rule's."""
    if DAYS[day.weekday()] not in rule.weekdays:
        return False
    if rule.on == "holidays":
        return is_holiday(calendar_of(rule), rule.also, day)
    if rule.on == "eves":
        return is_eve(calendar_of(rule), rule.also, day)
    text = day.isoformat()
    return text in rule.on or text[5:] in rule.on


def next_change(case: Case, after: datetime) -> datetime | None:
    """When, in any of the zones, the next day comes on which a rule begins or has ended; None for never."""
    moments = _moments_of_change(case)
    index = bisect_right(moments, after)
    return moments[index] if index < len(moments) else None


@lru_cache(maxsize=65_536)
def _moments_of_change(case: Case) -> tuple[datetime, ...]:
    rules = case.rulebook.reaching(case.reach)
    days = {rule.effective_from for rule in rules if rule.effective_from != date.min}
    days |= {rule.effective_to + ONE_DAY for rule in rules if rule.effective_to != date.max}
    midnights = (datetime.combine(day, time(), clock) for clock in clocks(case.zones) for day in days)
    return tuple(sorted(midnight.astimezone(UTC) for midnight in midnights))
