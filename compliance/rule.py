"""What a rule may say: one frozen model per table of a rule pack. How to write them: compliance/README.md."""

import re
from datetime import date
from math import isinf
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from compliance.calling_hours import DAY, Windows
from compliance.locating import LocatingError, known_zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
DATE = re.compile(r"(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
LEAP_YEAR = "2000-"  # 29 February is a date
HOURS_MAXIMUM = 100 * 366 * 24  # of a cap or a pause that ends

Week = tuple[Windows, ...]  # Monday first
Kind = Literal["telemarketing", "survey", "debt-collection"]
Voice = Literal["live", "recorded"]
Callee = Literal["residence", "mobile", "business"]
Level = Literal["relationship", "express", "written"]
LEVELS = ("none", "relationship", "express", "written")  # of consent, rising
ALL_CALLEES: frozenset[Callee] = frozenset({"residence", "mobile", "business"})
ALL_VOICES: frozenset[Voice] = frozenset({"live", "recorded"})


def holds(consent: str, needed: Level) -> bool:
    """Whether a consent is at least what is needed. Raises ValueError for an unknown one."""
    return LEVELS.index(consent) >= LEVELS.index(needed)


def _texts(value: object, example: str) -> list[str]:
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return value
    raise ValueError(f"{value!r} is no list of texts: write {example}")


def _windows(texts: object) -> Windows:
    windows: list[tuple[int, int]] = []
    for text in _texts(texts, '["08:00-21:00"]'):
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


def _week(open_: object) -> Week:
    """From { mon-fri = [...], sat = [...], sun = [] }: every day once, an empty list for a day without calls."""
    if not isinstance(open_, dict):
        raise ValueError(f'{open_!r} is no week: write {{ mon-fri = ["08:00-21:00"], sat-sun = [] }}')
    week: dict[str, Windows] = {}
    for key, texts in open_.items():
        first, _, last = key.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"{key!r} is no day: write mon … sun, or mon-fri")
        if last and DAYS.index(last) <= DAYS.index(first):
            raise ValueError(f"{key!r} runs backwards: a week begins on mon")
        for day in DAYS[DAYS.index(first) : DAYS.index(last or first) + 1]:
            if day in week:
                raise ValueError(f"{day} is given twice")
            week[day] = _windows(texts)
    missing = [day for day in DAYS if day not in week]
    if missing:
        raise ValueError(f"no windows for {', '.join(missing)}: write [] for a day without calls")
    return tuple(week[day] for day in DAYS)


def _dates(value: object) -> frozenset[str]:
    texts = _texts(value, '["12-24", "2026-12-24"]')
    for text in texts:
        if not DATE.fullmatch(text):
            raise ValueError(f"{text!r} is no date: write 12-24 for every year or 2026-12-24")
        date.fromisoformat(text if len(text) > len("12-24") else LEAP_YEAR + text)
    return frozenset(texts)


def _occasion(on: object) -> str | frozenset[str]:
    if isinstance(on, list):
        return _dates(on)
    if not isinstance(on, str) or on not in ("holidays", "eves"):
        raise ValueError(f"{on!r} is no occasion: write holidays, eves or a list of dates")
    return on


def _clock(name: object) -> str:
    """A place's zone, or a fixed offset where a statute names standard time."""
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is no time zone: write America/New_York")
    if re.fullmatch(r"Etc/GMT[+-]\d{1,2}", name):
        return name
    try:
        return known_zone(name)
    except LocatingError as error:
        raise ValueError(str(error)) from None


def _span(hours: float) -> float:
    """Of a cap or a pause, short enough to be reckoned with."""
    if not isinf(hours) and hours > HOURS_MAXIMUM:
        raise ValueError(f"{hours:g} hours are more than {HOURS_MAXIMUM}: write inf for a pause without end")
    return hours


class Rule(BaseModel):
    """What every rule says of itself. Without `effective_from` it was in force before anything that we look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    table: ClassVar[str]

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    jurisdiction: Annotated[str, Field(pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|\*)$")]
    scope: Annotated[frozenset[Kind], Field(min_length=1)]
    voice: Annotated[frozenset[Voice], Field(min_length=1)] = ALL_VOICES
    protects: Annotated[frozenset[Callee], Field(min_length=1)] = ALL_CALLEES
    basis: Literal["law", "code", "custom"]
    citation: Annotated[str, Field(min_length=1)]
    confidence: Literal["high", "medium", "low"]
    effective_from: date = date.min
    effective_to: date = date.max  # the last day in force
    repealed: bool = False  # nothing follows after `effective_to`
    note: str = ""

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.effective_to < self.effective_from:
            raise ValueError(f"effective_to {self.effective_to} lies before effective_from {self.effective_from}")
        if self.repealed and self.effective_to == date.max:
            raise ValueError("repealed without effective_to: write the last day in force")
        return self

    @property
    def key(self) -> tuple[object, ...]:
        """What tells two rules of one table for the same people apart."""
        return ()

    def in_force(self, day: date) -> bool:
        """On that local day."""
        return self.effective_from <= day <= self.effective_to


class LiftedRule(Rule):
    """A rule that does not bind whoever holds a consent of at least `lifted_by` for the number."""

    lifted_by: Level | None = None


class HoursRule(Rule):
    """When a call may ring, by the called party's clock or by the one that the law names."""

    table = "hours"
    open: Annotated[Week, BeforeValidator(_week)]
    clock: Annotated[str, BeforeValidator(_clock)] | None = None

    @property
    def key(self) -> tuple[object, ...]:
        return (self.clock,)


class DaysRule(Rule):
    """Special dates: on them a call must lie in `open` too."""

    table = "days"
    on: Annotated[Literal["holidays", "eves"] | frozenset[str], BeforeValidator(_occasion)]
    open: Annotated[Windows, BeforeValidator(_windows)]
    calendar: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    also: Annotated[frozenset[str], BeforeValidator(_dates)] = frozenset()
    weekdays: frozenset[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = frozenset(DAYS)  # type: ignore[arg-type]

    @property
    def key(self) -> tuple[object, ...]:
        return (self.on, self.calendar)


class ConsentRule(Rule):
    """What the called party must have agreed to before."""

    table = "consent"
    needs: Level


class CapRule(LiftedRule):
    """So many attempts and no more."""

    table = "cap"
    attempts: Annotated[int, Field(ge=1)]
    # Of a rolling window; None for the campaign's whole life
    hours: Annotated[float, Field(gt=0, allow_inf_nan=False), AfterValidator(_span)] | None = None
    of: Literal["number", "person"]
    across: Literal["everyone", "client", "campaign"]

    @property
    def key(self) -> tuple[object, ...]:
        return (self.of, self.across, self.hours)


class CoolDownRule(LiftedRule):
    """No attempt for a while after what came of an earlier one."""

    table = "cool_down"
    after: Literal["abandoned", "machine", "refusal", "conversation", "hung-up"]
    hours: Annotated[float, Field(gt=0), AfterValidator(_span)]  # inf for ever
    times: Annotated[int, Field(ge=1)] = 1  # so many of them in a row
    of: Literal["number", "person"]
    across: Literal["everyone", "client", "campaign"]
    unless_agent_reserved: bool = False
    until_next_attempt: bool = False  # only when it came of the latest attempt

    @property
    def key(self) -> tuple[object, ...]:
        return (self.after, self.times, self.until_next_attempt)


class LineBanRule(LiftedRule):
    """Lines that must not be called at all; a line of unknown type may be one of them."""

    table = "line_ban"
    lines: Annotated[frozenset[Literal["mobile", "landline", "voip"]], Field(min_length=1)]


class ListRule(LiftedRule):
    """A do-not-call list of the state that calls must be held against."""

    table = "do_not_call"
    list: Annotated[str, Field(pattern=r"^(national|state):[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
    age_days_maximum: Annotated[int, Field(ge=0)] | None = None
    required: bool = True  # without a copy no call

    @property
    def key(self) -> tuple[object, ...]:
        return (self.list,)


class AbandonmentRule(Rule):
    """How many calls may be abandoned, of which calls, and over what time."""

    table = "abandonment"
    ceiling: Annotated[float, Field(ge=0, lt=1)]  # fraction
    of: Literal["live-answers", "calls-placed", "attempts"]
    window: Literal["30-day-blocks", "calendar-month", "24-hours", "campaign"]
    across: Literal["campaign", "everyone"]
    counts_given_up: bool = False  # ring-outs cancelled for want of an agent
    counts_cut_off: bool = True  # persons taken for machines whom an agent had already met, in time


class ConnectRule(Rule):
    """Within how many seconds an answered call must have an agent, or it is abandoned."""

    table = "connect"
    seconds: Annotated[float, Field(gt=0)]
    counted_from: Literal["answer", "greeting"]


class RingRule(Rule):
    """How long an unanswered call must and may ring."""

    table = "ring"
    seconds_minimum: Annotated[int, Field(gt=0)] | None = None
    seconds_maximum: Annotated[int, Field(gt=0)] | None = None


class MessageRule(Rule):
    """The recorded message that an abandoned call must get."""

    table = "message"
    says: Annotated[frozenset[Literal["caller", "number", "purpose", "opt-out"]], Field(min_length=1)]
    seconds: Annotated[float, Field(gt=0)] | None = None  # it begins within


class EmergencyRule(Rule):
    """Calls that stop where an emergency has been declared."""

    table = "emergency"


class RetentionRule(Rule):
    """How long records must be kept."""

    table = "retention"
    years: Annotated[int, Field(gt=0)]
    of: Annotated[frozenset[Literal["attempts", "do-not-call", "consents"]], Field(min_length=1)]

    @property
    def key(self) -> tuple[object, ...]:
        return (self.of,)


class RecordingRule(Rule):
    """Who must know that a call is recorded."""

    table = "recording"
    consent: Literal["one", "one-with-notice", "all"]


class DutyRule(Rule):
    """What people must do and a dialer cannot see."""

    table = "duty"
    text: Annotated[str, Field(min_length=1)]
