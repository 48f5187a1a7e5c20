"""The best any policy can do in the exponential world: a constrained Markov decision problem, solved exactly.

Ring and service times are exponential, so how long a call has rung says nothing, and (agents idle, calls in flight) is
all a policy could know. It may dial one more call at any moment. Occupation measures turn the problem into a linear
programme (Altman, Constrained Markov Decision Processes, 1999): `rest`, the share of time in each state, and `dials`,
how often in each state one more call is started. Whoever answers while nobody is idle is abandoned at once.
"""

from argparse import ArgumentParser
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

CEILING = 0.03  # abandoned calls over answers
RING_SECONDS, SERVICE_SECONDS = 15.0, 80.0
TABLE = [(agents, chance) for agents in (3, 5, 10, 25, 50) for chance in (0.2, 0.5)]


@dataclass(frozen=True, slots=True)
class Optimum:
    utilisation: float
    drop_rate: float
    lines: list[int]  # in flight below which one more is dialled, for each number of idle agents; -1: never


def optimum(
    agents: int,
    chance: float,
    ceiling: float = CEILING,
    ring_seconds: float = RING_SECONDS,
    service_seconds: float = SERVICE_SECONDS,
) -> Optimum:
    """`chance`: that a call which has stopped ringing was answered by a person."""
    most = int(1.3 * agents / chance) + 20  # in flight; the optimum stays well below
    idle, flight = (axis.ravel() for axis in np.mgrid[0 : agents + 1, 0 : most + 1])
    states = idle.size
    balance = _balance(idle, flight, chance, ring_seconds, service_seconds)
    answers = flight * chance / ring_seconds
    lost = np.where(idle == 0, answers, 0.0)
    busy = 1 - idle / agents
    total = coo_array((np.ones(states), (np.zeros(states, int), np.arange(states))), shape=(1, 2 * states))
    solved = linprog(
        -np.concatenate([busy, np.zeros(states)]),
        A_ub=coo_array([np.concatenate([lost - ceiling * answers, np.zeros(states)])]),
        b_ub=[0.0],
        A_eq=vstack([balance, total]),
        b_eq=np.concatenate([np.zeros(states), [1.0]]),
        method="highs",
    )
    if solved.status != 0:
        raise RuntimeError(f"the linear programme of {agents} agents was not solved: {solved.message}")
    rest, dials = solved.x[:states], solved.x[states:]
    dialled = (dials > 1e-9).reshape(agents + 1, most + 1)
    return Optimum(
        float(busy @ rest),
        float(lost @ rest / (answers @ rest)),
        [int(np.max(np.flatnonzero(row), initial=-1)) + 1 for row in dialled],
    )


def _balance(idle: np.ndarray, flight: np.ndarray, chance: float, ring: float, service: float) -> coo_array:
    """One row a state: what leaves it less what enters it, for each unit of `rest` and of `dials`."""
    agents, most = idle.max(), flight.max()
    here, width = np.arange(idle.size), most + 1
    moves = [  # from, to, rate, column
        (here, here + width, (agents - idle) / service, here),
        (here, here - 1 - width, np.where(idle > 0, flight * chance / ring, 0.0), here),
        (here, here - 1, np.where(idle > 0, flight * (1 - chance) / ring, flight / ring), here),
        (here, here + 1, np.where(flight < most, 1.0, 0.0), here + idle.size),
    ]
    rows, columns, values = [], [], []
    for source, target, rate, column in moves:
        happens = rate > 0
        rows += [source[happens], target[happens]]
        columns += [column[happens]] * 2
        values += [rate[happens], -rate[happens]]
    places = np.concatenate(rows), np.concatenate(columns)
    # a full state may not dial: its column is empty and its measure stays free, so it costs and brings nothing
    return coo_array((np.concatenate(values), places), shape=(idle.size, 2 * idle.size))


def main() -> None:
    parser = ArgumentParser(description=__doc__, prog="python -m tests.benchmarks.optimum")
    parser.add_argument("--agents", type=int, help="one team instead of the table")
    parser.add_argument("--chance", type=float, default=0.2, help="of a call to be answered by a person")
    asked = parser.parse_args()
    for agents, chance in [(asked.agents, asked.chance)] if asked.agents else TABLE:
        best = optimum(agents, chance)
        print(f"{agents} agents, {chance:.0%} answer: {best.utilisation:.4f} busy, {best.drop_rate:.2%} abandoned")


if __name__ == "__main__":
    main()
