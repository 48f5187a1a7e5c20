"""Chances of leads that differ: log odds about the average lead's, so that all together answer in the share wanted."""

from functools import lru_cache
from math import exp

import numpy as np
from numpy.typing import NDArray

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)  # of a normal distribution
LOWEST, HIGHEST = -20.0, 20.0  # log odds


def logistic(odds: float) -> float:
    return 1 / (1 + exp(-odds))


@lru_cache(maxsize=256)
def average(human: float, spread: float) -> float:
    """The average lead's log odds, where the leads' have this standard deviation and answer in this share."""
    return _balanced(human, spread * NODES, WEIGHTS)


def average_of(human: float, odds: NDArray[np.float64]) -> float:
    """The same for leads whose log odds over the average's are known."""
    return _balanced(human, odds, np.ones(odds.size))


def _balanced(human: float, odds: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    low, high = LOWEST, HIGHEST
    for _ in range(60):
        middle = (low + high) / 2
        mean = weights @ (1 / (1 + np.exp(-(middle + odds)))) / weights.sum()
        low, high = (middle, high) if mean < human else (low, middle)
    return low


def told(human: float, spread: float, known: float, share_known: float) -> float:
    """What a lead's features tell of its chance, over the mean `human`: `known` of its log odds, the rest spread.

    1 where nobody answers.
    """
    if not human:
        return 1.0
    middle = average(human, spread)
    unknown = spread * (1 - share_known) ** 0.5
    if not unknown:
        return logistic(middle + known) / human
    chances = 1 / (1 + np.exp(-(middle + known + unknown * NODES)))
    return float(WEIGHTS @ chances / WEIGHTS.sum()) / human
