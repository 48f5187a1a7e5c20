"""How much better or worse than usual people answer just now."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.level import Level

EXPECTED = 0.5  # answers, every ten seconds


def lived(level: Level, true: float, settles: int, since: float = 0.0, seed: int = 1) -> Level:
    for number, seen in enumerate(np.random.default_rng(seed).poisson(true * EXPECTED, settles).tolist()):
        level.add(float(seen), EXPECTED)
        level.settle(since + 10.0 * number)
    return level


def test_it_is_one_before_anything_is_seen():
    assert Level().value == 1.0


@pytest.mark.parametrize("true", [0.6, 1.0, 1.5])
def test_it_comes_to_the_true_level(true):
    found = np.mean([lived(Level(), true, 600, seed=seed).value for seed in range(10)])
    assert found == pytest.approx(true, rel=0.07)


def test_an_hour_that_is_a_quarter_better_is_learned():
    level = lived(lived(Level(), 1.0, 1000), 1.25, 1500, since=10_000.0, seed=2)
    assert level.value == pytest.approx(1.25, rel=0.12)


def test_another_list_is_noticed_within_a_few_dozen_answers():
    """Three times as many answer. The memory of 200 answers alone would say 1.3 after so few."""
    level = lived(Level(), 1.0, 2000)
    assert level.value < 1.3
    assert lived(level, 3.0, 60, since=20_000.0, seed=2).value > 1.9


def test_nothing_counts_before_it_is_settled():
    level = Level()
    level.add(30.0, 1.0)
    assert level.value == 1.0
    level.settle(0.0)
    assert level.value > 3.0


def test_a_night_without_calls_changes_nothing_and_costs_nothing():
    level, spared = (lived(Level(), 1.3, 200) for _ in range(2))
    before = level.value
    for at in range(2000, 60_000, 10):
        level.settle(float(at))
    assert level.value == before
    assert lived(level, 1.3, 50, 60_000.0).value == lived(spared, 1.3, 50, 60_000.0).value


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 9)), max_size=30))
def test_caution_is_never_below_the_level(parts):
    level = Level()
    for number, (seen, expected) in enumerate(parts):
        level.add(float(seen), expected)
        level.settle(10.0 * number)
        assert level.cautious >= level.value > 0


def test_caution_ends_when_enough_is_known():
    assert Level().cautious > 1.4
    known = lived(Level(), 1.0, 1000)
    assert known.cautious == known.value


def test_time_that_goes_back_is_borne():
    level = lived(Level(), 1.0, 100, since=5000.0)
    assert 0.5 < lived(level, 1.0, 100, since=0.0).value < 2.0


def test_saved_and_restored_it_is_the_same():
    level, again = lived(Level(), 1.4, 300), Level()
    again.restore(json.loads(json.dumps(level.state())), answers=10_000)
    assert (again.value, again.cautious) == (level.value, level.cautious)


@pytest.mark.parametrize("damaged", ["x", "1", True, None, float("nan"), -10.0, 101.0])
def test_a_damaged_state_is_refused(damaged):
    with pytest.raises(ValueError):
        Level().restore({"seen": damaged, "expected": 100.0}, answers=100)


@pytest.mark.parametrize(("seen", "expected"), [(0.0, -4.0), (0.0, 1e6), (5000.0, 1e6), (90_000.0, 1.0)])
def test_what_is_seen_and_what_is_expected_differ_by_no_more_than_is_ever_learned(seen, expected):
    level = Level()
    with pytest.raises(ValueError, match="seen and"):
        level.restore({"seen": seen, "expected": expected}, answers=100_000)
    assert level.value == 1.0
