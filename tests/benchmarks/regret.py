"""What a policy's decisions lose against the best ones, told without the luck of the run.

In the exponential world (see `optimum`) the state is (agents idle, calls in flight). Of all policies that decide once a
second the best one follows from relative values: the least that is to be lost from each state on, where an abandoned
call costs the price that holds them at the ceiling (Puterman, Markov Decision Processes, 1994, chapter 8). A decision
loses by how much the value of what it leaves in flight exceeds the least that it could have left. So

    idle seconds expected = the best policy's + lost by decisions and by the ends of days + price x calls unspent,

and a run's own idle seconds differ from that by chance alone: in six days of five agents by about 1 % of the optimum.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, eye_array
from scipy.stats import poisson

from dialer.pacing.events import Event
from dialer.pacing.policy import Decision, Floor, Policy, Saved
from tests.benchmarks.optimum import CEILING, RING_SECONDS, SERVICE_SECONDS

TICK_SECONDS = 1.0
PRICES = 20.0, 3000.0  # idle agent-seconds; the one that holds the ceiling lies between
CLOSE = 0.02  # of its logarithm
SETTLED = 1e-6  # of what one tick costs


@dataclass(frozen=True)
class Best:
    """Of the policies that decide once a second. Values in idle agent-seconds, by agents idle and calls in flight."""

    agents: int
    ceiling: float
    price: float  # of an abandoned call
    idle: float  # agents, on average
    before: np.ndarray  # a decision: what is to be lost from there on
    after: np.ndarray
    least: np.ndarray  # `after`, over all that a decision can leave

    @property
    def utilisation(self) -> float:
        return 1 - self.idle / self.agents


def best(agents: int, chance: float, ceiling: float = CEILING) -> Best:
    """`chance`: that a call which has stopped ringing was answered by a person.

    What is lost is a concave function of the price, highest where the calls abandoned are those allowed: golden section
    finds it.
    """
    most = int(1.3 * agents / chance) + 16
    moved, lost, idle = _second(agents, chance, most)
    guess = np.zeros(idle.size)

    def at(price: float) -> Best:
        nonlocal guess
        credit = price * ceiling * chance * np.arange(most + 1)
        spread = 1.0
        while spread > SETTLED:
            after = (idle + price * lost + moved @ guess).reshape(agents + 1, most + 1) - credit
            least = np.minimum.accumulate(after[:, ::-1], axis=1)[:, ::-1]
            value = (least + credit).ravel()
            change = value - guess
            spread, guess = float(np.ptp(change)), value - value[0]
        rate = float(change.max() + change.min()) / 2
        return Best(agents, ceiling, price, rate, least + credit, after, least)

    low, high = np.log(PRICES)
    golden = (5**0.5 - 1) / 2
    left, right = (at(float(np.exp(x))) for x in (high - golden * (high - low), low + golden * (high - low)))
    while high - low > CLOSE:
        if left.idle > right.idle:
            high, right = np.log(right.price), left
            left = at(float(np.exp(high - golden * (high - low))))
        else:
            low, left = np.log(left.price), right
            right = at(float(np.exp(low + golden * (high - low))))
    return max(left, right, key=lambda found: found.idle)


def _second(agents: int, chance: float, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From each state, without a dial, within one tick: where it goes, calls abandoned, idle agent-seconds.

    By uniformisation: as many steps of the fastest rate as a Poisson number says.
    """
    idle, flight = (axis.ravel() for axis in np.mgrid[0 : agents + 1, 0 : most + 1])
    states, width, here = idle.size, most + 1, np.arange(idle.size)
    answers = flight * chance / RING_SECONDS
    steps = [
        (here + width, (agents - idle) / SERVICE_SECONDS),
        (here - 1 - width, np.where(idle > 0, answers, 0.0)),
        (here - 1, flight / RING_SECONDS - np.where(idle > 0, answers, 0.0)),
    ]
    rates = coo_array((states, states))
    for there, rate in steps:
        happens = rate > 0
        rates = rates + coo_array((rate[happens], (here[happens], there[happens])), shape=(states, states))
    out = np.asarray(rates.sum(axis=1)).ravel()
    fastest = float(out.max())
    step = (eye_array(states) + (rates - _diagonal(out)) / fastest).tocsr()
    mean = fastest * TICK_SECONDS
    numbers = np.arange(int(mean + 10 * np.sqrt(mean)) + 20)
    shares, longer = poisson.pmf(numbers, mean), poisson.sf(numbers, mean) / fastest
    moved, now = np.zeros((states, states)), np.eye(states)
    lost, waited = np.zeros(states), np.zeros(states)
    losing, waiting = np.where(idle == 0, answers, 0.0), idle.astype(float)
    for share, rest in zip(shares, longer, strict=True):
        moved += share * now
        lost += rest * losing
        waited += rest * waiting
        now, losing, waiting = step @ now, step @ losing, step @ waiting
    return moved, lost, waited


def _diagonal(values: np.ndarray) -> coo_array:
    return coo_array((values, (np.arange(values.size), np.arange(values.size))))


class Judged:
    """A policy in the exponential world, and what its decisions lose, in idle agent-seconds."""

    def __init__(self, policy: Policy, best: Best) -> None:
        self.policy, self.best = policy, best
        self.lost = self.seconds = 0.0
        self._last: tuple[float, float] | None = None  # when, and the value of what was there

    def observe(self, event: Event) -> None:
        self.policy.observe(event)

    def decide(self, now: float, floor: Floor) -> Decision:
        decision = self.policy.decide(now, floor)
        idle, most = min(floor.free_agents, self.best.agents), self.best.after.shape[1] - 1
        flight = min(floor.in_flight, most)
        left = min(flight + decision.dial, most)
        self.lost += float(self.best.after[idle, left] - self.best.least[idle, flight])
        value = float(self.best.before[idle, flight])
        if self._last is not None and now - self._last[0] > 2 * TICK_SECONDS:  # another day: all begins anew
            self.lost += value - self._last[1]
        self._last, self.seconds = (now, value), self.seconds + TICK_SECONDS
        return decision

    def state(self) -> Saved:
        return self.policy.state()

    def utilisation(self, answers: float, abandoned: float) -> float:
        """That was to be expected of these decisions and of so many calls; what else happened was luck."""
        unspent = self.best.price * (self.best.ceiling * answers - abandoned)
        return self.best.utilisation - (self.lost + unspent) / (self.best.agents * self.seconds)
