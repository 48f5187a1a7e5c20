"""How long records must be kept: as the packs say, and as long as caps and pauses look back on them."""

from datetime import UTC, datetime, timedelta
from math import isinf
from typing import Literal, NamedTuple

from compliance.cool_down import asks_for
from compliance.locating import LocatingError, locate
from compliance.rule import CapRule, CoolDownRule, RetentionRule, Rule
from compliance.rulebook import ANYBODY, Reach, Rulebook, country_of

FOR_EVER = datetime.max.replace(tzinfo=UTC)
Record = Literal["attempts", "do-not-call", "consents"]


class Kept(NamedTuple):
    """Until when, at the earliest moment `since` itself, and the ids of the rules that ask for it."""

    until: datetime
    rules: tuple[str, ...]


def reach_of(rulebook: Rulebook, number: str, kind: str, campaign: str, client: str) -> Reach:
    """A number's country with all its states, for people move; everywhere for one that cannot be placed."""
    try:
        countries = set(map(country_of, locate(number).jurisdictions))
    except LocatingError:
        countries = set()
    countries = countries or {pack.country for pack in rulebook.packs if pack.country}
    places = countries.union(*(rulebook.states(country) for country in countries))
    return Reach(kind, "live", frozenset(places), ANYBODY, campaign, client)


def retained(rulebook: Rulebook, reach: Reach, record: Record, since: datetime) -> Kept:
    """How long the law wants a record of that moment, the longest of all rules."""
    rules = [rule for rule in _in_force(rulebook, reach, since) if isinstance(rule, RetentionRule)]
    asking = sorted(rule.id for rule in rules if record in rule.of)
    years = max((rule.years for rule in rules if record in rule.of), default=0)
    return Kept(_years_after(since, years), tuple(asking))


def looked_back_on(rulebook: Rulebook, reach: Reach, came_to: str, ended_at: datetime) -> datetime:
    """Until when a cap or a pause may still ask for an attempt that ended so."""
    hours = [0.0]
    for rule in _in_force(rulebook, reach, ended_at):
        if isinstance(rule, CapRule) and rule.hours is not None:
            hours.append(rule.hours)
        if isinstance(rule, CoolDownRule) and asks_for(rule, came_to):
            hours.append(rule.hours)
    longest = max(hours)
    return FOR_EVER if isinf(longest) else ended_at + timedelta(hours=longest)


def _in_force(rulebook: Rulebook, reach: Reach, moment: datetime) -> list[Rule]:
    day = moment.astimezone(UTC).date()
    return [rule for rule in rulebook.reaching(reach) if rule.in_force(day)]


def _years_after(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, month=3, day=1)
