"""The linear programme behind `make bench-pacing` agrees with a published table and with what is plain."""

import pytest

from tests.benchmarks.optimum import optimum


@pytest.mark.parametrize(
    ("agents", "chance", "utilisation"), [(3, 0.2, 0.6409), (3, 0.5, 0.7560), (5, 0.2, 0.7019), (5, 0.5, 0.7751)]
)
def test_it_is_the_published_optimum(agents, chance, utilisation):
    best = optimum(agents, chance)
    assert best.utilisation == pytest.approx(utilisation, abs=0.0005)
    assert best.drop_rate == pytest.approx(0.03, abs=1e-6)


def test_nobody_is_dialled_for_while_all_are_busy_and_more_for_more_idle_agents():
    lines = optimum(3, 0.2).lines
    assert lines[0] == 0
    assert lines == sorted(set(lines))


def test_a_stricter_ceiling_costs_utilisation_and_a_ceiling_of_all_none():
    strict, usual, none = (optimum(3, 0.5, ceiling).utilisation for ceiling in (0.01, 0.03, 1.0))
    assert strict < usual < none
    assert none > 0.98  # not 1: no more than 27 calls are in flight


def test_one_agent_without_abandoned_calls_waits_for_one_line_at_a_time():
    """He is busy 80 s of 80 s and the time until somebody answers: 15 s for each dial, 1 / chance dials."""
    assert optimum(1, 0.5, ceiling=1e-9).utilisation == pytest.approx(80 / (80 + 15 / 0.5), abs=1e-4)
