import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.pacing.shortfall import Outlook, best_lines, shortfall, unit_for

HORIZON = 28
NOTHING = [0.0] * HORIZON
LINE_ANSWERS = [0.0] * 5 + [0.02] * 10 + [0.0] * 13


def outlook(idle: int, freed: float = 0.0, answers: float = 0.0, doubt: float = 0.0) -> Outlook:
    return Outlook(idle, [freed] * HORIZON, [answers] * HORIZON, NOTHING, LINE_ANSWERS, sum(LINE_ANSWERS), doubt)


def played_out(idle: int, freed: float, answers: float, runs: int) -> tuple[float, float]:
    """Lost calls and idle agent-seconds, by throwing dice."""
    chance = random.Random(3)
    lost = idle_seconds = 0.0
    for _ in range(runs):
        agents, now = idle, 0.0
        while True:
            wait = min(chance.expovariate(freed + answers), HORIZON - now)
            idle_seconds += agents * wait
            now += wait
            if now >= HORIZON:
                break
            if chance.random() < freed / (freed + answers):
                agents += 1
            elif agents:
                agents -= 1
            else:
                lost += 1
    return lost / runs, idle_seconds / runs


@pytest.mark.parametrize(("idle", "freed", "answers"), [(1, 0.1, 0.1), (3, 0.25, 0.35), (5, 1.2, 1.3), (20, 5.0, 5.5)])
def test_shortfall_is_what_dice_give(idle, freed, answers):
    view = outlook(idle, freed, answers)
    lost, idle_seconds = shortfall(view, 0, unit_for(view, 0))
    diced_lost, diced_idle = played_out(idle, freed, answers, runs=1500)
    assert lost == pytest.approx(diced_lost, rel=0.2, abs=0.05)
    assert idle_seconds == pytest.approx(diced_idle, rel=0.1)


RATES = st.floats(0.0, 3.0)


@settings(max_examples=50)
@given(st.integers(0, 50), RATES, RATES, st.floats(0, 0.05))
def test_more_lines_lose_more_calls(idle, freed, answers, doubt):
    view = outlook(idle, freed, answers, doubt)
    unit = unit_for(view, 20)
    lost = [shortfall(view, lines, unit)[0] for lines in (0, 5, 10, 20)]
    assert all(more >= less - 1e-3 for less, more in pairwise(lost))


@settings(max_examples=50)
@given(st.integers(5, 50), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_lines_save_idle_time(idle, freed, answers):
    """Where the answer rate is known: in doubt each line adds spread, which a few agents feel as waiting."""
    view = outlook(idle, freed, answers)
    unit = unit_for(view, 20)
    assert shortfall(view, 20, unit)[1] < shortfall(view, 0, unit)[1]


@settings(max_examples=50)
@given(st.integers(0, 50), RATES, RATES, st.integers(0, 30), st.floats(1.0, 30.0))
def test_best_lines_keeps_to_the_limit(idle, freed, answers, most, allowance):
    assert 0 <= best_lines(outlook(idle, freed, answers), 300, 0.03, allowance, most) <= most


@settings(max_examples=50)
@given(st.integers(0, 20), RATES, RATES)
def test_dearer_abandoned_calls_mean_fewer_lines(idle, freed, answers):
    view = outlook(idle, freed, answers)
    cheap, dear = (best_lines(view, price, 0.03, 30.0, 500) for price in (100, 3000))
    assert dear <= cheap


def test_no_lines_when_no_agent_is_or_becomes_free():
    assert best_lines(outlook(idle=0), 300, 0.03, 30.0, 500) == 0


def test_lines_for_few_idle_agents_do_not_follow_the_answer_rate():
    """At 20 % answers ten lines give two answers on average, but two free agents are worth far fewer."""
    assert 1 <= best_lines(outlook(idle=2), 300, 0.03, 30.0, 500) <= 6


def test_many_idle_agents_get_lines_by_the_answer_rate():
    assert 100 <= best_lines(outlook(idle=40), 300, 0.03, 30.0, 500) <= 200


def test_a_higher_ceiling_pays_for_more_lines():
    strict, lax = (best_lines(outlook(idle=20), 300, ceiling, 30.0, 500) for ceiling in (0.0, 0.2))
    assert strict < lax


def test_doubt_about_the_answer_rate_dials_less():
    sure = outlook(idle=20)
    unsure = replace(sure, doubt=0.05)
    assert best_lines(unsure, 300, 0.03, 30.0, 500) < best_lines(sure, 300, 0.03, 30.0, 500)


def test_no_more_abandoned_calls_than_allowed_are_to_be_expected():
    """Even when they cost nothing."""
    view = outlook(idle=100)
    lines = best_lines(view, 0.0, 0.03, 1.0, 1000)
    assert shortfall(view, lines, unit_for(view, 500))[0] <= 1.1
    assert best_lines(view, 0.0, 0.03, 30.0, 1000) > lines
