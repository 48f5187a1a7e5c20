"""What can come of an attempt: the network's outcome, and the disposition that an agent or the dialer gives it.

`survey_code` is the telephone code of AAPOR's Standard Definitions that a case has if it ends with this disposition and
nothing more is known of it. What only the network or a machine said stays unknown (3.x), but for a fax heard twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a campaign is for."""

    TELEMARKETING = "telemarketing"
    SURVEY = "survey"


class Outcome(StrEnum):
    """How an attempt ended for the network."""

    ANSWERED = "answered"  # by a person, as far as is known
    MACHINE = "machine"
    FAX = "fax"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"  # the carrier refused the request for good
    NOT_PLACED = "not-placed"  # the request never became a call and may be made later
    LOST = "lost"  # sent, and never heard of again


NEVER_A_CALL = frozenset({Outcome.REJECTED, Outcome.NOT_PLACED})


@dataclass(frozen=True, slots=True)
class Disposition:
    """One entry of the catalogue. `retire_phone`: it is the number that is given up, not the person."""

    code: str
    label: str
    kinds: frozenset[Kind]
    survey_code: str | None = None
    by_agent: bool = False  # an agent may choose it
    human: bool = False  # a person answered
    contact: bool = False  # the person meant, or someone who speaks for the household, was talked to
    sale: bool = False  # what the campaign is for: a sale or a completed interview
    callback: bool = False
    do_not_call: bool = False
    final: bool = False  # the lead is never dialled again in this campaign
    retire_phone: bool = False


class UnknownDisposition(Exception):
    """The catalogue has no such code, or not for this kind of campaign."""


SALES = frozenset({Kind.TELEMARKETING})
SURVEYS = frozenset({Kind.SURVEY})
BOTH = frozenset(Kind)


def _agent(code: str, label: str, kinds: frozenset[Kind], survey_code: str | None = None, **flags: bool) -> Disposition:
    return Disposition(code, label, kinds, survey_code, by_agent=True, **flags)


def _talked(
    code: str, label: str, kinds: frozenset[Kind], survey_code: str | None = None, **flags: bool
) -> Disposition:
    return _agent(code, label, kinds, survey_code, human=True, contact=True, **flags)


def _dialler(code: str, label: str, survey_code: str, **flags: bool) -> Disposition:
    return Disposition(code, label, BOTH, survey_code, **flags)


_ENTRIES = (
    _talked("sale", "Sale", SALES, sale=True, final=True),
    _talked("complete", "Interview complete", SURVEYS, "1.1", sale=True, final=True),
    _talked("partial", "Interview partly complete", SURVEYS, "1.2", final=True),
    _talked("break-off", "Broke off the interview", SURVEYS, "2.12"),
    _talked("not-interested", "Not interested", SALES, final=True),
    _talked("refusal", "Refused", SURVEYS, "2.112", final=True),
    _talked("soft-refusal", "Soft refusal, or hung up", SURVEYS, "2.112"),
    _talked("callback", "Call back", BOTH, "3.20", callback=True),
    _talked("do-not-call", "Asked not to be called", BOTH, "2.112", do_not_call=True, final=True),
    _talked("not-eligible", "Not eligible", BOTH, "4.70", final=True),
    _talked("already-customer", "Already a customer", SALES, final=True),
    _talked("quota-full", "Quota cell full", SURVEYS, "4.80", final=True),
    _talked("language", "No common language", BOTH, "2.33", final=True),
    _talked("unable", "Unable to take part", SURVEYS, "2.32", final=True),
    _talked("deceased", "Deceased", BOTH, "2.31", final=True),
    _agent("not-available", "Person meant not available", BOTH, "3.20", human=True),
    _agent("hung-up", "Hung up before the pitch", SALES, human=True),
    _agent("wrong-number", "Wrong number", BOTH, "3.30", human=True, retire_phone=True),
    _agent("not-in-service", "Number not in service", BOTH, "4.31", retire_phone=True),
    _agent("dead-air", "Silence on the line", BOTH, "3.16"),
    _agent("machine", "Answering machine", BOTH, "3.14"),
    _agent("fax", "Fax or modem", BOTH, "4.20", retire_phone=True),
    _dialler("busy", "Busy", "3.12"),
    _dialler("no-answer", "No answer", "3.13"),
    _dialler("failed", "Call failed", "3.16", retire_phone=True),
    _dialler("canceled", "Canceled by the dialer", "3.11"),
    _dialler("rejected", "Refused by the carrier", "3.11", retire_phone=True),
    _dialler("not-placed", "Never left for the carrier", "3.11"),
    _dialler("lost", "Lost track of", "3.16"),
    _dialler("abandoned", "Abandoned, no agent in time", "3.16", human=True),
    _dialler("opted-out", "Opted out by key", "2.111", human=True, do_not_call=True, final=True),
    _dialler("no-disposition", "None given by the agent", "3.90", human=True),
)

CATALOGUE: Mapping[str, Disposition] = MappingProxyType({entry.code: entry for entry in _ENTRIES})


def lookup(code: str) -> Disposition:
    """Raises UnknownDisposition."""
    if code not in CATALOGUE:
        raise UnknownDisposition(f"no disposition {code!r}; there is: {', '.join(CATALOGUE)}")
    return CATALOGUE[code]


def for_kind(kind: Kind) -> tuple[Disposition, ...]:
    """What the agents of such a campaign may choose from, in the order to show it."""
    return tuple(entry for entry in CATALOGUE.values() if entry.by_agent and kind in entry.kinds)


def allowed(kind: Kind, codes: Iterable[str]) -> tuple[Disposition, ...]:
    """The agents' choices named by `codes`. Raises UnknownDisposition, naming every code they may not give."""
    choices = {entry.code: entry for entry in for_kind(kind)}
    codes = tuple(codes)
    unfit = [code for code in codes if code not in choices]
    if unfit:
        raise UnknownDisposition(
            f"no disposition of agents in a {kind} campaign: {', '.join(unfit)}; choose from {', '.join(choices)}"
        )
    return tuple(choices[code] for code in codes)


def by_dialler(outcome: Outcome, abandoned: bool, opted_out: bool) -> str:
    """The code of an attempt that no agent disposed of."""
    if opted_out:
        return "opted-out"
    if abandoned:
        return "abandoned"
    if outcome is Outcome.ANSWERED:
        return "no-disposition"
    return outcome.value


REFUSALS = frozenset({"not-interested", "refusal", "soft-refusal", "do-not-call", "opted-out"})


PERSON_CAME = frozenset({"abandoned", "refusal", "hung-up", "conversation"})  # what `came_to` says of a person


def came_to(outcome: str | None, disposition: str | None, abandoned: bool) -> str:
    """An ended attempt in the words of the law's pauses (`compliance.facts.Past`); empty where no law asks."""
    if abandoned:
        return "abandoned"
    if disposition in REFUSALS:
        return "refusal"
    if disposition == "hung-up":
        return "hung-up"
    if disposition == "machine" or outcome == Outcome.MACHINE:
        return "machine"
    return "conversation" if disposition is not None and lookup(disposition).contact else ""
