"""A scenario from what a campaign's own calls were like, with the number of calls that each figure rests on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, erfc, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from campaigns.dispositions import NEVER_A_CALL, Outcome
from dialer.simulation.scenario import LEAST_RING_SECONDS, MOST_VARIATION, Callees, Detection, Scenario, Times

Array = NDArray[np.float64]

LEAST_DIALS = 100  # below these nothing is said at all
LEAST_TALKS = 30
LEAST = 20  # calls of a kind; with fewer the scenario's default stands
HOUR_DIALS = 200  # for an hour of the shift to have a share of its own
WIDEST = 3.0  # deviation of the logs: a wider one has more than MOST_VARIATION
SHIFT_GAP = 4 * 3600.0  # seconds without a dial between two shifts
DAY = 24 * 3600.0
SHIFT_HOURS = (1.0, 16.0)  # what counts as a whole shift
NO_DIAL = frozenset({*(outcome.value for outcome in NEVER_A_CALL), Outcome.LOST.value})
REFUSED = frozenset({Outcome.BUSY.value, Outcome.FAILED.value})


class TooFewCalls(Exception):
    """The log is too short to be fitted; the message says what there is and what is wanted."""


@dataclass(frozen=True, slots=True)
class Past:
    """One ended attempt. Times are seconds since it was dialled; None: it did not come to that."""

    at: float  # seconds on the clock of all attempts
    ended: float
    outcome: str  # campaigns.dispositions.Outcome
    ringing: float | None = None
    answered: float | None = None
    connected: float | None = None  # to an agent
    person: bool = False  # answered by one, as far as is known
    detected: bool = False  # the machine detector heard a machine
    unmet: bool = False  # and was believed before an agent had met whoever answered
    detection: float | None = None  # seconds from the answer to the detector's word
    talk: float | None = None  # seconds that the agent was on the call
    wrap_up: float | None = None  # seconds afterwards, 0 included
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """One figure: `unit` is `share` (0 to 1), `s` (mean), `h` or `min`; `calls` 0 means the default."""

    name: str
    value: float
    unit: str
    calls: int
    variation: float | None = None  # standard deviation over the mean


@dataclass(frozen=True, slots=True)
class Fit:
    """The scenario has as many agents as took calls in the last shift."""

    scenario: Scenario
    figures: tuple[Fitted, ...]
    minutes_per_dial: float  # started minutes that the carrier bills


def fit(base: Scenario, past: Sequence[Past], machine_error: float = 0.0, counts_cut_off: bool = False) -> Fit:
    """`base` with what the calls show in place of its defaults; its ceiling and carrier limits stand.

    `machine_error` is the share of the detector's machines that were persons; the drop rate counts those as abandoned
    that no agent had met, and with `counts_cut_off` the others too.
    Raises TooFewCalls.
    """
    dials = sorted((one for one in past if one.outcome not in NO_DIAL), key=lambda one: one.at)
    talks = sum(one.person and one.talk is not None for one in dials)
    if len(dials) < LEAST_DIALS or talks < LEAST_TALKS:
        raise TooFewCalls(
            f"{len(dials)} ended calls and {talks} talks: "
            f"a fit needs at least {LEAST_DIALS} calls and {LEAST_TALKS} talks"
        )
    return _Fitting(base, dials, machine_error, counts_cut_off).done()


class _Fitting:
    """Fits one part after the other and notes in `said` what each rests on."""

    def __init__(self, base: Scenario, dials: Sequence[Past], machine_error: float, counts_cut_off: bool) -> None:
        self.base, self.dials, self.machine_error = base, dials, machine_error
        self.cut_off_error = machine_error if counts_cut_off else 0.0
        self.persons = [one for one in dials if one.person]
        self.machines = [one for one in dials if one.answered is not None and not one.person]
        self.said: list[Fitted] = []
        self.shifts = _shifts(dials)

    def done(self) -> Fit:
        ring_seconds = self._ring_seconds()
        callees = self._callees(ring_seconds)
        detection, machine_talk = self._machines(callees.machine_talk)
        talk = self._times("talk", (one.talk for one in self.persons), callees.talk)
        team = self._team()
        machine_wrap_up = self._machine_wrap_up(callees.machine_wrap_up)
        billed = (one.ended - one.answered for one in self.dials if one.answered is not None)
        minutes = sum(max(1, ceil(seconds / 60)) for seconds in billed) / len(self.dials)
        self.said.append(Fitted("started minutes of a dial", minutes, "min", len(self.dials)))
        values = self.base.model_dump() | {
            "team": team,
            "callees": callees.model_dump()
            | {"talk": talk, "machine_talk": machine_talk, "machine_wrap_up": machine_wrap_up},
            "detection": detection,
            "ring_seconds": ring_seconds,
            "give_up_seconds": self._give_up(ring_seconds),
            "machine_error": self._machine_error(detection),
            "cut_off_error": self.cut_off_error,
        }
        return Fit(Scenario.model_validate(values), tuple(self.said), minutes)

    def _machine_error(self, detection: Detection | None) -> float:
        """Of the machines that a simulation counts: beside a call those that no agent had met, else all."""
        if detection is not None and detection.beside:
            return self.machine_error
        return self.machine_error * sum(one.unmet for one in self.machines) / max(1, len(self.machines))

    def _times(self, name: str, seconds: Iterable[float | None], default: Times) -> Times:
        """Lognormal, of the same mean and variation."""
        values = np.array([value for value in seconds if value is not None], dtype=float)
        if len(values) < LEAST:
            self.said.append(Fitted(name, mean_of(default), "s", 0))
            return default
        mean = max(float(values.mean()), 0.05)
        variation = min(MOST_VARIATION, float(values.std()) / mean)
        self.said.append(Fitted(name, mean, "s", len(values), variation))
        return Times(mean=mean, variation=variation)

    def _ring_seconds(self) -> float:
        """How long nobody's telephone rings; the carrier's clock is not quite that of the setting."""
        rang = [one.ended for one in self.dials if one.outcome == Outcome.NO_ANSWER]
        if len(rang) < LEAST:
            self.said.append(Fitted("no answer after", self.base.ring_seconds, "s", 0))
            return self.base.ring_seconds
        seconds = max(float(np.median(rang)), 5.0)
        self.said.append(Fitted("no answer after", seconds, "s", len(rang)))
        return seconds

    def _give_up(self, ring_seconds: float) -> float | None:
        """When the dialer began to stop ringing lines, if it did."""
        stopped = [one.ended for one in self.dials if _given_up(one)]
        if len(stopped) < LEAST:
            return None
        seconds = max(LEAST_RING_SECONDS, float(np.quantile(stopped, 0.05)))
        if not seconds < ring_seconds:
            return None
        self.said.append(Fitted("lines given up from", seconds, "s", len(stopped)))
        return seconds

    def _callees(self, ring_seconds: float) -> Callees:
        default, count = self.base.callees, len(self.dials)
        setup = self._times("dial to ring", (one.ringing for one in self.dials), default.setup)
        left = max(1.0, ring_seconds - mean_of(setup))
        human_ring, in_time = self._ring("ring of a person", self.persons, setup, left, default.human_ring)
        machine_ring, machine_in_time = self._ring(
            "ring of a machine", self.machines, setup, left, default.machine_ring
        )
        human = _weights(self.dials, {id(one) for one in self.persons})
        machine = _weights(self.dials, {id(one) for one in self.machines})
        machine_share, busy_share = float(machine.mean()), sum(map(_refused, self.dials)) / count
        self.said += [
            Fitted("a person answers", float(human.mean()), "share", count),
            Fitted("a machine answers", machine_share, "share", count),
            Fitted("busy or dead", busy_share, "share", count),
        ]
        machine_share = min(machine_share / machine_in_time, 1 - busy_share)
        most = max(0.0, 1 - busy_share - machine_share)
        profile = tuple((hour, min(share / in_time, most)) for hour, share in self._profile(human))
        return default.model_copy(
            update={
                "human": profile,
                "machine": machine_share,
                "busy": busy_share,
                "setup": setup,
                "human_ring": human_ring,
                "machine_ring": machine_ring,
            }
        )

    def _ring(
        self, name: str, answered: Sequence[Past], setup: Times, longest: float, default: Times
    ) -> tuple[Times, float]:
        """Ring times if everybody rang for ever, and the share of them that falls into the time there is."""
        begun = mean_of(setup)
        rang = [
            one.answered - (begun if one.ringing is None else one.ringing)
            for one in answered
            if one.answered is not None
        ]
        if len(rang) < LEAST:
            self.said.append(Fitted(name, mean_of(default), "s", 0))
            return default, 1.0
        times, share = cut_lognormal(np.clip(rang, 0.1, longest), longest)
        self.said.append(Fitted(name, times.mean, "s", len(rang), times.variation))
        return times, share

    def _profile(self, human: Array) -> list[tuple[float, float]]:
        """The share of persons by hour of the shift; thin hours join the one before."""
        began = np.repeat([shift[0].at for shift in self.shifts], [len(shift) for shift in self.shifts])
        hours = (np.array([one.at for one in self.dials]) - began) // 3600
        parts: list[tuple[float, float, int]] = []
        for hour in range(int(hours.max()) + 1):
            weights = human[hours == hour]
            if not parts or (len(weights) >= HOUR_DIALS and parts[-1][2] >= HOUR_DIALS):
                parts.append((float(hour), float(weights.sum()), len(weights)))
            else:
                begins, answers, dials = parts[-1]
                parts[-1] = begins, answers + float(weights.sum()), dials + len(weights)
        if len(parts) > 1:
            self.said += [
                Fitted(f"a person answers, from hour {begins:g}", answers / dials, "share", dials)
                for begins, answers, dials in parts
            ]
        return [(begins, answers / dials) for begins, answers, dials in parts]

    def _machines(self, default: Times) -> tuple[Detection | None, Times]:
        """Detection before an agent is given to the call or beside it, and how long other machines keep an agent."""
        heard = [one for one in self.machines if one.detected]
        if len(heard) < LEAST:
            return None, self._times("a machine keeps an agent", (one.talk for one in self.machines), default)
        beside = any(one.talk is not None for one in heard)
        where = "beside the agent" if beside else "before the agent"
        delays = (one.detection for one in (heard if beside else self.dials))
        wrong = 0.0 if beside else self.machine_error * len(heard)  # the log has them among its machines
        detection = Detection(
            beside=beside,
            delay=self._times(f"machine detection, {where}", delays, Detection().delay),
            human_taken_for_machine=wrong / (len(self.persons) + wrong),
            machine_taken_for_human=1 - len(heard) / len(self.machines),
        )
        missed = (one.talk for one in self.machines if not one.detected)
        return detection, self._times("a missed machine keeps an agent", missed, default)

    def _machine_wrap_up(self, default: float) -> float:
        """Of a person's; where the detector takes the machine off its agent there is none."""
        left = [one for one in self.machines if not one.detected]
        machines, persons = ([one.wrap_up for one in some if one.wrap_up is not None] for some in (left, self.persons))
        if len(machines) < LEAST or len(persons) < LEAST or not sum(persons):
            return default
        return min(1.0, float(np.mean(machines) / np.mean(persons)))

    def _team(self) -> dict[str, object]:
        team = self.base.team
        lengths = [(shift[-1].at - shift[0].at) / 3600 for shift in self.shifts]
        whole = [hours for hours in lengths if hours >= SHIFT_HOURS[0]]
        hours = min(float(np.median(whole)), SHIFT_HOURS[1]) if whole else team.hours
        self.said.append(Fitted("a shift", hours, "h", len(self.dials) if whole else 0))
        present = {one.agent for one in self.shifts[-1] if one.agent is not None}
        wrap_up = self._times("wrap-up", (one.wrap_up for one in self.persons), team.wrap_up)
        return team.model_dump() | {
            "agents": max(1, len(present)),
            "hours": hours,
            "wrap_up": wrap_up,
            "speed_spread": 0.0,  # the times of all agents have it in them already
        }


def mean_of(times: Times) -> float:
    """Of a shape other than a log."""
    return (times.low + times.high) / 2 if times.shape == "uniform" else times.mean


def cut_lognormal(seconds: Array, longest: float) -> tuple[Times, float]:
    """The lognormal of which only times up to `longest` were seen, and the share of it that lies below.

    Expectation and maximisation over the unseen; it stops where less than half would have been seen, for what lies
    beyond is then guesswork.
    """
    logs, limit = np.log(seconds), float(np.log(longest))
    seen_mean, seen_square = float(logs.mean()), float((logs**2).mean())
    mean, deviation, below = seen_mean, float(logs.std()), 1.0
    if deviation < 1e-3:
        return Times(mean=exp(mean), variation=0.0), 1.0
    for _ in range(500):
        z = (limit - mean) / deviation
        above = erfc(z / sqrt(2)) / 2
        if above < 1e-6:
            break
        hazard = exp(-z * z / 2) / sqrt(2 * pi) / above
        lost_mean = mean + deviation * hazard
        lost_square = mean**2 + deviation**2 + deviation * hazard * (limit + mean)
        new_mean = (1 - above) * seen_mean + above * lost_mean
        new = sqrt(max((1 - above) * seen_square + above * lost_square - new_mean**2, 1e-6))
        below, moved = 1 - above, abs(new_mean - mean) + abs(new - deviation)
        mean, deviation = new_mean, new
        if moved < 1e-6 or below < 0.5:
            break
    deviation = min(deviation, WIDEST)
    return Times(mean=exp(mean + deviation**2 / 2), variation=sqrt(exp(deviation**2) - 1)), max(below, 0.5)


def _shifts(dials: Sequence[Past]) -> list[list[Past]]:
    """Cut where nothing was dialled for long, and after a day."""
    shifts = [[dials[0]]]
    for before, one in pairwise(dials):
        if one.at - before.at > SHIFT_GAP or one.at - shifts[-1][0].at > DAY:
            shifts.append([])
        shifts[-1].append(one)
    return shifts


def _given_up(one: Past) -> bool:
    return one.answered is None and one.outcome == Outcome.CANCELED


def _refused(one: Past) -> bool:
    return one.answered is None and one.outcome in REFUSED


def _weights(dials: Sequence[Past], kind: set[int]) -> Array:
    """1 for a dial of this kind, 0 for another; for a line given up the chance that it would have become one."""
    over = np.sort([one.ended if one.answered is None else one.answered for one in dials if not _given_up(one)])
    won = np.sort([one.answered for one in dials if id(one) in kind and one.answered is not None])
    weights = np.zeros(len(dials))
    for place, one in enumerate(dials):
        if id(one) in kind:
            weights[place] = 1.0
        elif _given_up(one):
            still = len(over) - int(np.searchsorted(over, one.ended, side="right"))
            to_come = len(won) - int(np.searchsorted(won, one.ended, side="right"))
            weights[place] = to_come / still if still else 0.0
    return weights
