"""What Prometheus reads: conventional names, and nothing that depends on who is called."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dialer.metrics import Metrics


def families(metrics):
    return {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}


def test_every_series_of_ours_is_named_by_convention_and_explained():
    metrics = Metrics()
    ours = {name: family for name, family in families(metrics).items() if not name.startswith("process_")}
    for name, family in ours.items():
        assert name.startswith("dialer_")
        assert family.documentation
        assert family.type != "histogram" or name.endswith("_seconds")
    totals = set(re.findall(r"^# TYPE (\S+) counter", metrics.text().decode(), re.M))
    assert all(total.endswith("_total") for total in totals)
    assert totals >= {"dialer_calls_started_total", "dialer_calls_abandoned_total", "dialer_caught_errors_total"}


def test_what_was_caught_is_counted_by_kind():
    metrics = Metrics()
    metrics.caught.counts["tick_errors"] += 3
    (sample,) = families(metrics)["dialer_caught_errors"].samples
    assert (sample.labels, sample.value) == ({"kind": "tick_errors"}, 3)


def test_two_daemons_in_one_process_count_apart():
    one, other = Metrics(), Metrics()
    one.calls_started.inc()
    assert families(one)["dialer_calls_started"].samples[0].value == 1
    assert families(other)["dialer_calls_started"].samples[0].value == 0


@pytest.mark.parametrize(("histogram", "aim"), [("answers", 0.1), ("tick_lateness", 0.25)])
def test_our_aims_are_edges_of_buckets(histogram, aim):
    """Otherwise nobody could say which share was within them."""
    metrics = Metrics()
    getattr(metrics, histogram).observe(aim)
    counts = re.findall(rf'_bucket{{le="{aim}"}} (\S+)', metrics.text().decode())
    assert "1.0" in counts
