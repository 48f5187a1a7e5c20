"""Rule packs: one TOML text per country, or of our own for one campaign or client, checked as it is read."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compliance.calendars import UnknownCalendar, holidays_of
from compliance.facts import Measure
from compliance.places import is_jurisdiction
from compliance.rule import (
    AbandonmentRule,
    CapRule,
    ConnectRule,
    ConsentRule,
    CoolDownRule,
    DaysRule,
    DutyRule,
    EmergencyRule,
    HoursRule,
    LineBanRule,
    ListRule,
    MessageRule,
    RecordingRule,
    RetentionRule,
    RingRule,
    Rule,
)

TABLES: Mapping[str, type[Rule]] = MappingProxyType(
    {
        model.table: model
        for model in (
            HoursRule,
            DaysRule,
            ConsentRule,
            CapRule,
            CoolDownRule,
            LineBanRule,
            ListRule,
            AbandonmentRule,
            ConnectRule,
            RingRule,
            MessageRule,
            EmergencyRule,
            RetentionRule,
            RecordingRule,
            DutyRule,
        )
    }
)
MAY_STAND_TOGETHER = (DutyRule, MessageRule, EmergencyRule)
ONE_DAY = timedelta(days=1)


class RuleError(ValueError):
    """A rule cannot be used; the message names the file, the rule, the key and what is wrong, on one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


class _Head(BaseModel):
    """What a pack says before its rules."""

    model_config = ConfigDict(extra="forbid")

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = ""
    campaign: str = ""
    client: str = ""
    version: date


@dataclass(frozen=True, slots=True)
class Pack:
    """One file. Of a country, or of our own: then it binds one campaign, or all of one client."""

    name: str  # of the file
    country: str
    campaign: str
    client: str
    version: date  # the facts were looked at up to this day
    rules: tuple[Rule, ...]
    text: str

    def reaches(self, campaign: str, client: str) -> bool:
        return self.campaign in ("", campaign) and self.client in ("", client)


def read_pack(name: str, text: str) -> Pack:
    """One file's text. Raises RuleError naming the file, the rule and the key."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{name}: {error}") from None
    tables = {key: value for key, value in raw.items() if isinstance(value, list)}
    if single := next((key for key in TABLES if isinstance(raw.get(key), dict)), None):
        raise RuleError(f"{name}: {single}: write [[{single}]] with two brackets")
    head = _head(name, {key: value for key, value in raw.items() if key not in tables})
    rules = tuple(_rule(name, table, raw_rule) for table, raws in tables.items() for raw_rule in raws)
    for rule in rules:
        _check_place(name, head, rule)
        _check_calendar(name, rule)
    _refuse_overlaps_and_gaps(name, rules)
    return Pack(name, head.country, head.campaign, head.client, head.version, rules, text)


def _head(name: str, raw: dict[str, Any]) -> _Head:
    try:
        head = _Head.model_validate(raw)
    except ValidationError as error:
        raise RuleError(f"{name}: {_complaint(error)}") from None
    if sum(map(bool, (head.country, head.campaign, head.client))) != 1:
        raise RuleError(f"{name}: country: write one of country, campaign and client")
    return head


def _rule(name: str, table: str, raw: Any) -> Rule:
    if table not in TABLES:
        raise RuleError(f"{name}: {table}: no such table: write one of {', '.join(TABLES)}")
    named = raw.get("id", f"in [[{table}]] without an id") if isinstance(raw, dict) else f"in {table}"
    try:
        return TABLES[table].model_validate(raw)
    except ValidationError as error:
        raise RuleError(f"{name}: rule {named}: {_complaint(error)}") from None


def _complaint(error: ValidationError) -> str:
    problem = error.errors()[0]
    return ": ".join([*map(str, problem["loc"]), problem["msg"].removeprefix("Value error, ")])


def _check_place(name: str, head: _Head, rule: Rule) -> None:
    if head.country and rule.jurisdiction[:2] != head.country:
        raise RuleError(f"{name}: rule {rule.id}: jurisdiction: {rule.jurisdiction} is not in {head.country}")
    if rule.jurisdiction != "*" and not is_jurisdiction(rule.jurisdiction):
        raise RuleError(f"{name}: rule {rule.id}: jurisdiction: {rule.jurisdiction} is no place: nobody would be bound")


def _check_calendar(name: str, rule: Rule) -> None:
    if isinstance(rule, DaysRule) and isinstance(rule.on, str):
        try:
            holidays_of(calendar_of(rule), 2026)
        except UnknownCalendar as error:
            raise RuleError(f"{name}: rule {rule.id}: calendar: {error}") from None


def calendar_of(rule: DaysRule) -> str:
    """The holidays that a rule of special dates goes by."""
    return rule.calendar or rule.jurisdiction[:2]


def _refuse_overlaps_and_gaps(name: str, rules: Iterable[Rule]) -> None:
    """Two rules of one key for the same people on one day leave open which is meant; a day between them, whether any.

    Raises RuleError.
    """
    families: dict[tuple[object, ...], list[Rule]] = defaultdict(list)
    for rule in rules:
        if not isinstance(rule, MAY_STAND_TOGETHER):
            families[(rule.table, rule.jurisdiction, *rule.key)].append(rule)
    for family in families.values():
        family.sort(key=lambda rule: rule.effective_from)
        for index, one in enumerate(family):
            kin = [other for other in family[index + 1 :] if _people(one) & _people(other)]
            for other in kin:
                if other.effective_from <= one.effective_to:
                    raise RuleError(f"{name}: rule {other.id}: effective_from: overlaps with rule {one.id}")
            if one.effective_to == date.max or one.repealed:
                continue
            next_day = one.effective_to + ONE_DAY
            left = _people(one).difference(*(_people(other) for other in kin if other.effective_from == next_day))
            if left:
                whom = "" if left == _people(one) else f" for {', '.join(min(left))}"
                raise RuleError(
                    f"{name}: rule {one.id}: effective_to: nothing follows on {next_day}{whom}: "
                    "add its successor, or repealed = true"
                )


def _people(rule: Rule) -> frozenset[tuple[str, str, str]]:
    return frozenset(product(rule.scope, rule.voice, rule.protects))


def measure_of(rule: AbandonmentRule) -> Measure:
    """How the rule counts."""
    return Measure(rule.of, rule.window, rule.across, rule.counts_given_up, rule.counts_cut_off)
