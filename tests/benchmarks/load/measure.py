"""What a run came to, and whether it met each aim."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from tests.benchmarks.load.play import RECORD, RUN, SAMPLES, Run
from tests.benchmarks.load.sample import bound_of, later_than, slope

ANSWER_MS, LATE_MS, INBOX_SECONDS = 100.0, 250.0, "1.0"
GROWTH_MEGABYTES = 10.0  # an hour, of the line fitted to the second half: what cannot be told from noise
RATE_SHARE = 0.95  # of the calls per second asked for, or it was no such load

Sample = Mapping[str, Any]


@dataclass(frozen=True)
class Spread:
    """Milliseconds."""

    count: int
    p50: float  # of ticks the mean
    p99: float
    worst: float


@dataclass(frozen=True)
class OfNode:
    name: str
    rate: float  # calls a second that it placed
    webhooks: float  # a second
    answer_within: Sequence[float]  # milliseconds for half, 99 of 100 and all: bounds of its own histogram
    tick_late: Spread
    tick_lasted: Spread
    share: float  # of one processor
    thread_shares: Sequence[float]
    commits_over_a_second: int
    oldest_ms: float  # in the inbox, of those sampled
    megabytes: Sequence[float]  # minute by minute
    growth_megabytes: float  # an hour
    floor_ms: float  # took the supervisor at worst


@dataclass(frozen=True)
class Measured:
    """Of all nodes, and of each. `used`: processor seconds of the nodes together, and of who was beside them."""

    run: Run
    samples: Sequence[Sample]
    nodes: Sequence[OfNode]
    seconds: float
    calls: int
    carrier_rate: float  # calls a second, begun at the carrier
    late_rate: float  # the same in the second half, when the answer rate is known
    answer: Spread  # from the carrier's request to our TwiML, as the carrier saw it
    used: Mapping[str, float]
    drop_rate: float
    webhook_failures: int

    @property
    def tick_late(self) -> Spread:
        return together([node.tick_late for node in self.nodes])

    @property
    def tick_lasted(self) -> Spread:
        return together([node.tick_lasted for node in self.nodes])

    def share(self, who: str) -> float:
        """Of one processor."""
        return self.used[who] / self.seconds

    def ms_a_call(self, who: str) -> float:
        return self.used[who] * 1000 / max(1, self.calls)

    def aims(self) -> list[tuple[str, bool]]:
        wanted = RATE_SHARE * self.run.calls_per_second
        late, old = self.tick_late.worst, sum(node.commits_over_a_second for node in self.nodes)
        growth = max(node.growth_megabytes for node in self.nodes)
        return [
            (f"calls a second {self.carrier_rate:.1f}, at least {wanted:.1f}", self.carrier_rate >= wanted),
            (f"answer to TwiML p99 {self.answer.p99:.0f} ms, under {ANSWER_MS:.0f}", self.answer.p99 < ANSWER_MS),
            (f"tick late at worst {late:.0f} ms, {LATE_MS:.0f}", late <= LATE_MS),
            (f"events older than 1 s: {old}, none", old == 0),
            (f"memory grows {growth:.0f} MB an hour, under {GROWTH_MEGABYTES:.0f}", growth < GROWTH_MEGABYTES),
            (f"webhooks that failed: {self.webhook_failures}, none", self.webhook_failures == 0),
        ]


def measure(folder: Path) -> Measured:
    """Raises FileNotFoundError when the folder holds no run."""
    run = Run(**json.loads((folder / RUN).read_text()))
    record = json.loads((folder / RECORD).read_text())
    samples = [json.loads(line) for line in (folder / SAMPLES).read_text().splitlines()]
    first, last = samples[0], samples[-1]
    since, until = (datetime.fromisoformat(moment).timestamp() for moment in (run.since, run.until))
    customers = [call for call in record["calls"] if call["leg"] == "customer"]
    moments = [datetime.fromisoformat(call["begun"]).timestamp() for call in customers if call["begun"]]
    begun, late = (sum(start <= at <= until for at in moments) for start in (since, (since + until) / 2))
    documents = [call["seconds_to_document"] for call in customers if call["seconds_to_document"] is not None]
    began, ended = ({"nodes": sum(n["seconds"] for n in one["nodes"]), **one["beside"]} for one in (first, last))
    return Measured(
        run,
        samples,
        [_of_node(samples, place) for place in range(len(last["nodes"]))],
        last["at"] - first["at"],
        begun,
        begun / (until - since),
        late / (until - since) * 2,
        _spread([value * 1000 for value in documents]),
        {who: seconds - began[who] for who, seconds in ended.items()},
        sum(one["abandoned"] for one in last["campaigns"])
        / max(1, sum(one["live_answers"] for one in last["campaigns"])),
        len(record["webhook_failures"]),
    )


def _of_node(samples: Sequence[Sample], place: int) -> OfNode:
    seconds = samples[-1]["at"] - samples[0]["at"]
    own = [sample["nodes"][place] for sample in samples]
    first, last = own[0], own[-1]
    memory = [(sample["at"], node["megabytes"]) for sample, node in zip(samples, own, strict=True)]
    before = first["thread_seconds"]
    threads = [used - before.get(thread, 0.0) for thread, used in last["thread_seconds"].items()]
    return OfNode(
        name=last["node"],
        rate=grown(first, last, "dialer_calls_started_total") / seconds,
        webhooks=grown(first, last, "dialer_events_total") / seconds,
        answer_within=[bound_of(s, last["metrics"], "dialer_answer_webhook_seconds") * 1000 for s in (0.5, 0.99, 1.0)],
        tick_late=_ticks(last["ticks"]["late"]),
        tick_lasted=_ticks(last["ticks"]["lasted"]),
        share=(last["seconds"] - first["seconds"]) / seconds,
        thread_shares=[used / seconds for used in sorted(threads, reverse=True)[:4]],
        commits_over_a_second=later_than(INBOX_SECONDS, last["metrics"], "dialer_commit_seconds"),
        oldest_ms=max(node["metrics"]["dialer_inbox_age_seconds"] for node in own) * 1000,
        megabytes=list({int(at // 60): megabytes for at, megabytes in reversed(memory)}.values())[::-1],
        growth_megabytes=slope((at / 3600, megabytes) for at, megabytes in memory if at >= memory[-1][0] / 2),
        floor_ms=max(node["floor_seconds"] for node in own) * 1000,
    )


def grown(first: Sample, last: Sample, name: str) -> float:
    """By how much all series whose names begin so have grown between two samples of a node."""
    before = first["metrics"]
    return sum(value - before.get(key, 0.0) for key, value in last["metrics"].items() if key.startswith(name))


def together(spreads: Sequence[Spread]) -> Spread:
    """Of several nodes: what is worst of any, but for the middle."""
    count = sum(spread.count for spread in spreads)
    return Spread(
        count,
        sum(spread.p50 * spread.count for spread in spreads) / max(1, count),
        max(spread.p99 for spread in spreads),
        max(spread.worst for spread in spreads),
    )


def _ticks(told: Mapping[str, float]) -> Spread:
    return Spread(int(told["ticks"]), told["mean"] * 1000, told["p99"] * 1000, told["worst"] * 1000)


def _spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0, 0.0, 0.0, 0.0)
    ordered = sorted(values)
    return Spread(len(ordered), ordered[len(ordered) // 2], ordered[ceil(0.99 * len(ordered)) - 1], ordered[-1])
