"""A call centre in virtual time, seeded: the policy sees its events and decides for it."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from math import log, sqrt
from typing import Any

import pytest

from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    CallEnded,
    Connected,
    Dialled,
    Event,
    Failed,
    Human,
    Machine,
    PickedUp,
)
from dialer.pacing.policy import Floor, Line, Policy

RING_SECONDS = 25.0
CEILING = 0.03


@dataclass
class World:
    """Agents are connected at pick-up; a machine is found out seconds later. Nobody waits for an agent."""

    policy: Policy
    agents: int
    seed: int
    persons: float = 0.3  # share of the dials a person answers
    machines: float = 0.2
    talk_seconds: float = 40.0
    wrap_seconds: float = 10.0
    tick_seconds: float = 2.0
    max_dials: int = 50

    now: float = 0.0
    answers: int = 0
    abandoned: int = 0
    dials: int = 0
    busy_seconds: float = 0.0
    most_dialled: int = 0
    predicted: int = 0  # decisions that did not reserve agents
    events: list[Any] = field(default_factory=list)
    free: list[str] = field(default_factory=list)
    ringing: dict[str, tuple[float, bool]] = field(default_factory=dict)  # call -> dialled at, holds an agent
    talking: dict[str, float] = field(default_factory=dict)
    wrapping: dict[str, float] = field(default_factory=dict)

    @property
    def drop_rate(self) -> float:
        return self.abandoned / self.answers

    @property
    def utilisation(self) -> float:
        return self.busy_seconds / self.now / self.agents

    def run(self, answers: int) -> "World":
        self.chance = random.Random(self.seed)
        self.free = [f"agent-{number}" for number in range(self.agents)]
        self.later(0.0, self.tick)
        while self.answers < answers:
            self.now, _, what, values = heapq.heappop(self.events)
            what(*values)
        return self

    def later(self, seconds: float, what: Callable[..., None], *values: object) -> None:
        heapq.heappush(self.events, (self.now + seconds, self.chance.random(), what, values))

    def tell(self, event: Event) -> None:
        self.policy.observe(event)

    def tick(self) -> None:
        self.later(self.tick_seconds, self.tick)
        self.busy_seconds += (len(self.talking) + len(self.wrapping)) * self.tick_seconds
        floor = Floor(
            free_agents=len(self.free),
            in_flight=tuple(Line(call, self.now - at) for call, (at, _) in self.ringing.items()),
            talking=tuple(self.now - at for at in self.talking.values()),
            wrapping=tuple(self.now - at for at in self.wrapping.values()),
            max_dials=self.max_dials,
            allowance=CEILING * self.answers - self.abandoned,
            ceiling=CEILING,
            ring_seconds=RING_SECONDS,
        )
        decision = self.policy.decide(self.now, floor)
        self.most_dialled = max(self.most_dialled, decision.dial)
        self.predicted += not decision.reserve
        for _ in range(decision.dial):
            self.dial(decision.reserve)

    def dial(self, reserve: bool) -> None:
        self.dials += 1
        call = f"call-{self.dials}"
        self.ringing[call] = self.now, reserve
        self.tell(Dialled(call, self.now))
        kind = self.chance.random()
        if kind < self.persons:
            self.ring(call, self.lognormal(10, 0.5), True)
        elif kind < self.persons + self.machines:
            self.ring(call, self.lognormal(19, 0.2), False)
        elif kind < self.persons + self.machines + 0.12:
            self.later(self.chance.uniform(0.5, 4), self.fail, call)
        else:
            self.later(RING_SECONDS, self.fail, call)

    def ring(self, call: str, seconds: float, person: bool) -> None:
        if seconds < RING_SECONDS:
            self.later(seconds, self.pick_up, call, person)
        else:
            self.later(RING_SECONDS, self.fail, call)

    def fail(self, call: str) -> None:
        del self.ringing[call]
        self.tell(Failed(call, self.now))

    def pick_up(self, call: str, person: bool) -> None:
        self.tell(PickedUp(call, self.now))
        self.answers += person
        _, holds = self.ringing.pop(call)
        held = sum(holds for _, holds in self.ringing.values())
        if holds or len(self.free) > held:
            self.connect(call, self.free.pop(0), person)
        elif person:
            self.abandoned += 1
            self.tell(Abandoned(call, self.now))
        else:
            self.tell(Machine(call, self.now))

    def connect(self, call: str, agent: str, person: bool) -> None:
        self.talking[agent] = self.now
        self.tell(Connected(call, agent, self.now))
        if person:
            self.tell(Human(call, self.now))
            self.later(self.lognormal(self.talk_seconds, 1), self.wrap_up, call, agent)
        else:
            self.later(self.chance.uniform(2, 5), self.machine_found, call, agent)

    def machine_found(self, call: str, agent: str) -> None:
        self.tell(Machine(call, self.now))
        del self.talking[agent]
        self.tell(CallEnded(call, agent, self.now))
        self.set_free(agent)

    def wrap_up(self, call: str, agent: str) -> None:
        del self.talking[agent]
        self.tell(CallEnded(call, agent, self.now))
        self.wrapping[agent] = self.now
        self.later(self.lognormal(self.wrap_seconds, 0.8), self.wrapped_up, agent)

    def wrapped_up(self, agent: str) -> None:
        del self.wrapping[agent]
        self.set_free(agent)

    def set_free(self, agent: str) -> None:
        self.free.append(agent)
        self.tell(AgentFree(agent, self.now))

    def lognormal(self, mean: float, variation: float) -> float:
        spread = log(1 + variation**2)
        return self.chance.lognormvariate(log(mean) - spread / 2, sqrt(spread))


@pytest.fixture
def world() -> type[World]:
    return World


@pytest.fixture
def floor() -> Callable[..., Floor]:
    """A floor of ten free agents and a budget with room, but for what the test names."""

    def build(**values: Any) -> Floor:
        usual = {
            "free_agents": 10,
            "in_flight": (),
            "talking": (),
            "wrapping": (),
            "max_dials": 1000,
            "allowance": 10.0,
            "ceiling": CEILING,
            "ring_seconds": RING_SECONDS,
        }
        return Floor(**(usual | values))

    return build
