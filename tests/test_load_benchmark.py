"""What `make bench-load` reads and how it judges, and what breaks first with more machines."""

import json
from dataclasses import asdict, replace

import pytest

from tests.benchmarks.load.measure import measure
from tests.benchmarks.load.play import RECORD, RUN, SAMPLES, Run, lead_file, of_campaigns
from tests.benchmarks.load.sample import bound_of, later_than, series, slope
from tests.benchmarks.load.scale import Cost, claiming, first_to_break, limits

METRICS = """# HELP dialer_commit_seconds From the wish to write until it is on the disk
dialer_commit_seconds_bucket{le="0.5"} 90.0
dialer_commit_seconds_bucket{le="1.0"} 97.0
dialer_commit_seconds_bucket{le="+Inf"} 100.0
dialer_commit_seconds_count 100.0
"""
HISTOGRAMS = ("dialer_commit_seconds", "dialer_answer_webhook_seconds")
COST = Cost(rate=30.0, node_ms=19.0, writes=6.0, webhooks=4.0, kilobytes=7.0, server_ms=5.0, ledger_ms=10.0)


def test_writes_that_took_longer_than_a_bound_are_counted():
    assert later_than("1.0", series(METRICS), "dialer_commit_seconds") == 3


@pytest.mark.parametrize(("share", "bound"), [(0.5, 0.5), (0.9, 0.5), (0.91, 1.0), (0.98, float("inf"))])
def test_the_bound_within_which_a_share_of_a_histogram_stays_is_found(share, bound):
    assert bound_of(share, series(METRICS), "dialer_commit_seconds") == bound


def test_the_slope_of_a_line_is_found_through_noise_that_evens_out():
    assert slope([(0, 1.0), (1, 3.5), (2, 4.5), (3, 7.0)]) == pytest.approx(1.9)
    assert slope([(1, 5.0)]) == 0.0


def test_every_lead_has_a_number_of_its_own():
    numbers = [line.split(",")[0] for line in lead_file(range(190_000)).splitlines()[1:]]
    assert len(set(numbers)) == 190_000
    assert {len(number) for number in numbers} == {10}


def test_campaigns_share_no_number():
    one, other = (set(lead_file(range(number, 1000, 2)).splitlines()[1:]) for number in (0, 1))
    assert len(one | other) == 1000


def test_a_campaigns_decision_is_told_by_the_node_that_paces_it():
    seen = {"agents": {}, "attempts": 0, "live_answers": 0, "abandoned": 0}
    floors = [
        {"campaigns": [{**seen, "campaign": "a", "decision": "dial 2"}, {**seen, "campaign": "b", "decision": ""}]},
        {"campaigns": [{**seen, "campaign": "a", "decision": ""}, {**seen, "campaign": "b", "decision": "dial 1"}]},
    ]
    assert [(one["campaign"], one["decision"]) for one in of_campaigns(floors)] == [("a", "dial 2"), ("b", "dial 1")]


def node(name, started, seconds, late):
    lines = [
        f"dialer_calls_started_total {started}",
        "dialer_events_total 0",
        "dialer_inbox_age_seconds 0",
        *(f'{histogram}_bucket{{le="{le}"}} {started}' for histogram in HISTOGRAMS for le in ("0.5", "1.0", "+Inf")),
        *(f"{histogram}_count {started}" for histogram in HISTOGRAMS),
    ]
    ticks = {"ticks": 10, "mean": late / 2, "p99": late, "worst": late}
    return {
        "node": name,
        "megabytes": 100.0,
        "seconds": seconds,
        "thread_seconds": {"1": seconds},
        "metrics": series("\n".join(lines)),
        "ticks": {"late": ticks, "lasted": ticks},
        "counts": {},
        "floor_seconds": 0.01,
    }


def sample(at, used, *nodes):
    campaign = {"campaign": "load-1", "attempts": 0, "live_answers": 4, "abandoned": 1}
    return {"at": at, "beside": {"PostgreSQL": used}, "nodes": nodes, "campaigns": [campaign, campaign]}


def test_what_two_nodes_did_is_told_of_each_and_of_both(tmp_path):
    since, early, late, until = (f"2026-11-17T12:0{time}+00:00" for time in ("0:00", "0:49", "0:51", "1:40"))
    run = Run(agents=2, calls_per_second=0.5, minutes=1, nodes=2, campaigns=2, since=since, until=until)
    calls = [
        {"leg": "customer", "begun": at, "seconds_to_document": 0.02} for at in (early, late, late, late, late)
    ] * 10
    samples = [
        sample(0, 1.0, node("node-1", 0, 5.0, 0.0), node("node-2", 10, 6.0, 0.0)),
        sample(100, 11.0, node("node-1", 20, 25.0, 0.1), node("node-2", 40, 36.0, 0.3)),
    ]
    (tmp_path / RUN).write_text(json.dumps(asdict(run)))
    (tmp_path / RECORD).write_text(json.dumps({"calls": calls, "webhook_failures": []}))
    (tmp_path / SAMPLES).write_text("\n".join(map(json.dumps, samples)))
    measured = measure(tmp_path)
    assert [(one.name, one.rate, one.share) for one in measured.nodes] == [("node-1", 0.2, 0.2), ("node-2", 0.3, 0.3)]
    assert (measured.carrier_rate, measured.late_rate) == (0.5, 0.8)
    assert (measured.share("nodes"), measured.ms_a_call("PostgreSQL")) == (0.5, 200.0)
    assert (measured.tick_late.count, measured.tick_late.p50, measured.tick_late.worst) == (20, 100.0, 300.0)
    assert measured.drop_rate == 0.25
    assert [words for words, met in measured.aims() if not met] == ["tick late at worst 300 ms, 250"]


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
