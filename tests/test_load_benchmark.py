"""What `make bench-load` reads and how it judges, and what breaks first with more machines."""

from dataclasses import replace

import pytest

from tests.benchmarks.load.play import lead_file
from tests.benchmarks.load.sample import later_than, series, slope
from tests.benchmarks.load.scale import Cost, claiming, first_to_break, limits

METRICS = """# HELP dialer_commit_seconds From the wish to write until it is on the disk
dialer_commit_seconds_bucket{le="0.5"} 90.0
dialer_commit_seconds_bucket{le="1.0"} 97.0
dialer_commit_seconds_bucket{le="+Inf"} 100.0
dialer_commit_seconds_count 100.0
"""
COST = Cost(rate=30.0, node_ms=19.0, writes=6.0, webhooks=4.0, kilobytes=7.0, server_ms=5.0, ledger_ms=10.0)


def test_writes_that_took_longer_than_a_bound_are_counted():
    assert later_than("1.0", series(METRICS), "dialer_commit_seconds") == 3


def test_the_slope_of_a_line_is_found_through_noise_that_evens_out():
    assert slope([(0, 1.0), (1, 3.5), (2, 4.5), (3, 7.0)]) == pytest.approx(1.9)
    assert slope([(1, 5.0)]) == 0.0


def test_every_lead_has_a_number_of_its_own():
    numbers = [line.split(",")[0] for line in lead_file(190_000).splitlines()[1:]]
    assert len(set(numbers)) == 190_000
    assert {len(number) for number in numbers} == {10}


@pytest.mark.parametrize(
    ("account_rate", "cost", "first"),
    [
        (30.0, COST, "calls a second of a carrier account"),
        (1e6, COST, "ledger: one appends at a time"),
        (1e6, replace(COST, ledger_ms=1.0), "PostgreSQL's processor"),
    ],
)
def test_what_the_fewest_nodes_exhaust_breaks_first(account_rate, cost, first):
    assert first_to_break(limits(cost, account_rate, 16)).name == first


def test_nodes_that_share_the_ledger_wait_for_one_another_and_with_too_many_ticks_fall_behind():
    """30 calls in claims of 5 hold it for 60 ms a second and node."""
    alone, some, too_many = (claiming(COST, nodes) for nodes in (1, 10, 40))
    assert alone == [pytest.approx(0.06)] * len(alone)
    assert len(alone) >= 59
    assert 0.06 < max(some) < 1.0
    assert len(some) > 10 * 59
    assert max(too_many) > 1.0
    assert len(too_many) == pytest.approx(60 / 0.06, rel=0.05)  # as many as one after the other can have it
