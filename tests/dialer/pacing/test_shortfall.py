"""Calls that find no agent and agents who find no call, against a walk followed point by point."""

from math import exp

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dialer.pacing.grid import HORIZON, STEP, STEPS
from dialer.pacing.shortfall import Flow, at_most_once, candidates, of_fewer_lines, of_more_lines

NONE = np.zeros(STEPS)
NO_FLOW = Flow(NONE, NONE)
MOST = 120  # either way, of the slow walk


def by_step(most: float) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, STEPS, elements=st.floats(0, most))


def many(due: np.ndarray) -> Flow:
    """Events of so many sources that each brings hardly any."""
    return Flow(due, np.zeros_like(due))


def poisson(mean: float) -> np.ndarray:
    chances = [exp(-mean)]
    for number in range(1, 40):
        chances.append(chances[-1] * mean / number)
    return np.array(chances)


def slow(idle: int, freed: np.ndarray, answers: np.ndarray) -> tuple[float, float]:
    """Lost calls and idle agent-seconds, every number of idle agents with its own chance."""
    agents = np.arange(-MOST, MOST + 1)
    here = (agents == idle).astype(float)
    lost = idled = 0.0
    for gain, loss in zip(freed, answers, strict=True):
        here = np.convolve(here, poisson(gain))[: len(agents)]
        here = np.convolve(here[::-1], poisson(loss))[: len(agents)][::-1]
        lost += here @ np.maximum(-agents, 0)
        idled += STEP * here @ np.maximum(agents, 0)
        here[MOST] += here[:MOST].sum()
        here[:MOST] = 0.0
    return lost, idled


@settings(max_examples=40, deadline=None)
@given(st.integers(-8, 25), by_step(2.0), by_step(2.0), by_step(0.05), by_step(0.05), st.integers(0, 8))
def test_more_lines_as_followed_point_by_point(idle, freed, answers, line_freed, line_answers, most):
    found = of_more_lines(idle, many(freed), many(answers), line_freed, line_answers, most)
    numbers = candidates(most)
    wanted = [slow(idle, freed + number * line_freed, answers + number * line_answers) for number in numbers]
    # A line answers once: `slow` lets it do so twice, as often as (0.05 x 14) ** 2 / 2 at most
    twice = np.array(numbers) * line_answers.sum() ** 2 / 2
    assert (np.abs(found.lost - [lost for lost, _ in wanted]) <= 0.02 + 0.005 * found.lost + twice).all()
    assert (np.abs(found.idled - [idled for _, idled in wanted]) <= 0.5 + 0.005 * found.idled + HORIZON * twice).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(-8, 12), arrays(np.float64, (2, 3, STEPS), elements=st.floats(0, 2)))
def test_fewer_lines_as_followed_point_by_point(idle, rows):
    freed, answers = rows
    found = of_fewer_lines(idle, many(freed), many(answers))
    wanted = [slow(idle, *row) for row in zip(freed, answers, strict=True)]
    assert found.lost == pytest.approx([lost for lost, _ in wanted], abs=0.02, rel=0.005)
    assert found.idled == pytest.approx([idled for _, idled in wanted], abs=0.5, rel=0.005)


@settings(deadline=None)
@given(st.integers(-20, 200), by_step(6.0), by_step(6.0), by_step(0.05), st.integers(1, 256), st.booleans())
def test_more_lines_lose_more_calls_and_idle_less(idle, freed, answers, line_answers, most, once):
    flows = (at_most_once(due, int(due.sum()) + 1) if once else many(due) for due in (freed, answers))
    found = of_more_lines(idle, *flows, NONE, line_answers, most)
    assert len(found.lost) == len(candidates(most))
    assert (np.diff(found.lost) >= -0.1).all()  # what the edge of the walk may cost
    assert (np.diff(found.idled) <= 0.5).all()
    assert (found.lost >= 0).all()
    assert (found.idled >= 0).all()


@pytest.mark.parametrize("idle", [0, 1, 7, 60, 200])
def test_who_is_idle_stays_idle_when_nothing_happens(idle):
    found = of_more_lines(idle, NO_FLOW, NO_FLOW, NONE, NONE, 2)
    assert found.idled == pytest.approx([idle * HORIZON] * 3)
    assert found.lost == pytest.approx([0.0] * 3, abs=1e-9)


def test_waiting_calls_are_lost_unless_an_agent_is_freed_at_once():
    assert of_more_lines(-3, NO_FLOW, NO_FLOW, NONE, NONE, 0).lost == pytest.approx([3.0])
    late, soon = np.zeros(STEPS), np.zeros(STEPS)
    late[1] = soon[0] = 20.0
    assert of_more_lines(-3, many(late), NO_FLOW, NONE, NONE, 0).lost == pytest.approx([3.0])
    assert of_more_lines(-3, many(soon), NO_FLOW, NONE, NONE, 0).lost == pytest.approx([0.0], abs=1e-3)


@pytest.mark.parametrize("waiting", [3, 7, 15, 31, 63])
def test_waiting_calls_never_look_like_idle_agents(waiting):
    """Wherever the edge of the walk lies."""
    answers = np.full(STEPS, 2.0)
    found = of_more_lines(-waiting, NO_FLOW, many(answers), NONE, NONE, 0)
    assert found.lost == pytest.approx([waiting + answers.sum()], rel=0.005)
    assert found.idled == pytest.approx([0.0], abs=0.2)


@settings(deadline=None)
@given(by_step(40.0))
@example(np.full(STEPS, 4.0))
def test_without_agents_every_answer_is_lost(answers):
    """No chance gets lost at the edge of what is looked at, nor comes back at the other."""
    found = of_more_lines(0, NO_FLOW, many(answers), NONE, NONE, 0)
    assert found.lost == pytest.approx([answers.sum()], rel=5e-3, abs=1e-3)
    assert found.idled == pytest.approx([0.0], abs=1.0)  # 0.54 at four answers a step, where most comes back


@pytest.mark.parametrize("at_once", [80.0, 200.0, 2000.0])
def test_another_line_is_lost_as_well_however_many_calls_are(at_once):
    line = np.full(STEPS, 0.01)
    found = of_more_lines(0, NO_FLOW, many(np.full(STEPS, at_once)), NONE, line, 64)
    assert found.lost - found.lost[0] == pytest.approx(np.array(candidates(64)) * line.sum(), abs=0.01)
    assert found.idled == pytest.approx(np.zeros(len(found.lost)), abs=0.01)


def drawn(idle: int, agents: int, free: float, lines: int, ask: float, number: int = 40_000) -> tuple[float, float]:
    """Lost calls and idle agent-seconds, with every agent and line drawn by itself."""
    random = np.random.default_rng(7)

    def by_step(sources: int, chance: float) -> np.ndarray:
        steps = random.integers(0, STEPS, (number, sources))
        happens = random.random((number, sources)) < chance
        return np.stack([(happens & (steps == step)).sum(1) for step in range(STEPS)])

    here, lost, idled = np.full(number, idle), 0.0, 0.0
    for gain, loss in zip(by_step(agents, free), by_step(lines, ask), strict=True):
        here = here + gain - loss
        lost += np.maximum(-here, 0).mean()
        here = np.maximum(here, 0)
        idled += STEP * here.mean()
    return lost, idled


@pytest.mark.parametrize(
    ("idle", "agents", "free", "lines", "ask"),
    [(1, 2, 0.3, 8, 0.2), (1, 8, 0.25, 14, 0.2), (2, 8, 0.3, 20, 0.2), (0, 3, 0.8, 4, 0.5)],
)
def test_each_agent_is_freed_once_and_each_line_answered_once(idle, agents, free, lines, ask):
    """A few of them vary less than as many rare events, and lose fewer calls."""
    freed, answers = np.full(STEPS, agents * free / STEPS), np.full(STEPS, lines * ask / STEPS)
    lost, idled = drawn(idle, agents, free, lines, ask)
    found = of_more_lines(idle, at_most_once(freed, agents), at_most_once(answers, lines), NONE, NONE, 0)
    rare = of_more_lines(idle, many(freed), many(answers), NONE, NONE, 0)
    assert abs(found.lost[0] - lost) < 0.7 * abs(rare.lost[0] - lost)
    assert abs(found.idled[0] - idled) < 0.7 * abs(rare.idled[0] - idled)


@given(arrays(np.float64, STEPS, elements=st.floats(0, 1)), st.integers(1, 50))
def test_the_variance_is_between_that_of_so_many_sources_and_that_of_rare_events(chances, sources):
    due = sources * chances / max(1.0, chances.sum())
    flow = at_most_once(due, sources)
    total = np.cumsum(due)
    assert (flow.steadier <= due).all()
    assert (np.cumsum(flow.due - flow.steadier) >= total * (1 - total / sources) - 1e-9).all()
    if total[-1] <= sources / 2:  # nowhere is all of it taken off
        assert np.cumsum(flow.due - flow.steadier) == pytest.approx(total * (1 - total / sources), abs=1e-9)


@given(by_step(3.0), by_step(3.0))
def test_what_is_taken_from_a_flow_takes_its_share_of_the_steadiness(due, less):
    flow = at_most_once(due, 60).plus(np.full(STEPS, 0.5))
    left = flow.without(less)
    assert (left.due == np.maximum(flow.due - less, 0.0)).all()
    assert left.steadier * flow.due == pytest.approx(flow.steadier * left.due)
