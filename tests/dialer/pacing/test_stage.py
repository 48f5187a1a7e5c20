import random

import pytest

from dialer.pacing.stage import Stage

SECONDS = tuple(float(second) for second in range(61))


def stage(**values: object) -> Stage:
    return Stage(**{"edges": SECONDS, "memory": 100_000, "prior_seconds": 20.0, "causes": 2} | values)


def test_chances_of_a_constructed_stream():
    """Of 1000 calls, 300 are answered at second 5.5 and 700 give up at second 20.5."""
    calls = stage()
    for number in range(1000):
        calls.enter(str(number), 0.0)
        calls.leave(str(number), 5.5 if number < 300 else 20.5, 0 if number < 300 else 1)
    calls.settle(100.0)
    answered, lost = calls.chances(0.0, 40, 0), calls.chances(0.0, 40, 1)
    assert sum(answered) == pytest.approx(0.3, abs=0.03)
    assert answered.index(max(answered)) == 5
    assert lost.index(max(lost)) == 20
    assert sum(calls.chances(10.0, 10, 0)) < 0.01


def test_running_stays_count_so_quick_answers_do_not_inflate_the_rate():
    """Ten seconds after a burst the 200 answers are in and the 800 others still ring: the rate is 20 %, not 100 %."""
    calls = stage()
    for number in range(1000):
        calls.enter(str(number), 0.0)
    for number in range(200):
        calls.leave(str(number), 5.0 + number % 5, 0)
    calls.settle(11.0)
    assert sum(calls.chances(0.0, 11, 0)) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("burst", [1, 400])
def test_fading_does_not_favour_answers_or_failures(burst):
    """Answers come after 10 s and failures after 25 s; however the dials are bunched, one in five is answered."""
    chance = random.Random(7)
    calls = stage(memory=1000)
    for first in range(0, 8000, burst):
        begin = first * 1.0
        answered = {number for number in range(first, first + burst) if chance.random() < 0.2}
        for number in range(first, first + burst):
            calls.enter(str(number), begin)
        for number in answered:
            calls.leave(str(number), begin + 10, 0)
        for number in set(range(first, first + burst)) - answered:
            calls.leave(str(number), begin + 25, 1)
    calls.settle(10_000.0)
    assert sum(calls.chances(0.0, 60, 0)) == pytest.approx(0.2, abs=0.035)


def test_old_stays_fade():
    calls = stage(memory=100)
    for number in range(2000):
        calls.enter(str(number), 0.0)
        calls.leave(str(number), 5.0, 0 if number >= 1000 else 1)
        if number % 50 == 0:
            calls.settle(10.0)
    calls.settle(10.0)
    assert sum(calls.chances(0.0, 60, 0)) > 0.9


def test_correct_moves_a_departure_to_its_true_cause():
    calls = stage()
    for number in range(100):
        calls.enter(str(number), 0.0)
        calls.leave(str(number), 5.0, 0)
    for _ in range(60):
        calls.correct(5.0, was=0, cause=1)
    calls.settle(10.0)
    assert calls.chances(0.0, 60, 1)[5] / calls.chances(0.0, 60, 0)[5] == pytest.approx(1.5, rel=0.05)
    assert calls.seen(0, 1) == pytest.approx(100, rel=0.01)


def test_correct_never_takes_more_than_was_counted():
    calls = stage()
    calls.correct(5.0, was=0, cause=1)
    assert calls.seen(0, 1) == 0


def test_unknown_departures_teach_nothing():
    calls = stage()
    before = calls.chances(0.0, 60, 0)
    assert calls.leave("never seen", 5.0, 0) is None
    calls.settle(10.0)
    assert calls.chances(0.0, 60, 0) == before


def test_forgotten_stay_counts_its_time_and_no_departure():
    calls = stage()
    before = sum(calls.chances(0.0, 10, 0))
    for number in range(50):
        calls.enter(str(number), 0.0)
        calls.forget(str(number), 10.0)
    calls.settle(10.0)
    assert sum(calls.chances(0.0, 10, 0)) < before / 3
    assert calls.seen(0, 1) == 0


def test_stay_past_the_last_edge_is_forgotten():
    calls = stage()
    calls.enter("stuck", 0.0)
    calls.settle(61.0)
    assert "stuck" not in calls


def test_leave_says_how_long_the_stay_was():
    calls = stage()
    calls.enter("call", 100.0)
    assert calls.leave("call", 107.5) == 7.5
