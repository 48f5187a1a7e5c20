"""Answers that come after the time that a decision looks ahead."""

import pytest

from dialer.pacing.grid import HORIZON
from dialer.pacing.lines import BEYOND, Lines
from tests.dialer.pacing.lines.histories import regular


def test_who_asks_after_the_time_ahead_is_expected_at_its_end():
    """But for a share that fewer lines can make up for. Else lines that ring for long would cost nothing."""
    lines = regular(400, 4, HORIZON + 10.0, Lines.failed, 60.0)
    lines.settle(500.0, 60.0)
    in_sight = (1 - BEYOND) * lines.long_run_chance
    assert lines.line_answers.sum() == pytest.approx(in_sight, rel=1e-6)
    assert lines.line_answers[-1] > 0.9 * lines.line_answers.sum()
    lines.forget_running()
    lines.dialled("young", 500.0, 1.0)
    lines.dialled("old", 480.0, 1.0)
    expected = lines.expected_answers(500.0)
    asked = lines.level.cautious * lines.long_run_chance
    assert expected[:-1].sum() > 0.8 * asked
    assert expected.sum() == pytest.approx((2 - BEYOND) * asked, rel=0.1)
