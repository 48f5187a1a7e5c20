"""What the next half minute brings: answers of the calls in flight, agents becoming free. Learned from events."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import mul

from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    AgentGone,
    CallEnded,
    Connected,
    Dialled,
    Event,
    Failed,
    Machine,
)
from dialer.pacing.policy import Floor
from dialer.pacing.shortfall import Outlook
from dialer.pacing.stage import Stage

HORIZON = 28  # seconds; a longer one decides no better
OVERDUE_SECONDS = 10.0  # past the ring time-out nothing more is expected of a call: its end has not been reported
RING_AGES = tuple(float(second) for second in range(91))
SERVICE_AGES = (*(float(second) for second in range(10)), *(10 * 1.2**step for step in range(33)))  # up to an hour
PERSON, MACHINE, LOST = 0, 1, 2  # which a call in flight turns out to be; who asks for an agent is one of the first two


class Forecast:
    """Chances as of the last `settle`; events are counted at once.

    Where agents are connected before machine detection has spoken, machines hold them for seconds only and answer
    later than persons do: so the two are told apart at each ring age.
    """

    def __init__(self) -> None:
        self.answers = 0  # calls that asked for an agent
        self._calls: dict[str, tuple[str, float]] = {}  # agent -> the call given, seconds it had been in flight
        self._leaving = 0.0  # share of the agents who end a call to go, not to take the next
        self._in_flight = Stage(RING_AGES, memory=1500, prior_seconds=20, causes=3)
        self._talk = Stage(SERVICE_AGES, memory=1000, prior_seconds=60, causes=2)
        self._wrap = Stage(SERVICE_AGES, memory=1000, prior_seconds=15)
        self.settle(float("-inf"))

    def observe(self, event: Event) -> None:
        """Learn from an event; what was not seen to begin is not seen to end.

        A call counts as answered when it asks for an agent, so a pick-up and a person's voice teach nothing more.
        """
        match event:
            case Dialled(call, at):
                self._in_flight.enter(call, at)
            case Connected(call, agent, at):
                self._connected(call, agent, at)
            case Abandoned(call, at):
                self._asked(call, at)
            case Machine(call, at):
                self._machine(call, at)
            case Failed(call, at):
                self._in_flight.leave(call, at, LOST)
            case CallEnded(_, agent, at):
                self._calls.pop(agent, None)
                if self._talk.leave(agent, at, PERSON) is not None:
                    self._wrap.enter(agent, at)
            case AgentFree(agent, at):
                self._freed(agent, at)
            case AgentGone(agent, at):
                self._gone(agent, at)

    def settle(self, now: float) -> None:
        """Work out the chances anew, with all that is running at `now`."""
        for stage in (self._in_flight, self._talk, self._wrap):
            stage.settle(now)
        wrap_up = self._wrap.chances(0, HORIZON)
        stays = 1 - self._leaving

        def talk_over(age: float) -> list[float]:
            persons = _then(self._talk.chances(age, HORIZON, PERSON), wrap_up)
            machines = self._talk.chances(age, HORIZON, MACHINE)
            return [stays * (person + machine) for person, machine in zip(persons, machines, strict=True)]

        self._persons = _Rows(RING_AGES, lambda age: self._in_flight.chances(age, HORIZON, PERSON))
        self._machines = _Rows(RING_AGES, lambda age: self._in_flight.chances(age, HORIZON, MACHINE))
        self._talk_over = _Rows(SERVICE_AGES, talk_over)
        self._wrap_over = _Rows(SERVICE_AGES, lambda age: [stays * p for p in self._wrap.chances(age, HORIZON)])
        held = self._talk.chances(0, HORIZON, MACHINE)
        self.machines = sum(held)  # share of the calls given to an agent
        self._held = [stays * p / self.machines for p in held]
        served = _then(self._talk.chances(0, HORIZON, PERSON), wrap_up)
        self._served = [stays * p / (1 - self.machines) for p in served]
        ring = len(RING_AGES)
        self._answer = sum(self._in_flight.chances(0, ring, PERSON)) + sum(self._in_flight.chances(0, ring, MACHINE))

    def outlook(self, floor: Floor) -> Outlook:
        overdue = floor.ring_seconds + OVERDUE_SECONDS
        ages = [line.age for line in floor.in_flight if line.age < overdue]
        persons, machines = self._persons.total(ages), self._machines.total(ages)
        line_persons, line_machines = self._persons.at(0), self._machines.at(0)
        return Outlook(
            idle=floor.free_agents,
            freed=_sum(
                self._talk_over.total(floor.talking),
                self._wrap_over.total(floor.wrapping),
                _then(persons, self._served),
                _then(machines, self._held),
            ),
            answers=_sum(persons, machines),
            line_freed=_sum(_then(line_persons, self._served), _then(line_machines, self._held)),
            line_answers=_sum(line_persons, line_machines),
            line_answer=self._answer,
            doubt=1 / (1 + self._in_flight.seen(PERSON, MACHINE)),
        )

    def _asked(self, call: str, at: float) -> float | None:
        age = self._in_flight.leave(call, at, PERSON)
        self.answers += age is not None
        return age

    def _connected(self, call: str, agent: str, at: float) -> None:
        self._freed(agent, at)  # who takes a call has ended the last one, told or not
        age = self._asked(call, at)
        if age is not None:
            self._calls[agent] = call, age
        self._talk.enter(agent, at)

    def _machine(self, call: str, at: float) -> None:
        self._in_flight.leave(call, at, LOST)
        agent = next((agent for agent, (given, _) in self._calls.items() if given == call), None)
        if agent is not None:
            _, age = self._calls.pop(agent)
            self._in_flight.correct(age, PERSON, MACHINE)
            self._talk.leave(agent, at, MACHINE)

    def _freed(self, agent: str, at: float) -> None:
        seen_busy = self._talk.leave(agent, at, PERSON), self._wrap.leave(agent, at)
        if seen_busy != (None, None):
            self._leaving *= 0.99

    def _gone(self, agent: str, at: float) -> None:
        if agent in self._talk or agent in self._wrap:
            self._leaving += 0.01 * (1 - self._leaving)
        self._talk.forget(agent, at)
        self._wrap.forget(agent, at)


class _Rows:
    """Chances per second of the horizon by age bin, each row worked out when first asked for."""

    def __init__(self, edges: tuple[float, ...], row: Callable[[float], list[float]]) -> None:
        self._edges, self._row = edges, row
        self._known: dict[float, list[float]] = {}

    def at(self, age: float) -> list[float]:
        edge = self._edges[max(0, bisect_right(self._edges, age) - 1)]
        if edge not in self._known:
            self._known[edge] = self._row(edge)
        return self._known[edge]

    def total(self, ages: Iterable[float]) -> list[float]:
        return _sum([0.0] * HORIZON, *(self.at(age) for age in ages))


def _sum(*rows: Sequence[float]) -> list[float]:
    return [sum(second) for second in zip(*rows, strict=True)]


def _then(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Chances of one delay followed by another, both from now on."""
    backwards = list(reversed(second))
    return [sum(map(mul, first, backwards[HORIZON - 1 - until :])) for until in range(HORIZON)]
