"""Rates of leaving, learned from stays that ended and from those that still run."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.hazard import Hazard, amounts, count, numbers

EDGES = (0.0, 10.0, 30.0, 60.0)
TRUE = (0.02, 0.08, 0.04, 0.01)  # per second, by bin


def fresh(memory: float = 1e6, prior_stays: float = 1.0, causes: int = 1) -> Hazard:
    return Hazard(EDGES, memory, np.full(len(EDGES), 0.05), prior_stays, causes)


def stays(count: int, seed: int) -> np.ndarray:
    """Lengths drawn from the true rates, second by second of cumulated hazard."""
    due = np.random.default_rng(seed).exponential(1.0, count)
    cumulated = np.concatenate([[0.0], np.cumsum(np.diff(EDGES) * TRUE[:-1])])
    bins = np.searchsorted(cumulated, due, "right") - 1
    return np.array(EDGES)[bins] + (due - cumulated[bins]) / np.array(TRUE)[bins]


def watched(seed: int = 1, until: float = 25.0) -> tuple[Hazard, np.ndarray]:
    """8000 stays that begin at the same moment, seen up to an age: most have ended, others run on."""
    hazard, lengths = fresh(), stays(8000, seed)
    for length in lengths.tolist():
        weight = hazard.begin()
        hazard.live(0.0, min(length, until), weight)
        if length <= until:
            hazard.leave(length, weight)
    return hazard, lengths


def test_before_anything_is_seen_the_prior_holds():
    assert fresh().rates() == pytest.approx(np.full((1, 4), 0.05))


def test_rates_come_to_the_true_ones():
    hazard, _ = watched(until=1e9)
    assert hazard.rates()[0] == pytest.approx(TRUE, rel=0.1)


def test_running_stays_keep_the_rates_from_being_biased():
    """Of the ended ones alone the same rates would be a third too high: the long ones are missing."""
    hazard, lengths = watched(until=25.0)
    assert hazard.rates()[0, :2] == pytest.approx(TRUE[:2], rel=0.08)
    ended = lengths[lengths <= 25.0]
    alone = fresh()
    for length in ended.tolist():
        weight = alone.begin()
        alone.live(0.0, length, weight)
        alone.leave(length, weight)
    assert alone.rates()[0, 0] > 1.3 * TRUE[0]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6, unique=True).map(sorted))
def test_a_stay_counted_in_parts_is_one_stay(ages):
    whole, parts = fresh(), fresh()
    whole.live(0.0, ages[-1], whole.begin())
    weight = parts.begin()
    for since, until in zip([0.0, *ages], ages, strict=False):
        parts.live(since, until, weight)
    assert parts.rates() == pytest.approx(whole.rates())


def test_time_that_runs_backwards_does_not_count():
    hazard = fresh()
    before = hazard.rates()
    hazard.live(20.0, 5.0, hazard.begin())
    assert hazard.rates() == pytest.approx(before)


def test_each_cause_has_its_own_rate():
    hazard = fresh(causes=2)
    for number in range(2000):
        weight = hazard.begin()
        hazard.live(0.0, 5.0, weight)
        hazard.leave(5.0, weight, cause=int(number % 4 == 0))
    first, second = hazard.rates()[:, 0]
    assert first == pytest.approx(3 * second, rel=0.01)
    assert first + second == pytest.approx(0.2, rel=0.01)


def test_old_stays_fade():
    """After a change of pace the new rate is learned, as fast as the memory says."""
    hazard = fresh(memory=100.0)
    for length in [2.0] * 500 + [8.0] * 300:
        weight = hazard.begin()
        hazard.live(0.0, length, weight)
        hazard.leave(length, weight)
    assert hazard.rates()[0, 0] == pytest.approx(1 / 8, rel=0.15)


def test_fading_changes_no_rate():
    hazard, _ = watched()
    before = hazard.rates()
    by = hazard.fade()
    assert by == pytest.approx(np.exp(8000 / 1e6))
    assert hazard.weight == 1.0
    assert hazard.rates() == pytest.approx(before)


def test_saved_and_restored_rates_are_the_same():
    hazard, _ = watched()
    saved = json.loads(json.dumps(hazard.state()))
    assert hazard.weight > 1.0, "saving does not fade, as running stays have weights too"
    again = fresh()
    again.restore(saved, weight=1.0)
    assert again.rates() == pytest.approx(hazard.rates())


def test_restored_with_less_weight_the_prior_counts_for_more():
    hazard, _ = watched(until=1e9)
    light = fresh(prior_stays=100.0)
    light.restore(hazard.state(), weight=0.01)
    assert TRUE[0] * 1.1 < light.rates()[0, 0] < 0.05


@pytest.mark.parametrize(
    "damage",
    [
        {"steps": [0.0] * 4},
        {"parts": [0.0] * 5},
        {"left": [[0.0] * 3]},
        {"left": [[0.0] * 4, [0.0] * 4]},
        {"parts": [float("nan")] * 4},
        {"parts": [0.0, -1.0, 0.0, 0.0]},
        {"left": [[0.0, 0.0, 0.0, -1.0]]},
        {"steps": [0.0, 1.0, -3.0, 2.0, 0.0]},
        {"steps": [-2.0, 1.0, 1.0, 0.0, 0.0]},
        {"steps": [1e9, 0.0, 0.0, 0.0, -1e9]},
        {"parts": [1e9, 0.0, 0.0, 0.0]},
        {"parts": [0.0, 0.0, 0.0, 1e300]},
        {"left": [[1e9, 0.0, 0.0, 0.0]]},
    ],
)
def test_other_bins_than_these_and_sums_that_no_stays_have_are_refused(damage):
    with pytest.raises(ValueError):
        fresh().restore({**fresh().state(), **damage}, weight=1.0)


@given(st.lists(st.tuples(st.floats(0.0, 40.0), st.floats(0.0, 40.0), st.booleans()), max_size=60))
def test_whatever_was_lived_can_be_restored(stays):
    """The steps are differences: they fall where stays end, and rounding leaves them a little below nothing."""
    hazard = fresh(memory=3.0)
    for since, until, fades in stays:
        weight = hazard.begin()
        hazard.live(since, until, weight)
        hazard.leave(until, weight)
        if fades:
            hazard.fade()
    again = fresh(memory=3.0)
    again.restore(hazard.state(), weight=1.0)
    assert again.rates() == pytest.approx(hazard.rates())


def test_a_rounding_below_nothing_is_restored():
    tiny = {"steps": [-1e-12, 1e-13, 0.0, 0.0, 0.0]}
    again = fresh()
    again.restore({**fresh().state(), **tiny}, weight=1.0)
    assert again.rates() == pytest.approx(fresh().rates())


@pytest.mark.parametrize("saved", [[1.0], [1.0, float("inf")], [1.0, float("nan")], [1.0, "2"], "12", [1.0, True]])
def test_saved_numbers_are_as_many_as_wanted_and_finite(saved):
    assert numbers([1, 2.0], 2, weight=0.5) == [0.5, 1.0]
    with pytest.raises(ValueError):
        numbers(saved, 2)


@pytest.mark.parametrize("saved", [[5.0, -0.1], [5.0, 5.1]])
def test_saved_amounts_are_none_below_nothing_and_no_more_than_can_be(saved):
    assert amounts([5.0, 5.0], 2, most=10.0, weight=0.5) == [2.5, 2.5]
    with pytest.raises(ValueError, match="from 0, of 10 in all"):
        amounts(saved, 2, most=10.0)


@pytest.mark.parametrize("saved", [-1, 1.0, True, "1", None, 10**400])
def test_a_saved_count_is_a_whole_number_that_calls_can_come_to(saved):
    assert count(0) == 0
    with pytest.raises(ValueError, match="no number of calls"):
        count(saved)
