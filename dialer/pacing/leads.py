"""Each lead's chance that a person answers, learned dial by dial from what is known of it beforehand."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from dialer.pacing.grid import Array
from dialer.pacing.hazard import ANOTHER, MOST_CALLS, count, numbers
from dialer.pacing.policy import ForeignState, Saved

FORMAT = "leads-1"  # of the saved state
ALWAYS = ""  # the feature that every lead has
USUAL, USUAL_VARIANCE = -1.1, 2.0  # log-odds before anything is seen: a quarter answers
UNSEEN = 0.05  # variance of a feature's log-odds before it is seen; the mean is 0
MEMORY, MEMORY_USUAL = 2000.0, 1000.0  # dials with a feature, and in all, after which an old one weighs 1/e
MEMORY_MEAN = 500.0  # dials over which `usual` is taken
OPTIMISM = 0.5  # standard deviations that what is in doubt is ranked higher
FEATURES = 2000  # remembered at most
FORGOTTEN = 0.2  # of them, the rarest, when there would be more
CLOSE = 1e-9  # log-odds
FARTHEST = 30.0  # log-odds that nothing gets to: each dial moves them less


class LeadChances:
    """Bayesian logistic regression on features that a lead has or has not; each has its own mean and variance.

    A dial is taken in by Laplace's approximation along the sum of its features' log-odds, and shared among them by
    their variances (assumed-density filtering with a diagonal Gaussian; for the probit: Graepel et al., ICML 2010).
    What was learned slowly becomes doubtful again, the common part sooner, so that another list or hour is followed.
    No feature may be named twice in a row.
    """

    def __init__(self) -> None:
        self.dials = 0  # taken in
        self.usual = _logistic(USUAL / _doubt(USUAL_VARIANCE))  # mean chance of the last dials taken in
        self._index = {ALWAYS: 0}  # feature: its place in the arrays
        self._means, self._variances = np.array([USUAL]), np.array([USUAL_VARIANCE])
        self._counts = np.zeros(1)

    def learn(self, features: Sequence[str], answered: bool) -> None:
        """Take in what came of one dial; `features` are those the lead had when it was dialled."""
        at = self._places(features)
        prior, kept = _priors(len(at)), np.full(len(at), 1 - 1 / MEMORY)
        kept[0] = 1 - 1 / MEMORY_USUAL
        variances = 1 / (kept / self._variances[at] + (1 - kept) / prior)
        mean, variance = float(self._means[at].sum()), float(variances.sum())
        self.dials += 1
        self.usual += (_logistic(mean / _doubt(variance)) - self.usual) / min(self.dials, MEMORY_MEAN)
        found = _most_likely(mean, variance, answered)
        chance = _logistic(found)
        information = chance * (1 - chance)
        self._means[at] += variances * ((found - mean) / variance)
        self._variances[at] = variances - variances**2 * (information / (1 + variance * information))
        self._counts[at] += 1

    def chances(self, rows: Sequence[Sequence[str]]) -> Array:
        """P(a person answers) of leads with these features, between 0 and 1."""
        means, variances = self._log_odds(rows)
        return _chances(means / np.sqrt(1 + np.pi / 8 * variances))

    def ranking(self, rows: Sequence[Sequence[str]]) -> Array:
        """What to sort by, highest first: the chance as it may well be, so that what is in doubt is tried."""
        means, variances = self._log_odds(rows)
        return _chances(means + OPTIMISM * np.sqrt(variances))

    def _log_odds(self, rows: Sequence[Sequence[str]]) -> tuple[Array, Array]:
        """Mean and variance for each row."""
        count, unseen = len(rows), len(self._means)
        lengths = np.fromiter(map(len, rows), np.intp, count)
        names = chain.from_iterable(rows)
        flat = np.fromiter((self._index.get(name, unseen) for name in names), np.intp, int(lengths.sum()))
        row = np.repeat(np.arange(count), lengths)
        means = np.bincount(row, np.append(self._means, 0.0)[flat], count) + self._means[0]
        variances = np.bincount(row, np.append(self._variances, UNSEEN)[flat], count) + self._variances[0]
        return means, variances

    def _places(self, features: Sequence[str]) -> NDArray[np.intp]:
        """Where the features are kept, the common one first; new ones are given a place."""
        index = self._index
        new = [name for name in features if name not in index]
        if new:
            if len(index) + len(new) > FEATURES:
                self._forget_rarest()
                new = [name for name in features if name not in index]
            index.update({name: place for place, name in enumerate(new, len(index))})
            self._means = np.append(self._means, np.zeros(len(new)))
            self._variances = np.append(self._variances, np.full(len(new), UNSEEN))
            self._counts = np.append(self._counts, np.zeros(len(new)))
        return np.array([0, *(index[name] for name in features)], dtype=np.intp)

    def _forget_rarest(self) -> None:
        order = self._counts.copy()
        order[0] = np.inf
        most = np.argsort(-order, kind="stable")[: int(FEATURES * (1 - FORGOTTEN))]
        names = list(self._index)
        self._index.clear()
        self._index.update({names[place]: number for number, place in enumerate(most)})
        self._means, self._variances, self._counts = self._means[most], self._variances[most], self._counts[most]

    def state(self) -> Saved:
        learned = (values.tolist() for values in (self._means, self._variances, self._counts))
        features = {name: values for name, *values in zip(self._index, *learned, strict=True)}
        return {"format": FORMAT, "dials": self.dials, "usual": self.usual, "features": features}

    @classmethod
    def restored(cls, state: Saved, *, another: bool = False) -> "LeadChances":
        """Goes on from a saved state; for `another` campaign of the client it is a prior, much in doubt.

        Raises ForeignState.
        """
        found = state.get("format") if isinstance(state, Mapping) else state
        if found != FORMAT:
            raise ForeignState(f"leads' chances {found!r:.40} are not {FORMAT}: they are learned anew")
        chances = cls()
        try:
            chances._restore(state, another)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ForeignState(f"leads' chances are damaged, {error!r}: they are learned anew") from None
        return chances

    def _restore(self, state: Saved, another: bool) -> None:
        names = list(state["features"])
        values = np.array([numbers(row, 3) for row in state["features"].values()])
        if names[:1] != [ALWAYS] or len(names) > FEATURES:
            raise ValueError(f"{len(names)} features, the common one not first or more than {FEATURES}")
        means, variances, counts = values.T
        prior = _priors(len(names))
        (usual,), dials = numbers([state["usual"]], 1), count(state["dials"])
        sound = (abs(means) <= FARTHEST) & (counts >= 0) & (counts <= MOST_CALLS)
        surest = 1 / (1 / prior + MEMORY)  # a dial makes it surer by a quarter at most
        if not (sound & (variances >= surest) & (variances <= prior * 1.001)).all() or not 0 < usual < 1:
            raise ValueError("impossible numbers")
        if another:
            variances, counts, dials = 1 / (ANOTHER / variances + (1 - ANOTHER) / prior), counts * ANOTHER, 0
        self._index = {name: place for place, name in enumerate(names)}
        self._means, self._variances, self._counts = means.copy(), variances.copy(), counts.copy()
        self.usual, self.dials = usual, dials


def _priors(size: int) -> Array:
    """Variances before anything is seen, the common one first."""
    priors = np.full(size, UNSEEN)
    priors[0] = USUAL_VARIANCE
    return priors


def _logistic(log_odds: float) -> float:
    return 1 / (1 + exp(-max(-30.0, min(30.0, log_odds))))


def _chances(log_odds: Array) -> Array:
    chances: Array = 1 / (1 + np.exp(-np.clip(log_odds, -30.0, 30.0)))
    return chances


def _doubt(variance: float) -> float:
    """By how much the mean log-odds shrink when doubt is integrated over (MacKay, Neural Computation 4, 1992)."""
    return sqrt(1 + pi / 8 * variance)


def _most_likely(mean: float, variance: float, answered: bool) -> float:
    """Log-odds at the peak of Gaussian times likelihood: the only root of a rising function, by Newton's method."""
    found, step = mean, 1.0
    while abs(step) > CLOSE:
        chance = _logistic(found)
        step = (found - mean - variance * (answered - chance)) / (1 + variance * chance * (1 - chance))
        found -= step
    return found
