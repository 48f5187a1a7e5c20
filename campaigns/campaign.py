"""A campaign's life, and what a campaign must be to be made.

    stop ──start──▶ run ──pause──▶ pause ──resume──▶ run
      ▲              │               │
      └─────stop─────┴──────stop─────┘     stop-now: the same, and ends the live calls

What the operator wants is stored; what the campaign does follows from it and from the calls that are still on the line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import phonenumbers

from campaigns.dispositions import Kind, UnknownDisposition, allowed
from compliance.do_not_call import EVERYWHERE
from compliance.rulebook import Limits


class Mode(StrEnum):
    PROGRESSIVE = "progressive"  # one line for each free agent
    PREDICTIVE = "predictive"  # more lines than free agents, within the drop rate's ceiling
    RATIO = "ratio"  # so many lines for each agent, within the same ceiling


class Intent(StrEnum):
    """What the operator wants."""

    RUN = "run"
    PAUSE = "pause"
    STOP = "stop"
    STOP_NOW = "stop-now"


class State(StrEnum):
    """What the campaign does."""

    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Verb(StrEnum):
    """What the operator says; to delete is no intent, see `check_deletable`."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    STOP_NOW = "stop-now"


class ImpossibleVerb(Exception):
    """The campaign cannot do this as it is; the message continues "campaign NAME …"."""


_INTENTS: Mapping[tuple[Intent, Verb], Intent] = MappingProxyType(
    {
        (Intent.RUN, Verb.START): Intent.RUN,
        (Intent.RUN, Verb.RESUME): Intent.RUN,
        (Intent.RUN, Verb.PAUSE): Intent.PAUSE,
        (Intent.RUN, Verb.STOP): Intent.STOP,
        (Intent.RUN, Verb.STOP_NOW): Intent.STOP_NOW,
        (Intent.PAUSE, Verb.RESUME): Intent.RUN,
        (Intent.PAUSE, Verb.PAUSE): Intent.PAUSE,
        (Intent.PAUSE, Verb.STOP): Intent.STOP,
        (Intent.PAUSE, Verb.STOP_NOW): Intent.STOP_NOW,
        (Intent.STOP, Verb.START): Intent.RUN,
        (Intent.STOP, Verb.STOP): Intent.STOP,
        (Intent.STOP, Verb.STOP_NOW): Intent.STOP_NOW,
        (Intent.STOP_NOW, Verb.START): Intent.RUN,
        (Intent.STOP_NOW, Verb.STOP): Intent.STOP_NOW,  # the weaker wish changes nothing
        (Intent.STOP_NOW, Verb.STOP_NOW): Intent.STOP_NOW,
    }
)

_REMEDIES: Mapping[tuple[Intent, Verb], str] = MappingProxyType(
    {
        (Intent.PAUSE, Verb.START): "is paused: use resume",
        (Intent.STOP, Verb.PAUSE): "is stopped: there is nothing to pause",
        (Intent.STOP, Verb.RESUME): "is stopped: use start",
        (Intent.STOP_NOW, Verb.PAUSE): "is stopped: there is nothing to pause",
        (Intent.STOP_NOW, Verb.RESUME): "is stopped: use start",
    }
)


def state_of(intent: Intent, live_attempts: int) -> State:
    """What the campaign does, given the attempts that have not ended."""
    match intent:
        case Intent.RUN:
            return State.RUNNING
        case Intent.PAUSE:
            return State.PAUSING if live_attempts else State.PAUSED
        case Intent.STOP | Intent.STOP_NOW:
            return State.STOPPING if live_attempts else State.STOPPED


def intend(current: Intent, verb: Verb) -> Intent:
    """The intent after the verb; a verb said twice changes nothing more. Raises ImpossibleVerb."""
    if (current, verb) in _REMEDIES:
        raise ImpossibleVerb(_REMEDIES[current, verb])
    return _INTENTS[current, verb]


def check_deletable(intent: Intent, live_attempts: int) -> None:
    """Raises ImpossibleVerb unless the campaign is stopped and its last call has ended."""
    state = state_of(intent, live_attempts)
    if state is State.STOPPING:
        raise ImpossibleVerb(f"is stopping, {live_attempts} attempts have not ended: wait, or use stop --now")
    if state is not State.STOPPED:
        raise ImpossibleVerb(f"is {state}: stop it first")


LINES_PER_AGENT = 1.5  # of mode ratio, unless said otherwise
LINES_PER_AGENT_MINIMUM, LINES_PER_AGENT_MAXIMUM = 1.0, 10.0
MACHINE_ERROR = 0.02  # of a detector's machines are persons: an assumption, to be replaced by the centre's own tests


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A campaign as asked for; fields as in the table `campaign`."""

    name: str
    kind: str
    mode: str
    client: str
    contact_number: str
    region: str
    caller_ids: tuple[str, ...]
    ring_seconds: int
    wrap_up_seconds: int
    drop_rate_ceiling: float
    attempts_per_lead: int
    attempts_per_day: int
    machine_detection: bool
    dispositions: tuple[str, ...]
    machine_error: float = MACHINE_ERROR
    business: bool = False
    without: tuple[str, ...] = ()
    lines_per_agent: float | None = None  # of mode ratio; None is the usual number


RING_SECONDS_MAXIMUM = 120
WRAP_UP_SECONDS_MAXIMUM = 600
NAME_LENGTH_MAXIMUM = 80
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def is_name(text: str) -> bool:
    """Whether it can be typed after a command and read in a table: printable, no blanks around it, no leading dash."""
    return text.isprintable() and text == text.strip() and bool(text) and not text.startswith("-")


def problems_of(plan: CampaignPlan, law: Limits) -> list[str]:
    """Every reason why there can be no such campaign, in words; none when it is sound."""
    return [*_in_words(plan), *_in_numbers(plan), *_beyond_the_law(plan, law)]


def _in_words(plan: CampaignPlan) -> Iterator[str]:
    if not is_name(plan.name):
        yield f"name {plan.name!r}: give printable text without blanks around it or a leading dash"
    if plan.name == EVERYWHERE:
        yield f"name {plan.name!r}: means every campaign on the do-not-call list"
    if len(plan.name) > NAME_LENGTH_MAXIMUM:
        yield f"name: longer than {NAME_LENGTH_MAXIMUM} characters"
    if not plan.client.strip():
        yield "client: missing; it is said in the abandoned-call message"
    if plan.mode not in list(Mode):
        yield f"mode {plan.mode!r}: give {' or '.join(Mode)}"
    if plan.region not in phonenumbers.SUPPORTED_REGIONS:
        yield f"region {plan.region!r}: give a country such as US"
    if plan.kind not in list(Kind):
        yield f"kind {plan.kind!r}: give {' or '.join(Kind)}"
        return
    if not plan.dispositions:
        yield "dispositions: none; the agents need at least one"
    try:
        allowed(Kind(plan.kind), plan.dispositions)
    except UnknownDisposition as unfit:
        yield f"dispositions: {unfit}"


def _in_numbers(plan: CampaignPlan) -> Iterator[str]:
    if not plan.caller_ids:
        yield "caller id: none; give at least one"
    for number in plan.caller_ids:
        if not E164.fullmatch(number):
            yield f"caller id {number!r}: write it as +12125550123"
    if not E164.fullmatch(plan.contact_number):
        yield f"contact number {plan.contact_number!r}: write it as +12125550123"
    if not 0 <= plan.wrap_up_seconds <= WRAP_UP_SECONDS_MAXIMUM:
        yield f"wrap-up seconds {plan.wrap_up_seconds}: give 0 to {WRAP_UP_SECONDS_MAXIMUM}"
    if problem := lines_problem(plan.mode, plan.lines_per_agent):
        yield problem
    if not 0 <= plan.machine_error <= 1:
        yield f"machine error {plan.machine_error}: give a fraction"
    if plan.attempts_per_lead < 1:
        yield f"attempts per lead {plan.attempts_per_lead}: give 1 or more"
    if plan.attempts_per_day < 1:
        yield f"attempts per day {plan.attempts_per_day}: give 1 or more"


def lines_problem(mode: str, lines_per_agent: float | None) -> str:
    """Why these lines for each agent cannot be, in words; empty when they can."""
    if lines_per_agent is None:
        return ""
    if mode != Mode.RATIO:
        return f"lines per agent {lines_per_agent:g}: only mode {Mode.RATIO} has them, not {mode}"
    if not LINES_PER_AGENT_MINIMUM <= lines_per_agent <= LINES_PER_AGENT_MAXIMUM:
        return f"lines per agent {lines_per_agent:g}: give {LINES_PER_AGENT_MINIMUM:g} to {LINES_PER_AGENT_MAXIMUM:g}"
    return ""


def _beyond_the_law(plan: CampaignPlan, law: Limits) -> Iterator[str]:
    longest = min(law.ring_seconds_maximum or RING_SECONDS_MAXIMUM, RING_SECONDS_MAXIMUM)
    if not law.ring_seconds_minimum <= plan.ring_seconds <= longest:
        yield f"ring seconds {plan.ring_seconds}: give {law.ring_seconds_minimum} to {longest}"
    if not 0 < plan.drop_rate_ceiling <= law.ceiling:
        yield f"drop-rate ceiling {plan.drop_rate_ceiling}: give a fraction above 0, at most {law.ceiling:g}"
