import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.policy import Floor, Line
from dialer.pacing.progressive import Progressive


def decide(free: int, in_flight: int, max_dials: int) -> int:
    lines = tuple(Line(f"call-{number}", 5.0) for number in range(in_flight))
    floor = Floor(free, lines, (), (), max_dials, allowance=0.0, ceiling=0.03, ring_seconds=25.0)
    decision = Progressive().decide(0.0, floor)
    assert decision.reserve
    return decision.dial


@pytest.mark.parametrize(
    ("free", "in_flight", "max_dials", "dial"),
    [(3, 0, 10, 3), (3, 1, 10, 2), (3, 3, 10, 0), (1, 4, 10, 0), (8, 0, 5, 5), (0, 0, 10, 0)],
)
def test_one_line_for_each_free_agent_no_call_covers(free, in_flight, max_dials, dial):
    assert decide(free, in_flight, max_dials) == dial


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 50))
def test_lines_never_outnumber_free_agents_or_limits(free, in_flight, max_dials):
    dial = decide(free, in_flight, max_dials)
    assert 0 <= dial <= max_dials
    assert dial == 0 or dial + in_flight <= free


def test_reason_names_the_figures():
    floor = Floor(3, (Line("call-1", 5.0),), (), (), 10, allowance=0.0, ceiling=0.03, ring_seconds=25.0)
    assert Progressive().decide(0.0, floor).reason == "one line for each free agent: 3 free, 1 in flight: dial 2"


def test_nobody_is_abandoned_when_each_line_holds_an_agent(world):
    run = world(Progressive(), agents=10, seed=1).run(answers=1000)
    assert run.abandoned == 0
