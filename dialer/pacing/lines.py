"""The calls in flight: when each will ask for an agent, if ever. Learned from the calls before."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, exp, inf
from typing import Any, TypeVar

import numpy as np

from dialer.pacing.ages import AHEAD, AROUND, DELAYS, PUT_OFF, RING_AGES, STILL, WITHIN, human_shares
from dialer.pacing.grid import Array, later, staying, steps
from dialer.pacing.hazard import ANOTHER, MOST_CALLS, ROUNDING, Hazard, amounts, count, numbers
from dialer.pacing.late import Late
from dialer.pacing.level import USUAL_DOUBT, Level

AT_ONCE = 0.05  # seconds: a shorter delay is none
MEMORY = 6000.0  # calls
WORDS = 1500.0  # last words on who it was, after which an old one weighs 1/e
PICKED_UP, FAILED = 0, 1
OVERDUE_SECONDS = 30.0
MOST_SETUP_SECONDS = 3.0  # that a line may need before it rings
PRIOR_LIVE = 0.95  # of the calls that ask for an agent
PRIOR_WEIGHT = 4.0
BEYOND = 0.25  # of those who ask, so many may do it after the time ahead: fewer lines can still be dialled by then
MOST_LATE = 0.5  # of the lines that ring: those that can be late rather than dead
KEPT = 20_000  # calls of which something may still be told
T = TypeVar("T")


@dataclass(slots=True)
class Line:
    at: float  # dialled
    chance: float
    weight: float
    reserved: bool  # a free agent is held for it until it ends
    counted: float = 0.0  # age up to which its time at risk is counted
    picked_up: float = -1.0  # age
    live: float = 0.0  # chance that a person has asked: by its age, until its agent has said
    heard: bool = False  # detection beside the call has said that it is one
    judged: bool = False  # the last word on who it was is said


class Lines:
    """Where agents are given to calls at pick-up, the delay of detection is learned to be none."""

    def __init__(self) -> None:
        self.ringing: dict[str, Line] = {}
        self.detecting: dict[str, Line] = {}
        self.waiting: dict[str, Line] = {}  # asked, and nobody was free
        self.answers = 0  # calls that have asked for an agent
        self.level = Level()
        self._late = Late()
        size = len(RING_AGES)
        self._ring = Hazard(RING_AGES, MEMORY, np.where(np.array(RING_AGES) < 20, 0.04, 0.01), 6.0, causes=2)
        self._humans, self._machines = [0.0] * size, [0.0] * size  # of the pick-ups, by ring age
        self._delays = [[0.0] * DELAYS, [0.0] * DELAYS]  # of machines, of humans
        self._past: dict[str, None] = {}  # calls that ring no more: told late or twice, their dial begins nothing
        self._handed: dict[str, Line] = {}  # until it is known whether it was live
        self._lost: dict[str, Line] = {}  # abandoned; detection beside the call may still find a machine
        self._live, self._not_live = [0.0] * size, [0.0] * size
        self._said = 0  # last words since the last `settle`
        self.abandoned = 0.0  # after they had asked
        self._live_answers = self._live_abandoned = 0.0
        self._machine_answers = 0.0  # of those that have asked, found by detection afterwards
        self.settle(-inf)

    def __len__(self) -> int:
        return len(self.ringing) + len(self.detecting) + len(self.waiting)

    def __contains__(self, call: str) -> bool:
        return call in self.ringing or call in self.detecting or call in self.waiting

    def dialled(self, call: str, at: float, chance: float, reserved: bool = False, teaches: float = 1.0) -> None:
        """`teaches`: what it weighs among the calls that the long run is learned from."""
        if call not in self and call not in self._past:
            self.ringing[call] = Line(at, chance, self._ring.begin(teaches), reserved)

    def picked_up(self, call: str, at: float) -> None:
        _keep(self._past, call, None)
        line = self.ringing.pop(call, None)
        if line is None:
            return
        age = self._ended(line, at, PICKED_UP)
        line.picked_up = age
        self.detecting[call] = line

    def asked(self, call: str, at: float) -> None:
        """It wants an agent now; it waits until it is handed over or lost. Afterwards: detection has heard a person."""
        asked = self._handed.get(call) or self._lost.get(call)
        if asked is not None and not asked.heard:
            asked.heard = True
            self._said += 1
            self._live[self._ring.bin(asked.picked_up)] += 1.0
        self.picked_up(call, at)
        line = self.detecting.pop(call, None)
        if line is None:
            return
        self._verdict(line, at, True)
        self.answers += 1
        self.level.add(1.0, 0.0)
        # Many more answers than usual are more persons: as many machines pick up as ever
        more = max(1.0, self.level.value - 2 * USUAL_DOUBT)
        line.live = 1 - (1 - self._live_share[self._ring.bin(line.picked_up)]) / more
        self._live_answers += line.live
        self.waiting[call] = line

    def machine(self, call: str, at: float) -> None:
        """No person. What it was counted as when it asked is taken back, as the law's counts do."""
        lost = self._lost.pop(call, None)
        asked = self._handed.get(call) or lost or self.waiting.get(call)
        if asked is not None:
            self._machine_answers += 1
            self._live_answers -= asked.live
            if lost is not None:
                self.abandoned -= 1
                self._live_abandoned -= lost.live
            self._say(asked, False)
            asked.live = 0.0
        self.disposed(call, False)
        line = self.detecting.pop(call, None)
        if line is not None:
            self._verdict(line, at, False)
        else:
            self.failed(call, at)

    def connected(self, call: str, at: float) -> None:
        if call in self._handed:
            return
        self.asked(call, at)
        line = self.waiting.pop(call, None)
        if line is not None:
            _keep(self._handed, call, line)

    def lost(self, call: str, at: float) -> None:
        """Abandoned, after it has asked; also when an agent has got it who came too late or was gone."""
        if call in self._lost:
            return
        self.asked(call, at)
        line = self.waiting.pop(call, None) or self._handed.get(call)
        if line is not None:
            self.abandoned += 1
            self._live_abandoned += line.live
            _keep(self._lost, call, line)

    def failed(self, call: str, at: float) -> None:
        _keep(self._past, call, None)
        line = self.ringing.pop(call, None)
        if line is not None:
            self._ended(line, at, FAILED)
        self.detecting.pop(call, None)
        self.waiting.pop(call, None)

    def given_up(self, call: str, at: float) -> None:
        """We hung up: nothing is learned but the time it rang."""
        _keep(self._past, call, None)
        line = self.ringing.pop(call, None)
        if line is not None:
            self._ended(line, at, None)
        else:
            self.failed(call, at)  # answered before we did

    def forget_overdue(self, now: float, ring_seconds: float) -> None:
        """Lines whose end has not been reported."""
        for call, line in list(self.ringing.items()):
            if now - line.at > ring_seconds + OVERDUE_SECONDS:
                self.given_up(call, line.at + ring_seconds)
        for lines in (self.detecting, self.waiting):
            for call in [call for call, line in lines.items() if now - line.at - line.picked_up > OVERDUE_SECONDS]:
                del lines[call]

    def forget_running(self) -> None:
        self._late = Late()
        for lines in (self.ringing, self.detecting, self.waiting):
            lines.clear()

    def learned(self) -> None:
        """So far answers were held against chances that were not learned yet: that says nothing."""
        self.level, self._late = Level(), Late()

    def disposed(self, call: str, live: bool) -> None:
        line = self._handed.pop(call, None)
        if line is not None:
            known = live - line.live
            self._live_answers += known
            self._live_abandoned += known if call in self._lost else 0.0
            line.live = float(live)
            self._say(line, live)

    def _say(self, line: Line, live: bool) -> None:
        """The last word on who it was, once."""
        if line.judged:
            return
        line.judged = True
        self._said += not line.heard
        age = self._ring.bin(line.picked_up)
        self._live[age] = max(0.0, self._live[age] + live - line.heard)
        self._not_live[age] += not live

    def settle(self, now: float, ring_seconds: float = inf) -> None:
        """Work out the chances anew, with all that is ringing at `now`.

        Nobody answers once the carrier has given up: where lines are hung up before, no call would ever show that.
        """
        self._last_age = ring_seconds + MOST_SETUP_SECONDS
        for line in self.ringing.values():
            self._count(line, now)
        if self.answers:
            self.level.settle(now)
        self._late.settle(now - self._last_age, self.level.value)
        by = self._ring.fade()
        for line in (*self.ringing.values(), *self.detecting.values()):
            line.weight /= by
        for sums in (self._humans, self._machines, *self._delays):
            sums[:] = [value / by for value in sums]
        fading, self._said = exp(-self._said / WORDS), 0
        self._live, self._not_live = ([fading * value for value in sums] for sums in (self._live, self._not_live))
        self._settle_tables()

    def _count(self, line: Line, at: float) -> float:
        age = max(0.0, at - line.at)
        if age > line.counted:
            self._ring.live(line.counted, age, line.weight)
            expected = self._cumulated(age) - self._cumulated(line.counted)
            self.level.add(0.0, line.chance * expected)
            line.counted = age
        return age

    def _ended(self, line: Line, at: float, cause: int | None) -> float:
        """It rings no more; `cause` is None where we hung up. Its age."""
        age = self._count(line, at)
        if cause is not None:
            self._ring.leave(age, line.weight, cause)
        if not line.reserved:
            came = self._human_share[self._ring.bin(age)] if cause == PICKED_UP else 0.0
            self._late.ended(line.at, line.chance * self._cumulated(age), came)
        return age

    def _cumulated(self, age: float) -> float:
        whole = min(int(age), len(RING_AGES) - 1)
        asked: float = self._asks_until[whole] + (age - whole) * self._asks[whole]
        return asked

    def _verdict(self, line: Line, at: float, human: bool) -> None:
        (self._humans if human else self._machines)[self._ring.bin(line.picked_up)] += line.weight
        delay = max(0.0, at - line.at - line.picked_up)
        self._delays[human][min(DELAYS - 1, ceil(2 * (delay - AT_ONCE)))] += line.weight

    def _settle_tables(self) -> None:
        picks, fails = self._ring.rates()
        picks = np.where(np.array(RING_AGES) < self._last_age, picks, 0.0)
        share = human_shares(self._humans, self._machines)
        self._human_share = share.tolist()
        leaving = 1 - np.exp(-(picks + fails))
        asks = leaving * picks / (picks + fails) * share
        self._asks = (picks * share).tolist()
        self._asked_by = np.concatenate([[0.0], np.cumsum(picks * share)])[:-1]
        self._asks_until = self._asked_by.tolist()
        delays = [np.array(delays) + 1e-6 for delays in self._delays]
        self._undecided = [(np.append(delay[:0:-1].cumsum()[::-1], 1e-6) / delay.sum()).tolist() for delay in delays]
        human_delay = delays[1] / delays[1].sum()
        rows = (staying(leaving[AHEAD]) * asks[AHEAD]) @ later(human_delay @ PUT_OFF)
        alive = staying(leaving)
        self._answer = float(alive @ asks)
        # P(ever asks | ringing at that age)
        self._total = np.cumsum((alive * asks)[::-1])[::-1] / np.maximum(alive, 1e-12)
        self._rows = steps(rows)
        # Who asks after the time ahead is taken to ask at its end: else a line that rings for long could lose nobody
        self._rows[:, -1] += np.maximum((1 - BEYOND) * self._total - self._rows.sum(1), 0.0)
        self.line_answers = self._rows[0]
        live, others = (np.convolve(sums, AROUND, "same") for sums in (self._live, self._not_live))
        self._live_share = ((live + PRIOR_WEIGHT * PRIOR_LIVE) / (live + others + PRIOR_WEIGHT)).tolist()
        rest = np.concatenate([human_delay, [1e-9], np.zeros(DELAYS)])[STILL]
        self._after = steps(rest / rest.sum(1, keepdims=True) @ WITHIN)

    @property
    def answer_chance(self) -> float:
        """P(a new line ever asks for an agent), just now."""
        return min(1.0, self._answer * self.level.value)

    @property
    def long_run_chance(self) -> float:
        """The same, whatever people do just now."""
        return self._answer

    @property
    def live_shares(self) -> tuple[float, float]:
        """Of the calls that asked, and of those abandoned: the share that persons were, from their ring ages.

        Those found to be machines afterwards are in neither. The second is at least the first: a few abandoned calls
        may look better than they are.
        """
        asked = self.answers - self._machine_answers
        answered = max(0.0, self._live_answers / asked) if asked >= 1 else 1.0
        return answered, max(answered, self._live_abandoned / self.abandoned if self.abandoned >= 1 else 0.0)

    @property
    def live_share(self) -> float:
        """Of the calls that ask, as far as agents have said."""
        live, others = sum(self._live), sum(self._not_live)
        return (live + PRIOR_WEIGHT * PRIOR_LIVE) / (live + others + PRIOR_WEIGHT)

    @property
    def held(self) -> int:
        """Agents who are free and yet only for lines that have not asked yet."""
        return sum(line.reserved for lines in (self.ringing, self.detecting) for line in lines.values())

    def expected_answers(self, now: float) -> Array:
        """By step, of all in flight that have not asked yet and hold no agent."""
        total = np.zeros(self._rows.shape[1])
        ringing = [line for line in self.ringing.values() if not line.reserved]
        if ringing:
            ages = now - np.array([line.at for line in ringing])
            ages = np.minimum(np.maximum(ages, 0.0), len(RING_AGES) - 2)
            bins = ages.astype(np.intp)
            chances = np.array([line.chance for line in ringing])
            after = (ages - bins) * chances
            weights = np.bincount(bins, chances - after, len(RING_AGES))
            weights[1:] += np.bincount(bins, after, len(RING_AGES))[:-1]
            total = self.level.cautious * (weights @ self._rows)
            missing = self._late.missing(float(weights @ self._asked_by))
            total += min(missing, MOST_LATE * len(ringing)) / len(total)
        detecting = [line for line in self.detecting.values() if not line.reserved]
        return total + self._of_detecting(detecting, now) if detecting else total

    def _of_detecting(self, lines: list[Line], now: float) -> Array:
        persons = [0.0] * DELAYS  # expected, by how long it has been listened to them
        machines, humans = self._undecided
        for line in lines:
            half = min(DELAYS - 1, max(0, int(2 * (now - line.at - line.picked_up))))
            share = self._human_share[min(int(line.picked_up), len(RING_AGES) - 1)]
            human, machine = share * humans[half], (1 - share) * machines[half]
            persons[half] += human / (human + machine)
        due: Array = np.array(persons) @ self._after
        return due

    def oldest(self, now: float, age: float) -> list[tuple[str, Array, float]]:
        """Ringing calls of at least that age, oldest first: name, chances of asking by step, chance of ever asking."""
        found = []
        for call, line in self.ringing.items():
            old = now - line.at
            if old < age:
                break
            if not line.reserved:
                bin_, chance = min(int(old), len(RING_AGES) - 1), self.level.cautious * line.chance
                found.append((call, chance * self._rows[bin_], chance * float(self._total[bin_])))
        return found

    def state(self) -> dict[str, Any]:
        humans, machines, *delays = (
            [value / self._ring.weight for value in sums] for sums in (self._humans, self._machines, *self._delays)
        )
        return {
            "answers": self.answers,
            "level": self.level.state(),
            "ring": self._ring.state(),
            "humans": humans,
            "machines": machines,
            "delays": delays,
            "live": list(self._live),
            "not_live": list(self._not_live),
            "tally": [self._live_answers, self._machine_answers, self._live_abandoned, self.abandoned],
        }

    def restore(self, state: Mapping[str, Any], another: bool) -> None:
        """Of `another` campaign only the chances are taken over, and with less weight.

        Raises ValueError for what no calls can have come to.
        """
        size, weight, most = len(RING_AGES), ANOTHER if another else 1.0, self._ring.most
        self._ring.restore(state["ring"], weight)
        self._humans, self._machines = (amounts(state[key], size, most, weight) for key in ("humans", "machines"))
        self._live, self._not_live = (amounts(state[key], size, MOST_CALLS, weight) for key in ("live", "not_live"))
        of_machines, of_humans = state["delays"]
        self._delays = [amounts(delays, DELAYS, most, weight) for delays in (of_machines, of_humans)]
        answers, level, tally = count(state["answers"]), Level(), _tally(state)
        level.restore(state["level"], answers)
        if not another:
            self.answers, self.level = answers, level
            self._live_answers, self._machine_answers, self._live_abandoned, self.abandoned = tally
        self._settle_tables()


def _tally(state: Mapping[str, Any]) -> list[float]:
    """Of the answers: those of persons and of machines, the persons abandoned and all who were."""
    answers = state["answers"]
    tally = live, machines, live_lost, lost = numbers(state["tally"], 4)
    rounding = ROUNDING * (1 + answers)
    possible = min(machines, lost) >= 0 and machines + lost <= answers
    if not possible or not -rounding <= live <= answers - machines + rounding:
        raise ValueError(f"{live:g} persons and {machines:g} machines of {answers} answers, {lost:g} abandoned")
    if not -rounding <= live_lost <= lost + rounding:
        raise ValueError(f"{live_lost:g} persons of {lost:g} abandoned")
    return tally


def _keep(calls: dict[str, T], call: str, what: T) -> None:
    calls[call] = what
    if len(calls) > KEPT:
        del calls[next(iter(calls))]
