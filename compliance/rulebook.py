"""The rules as data: `rules/*.toml`, one pack per country, read into a frozen Rulebook."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from itertools import combinations
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from compliance.calling_hours import DAY, Windows, common

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")

Week = tuple[Windows, ...]  # Monday first


class RuleError(ValueError):
    """A rule cannot be used; the message names the file, the rule, the key and what is wrong."""


def _windows(texts: list[str]) -> Windows:
    windows: list[tuple[int, int]] = []
    for text in texts:
        found = WINDOW.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no window: write 08:00-21:00")
        start_hour, start_minute, end_hour, end_minute = map(int, found.groups())
        opens, closes = (start_hour * 60 + start_minute) * 60, (end_hour * 60 + end_minute) * 60
        if not opens < closes <= DAY:
            raise ValueError(f"{text!r} does not end after it begins on the same day")
        if windows and opens <= windows[-1][1]:
            raise ValueError(f"{text!r} does not come after the window before it")
        windows.append((opens, closes))
    return tuple(windows)


def _week(open_: dict[str, list[str]]) -> Week:
    """From { mon-fri = [...], sat = [...], sun = [] }: every day once, an empty list for a day without calls."""
    week: dict[str, Windows] = {}
    for key, texts in open_.items():
        first, _, last = key.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{key!r} is no day: write mon … sun, or mon-fri")
        for day in DAYS[DAYS.index(first) : DAYS.index(last or first) + 1]:
            if day in week:
                raise ValueError(f"{day} is given twice")
            week[day] = _windows(texts)
    missing = [day for day in DAYS if day not in week]
    if missing:
        raise ValueError(f"no windows for {', '.join(missing)}: write [] for a day without calls")
    return tuple(week[day] for day in DAYS)


class Rule(BaseModel):
    """What every rule says of itself. Without `effective_from` (custom only) it has always been in force."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
    scope: Annotated[frozenset[Literal["telemarketing", "survey"]], Field(min_length=1)]
    protects: Annotated[frozenset[Literal["residence", "mobile", "business"]], Field(min_length=1)]
    basis: Literal["law", "custom"]
    citation: Annotated[str, Field(min_length=1)]
    confidence: Literal["high", "medium", "low"]
    effective_from: date = date.min
    effective_to: date = date.max  # the last day in force
    note: str = ""

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.basis == "law" and self.effective_from == date.min:
            raise ValueError("effective_from is missing: a law has a date")
        if self.effective_to < self.effective_from:
            raise ValueError(f"effective_to {self.effective_to} lies before effective_from {self.effective_from}")
        return self

    def reaches(self, kind: str, jurisdictions: frozenset[str], day: date) -> bool:
        """Whether it binds such a call to somebody there on that local day; a country's rule binds its states."""
        there = any(place == self.jurisdiction or place.startswith(self.jurisdiction + "-") for place in jurisdictions)
        return there and kind in self.scope and self.effective_from <= day <= self.effective_to


class HoursRule(Rule):
    """When a call may ring, in the called party's local time."""

    open: Annotated[Week, BeforeValidator(_week)]


class AbandonmentRule(Rule):
    """How many answered calls may find no agent, and what counts as one."""

    ceiling: Annotated[float, Field(ge=0, lt=1)]  # fraction of live answers
    connect_seconds: Annotated[float, Field(gt=0)]
    ring_seconds_minimum: Annotated[int, Field(gt=0)]
    window_days: Annotated[int, Field(gt=0)]


class Pack(BaseModel):
    """One file: the rules of a country and of its states."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    hours: tuple[HoursRule, ...]
    abandonment: tuple[AbandonmentRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Abandonment:
    """The strictest of the abandonment rules that hold together."""

    ceiling: float  # fraction of live answers
    connect_seconds: float
    ring_seconds_minimum: int
    window_days: int
    rules: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rulebook:
    """All packs. Equal only to itself, so that what follows from it can be remembered cheaply."""

    packs: tuple[Pack, ...]

    def without_hours(self, kind: str, jurisdictions: frozenset[str], day: date) -> tuple[str, ...]:
        """The countries among the jurisdictions that have no calling hours for this kind of call on a local day."""
        ruled = {rule.jurisdiction for rule in self.hours(kind, jurisdictions, day)}
        return tuple(sorted({place[:2] for place in jurisdictions} - ruled))

    def hours(self, kind: str, jurisdictions: frozenset[str], day: date) -> tuple[HoursRule, ...]:
        """The calling hours that bind on a local day, by id."""
        return _reaching((rule for pack in self.packs for rule in pack.hours), kind, jurisdictions, day)

    def windows(self, kind: str, jurisdictions: frozenset[str], day: date) -> Windows:
        """The times of a local day that every rule leaves open; none where a country has no rule."""
        return _common_windows(self, kind, jurisdictions, day)

    def abandonments(self, kind: str, jurisdictions: frozenset[str], day: date) -> tuple[AbandonmentRule, ...]:
        """The abandonment rules that bind on a local day, by id."""
        return _reaching((rule for pack in self.packs for rule in pack.abandonment), kind, jurisdictions, day)

    def abandonment(self, jurisdictions: frozenset[str], on: date, kind: str = "telemarketing") -> Abandonment:
        """The strictest of them. Raises RuleError where there is none."""
        rules = self.abandonments(kind, jurisdictions, on)
        if not rules:
            places = ", ".join(sorted(jurisdictions)) or "nowhere"
            raise RuleError(f"no abandonment rule for {kind} in {places} on {on}: add one to compliance/rules")
        return Abandonment(
            ceiling=min(rule.ceiling for rule in rules),
            connect_seconds=min(rule.connect_seconds for rule in rules),
            ring_seconds_minimum=max(rule.ring_seconds_minimum for rule in rules),
            window_days=min(rule.window_days for rule in rules),
            rules=tuple(rule.id for rule in rules),
        )


def read_pack(name: str, text: str) -> Pack:
    """One file's text. Raises RuleError naming the file, the rule and the key."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{name}: {error}") from None
    try:
        pack = Pack.model_validate(raw)
    except ValidationError as error:
        raise RuleError(f"{name}: {_complaint(raw, error)}") from None
    for rule in (*pack.hours, *pack.abandonment):
        if rule.jurisdiction[:2] != pack.country:
            raise RuleError(f"{name}: rule {rule.id}: jurisdiction: {rule.jurisdiction} is not in {pack.country}")
    _refuse_overlaps(name, pack.hours)
    _refuse_overlaps(name, pack.abandonment)
    return pack


def make_rulebook(packs: Iterable[Pack]) -> Rulebook:
    """Raises RuleError when two packs are of one country or two rules have one id."""
    packs = tuple(packs)
    seen: set[str] = set()
    for name in (name for pack in packs for name in (pack.country, *(r.id for r in (*pack.hours, *pack.abandonment)))):
        if name in seen:
            raise RuleError(f"{name} is given twice in compliance/rules: a country has one pack, a rule one id")
        seen.add(name)
    return Rulebook(packs)


def load() -> Rulebook:
    """The packs that come with the package."""
    files = sorted((resources.files("compliance") / "rules").iterdir(), key=lambda file: file.name)
    return make_rulebook(
        read_pack(file.name, file.read_text(encoding="utf-8")) for file in files if file.name.endswith(".toml")
    )


def _complaint(raw: dict[str, Any], error: ValidationError) -> str:
    problem = error.errors()[0]
    message = problem["msg"].removeprefix("Value error, ")
    match problem["loc"]:
        case (str(table), int(index), *keys):
            rule = raw[table][index].get("id", f"number {index + 1} of {table}")
            return ": ".join([f"rule {rule}", *map(str, keys), message])
        case keys:
            return ": ".join([*map(str, keys), message])


def _refuse_overlaps(name: str, rules: Iterable[Rule]) -> None:
    """Two rules of one kind for the same people on the same day would leave open which of them is meant."""
    for one, other in combinations(rules, 2):
        if (
            one.jurisdiction == other.jurisdiction
            and one.scope & other.scope
            and one.protects & other.protects
            and max(one.effective_from, other.effective_from) <= min(one.effective_to, other.effective_to)
        ):
            raise RuleError(f"{name}: rule {other.id}: effective_from: overlaps with rule {one.id}")


AnyRule = TypeVar("AnyRule", bound=Rule)


def _reaching(rules: Iterable[AnyRule], kind: str, jurisdictions: frozenset[str], day: date) -> tuple[AnyRule, ...]:
    found = (rule for rule in rules if rule.reaches(kind, jurisdictions, day))
    return tuple(sorted(found, key=lambda rule: rule.id))


@lru_cache(maxsize=16_384)
def _common_windows(rulebook: Rulebook, kind: str, jurisdictions: frozenset[str], day: date) -> Windows:
    if rulebook.without_hours(kind, jurisdictions, day):
        return ()
    windows: Windows = ((0, DAY),)
    for rule in rulebook.hours(kind, jurisdictions, day):
        windows = common(windows, rule.open[day.weekday()])
    return windows
