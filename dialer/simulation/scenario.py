"""A call centre to be simulated: who works, who answers, what the carrier and the law allow."""

import tomllib
from bisect import bisect_right
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from compliance.area_codes import AREA_CODES

LEAST_RING_SECONDS = 15.0  # before a line may be hung up: no rule pack has less
LONGEST_SHIFT_HOURS = 23.0  # the last calls of one day must end before the next begins
MOST_VARIATION = 100.0
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Seconds = Annotated[float, Field(ge=0)]
LogOdds = Annotated[float, Field(ge=0, le=10)]


class ScenarioError(ValueError):
    """A scenario that cannot be; the message names the file, the key and what is wanted."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


P = TypeVar("P", bound=_Part)


SHAPES = {
    "lognormal": ("mean", "variation"),
    "exponential": ("mean",),
    "uniform": ("low", "high"),
    "log": ("file", "scale"),
}
PARTS = {name for names in SHAPES.values() for name in names}


class Times(_Part):
    """How long something lasts. `variation` is the standard deviation over the mean; a log has its own."""

    shape: Literal["lognormal", "exponential", "uniform", "log"] = "lognormal"
    mean: Positive = 1.0
    variation: Annotated[float, Field(ge=0, le=MOST_VARIATION)] = 1.0
    low: Seconds = 0.0  # of the uniform shape
    high: Positive = 1.0
    file: Path | None = None  # of the log: a CSV file with a column `duration`, in seconds
    scale: Positive = 1.0  # to the log's times

    @model_validator(mode="after")
    def _complete(self) -> Self:
        others = sorted(PARTS.difference(SHAPES[self.shape]))
        foreign = [name for name in others if getattr(self, name) != type(self).model_fields[name].default]
        if foreign:
            raise ValueError(f"{foreign[0]}: shape {self.shape} has {' and '.join(SHAPES[self.shape])}")
        if "mean" in SHAPES[self.shape] and "mean" not in self.model_fields_set:
            raise ValueError(f"mean is missing: shape {self.shape} wants it, in seconds")
        if self.shape == "uniform" and self.low >= self.high:
            raise ValueError(f"uniform between {self.low:g} and {self.high:g}: low must lie below high")
        if (self.shape == "log") != (self.file is not None):
            raise ValueError("shape log and file go together: give both or none")
        return self


def _profile(value: Any) -> Any:
    return ((0.0, value),) if isinstance(value, int | float) else value


# (hours since the shift began, the share from then on)
Profile = Annotated[tuple[tuple[Seconds, Share], ...], BeforeValidator(_profile), Field(min_length=1)]


class Callees(_Part):
    """Shares of all dials; what is left over does not answer. Times in seconds."""

    human: Profile = ((0.0, 0.2),)
    machine: Share = 0.25  # voicemail
    busy: Share = 0.12  # busy and dead numbers
    setup: Times = Times(shape="uniform", low=0.3, high=1.5)
    human_ring: Times = Times(mean=10, variation=0.5)
    machine_ring: Times = Times(mean=19, variation=0.2)
    talk: Times = Times(mean=60, variation=1.0)
    machine_talk: Times = Times(mean=6, variation=0.3)  # until an agent who hears a voicemail hangs up
    machine_wrap_up: Share = 0.1  # after that, of the time that a person's call takes
    spread: LogOdds = 0.0  # of the leads' own chances: standard deviation of the log odds
    known: Share = 1.0  # of that spread's variance, what the leads' features tell

    @model_validator(mode="after")
    def _shares(self) -> Self:
        for hour, human in self.human:
            if human + self.machine + self.busy > 1 + 1e-9:
                total = human + self.machine + self.busy
                raise ValueError(f"from hour {hour:g} human, machine and busy add up to {total:.3f}: give at most 1")
        if [hour for hour, _ in self.human] != sorted({hour for hour, _ in self.human}) or self.human[0][0] != 0:
            raise ValueError("human: give the hours rising from 0, each once")
        return self

    def human_at(self, hours: float) -> float:
        """The share of dials that a person answers, so long after the shift began."""
        return self.human[bisect_right(self.human, (hours, 2.0)) - 1][1]


class Detection(_Part):
    """Machine detection: before an agent is given to the call, or `beside` it, which takes the agent off a machine."""

    beside: bool = False
    delay: Times = Times(shape="uniform", low=1, high=3)
    human_taken_for_machine: Share = 0.04
    machine_taken_for_human: Share = 0.06


def _unless_off(value: Any) -> Any:
    return None if value is False else value  # TOML has no null: `detection = false`


class Break(_Part):
    """A share of the floor leaves within `within_seconds` from `at_hours` on, for a while."""

    at_hours: Seconds
    share: Share
    minutes: Positive
    within_seconds: Positive = 30.0


class Team(_Part):
    """The agents of one campaign."""

    agents: Annotated[int, Field(ge=1, le=1000)] = 10
    hours: Annotated[float, Field(gt=0, le=LONGEST_SHIFT_HOURS)] = 8.0
    days: Annotated[int, Field(ge=1, le=400)] = 1
    wrap_up: Times = Times(mean=20, variation=0.8)
    speed_spread: Share = 0.15  # of the agents' talk and wrap-up times, about 1
    log_in_within_minutes: Seconds = 10.0  # of the shift's begin; the same before its end
    breaks_per_hour: Annotated[float, Field(ge=0, le=60)] = 0.25  # of each agent, at random
    break_minutes: Positive = 5.0
    meal_minutes: Seconds = 30.0  # once, in the middle third of the shift
    breaks: tuple[Break, ...] = ()

    @model_validator(mode="after")
    def _inside_the_shift(self) -> Self:
        shift = f"the shift of {self.hours:g} hours"
        for rest in self.breaks:
            if rest.at_hours + rest.minutes / 60 >= self.hours:
                raise ValueError(f"a break of {rest.minutes:g} minutes at hour {rest.at_hours:g} ends after {shift}")
        for name in ("meal_minutes", "break_minutes"):
            if name in self.model_fields_set and getattr(self, name) >= 60 * self.hours:
                raise ValueError(f"{name} {getattr(self, name):g} is no shorter than {shift}: give less")
        return self


def _american(code: str) -> str:
    if not any(place.startswith("US-") for place in AREA_CODES.get(code, ())):
        raise ValueError(f"{code!r} is no area code of the United States: give three digits, as in 212")
    return code


AreaCode = Annotated[str, AfterValidator(_american)]


class LaterList(_Part):
    """Loaded while the campaign runs."""

    at_hours: Positive  # since the first shift began
    number: Annotated[int, Field(ge=1, le=200_000)]
    # By which its leads' log odds of answering are better than those of the first list
    odds: Annotated[float, Field(ge=-10, le=10)] = 0.0


class Leads(_Part):
    """A list, each lead of which answers more or less readily for good. Spreads are in log odds.

    `callees.human` is the share in which all leads of the list answer, the dead numbers included.
    """

    number: Annotated[int, Field(ge=1, le=200_000)] = 10_000
    area_codes: Annotated[tuple[AreaCode, ...], Field(min_length=1)] = (
        *("212", "404", "617", "312", "214", "612"),
        *("303", "505", "213", "206"),
    )
    kind: Literal["telemarketing", "survey"] = "telemarketing"
    consent: Literal["none", "relationship", "express", "written"] = "written"  # that all have given
    attempts_per_lead: Annotated[int, Field(ge=1)] = 6
    attempts_per_day: Annotated[int, Field(ge=1)] = 3
    dead: Annotated[float, Field(ge=0, lt=1)] = 0.05  # of the leads: no such number, of the share of busy ones
    spread: LogOdds = 1.0  # of leads of one area code, standard deviation
    area_spread: LogOdds = 0.4  # of the area codes, standard deviation
    hour_spread: LogOdds = 0.5  # by which the best part of the day is better; the others half less
    callbacks: Share = 0.0  # of the persons reached, who promise a time instead
    callback_hours: Annotated[float, Field(gt=0, le=1000)] = 3.0
    lead_aware: bool = False  # dial who is likely to answer first, as far as that is learned
    later: tuple[LaterList, ...] = ()


class Campaign(_Part):
    """One of several that share the team; what it leaves out is as the scenario says."""

    name: Annotated[str, Field(min_length=1)]
    callees: Callees | None = None
    leads: Leads | None = None
    drop_rate_ceiling: Annotated[float, Field(gt=0, lt=1)] | None = None


EASTERN = timezone(timedelta(hours=-5))
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Scenario(_Part):
    """Contradictory values raise `pydantic.ValidationError`; `load` names the file too."""

    name: str = "scenario"
    team: Team = Team()
    callees: Callees = Callees()
    # The first shift; leads have their own clocks.
    begins: Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)] = datetime(2027, 3, 2, 9, tzinfo=EASTERN)
    leads: Leads | None = None  # without a list a fresh callee is met at every dial
    campaigns: tuple[Campaign, ...] = ()  # that share the team; none: one of the values above and below
    detection: Annotated[Detection | None, BeforeValidator(_unless_off)] = Detection()
    calls_per_second: Positive | None = None  # the carrier's
    lines: Annotated[int, Field(ge=1)] | None = None  # that may be busy at once
    ring_seconds: Positive = 25.0
    give_up_seconds: Annotated[float, Field(ge=LEAST_RING_SECONDS)] | None = None  # lines may be hung up after so much
    connect_seconds: Seconds = 2.0  # an answered call waits so long for an agent
    drop_rate_ceiling: Annotated[float, Field(gt=0, lt=1)] = 0.03
    machine_error: Share = 0.0  # of the machines that answer (detection beside: that no agent met), persons abandoned
    cut_off_error: Share = 0.0  # the same of those that a detector beside the call takes from an agent
    tick_seconds: Annotated[float, Field(ge=0.01, le=3600)] = 1.0

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.give_up_seconds is not None and self.give_up_seconds >= self.ring_seconds:
            raise ValueError(
                f"give_up_seconds {self.give_up_seconds:g} is not below ring_seconds {self.ring_seconds:g}"
            )
        if self.lines is not None and self.lines < self.team.agents:
            raise ValueError(f"{self.lines} lines for {self.team.agents} agents: give at least one for each")
        names = [campaign.name for campaign in self.campaigns]
        if len(names) != len(set(names)):
            raise ValueError(f"campaigns {', '.join(names)}: give each a name of its own")
        for played in self.by_campaign():
            if played.leads is not None:
                _possible_list(played, played.leads)
        return self

    def by_campaign(self) -> tuple["Scenario", ...]:
        """What each campaign plays, with the whole team; one at least."""
        return tuple(self._of(campaign) for campaign in self.campaigns) or (self,)

    def _of(self, campaign: Campaign) -> "Scenario":
        given = campaign.model_dump(exclude_none=True)
        return self.model_copy(update={name: getattr(campaign, name) for name in given} | {"campaigns": ()})


def _possible_list(scenario: Scenario, leads: Leads) -> None:
    callees, team = scenario.callees, scenario.team
    if callees.spread:
        raise ValueError("callees.spread is for callees without a list: give leads.spread instead")
    if leads.dead > callees.busy:
        raise ValueError(f"leads.dead {leads.dead:g} is part of callees.busy {callees.busy:g}: give at most that")
    last = (team.days - 1) * 24 + team.hours
    for more in leads.later:
        if more.at_hours >= last:
            raise ValueError(f"leads.later: a list at hour {more.at_hours:g}, and the last shift ends at hour {last:g}")


def load(file: Path) -> Scenario:
    """Read a scenario. Paths in it are relative to the file. Raises ScenarioError."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        scenario = Scenario.model_validate({"name": file.stem, **values})
    except OSError as error:
        raise ScenarioError(f"{file}: {error.strerror}: name a scenario or its file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{file}: {error}") from None
    except ValidationError as error:
        raise ScenarioError(f"{file}: {_first(error)}") from None
    return _with_logs(file, scenario)


def _with_logs(scenario: Path, part: P, *keys: str) -> P:
    """With the paths of all logs of times made whole."""
    changes: dict[str, Any] = {}
    for name, value in part:
        if isinstance(value, _Part):
            changes[name] = _with_logs(scenario, value, *keys, name)
        elif name == "campaigns":
            changes[name] = tuple(_with_logs(scenario, one, *keys, f"{name}.{at}") for at, one in enumerate(value))
    if isinstance(part, Times) and part.file is not None:
        changes["file"] = scenario.parent / part.file
        if not changes["file"].is_file():
            raise ScenarioError(f"{scenario}: {'.'.join(keys)}.file: there is no {part.file}")
    return part.model_copy(update=changes)


def resized(scenario: Scenario, agents: int | None = None, days: int | None = None) -> Scenario:
    """The same with another team size or length. Raises ScenarioError."""
    asked = {"agents": agents, "days": days}
    team = scenario.team.model_dump(exclude_unset=True) | {
        name: value for name, value in asked.items() if value is not None
    }
    try:
        return Scenario.model_validate({**scenario.model_dump(exclude={"team"}), "team": team})
    except ValidationError as error:
        raise ScenarioError(f"{scenario.name}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")
    return f"{key}: {said}" if key else said
