"""Lines against agents over the next half minute: what more or fewer lines bring, and what they may cost.

Idle agents are a walk that is turned back at 0: what would fall below is a lost call. Within a step agents become free
before calls are answered, as the wait that the law allows has been taken off the agents' times. In Fourier space a step
of the walk is one product.

Agents freed and calls answered are nearly Poisson by step, but for one thing: an agent is freed once and a line
answered once, so their number varies less than that of many rare events would. For a few agents that is much.
"""

from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dialer.pacing.grid import STEP, STEPS, Array

SPREAD = 4.0  # standard deviations of idle agents that the lattice has room for
SIZES = (32, 64, 128, 256, 512)
BY_MATRIX = 128  # the largest size for which matrices are quicker than transforms
OVERRUN = 64.0  # calls more than agents in a step; what is beyond is lost whatever is dialled, and not counted
NUMBERS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
WIDER = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)  # where more than the last of these may be wanted
Complex = NDArray[np.complex128]


class Prospect(NamedTuple):
    """For each row: calls that find no agent, and idle agent-seconds, expected over the horizon."""

    lost: Array
    idled: Array


class Flow(NamedTuple):
    """Events expected by step (last axis), and by how much their number varies less than a Poisson one."""

    due: Array
    steadier: Array

    def plus(self, due: Array) -> "Flow":
        """With Poisson events added."""
        return Flow(self.due + due, self.steadier)

    def without(self, due: Array) -> "Flow":
        """With some of its events taken away, down to none, and as large a share of what makes it steadier."""
        left = np.maximum(self.due - due, 0.0)
        return Flow(left, self.steadier * (left / np.maximum(self.due, 1e-12)))


def at_most_once(due: Array, sources: Array | int) -> Flow:
    """Events of which each of so many, all taken to be alike, brings one at most.

    Of D expected events of n sources the variance is D - D² / n, to which a step with d after D before adds
    d - d (d + 2 D) / n, as it varies against what was before; a step takes all of its own variance off at most. The
    walk forgets what it has turned back at 0, so with no idle agent this is more than is right; to take off less kept
    agents no busier in simulated days.
    """
    before = np.cumsum(due, axis=-1) - due
    return Flow(due, np.minimum(due, due * (due + 2 * before) / np.maximum(sources, 1)))


def candidates(most: int) -> tuple[int, ...]:
    """Numbers of lines to compare, ever wider apart, up to the first that is not below `most`."""
    numbers = NUMBERS if most <= NUMBERS[-1] else WIDER
    return numbers[: bisect_left(numbers, most) + 1]


def of_more_lines(idle: int, freed: Flow, answers: Flow, line_freed: Array, line_answers: Array, most: int) -> Prospect:
    """With so many more lines as `candidates(most)` says; all by step. `idle` below 0: so many calls wait."""
    most = candidates(most)[-1]
    due = np.minimum(answers.due, freed.due + OVERRUN)
    answers = Flow(due, np.minimum(answers.steadier, due))
    grown = freed.due.sum() + most * line_freed.sum()
    powers, size = _powers(idle, float(grown - due.sum()), float(grown), float((due + most * line_answers).max()))
    rows = [_moves(freed, answers, powers)]
    once = _moves(Flow(line_freed, np.zeros_like(line_freed)), at_most_once(line_answers, 1), powers)
    power = {1: once}
    for number in candidates(most)[1:]:
        if number > 1:
            half = number // 2
            power[number] = power[half] * power[number - half]
        rows.append(rows[0] * power[number])
    lost, idled = _walk(idle, np.array(rows), size)
    return Prospect(np.maximum(lost, 0.0), np.maximum(idled, 0.0))  # two cumulants are no exact chances


def of_fewer_lines(idle: int, freed: Flow, answers: Flow) -> Prospect:
    """One row of `freed` and `answers`, by step, for each number of lines hung up."""
    grown = float(freed.due.max(0).sum())
    powers, size = _powers(idle, grown - float(answers.due.sum(1).min()), grown, float(answers.due.max()))
    return _walk(idle, _moves(freed, answers, powers), size)


def _moves(freed: Flow, answers: Flow, powers: Complex) -> Complex:
    """Of the change in each step, at z the roots of one.

    A flow's is exp(due (z - 1) - steadier (z - 1)² / 2), by its first two cumulants; of answers with 1/z. Nowhere is it
    larger than one, as `steadier` is at most `due`.
    """
    up, down = powers, powers.conj()
    moves: Complex = np.exp(
        freed.due[..., None] * up
        - freed.steadier[..., None] * (up * up / 2)
        + answers.due[..., None] * down
        - answers.steadier[..., None] * (down * down / 2)
    )
    return moves


def _powers(idle: int, drift: float, grown: float, fastest: float) -> tuple[Complex, int]:
    waiting = max(0, -idle)
    high = max(2.0 * idle + 1.0, idle + drift + SPREAD * (grown + 1.0) ** 0.5, 2.0 * waiting + 4.0 * fastest + 8.0)
    size = next((size for size in SIZES if size >= 2 * high), SIZES[-1])
    return _lattice(size).powers, size


class _Lattice(NamedTuple):
    """A half of its points is for idle agents, a quarter each for more than that and for fewer than none."""

    powers: Complex  # z - 1
    half: int
    turn: int  # from here on fewer than none
    weights: Array  # from the chances of the points to lost calls and idle agents


@lru_cache(maxsize=len(SIZES))
def _lattice(size: int) -> _Lattice:
    half, turn = size // 2, size - size // 4
    below, above = np.zeros(size), np.minimum(np.arange(size), half - 1).astype(np.float64)
    below[turn:] = size - np.arange(turn, size)
    above[turn:] = 0.0
    powers = np.exp(-2j * np.pi * np.arange(half + 1) / size) - 1
    return _Lattice(powers, half, turn, np.array([below, above]).T)


class _Matrices(NamedTuple):
    turned_back: Array  # from one step's spectrum to the next one's, real and imaginary parts in turn
    weights: Array  # from a spectrum to lost calls and idle agents
    starts: Complex  # spectrum of each number of idle agents; from the end, of calls that wait for one


@lru_cache(maxsize=len(SIZES))
def _matrices(size: int) -> _Matrices:
    lattice = _lattice(size)
    half, turn = lattice.half, lattice.turn
    forward = np.fft.rfft(np.eye(size))
    back = np.fft.irfft(np.eye(size + 2).view(np.complex128)[:, : half + 1].reshape(size + 2, half + 1), size)
    fold = np.zeros((size, size))
    fold[np.arange(half), np.arange(half)] = 1.0
    fold[half:turn, half - 1] = fold[turn:, 0] = 1.0
    return _Matrices(back @ fold @ forward.view(np.float64), back @ lattice.weights, forward)


def _walk(idle: int, moves: Complex, size: int) -> Prospect:
    start = max(-size // 4, min(idle, size // 2 - 1))
    lost, idled = (_by_matrix if size <= BY_MATRIX else _by_transform)(start, moves, size).T
    return Prospect(lost, STEP * idled)


def _by_matrix(start: int, moves: Complex, size: int) -> Array:
    """Stays in Fourier space: one product of matrices a step. Its cost grows with the square of the size."""
    matrices = _matrices(size)
    rows, _, width = moves.shape
    spectra = np.empty((STEPS, rows, 2 * width))
    here: Complex = np.broadcast_to(matrices.starts[start], (rows, width))
    for step in range(STEPS):
        moved = spectra[step]
        np.multiply(here, moves[:, step], out=moved.view(np.complex128))
        here = (moved @ matrices.turned_back).view(np.complex128)
    found: Array = spectra.sum(0) @ matrices.weights
    return found


def _by_transform(start: int, moves: Complex, size: int) -> Array:
    """There and back in each step."""
    lattice = _lattice(size)
    half, turn = lattice.half, lattice.turn
    here = np.zeros((len(moves), size))
    here[:, start] = 1.0
    total = np.zeros_like(here)
    for step in range(STEPS):
        moved = np.fft.irfft(np.fft.rfft(here) * moves[:, step], size)
        total += moved
        here[:, :half] = moved[:, :half]
        here[:, half - 1] += moved[:, half:turn].sum(1)
        here[:, 0] += moved[:, turn:].sum(1)
        here[:, half:] = 0.0
    found: Array = total @ lattice.weights
    return found
