"""What Prometheus reads of a running daemon: names with units, each series of one registry of its own.

Labels come from small fixed sets, so that no number, name or id becomes one. An observation takes about a microsecond.
"""

import collections
from dataclasses import dataclass, field
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

# Our aim for 99 of 100 answers is 0.1 s, for a tick never to be later than 0.25 s.
ANSWER_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
TICK_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The series of one daemon. Seconds are of its rising clock."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        histogram = partial(Histogram, registry=self.registry)
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        self.answers = histogram(
            "dialer_answer_webhook_seconds",
            "From an answer webhook to its TwiML, of calls that wait for no agent",
            buckets=ANSWER_BUCKETS,
        )
        self.waited = counter(
            "dialer_answers_waited_total",
            "Answers that waited for an agent, by whom they met",
            ["met"],
        )
        for met in ("agent", "message", "nobody"):  # a series that is not there yet cannot be seen to rise
            self.waited.labels(met)
        self.commits = histogram(
            "dialer_commit_seconds",
            "From the wish to write until it is on the disk, bulk apart",
            buckets=ANSWER_BUCKETS,
        )
        self.tick_lateness = histogram(
            "dialer_tick_lateness_seconds", "How late a tick began after it was due", buckets=TICK_BUCKETS
        )
        self.ticks = histogram("dialer_tick_seconds", "How long a tick took", buckets=TICK_BUCKETS)
        self.events = counter("dialer_events_total", "Genuine webhooks of the carrier", ["kind"])
        self.calls_started = counter("dialer_calls_started_total", "Calls that the carrier has taken")
        self.abandoned = counter(
            "dialer_calls_abandoned_total", "Live answers without an agent in time, as known at first"
        )
        self.campaigns_paused = counter(
            "dialer_campaigns_paused_total", "Campaigns that the carrier's refusal has paused"
        )
        self.campaigns_with_work = gauge(
            "dialer_campaigns_with_work", "Campaigns that run, with an agent ready and a lead due"
        )
        self.dial_share = gauge("dialer_dial_share_ratio", "Share of the calls per second that slowness leaves")
        self.dial_share.set(1)
        self.in_flight = gauge("dialer_attempts_in_flight", "Attempts that have not ended", ["state"])
        self.leases = gauge("dialer_leases_held", "What this node alone does at present", ["of"])
        self.inbox_age = gauge("dialer_inbox_age_seconds", "How long the oldest write under way has waited")
        self.caught = CaughtErrors()
        self.registry.register(self.caught)
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """Every series in Prometheus' text format."""
        return generate_latest(self.registry)


@dataclass(frozen=True, eq=False)  # the registry keeps it as itself
class CaughtErrors(Collector):
    """What went wrong and was survived, by kind, since the daemon began; kept as plain counts, read at each scrape."""

    counts: collections.Counter[str] = field(default_factory=collections.Counter)

    def collect(self) -> list[Metric]:
        family = CounterMetricFamily("dialer_caught_errors", "What went wrong and was survived", labels=["kind"])
        for kind, count in tuple(self.counts.items()):
            family.add_metric([kind], count)
        return [family]
