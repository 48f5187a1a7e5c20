"""People who pick up later than was learned: a new route, or landlines after mobiles."""

import pytest

from dialer.pacing.lines import MOST_LATE, Lines
from tests.dialer.pacing.lines.histories import regular

LINES = 60


@pytest.fixture
def quick() -> Lines:
    """A third of the lines is answered after 3.5 s, the others ring for 25 s."""
    lines = regular(600, 3, 3.5, Lines.failed, 25.0)
    lines.settle(700.0, 25.0)
    lines.learned()
    return lines


def dial(lines: Lines, count: int, reserved: bool = False) -> None:
    for number in range(count):
        lines.dialled(f"line-{number}", 700.0, 1.0, reserved)


def test_lines_past_the_usual_age_may_be_late_where_nobody_at_all_has_answered(quick):
    dial(quick, LINES)
    young, old = quick.expected_answers(700.0).sum(), quick.expected_answers(715.0)
    assert old.sum() > 0.7 * young
    assert max(old) < 0.2 * old.sum()  # at any time


def test_they_are_dead_where_as_many_were_answered_as_usual(quick):
    dial(quick, LINES)
    for number in range(LINES // 3):
        quick.connected(f"line-{number}", 703.5)
    assert quick.expected_answers(715.0).sum() < 0.1 * LINES / 3


def test_a_few_lines_say_nothing(quick):
    dial(quick, 6)
    assert quick.expected_answers(715.0).sum() < 0.5


def test_what_nobody_answered_is_waited_for_no_longer_than_it_rings(quick):
    dial(quick, LINES)
    for number in range(LINES):
        quick.failed(f"line-{number}", 725.0)
    quick.dialled("next", 726.0, 1.0)
    assert quick.expected_answers(726.0).sum() == pytest.approx(MOST_LATE + quick.level.cautious / 3, rel=0.1)
    quick.settle(729.0, 25.0)
    assert quick.expected_answers(729.0).sum() < MOST_LATE


def test_lines_that_hold_an_agent_are_nobodys_surprise(quick):
    dial(quick, LINES, reserved=True)
    quick.dialled("next", 715.0, 1.0)
    assert quick.expected_answers(715.0).sum() == pytest.approx(quick.level.cautious / 3, rel=0.2)


def test_a_clock_set_back_forgets_them(quick):
    dial(quick, LINES)
    for number in range(LINES):
        quick.failed(f"line-{number}", 725.0)
    quick.forget_running()
    quick.dialled("next", 726.0, 1.0)
    assert quick.expected_answers(726.0).sum() == pytest.approx(quick.level.cautious / 3, rel=0.2)
