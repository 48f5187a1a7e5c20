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

from dialer.pacing.grid import STEP, Array

SPREAD = 4.0  # standard deviations of idle agents that the lattice has room for
SIZES = (32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512)
BY_MATRIX = 192  # the largest size for which matrices are quicker than transforms
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

    def times(self, more: float) -> "Flow":
        return Flow(self.due * more, self.steadier * more)

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
    before = due.cumsum(-1) - due
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
    size = _size(idle, float(grown - due.sum()), float(grown), float((due + most * line_answers).max()))
    more = _more(line_freed.tobytes(), line_answers.tobytes(), most, size)
    lost, idled = _walk(idle, _moves(freed, answers, size)[:, None] * more, size)
    return Prospect(np.maximum(lost, 0.0), np.maximum(idled, 0.0))  # two cumulants are no exact chances


@lru_cache(maxsize=32)
def _more(line_freed: bytes, line_answers: bytes, most: int, size: int) -> Complex:
    """What `candidates(most)` add to the moves; kept, for the chances of a line are settled once in many decisions."""
    freed, answers = np.frombuffer(line_freed), np.frombuffer(line_answers)
    once = _moves(Flow(freed, np.zeros_like(freed)), at_most_once(answers, 1), size)
    power = {0: np.ones_like(once), 1: once}
    for number in candidates(most)[2:]:
        half = number // 2
        power[number] = power[half] * power[number - half]
    return np.stack([power[number] for number in candidates(most)], axis=1)


def of_fewer_lines(idle: int, freed: Flow, answers: Flow) -> Prospect:
    """One row of `freed` and `answers`, by step, for each number of lines hung up."""
    grown = float(freed.due.max(0).sum())
    size = _size(idle, grown - float(answers.due.sum(1).min()), grown, float(answers.due.max()))
    return _walk(idle, _moves(freed, answers, size).swapaxes(0, 1), size)


def _moves(freed: Flow, answers: Flow, size: int) -> Complex:
    """Of the change in each step, at z the roots of one.

    A flow's is exp(due (z - 1) - steadier (z - 1)² / 2), by its first two cumulants; of answers with 1/z. Nowhere is it
    larger than one, as `steadier` is at most `due`.
    """
    means = np.stack([freed.due, freed.steadier, answers.due, answers.steadier], axis=-1)
    moves: Complex = np.exp((means @ _lattice(size).cumulants).view(np.complex128))
    return moves


def _size(idle: int, drift: float, grown: float, fastest: float) -> int:
    waiting = max(0, -idle)
    high = max(2.0 * idle + 1.0, idle + drift + SPREAD * (grown + 1.0) ** 0.5, 2.0 * waiting + 4.0 * fastest + 8.0)
    return next((size for size in SIZES if size >= 2 * high), SIZES[-1])


class _Lattice(NamedTuple):
    """A half of its points is for idle agents, a quarter each for more than that and for fewer than none."""

    cumulants: Array  # what freed.due, freed.steadier, answers.due and answers.steadier are multiplied by in `_moves`
    half: int
    turn: int  # from here on fewer than none
    weights: Array  # from the chances of the points to lost calls and idle agents


@lru_cache(maxsize=len(SIZES))
def _lattice(size: int) -> _Lattice:
    half, turn = size // 2, size - size // 4
    below, above = np.zeros(size), np.minimum(np.arange(size), half - 1).astype(np.float64)
    below[turn:] = size - np.arange(turn, size)
    above[turn:] = 0.0
    up = np.exp(-2j * np.pi * np.arange(half + 1) / size) - 1
    down = up.conj()
    cumulants = np.array([up, -up * up / 2, down, -down * down / 2]).view(np.float64)
    return _Lattice(cumulants, half, turn, np.array([below, above]).T)


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
    """`moves` by step, row and point."""
    start = max(-size // 4, min(idle, size // 2 - 1))
    lost, idled = (_by_matrix if size <= BY_MATRIX else _by_transform)(start, moves, size).T
    return Prospect(lost, STEP * idled)


def _by_matrix(start: int, moves: Complex, size: int) -> Array:
    """Stays in Fourier space: one product of matrices a step. Its cost grows with the square of the size."""
    matrices = _matrices(size)
    spectra, after = np.empty(moves.shape, np.complex128), np.empty(moves.shape[1:], np.complex128)
    here: Complex = matrices.starts[start]
    for move, moved, parts in zip(moves, spectra, spectra.view(np.float64), strict=True):
        np.multiply(here, move, out=moved)
        np.matmul(parts, matrices.turned_back, out=after.view(np.float64))
        here = after
    found: Array = spectra.view(np.float64).sum(0) @ matrices.weights
    return found


def _by_transform(start: int, moves: Complex, size: int) -> Array:
    """There and back in each step."""
    lattice = _lattice(size)
    half, turn = lattice.half, lattice.turn
    here = np.zeros((moves.shape[1], size))
    here[:, start] = 1.0
    total = np.zeros_like(here)
    for move in moves:
        moved = np.fft.irfft(np.fft.rfft(here) * move, size)
        total += moved
        here[:, :half] = moved[:, :half]
        here[:, half - 1] += moved[:, half:turn].sum(1)
        here[:, 0] += moved[:, turn:].sum(1)
        here[:, half:] = 0.0
    found: Array = total @ lattice.weights
    return found
