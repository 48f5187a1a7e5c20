"""The agents: they come and go, and take the calls that ask for one, the longest waiting first, whosoever they are."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from dialer.pacing.events import AgentFree, AgentGone, CallEnded, Connected, Event
from dialer.simulation.agenda import Agenda
from dialer.simulation.roster import day
from dialer.simulation.scenario import Team


class Caller(Protocol):
    """A call that asks for an agent, whose usual times are `pace` times those of others."""

    name: str
    reserved: bool  # an agent is held for it

    def connected(self, pace: float, waited: float | None) -> float:
        """Seconds that the talk lasts; `waited`: the agent for a call, where it did."""

    def ended(self, pace: float) -> float:
        """Seconds of wrap-up."""


@dataclass(slots=True)
class _Agent:
    name: str
    pace: float
    present: bool = False
    leaving: bool = False
    since: float = 0.0  # on the floor
    free_since: float | None = None


class Pool:
    """`tell` hears what the agents do, as every policy that dials for them must."""

    def __init__(self, team: Team, agenda: Agenda, seed: int, tell: Callable[[Event], None]) -> None:
        self._team, self._agenda, self._seed, self._tell = team, agenda, seed, tell
        rng, spread = np.random.default_rng((seed, 5)), team.speed_spread
        paces = np.clip(rng.normal(1, spread, team.agents), 0.5, 1.5) if spread else [1.0] * team.agents
        self._agents = [_Agent(f"agent-{number}", float(pace)) for number, pace in enumerate(paces)]
        self.free: deque[_Agent] = deque()
        self.waiting: deque[Caller] = deque()
        self.reserved = 0  # lines for each of which an agent is held
        self.busy = 0
        self.staffed = 0.0  # seconds, of those who have left the floor

    def begin_day(self, number: int) -> None:
        begins = self._agenda.now
        for at, agent, comes in day(self._team, self._seed, number):
            self._agenda.at(begins + at, partial(self._move, self._agents[agent], comes))

    def ask(self, call: Caller) -> bool:
        """Whether an agent takes the call at once; if not it waits until one is free or `give_up` is called."""
        if self.free and (call.reserved or len(self.free) > self.reserved):
            self._connect(call, self.free.popleft())
            return True
        self.waiting.append(call)
        return False

    def give_up(self, call: Caller) -> None:
        self.waiting.remove(call)

    def _connect(self, call: Caller, agent: _Agent) -> None:
        waited = None if agent.free_since is None else self._agenda.now - agent.free_since
        agent.free_since = None
        self.busy += 1
        talk = call.connected(agent.pace, waited)
        self._tell(Connected(call.name, agent.name, self._agenda.now))
        self._agenda.after(talk, partial(self._talk_over, call, agent))

    def _talk_over(self, call: Caller, agent: _Agent) -> None:
        self._tell(CallEnded(call.name, agent.name, self._agenda.now))
        self._agenda.after(call.ended(agent.pace), partial(self._wrap_up_over, agent))

    def _wrap_up_over(self, agent: _Agent) -> None:
        self.busy -= 1
        if agent.leaving:
            self._go(agent)
        else:
            self._come(agent)

    def _move(self, agent: _Agent, comes: bool) -> None:
        if comes and agent.present:  # still busy with the last call before the break
            agent.leaving = False
        elif comes:
            agent.present, agent.since = True, self._agenda.now
            self._come(agent)
        elif agent.free_since is not None:
            self.free.remove(agent)
            agent.free_since = None
            self._go(agent)
        else:
            agent.leaving = True

    def _come(self, agent: _Agent) -> None:
        self._tell(AgentFree(agent.name, self._agenda.now))
        if self.waiting:
            self._connect(self.waiting.popleft(), agent)
        else:
            agent.free_since = self._agenda.now
            self.free.append(agent)

    def _go(self, agent: _Agent) -> None:
        agent.present = agent.leaving = False
        self.staffed += self._agenda.now - agent.since
        self._tell(AgentGone(agent.name, self._agenda.now))
