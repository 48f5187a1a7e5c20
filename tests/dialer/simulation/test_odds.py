"""However the leads differ, together they answer in the share wanted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.simulation.odds import average, average_of, logistic, told


@given(human=st.floats(0.02, 0.9), spread=st.floats(0, 2))
def test_leads_of_a_spread_answer_in_the_share_wanted(human, spread):
    odds = np.random.default_rng(1).normal(0, 1, 20_000) * spread
    assert np.mean(1 / (1 + np.exp(-(average(human, spread) + odds)))) == pytest.approx(human, abs=0.01)


@given(human=st.floats(0.02, 0.9), odds=st.lists(st.floats(-3, 3), min_size=1, max_size=50))
def test_these_very_leads_do(human, odds):
    middle = average_of(human, np.array(odds))
    assert np.mean([logistic(middle + one) for one in odds]) == pytest.approx(human)


def test_features_that_tell_all_tell_the_chance_and_those_that_tell_little_the_mean():
    assert 0.2 * told(0.2, 1.0, 1.5, 1.0) == pytest.approx(logistic(average(0.2, 1.0) + 1.5))
    assert told(0.2, 1.0, 0.0, 1e-9) == pytest.approx(1.0, abs=1e-3)
    assert 1 < told(0.2, 1.0, 0.5, 0.25) < told(0.2, 1.0, 1.5, 0.25)


@pytest.mark.parametrize("share_known", [1.0, 0.5, 0.0])
def test_where_nobody_answers_features_tell_nothing(share_known):
    assert told(0.0, 0.5, 1.0, share_known) == 1.0
