"""A call centre in virtual time: events in a heap, and a pacing policy that sees and decides as it does in earnest."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import exp
from typing import Any

import numpy as np

from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    AgentGone,
    CallEnded,
    Connected,
    Dialled,
    Disposed,
    Failed,
    Human,
    Machine,
    PickedUp,
)
from dialer.pacing.policy import Budget, Floor, Policy
from dialer.simulation.draws import Fate, fates
from dialer.simulation.figures import Figures
from dialer.simulation.roster import HOUR, day
from dialer.simulation.scenario import Scenario

DAY = 24 * HOUR
TICK, MOVE, PICK_UP, FAIL, VERDICT, IMPATIENT, TALK_OVER, WRAP_UP_OVER = range(8)
RINGING, ANSWERED, WAITING, OVER = range(4)
MIXTURE = np.polynomial.hermite_e.hermegauss(41)  # nodes and weights of a normal distribution


@dataclass(slots=True)
class _Call:
    name: str
    fate: Fate
    live: bool
    reserved: bool
    state: int = RINGING


@dataclass(slots=True)
class _Agent:
    name: str
    speed: float
    present: bool = False
    leaving: bool = False
    since: float = 0.0  # on the floor
    free_since: float | None = None


class World:
    """One run: `figures` grow with every `run_day`."""

    def __init__(self, scenario: Scenario, policy: Policy, seed: int) -> None:
        self.scenario, self.policy, self.seed = scenario, policy, seed
        self.figures = Figures()
        self.now = 0.0
        self._fates = fates(scenario, seed)
        self._next = next(self._fates)
        self._heap: list[tuple[float, int, int, object]] = []
        self._order = count()
        rng = np.random.default_rng((seed, 5))
        spread = scenario.team.speed_spread
        speeds = (
            np.clip(rng.normal(1, spread, scenario.team.agents), 0.5, 1.5) if spread else [1.0] * scenario.team.agents
        )
        self._agents = [_Agent(f"agent-{number}", float(speed)) for number, speed in enumerate(speeds)]
        self._free: deque[_Agent] = deque()
        self._waiting: deque[_Call] = deque()
        self._calls: dict[str, _Call] = {}  # neither handed over nor ended
        self._busy = 0
        self._reserved = 0
        self._machines = 0  # that answered
        self._tokens = 0.0
        self._logits: dict[float, float] = {}
        self._begin = self._end = 0.0

    def run(self) -> Figures:
        for number in range(self.scenario.team.days):
            self.run_day(number)
        return self.figures

    def run_day(self, number: int) -> None:
        """A shift from its first log-in until the last call has ended."""
        self._begin = number * DAY
        self._end = self._begin + self.scenario.team.hours * HOUR
        for at, agent, comes in day(self.scenario.team, self.seed, number):
            self._later(self._begin + at, MOVE, (self._agents[agent], comes))
        self._later(self._begin, TICK, None)
        handlers: tuple[Callable[[Any], None], ...] = (
            self._tick,
            self._move,
            self._pick_up,
            self._fail,
            self._verdict,
            self._impatient,
            self._talk_over,
            self._wrap_up_over,
        )
        heap = self._heap
        while heap:
            self.now, _, what, subject = heappop(heap)
            handlers[what](subject)
        self.figures.end_day()

    def _later(self, at: float, what: int, subject: object) -> None:
        heappush(self._heap, (at, next(self._order), what, subject))

    def _tick(self, _: object) -> None:
        scenario, figures = self.scenario, self.figures
        if self.now + scenario.tick_seconds < self._end:
            self._later(self.now + scenario.tick_seconds, TICK, None)
        most = 10**6
        if scenario.calls_per_second is not None:
            self._tokens = min(
                max(1.0, scenario.calls_per_second), self._tokens + scenario.calls_per_second * scenario.tick_seconds
            )
            most = int(self._tokens)
        if scenario.lines is not None:
            most = min(most, max(0, scenario.lines - len(self._calls) - self._busy))
        mistaken = scenario.machine_error * self._machines
        budget = Budget(scenario.drop_rate_ceiling, figures.answers + mistaken, figures.abandoned + mistaken)
        floor = Floor(
            free_agents=len(self._free),
            in_flight=len(self._calls),
            max_dials=most,
            budgets=(budget,),
            ring_seconds=scenario.ring_seconds,
            connect_seconds=scenario.connect_seconds,
            give_up_seconds=scenario.give_up_seconds or float("inf"),
            busy_agents=self._busy,
            closes_in=self._end - self.now,
            chances=(),
        )
        decision = self.policy.decide(self.now, floor)
        for name in decision.give_up:
            call = self._calls.get(name)
            if call is not None and call.state == RINGING:
                figures.given_up += 1
                self._fail(call)
        dial = min(decision.dial, most)
        self._tokens -= dial
        figures.most_dialled = max(figures.most_dialled, dial)
        for _ in range(dial):
            self._dial(decision.reserve)

    def _dial(self, reserved: bool) -> None:
        fate, self._next = self._next, next(self._fates)
        self.figures.dials += 1
        callees, name = self.scenario.callees, f"call-{self.figures.dials}"
        human = callees.human_at((self.now - self._begin) / HOUR)
        chance = 1.0
        if callees.spread:
            mean, human = human, _logistic(self._logit(human) + fate.odds)
            chance = self._chance(mean, fate.known)
        live = fate.chance < human
        call = _Call(name, fate, live, reserved)
        self._calls[name] = call
        self._reserved += reserved
        self.policy.observe(Dialled(name, self.now, chance))
        rest = fate.chance - human
        if live or rest < callees.machine:
            after = fate.human_pick_up if live else fate.machine_pick_up
            what = PICK_UP if after < self.scenario.ring_seconds else FAIL
            self._later(self.now + min(after, self.scenario.ring_seconds), what, call)
        elif rest < callees.machine + callees.busy:
            self._later(self.now + fate.refused, FAIL, call)
        else:
            self._later(self.now + self.scenario.ring_seconds, FAIL, call)

    def _logit(self, human: float) -> float:
        """The log odds of the average lead, so that leads of all odds answer in this share."""
        if human not in self._logits:
            low, high = -20.0, 20.0
            nodes, weights = MIXTURE
            for _ in range(60):
                middle = (low + high) / 2
                mean = weights @ (1 / (1 + np.exp(-(middle + self.scenario.callees.spread * nodes)))) / weights.sum()
                low, high = (middle, high) if mean < human else (low, middle)
            self._logits[human] = low
        return self._logits[human]

    def _chance(self, mean: float, known: float) -> float:
        """What the features tell, over the average."""
        callees = self.scenario.callees
        nodes, weights = MIXTURE
        unknown = callees.spread * (1 - callees.known) ** 0.5
        if not unknown:
            return _logistic(self._logit(mean) + known) / mean
        chances = 1 / (1 + np.exp(-(self._logit(mean) + known + unknown * nodes)))
        return float(weights @ chances / weights.sum()) / mean

    def _pick_up(self, call: _Call) -> None:
        if call.state != RINGING:
            return
        call.state = ANSWERED
        self._machines += not call.live
        self.policy.observe(PickedUp(call.name, self.now))
        if self.scenario.detection is None:
            self._ask(call)
        else:
            self._later(self.now + call.fate.detection, VERDICT, call)

    def _fail(self, call: _Call) -> None:
        if call.state != OVER:
            self._leave(call)
            self.policy.observe(Failed(call.name, self.now))

    def _verdict(self, call: _Call) -> None:
        detection = self.scenario.detection
        assert detection is not None
        wrong = detection.human_taken_for_machine if call.live else detection.machine_taken_for_human
        if (call.fate.mistake < wrong) == call.live:
            self._leave(call)
            self.policy.observe(Machine(call.name, self.now))
        else:
            self._ask(call)

    def _ask(self, call: _Call) -> None:
        self.figures.asked(call.live)
        call.state = WAITING
        self.policy.observe(Human(call.name, self.now))
        if self._free and (call.reserved or len(self._free) > self._reserved):
            self._connect(call, self._free.popleft())
            return
        self._waiting.append(call)
        self._later(self.now + self.scenario.connect_seconds, IMPATIENT, call)

    def _impatient(self, call: _Call) -> None:
        if call.state == WAITING:
            self._waiting.remove(call)
            self._leave(call)
            self.figures.lost(call.live)
            self.policy.observe(Abandoned(call.name, self.now))

    def _leave(self, call: _Call) -> None:
        call.state = OVER
        del self._calls[call.name]
        self._reserved -= call.reserved

    def _connect(self, call: _Call, agent: _Agent) -> None:
        self._leave(call)
        if agent.free_since is not None:
            self.figures.waits += 1
            self.figures.waited += self.now - agent.free_since
            agent.free_since = None
        self._busy += 1
        talk = (call.fate.talk if call.live else call.fate.machine_talk) * agent.speed
        self.figures.talking += talk
        self.policy.observe(Connected(call.name, agent.name, self.now))
        self._later(self.now + talk, TALK_OVER, (call, agent))

    def _talk_over(self, subject: tuple[_Call, _Agent]) -> None:
        call, agent = subject
        wrap_up = call.fate.wrap_up * agent.speed * (1.0 if call.live else self.scenario.callees.machine_wrap_up)
        self.figures.wrapping += wrap_up
        self.policy.observe(CallEnded(call.name, agent.name, self.now))
        self.policy.observe(Disposed(call.name, call.live, self.now))
        self._later(self.now + wrap_up, WRAP_UP_OVER, agent)

    def _wrap_up_over(self, agent: _Agent) -> None:
        self._busy -= 1
        if agent.leaving:
            self._go(agent)
        else:
            self._come(agent)

    def _move(self, subject: tuple[_Agent, bool]) -> None:
        agent, comes = subject
        if comes and agent.present:  # still busy with the last call before the break
            agent.leaving = False
        elif comes:
            agent.present, agent.since = True, self.now
            self._come(agent)
        elif agent.free_since is not None:
            self._free.remove(agent)
            agent.free_since = None
            self._go(agent)
        else:
            agent.leaving = True

    def _come(self, agent: _Agent) -> None:
        self.policy.observe(AgentFree(agent.name, self.now))
        if self._waiting:
            self._connect(self._waiting.popleft(), agent)
        else:
            agent.free_since = self.now
            self._free.append(agent)

    def _go(self, agent: _Agent) -> None:
        agent.present = agent.leaving = False
        self.figures.staffed += self.now - agent.since
        self.policy.observe(AgentGone(agent.name, self.now))


def _logistic(odds: float) -> float:
    return 1 / (1 + exp(-odds))
