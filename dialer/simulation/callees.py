"""Who answers, when, for how long: one called party per dial, drawn from a population by seed.

The same number, try, seed and population always give the same callee, so a run can be repeated and two programs can
share the model. Whether a number is dead or a fax machine is a trait of the number; the rest is drawn anew per try.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import exp, inf, log, sqrt
from random import Random
from types import MappingProxyType


class Kind(StrEnum):
    """What is at the other end of a dial."""

    HUMAN = "human"
    MACHINE = "machine"  # voicemail
    FAX = "fax"
    BUSY = "busy"  # at once, without ringing
    DECLINED = "declined"  # rings, then a person presses "reject"
    NO_ANSWER = "no-answer"
    FAILED = "failed"  # no such number
    AGENT = "agent"  # ours: answers and stays


class Script(StrEnum):
    """Behaviours that can be pinned to a number."""

    HUMAN = "human"  # talks to an agent, hears a message out, presses nothing
    OPT_OUT = "opt-out"  # a human who presses the opt-out key when a message plays
    HANGS_UP = "hangs-up"  # a human who is gone a moment after answering
    MACHINE = "machine"
    FAX = "fax"
    BUSY = "busy"
    REJECT = "reject"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    HUMAN_AS_MACHINE = "human-as-machine"  # a human whom the detector takes for a machine
    MACHINE_AS_HUMAN = "machine-as-human"


@dataclass(frozen=True, slots=True)
class Spread:
    """A lognormal quantity: its mean, its coefficient of variation (0: always the mean), and where it is cut off."""

    mean: float
    variation: float = 0.0
    low: float = 0.0
    high: float = inf

    def draw(self, rng: Random) -> float:
        if self.variation == 0:
            return self.mean
        variance = log(1 + self.variation**2)
        value = exp(log(self.mean) - variance / 2 + rng.gauss(0, 1) * sqrt(variance))
        return min(self.high, max(self.low, value))


@dataclass(frozen=True)
class Population:
    """Shares (fractions of all dials; what is left over does not answer), times in seconds, chances (fractions).

    Defaults: an ordinary consumer list of today, one dial in five answered by a person.
    """

    human: float = 0.20
    machine: float = 0.25
    busy: float = 0.05
    failed: float = 0.06
    fax: float = 0.01

    setup: Spread = Spread(0.9, 0.4, 0.3, 2.0)  # from dialling to the first ring, or to the busy tone
    human_ring: Spread = Spread(10.0, 0.5, 1.0, 55.0)
    machine_ring: Spread = Spread(19.0, 0.2, 8.0, 40.0)
    greeting: Spread = Spread(6.0, 0.5, 2.0, 25.0)  # of a voicemail, up to its beep
    recording: Spread = Spread(60.0, 0.5, 15.0, 180.0)  # answered call until a voicemail hangs up
    talk: Spread = Spread(60.0, 1.0, 3.0, 1800.0)  # with an agent
    patience: Spread = Spread(4.0, 0.5, 1.5, 15.0)  # of a person who hears nothing
    listening: Spread = Spread(15.0, 0.6, 2.0, 60.0)  # of a person to a recorded message
    key_press: Spread = Spread(6.0, 0.4, 1.0, 20.0)  # from the start of the message
    detection: Spread = Spread(2.0, 0.4, 1.0, 5.0)  # from the answer to the verdict that it is a person
    machine_detection: Spread = Spread(4.0, 0.25, 2.5, 8.0)  # that it is none: 2.4 s of speech, as Twilio presets it

    declines: float = 0.03  # of those who would have answered
    opts_out: float = 0.05  # presses the key when the message plays
    opt_out_key: str = "9"
    human_taken_for_machine: float = 0.04
    machine_taken_for_human: float = 0.06
    undecided: float = 0.02  # verdict "unknown"

    scripts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # number -> Script

    def __post_init__(self) -> None:
        """Raises ValueError for shares beyond 1 and for an unknown script."""
        total = self.human + self.machine + self.busy + self.failed + self.fax
        if not 0 <= total <= 1 + 1e-9:
            raise ValueError(f"shares of a population add up to {total:.3f}: give at most 1")
        for number, script in self.scripts.items():
            if script not in set(Script):
                raise ValueError(f"unknown script {script!r} for {number}: choose from {', '.join(Script)}")


DEFAULT = Population()
DEMO = Population(
    human=0.64,
    machine=0.18,
    busy=0.09,
    failed=0.04,
    fax=0.01,
    setup=Spread(0.4, 0.3, 0.2, 0.8),
    human_ring=Spread(1.6, 0.3, 1.0, 3.0),
    machine_ring=Spread(2.2, 0.15, 1.5, 3.0),
    greeting=Spread(3.0, 0.3, 2.0, 6.0),
    recording=Spread(12.0, 0.3, 8.0, 20.0),
    talk=Spread(5.0, 0.4, 3.0, 9.0),
    listening=Spread(8.0, 0.3, 4.0, 12.0),
    key_press=Spread(4.0, 0.3, 2.0, 8.0),
    detection=Spread(1.5, 0.3, 1.0, 2.5),
    machine_detection=Spread(2.8, 0.1, 2.5, 4.0),
    opts_out=0.25,
)


@dataclass(frozen=True, slots=True)
class Callee:
    """The script of one call. Seconds; `inf` where a thing never happens."""

    kind: Kind
    setup_seconds: float = 0.0
    ring_seconds: float = inf  # from the first ring until it answers or declines
    greeting_seconds: float = 0.0  # from the answer until a voicemail's beep
    stay_seconds: float = inf  # from the answer until it hangs up whatever happens
    talk_seconds: float = inf  # with an agent
    patience_seconds: float = inf  # in silence
    listen_seconds: float = inf  # to a message
    key: str | None = None  # pressed when a message plays
    key_seconds: float = inf  # after the start of the message
    verdict: str = "unknown"  # of machine detection at the greeting: human, machine_start, fax, unknown
    detection_seconds: float = inf  # from the answer


AGENT = Callee(kind=Kind.AGENT, ring_seconds=0.2, verdict="human", detection_seconds=1.0)


def callee_for(number: str, try_number: int, seed: int, population: Population) -> Callee:
    """Who is met at the `try_number`-th dial of a number."""
    rng = Random(f"{seed}|{number}|{try_number}")
    if (script := population.scripts.get(number)) is not None:
        return _scripted(Script(script), population, rng)
    trait = Random(f"{seed}|{number}").random()
    if trait < population.failed:
        return _of_kind(Kind.FAILED, population, rng)
    if trait < population.failed + population.fax:
        return _of_kind(Kind.FAX, population, rng)
    callee = _of_kind(_kind(population, rng), population, rng)
    return _as_detected(_with_key(callee, population, rng), population, rng)


def _kind(population: Population, rng: Random) -> Kind:
    drawn = rng.random() * (1 - population.failed - population.fax)
    for kind, share in (
        (Kind.HUMAN, population.human),
        (Kind.MACHINE, population.machine),
        (Kind.BUSY, population.busy),
    ):
        if drawn < share:
            declined = kind is Kind.HUMAN and rng.random() < population.declines
            return Kind.DECLINED if declined else kind
        drawn -= share
    return Kind.NO_ANSWER


def _of_kind(kind: Kind, population: Population, rng: Random) -> Callee:
    callee = Callee(kind=kind, setup_seconds=population.setup.draw(rng))
    match kind:
        case Kind.HUMAN:
            return replace(
                callee,
                ring_seconds=population.human_ring.draw(rng),
                talk_seconds=population.talk.draw(rng),
                patience_seconds=population.patience.draw(rng),
                listen_seconds=population.listening.draw(rng),
                verdict="human",
                detection_seconds=population.detection.draw(rng),
            )
        case Kind.MACHINE | Kind.FAX:
            return replace(
                callee,
                ring_seconds=population.machine_ring.draw(rng),
                greeting_seconds=population.greeting.draw(rng),
                stay_seconds=population.recording.draw(rng),
                verdict="machine_start" if kind is Kind.MACHINE else "fax",
                detection_seconds=population.machine_detection.draw(rng),
            )
        case Kind.DECLINED:
            return replace(callee, ring_seconds=population.human_ring.draw(rng))
    return callee


def _with_key(callee: Callee, population: Population, rng: Random) -> Callee:
    if callee.kind is not Kind.HUMAN or rng.random() >= population.opts_out:
        return callee
    return _pressing(callee, population, rng)


def _pressing(callee: Callee, population: Population, rng: Random) -> Callee:
    seconds = population.key_press.draw(rng)
    listen = max(callee.listen_seconds, seconds + 1.0)
    return replace(callee, key=population.opt_out_key, key_seconds=seconds, listen_seconds=listen)


def _as_detected(callee: Callee, population: Population, rng: Random) -> Callee:
    drawn = rng.random()
    if callee.kind not in (Kind.HUMAN, Kind.MACHINE):
        return callee
    if drawn < population.undecided:
        return replace(callee, verdict="unknown")
    drawn -= population.undecided
    if callee.kind is Kind.HUMAN and drawn < population.human_taken_for_machine:
        return _mistaken(callee, population, rng)
    if callee.kind is Kind.MACHINE and drawn < population.machine_taken_for_human:
        return _mistaken(callee, population, rng)
    return callee


def _mistaken(callee: Callee, population: Population, rng: Random) -> Callee:
    if callee.kind is Kind.HUMAN:
        return replace(callee, verdict="machine_start", detection_seconds=population.machine_detection.draw(rng))
    return replace(callee, verdict="human", detection_seconds=population.detection.draw(rng))


_SCRIPTED_KINDS = {
    Script.MACHINE: Kind.MACHINE,
    Script.MACHINE_AS_HUMAN: Kind.MACHINE,
    Script.FAX: Kind.FAX,
    Script.BUSY: Kind.BUSY,
    Script.REJECT: Kind.DECLINED,
    Script.NO_ANSWER: Kind.NO_ANSWER,
    Script.FAILED: Kind.FAILED,
}


def _scripted(script: Script, population: Population, rng: Random) -> Callee:
    callee = _of_kind(_SCRIPTED_KINDS.get(script, Kind.HUMAN), population, rng)
    match script:
        case Script.HUMAN:
            return replace(callee, listen_seconds=inf)
        case Script.OPT_OUT:
            return _pressing(callee, population, rng)
        case Script.HANGS_UP:
            return replace(callee, stay_seconds=0.3)
        case Script.HUMAN_AS_MACHINE | Script.MACHINE_AS_HUMAN:
            return _mistaken(callee, population, rng)
    return callee
