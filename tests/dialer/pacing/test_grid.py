"""Chances stay chances however the time ahead is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dialer.pacing.grid import HORIZON, SECONDS, STEP, following, shifted, staying, steps, when_within

chances = arrays(np.float64, SECONDS, elements=st.floats(0, 0.02))
soon = arrays(np.float64, SECONDS, elements=st.floats(0, 1)).map(lambda weights: weights / max(1.0, weights.sum()))


@given(chances)
def test_steps_sum_the_seconds_up_to_the_horizon(per_second):
    assert steps(per_second) == pytest.approx([per_second[at : at + STEP].sum() for at in range(0, HORIZON, STEP)])


@given(chances, st.integers(0, SECONDS - HORIZON))
def test_shifted_chances_count_sooner_and_none_is_lost(per_second, seconds):
    found = shifted(per_second, float(seconds))
    assert found.sum() == pytest.approx(per_second[: HORIZON + seconds].sum())
    assert found[0] == pytest.approx(per_second[: seconds + STEP].sum())
    assert found[1:] == pytest.approx(steps(per_second[seconds:])[1:])


def test_no_more_than_the_tables_cover_is_shifted():
    per_second = np.full(SECONDS, 0.01)
    assert shifted(per_second, 1000.0) == pytest.approx(shifted(per_second, SECONDS - HORIZON))


@given(soon, soon)
def test_a_delay_after_another_one_is_their_sum(first, second):
    """Against pairs of moments drawn one by one: half the time the sum falls into the second after."""
    slow = np.zeros(SECONDS + 1)
    for start in range(SECONDS):
        for later in range(SECONDS - start):
            slow[start + later] += first[start] * second[later] / 2
            slow[start + later + 1] += first[start] * second[later] / 2
    assert first @ following(second) == pytest.approx(slow[:SECONDS])
    assert (np.array([first, second]) @ following(second))[0] == pytest.approx(slow[:SECONDS])


@given(soon, soon, arrays(np.float64, SECONDS, elements=st.floats(0, 1)))
def test_the_earlier_in_its_second_a_delay_ends_the_rarer_the_sum_falls_into_the_one_after(first, second, within):
    slow = np.zeros(SECONDS + 1)
    for start in range(SECONDS):
        for later in range(SECONDS - start):
            slow[start + later] += first[start] * second[later] * (1 - within[later])
            slow[start + later + 1] += first[start] * second[later] * within[later]
    assert first @ following(second, within) == pytest.approx(slow[:SECONDS])


@pytest.mark.parametrize("rate", [1e-6, 0.01, 0.3, 2.0, 20.0, 1000.0])
def test_where_in_a_second_it_ends_at_a_rate(rate):
    """Against the mean of the moments at which it does."""
    moments = (np.arange(100_000) + 0.5) / 100_000
    weights = np.exp(-rate * moments)
    assert when_within(np.array([rate]))[0] == pytest.approx(moments @ weights / weights.sum(), rel=1e-3)


def test_nothing_is_lost_of_delays_that_end_within_the_tables():
    first, second = np.zeros(SECONDS), np.zeros(SECONDS)
    first[:8], second[:10] = 1 / 8, 1 / 10
    assert (first @ following(second)).sum() == pytest.approx(1.0)


@given(arrays(np.float64, (2, SECONDS), elements=st.floats(0, 1)))
def test_who_has_not_left_stays(leaving):
    there = staying(leaving)
    assert there[:, 0] == pytest.approx([1.0, 1.0])
    left_or_there = (there * leaving).sum(-1) + there[:, -1] * (1 - leaving[:, -1])
    assert left_or_there == pytest.approx([1.0, 1.0])
