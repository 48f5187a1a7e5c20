"""A rule's effect in one short sentence, for whoever asks why."""

from collections.abc import Sequence
from itertools import groupby
from math import isinf

from compliance.calling_hours import Windows
from compliance.packs import calendar_of
from compliance.rule import (
    DAYS,
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

LEVELS = {
    "relationship": "an established business relationship",
    "express": "express consent",
    "written": "written consent",
}


def effect(rule: Rule) -> str:  # noqa: C901 - one case a table
    """Raises TypeError for a table without words."""
    match rule:
        case HoursRule():
            clock = f" by {rule.clock}'s clock" if rule.clock else ""
            return f"calls only {_week(rule.open)}{clock}"
        case DaysRule():
            return f"on {_occasion(rule)} {f'only {_windows(rule.open)}' if rule.open else 'no calls'}"
        case ConsentRule():
            return f"needs {LEVELS[rule.needs]}"
        case CapRule():
            span = "in the whole campaign" if rule.hours is None else f"in any {_hours(rule.hours)}"
            bounds = f"{_across(rule.across)}{_lifted(rule.lifted_by)}"
            return f"at most {rule.attempts} attempts on one {rule.of} {span}, {bounds}"
        case CoolDownRule():
            return _cool_down(rule)
        case LineBanRule():
            return f"no calls to {_or(sorted(rule.lines))} lines{_lifted(rule.lifted_by)}"
        case ListRule():
            return _list(rule)
        case AbandonmentRule():
            over = {"30-day-blocks": "each 30 days", "calendar-month": "each month"}.get(rule.window, rule.window)
            given_up = ", calls given up while ringing included" if rule.counts_given_up else ""
            cut_off = "" if rule.counts_cut_off else ", without whom the machine detector took from an agent"
            counted = f"{_across(rule.across)}, over {over}{given_up}{cut_off}"
            return f"at most {rule.ceiling:.3g} of {rule.of} abandoned, {counted}"
        case ConnectRule():
            return f"an agent within {rule.seconds:g} s of the {rule.counted_from}"
        case RingRule():
            least = [f"at least {rule.seconds_minimum} s"] if rule.seconds_minimum else []
            most = [f"at most {rule.seconds_maximum} s"] if rule.seconds_maximum else []
            return f"rings {' and '.join([*least, *most])}"
        case MessageRule():
            within = f" within {rule.seconds:g} s" if rule.seconds else ""
            return f"an abandoned call hears{within}: {', '.join(sorted(rule.says))}"
        case EmergencyRule():
            return "no calls while an emergency is declared"
        case RetentionRule():
            return f"{', '.join(sorted(rule.of))} kept for {rule.years} years"
        case RecordingRule():
            who = {"one": "one side", "one-with-notice": "the agent, and the called party is told", "all": "all sides"}
            return f"recording with the consent of {who[rule.consent]}"
        case DutyRule():
            return rule.text
    raise TypeError(f"no words for the table {rule.table!r}")


def _week(week: Sequence[Windows]) -> str:
    days = ((DAYS[index], _windows(windows)) for index, windows in enumerate(week))
    spans = []
    for windows, group in groupby(days, key=lambda day: day[1]):
        names = [name for name, _windows in group]
        spans.append(f"{names[0]}{f'-{names[-1]}' if len(names) > 1 else ''} {windows}")
    return ", ".join(spans)


def _windows(windows: Windows) -> str:
    def clock(seconds: int) -> str:
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}"

    return " and ".join(f"{clock(opens)}-{clock(closes)}" for opens, closes in windows) or "never"


def _occasion(rule: DaysRule) -> str:
    if isinstance(rule.on, str):
        return f"{'public holidays' if rule.on == 'holidays' else 'eves of public holidays'} of {calendar_of(rule)}"
    return ", ".join(sorted(rule.on))


def _cool_down(rule: CoolDownRule) -> str:
    times = f"{rule.times} times " if rule.times > 1 else ""
    pause = "no further attempt" if isinf(rule.hours) else f"a pause of {_hours(rule.hours)}"
    reserved = ", unless an agent is reserved first" if rule.unless_agent_reserved else ""
    until = " at the last attempt" if rule.until_next_attempt else ""
    return f"after {times}{rule.after}{until}: {pause}, {_across(rule.across)}{reserved}{_lifted(rule.lifted_by)}"


def _list(rule: ListRule) -> str:
    age = f", a copy of at most {rule.age_days_maximum} days" if rule.age_days_maximum is not None else ""
    duty = "" if rule.required else ", where there is a copy"
    return f"no calls to numbers on the list {rule.list}{age}{duty}{_lifted(rule.lifted_by)}"


def _lifted(level: str | None) -> str:
    return f", unless there is {LEVELS[level]}" if level else ""


def _across(across: str) -> str:
    return {"everyone": "all campaigns together", "client": "per client", "campaign": "per campaign"}[across]


def _hours(hours: float) -> str:
    return f"{hours / 24:g} days" if hours > 48 and hours % 24 == 0 else f"{hours:g} hours"


def _or(words: Sequence[str]) -> str:
    return " or ".join(words)
