"""What a run came to, and whether it met each aim."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from dialer.store import AGENT_CHANGE
from tests.benchmarks.load.play import DATABASE, RECORD, RUN, SAMPLES, Run
from tests.benchmarks.load.sample import later_than, slope
from tests.benchmarks.loop.floor_time import Change, floor_time

ANSWER_MS, LATE_MS, INBOX_SECONDS = 100.0, 250.0, "1.0"
GROWTH_MEGABYTES = 10.0  # an hour, of the line fitted to the second half: what cannot be told from noise
RATE_SHARE = 0.95  # of the calls per second asked for, or it was no such load

Sample = Mapping[str, Any]


@dataclass(frozen=True)
class Spread:
    """Milliseconds."""

    count: int
    p50: float
    p99: float
    worst: float


@dataclass(frozen=True)
class Measured:
    run: Run
    samples: Sequence[Sample]
    carrier_rate: float  # calls a second, begun at the carrier
    answer: Spread  # from the carrier's request to our TwiML, as the carrier saw it
    tick_late: Spread
    tick_lasted: Spread
    commits_over_a_second: int
    oldest_ms: float  # in the inbox, of those sampled
    growth_megabytes: float  # an hour
    daemon_ms_a_call: float
    emulator_ms_a_call: float
    daemon_share: float  # of one processor
    emulator_share: float
    thread_shares: Sequence[float]
    database_megabytes: float
    drop_rate: float
    utilisation: float
    webhook_failures: int

    def aims(self) -> list[tuple[str, bool]]:
        wanted = RATE_SHARE * self.run.calls_per_second
        return [
            (f"calls a second {self.carrier_rate:.1f}, at least {wanted:.1f}", self.carrier_rate >= wanted),
            (f"answer to TwiML p99 {self.answer.p99:.0f} ms, under {ANSWER_MS:.0f}", self.answer.p99 < ANSWER_MS),
            (f"tick late at worst {self.tick_late.worst:.0f} ms, {LATE_MS:.0f}", self.tick_late.worst <= LATE_MS),
            (f"events older than 1 s: {self.commits_over_a_second}, none", self.commits_over_a_second == 0),
            (
                f"memory grows {self.growth_megabytes:.0f} MB an hour, under {GROWTH_MEGABYTES:.0f}",
                self.growth_megabytes < GROWTH_MEGABYTES,
            ),
            (f"webhooks that failed: {self.webhook_failures}, none", self.webhook_failures == 0),
        ]


def measure(session: Session, folder: Path) -> Measured:
    """Raises FileNotFoundError when the folder holds no run."""
    run = Run(**json.loads((folder / RUN).read_text()))
    record = json.loads((folder / RECORD).read_text())
    samples = [json.loads(line) for line in (folder / SAMPLES).read_text().splitlines()]
    first, last = samples[0], samples[-1]
    since, until = (datetime.fromisoformat(moment).timestamp() for moment in (run.since, run.until))
    seconds = last["at"] - first["at"]
    customers = [call for call in record["calls"] if call["leg"] == "customer"]
    begun = [call for call in customers if call["begun"] and _within(call["begun"], since, until)]
    documents = [call["seconds_to_document"] for call in customers if call["seconds_to_document"] is not None]
    changes = [
        Change(row.agent, row.at.timestamp(), row.state) for row in session.connection().execute(select(AGENT_CHANGE))
    ]
    calls = max(1, len(begun))
    used = {who: last[f"{who}_seconds"] - first[f"{who}_seconds"] for who in ("daemon", "emulator")}
    before = first["thread_seconds"]
    threads = [used - before.get(thread, 0.0) for thread, used in last["thread_seconds"].items()]
    return Measured(
        run,
        samples,
        len(begun) / (until - since),
        _spread([value * 1000 for value in documents]),
        _ticks(last["ticks"]["late"]),
        _ticks(last["ticks"]["lasted"]),
        later_than(INBOX_SECONDS, last["metrics"], "dialer_commit_seconds"),
        max(sample["inbox_age"] for sample in samples) * 1000,
        slope((s["at"] / 3600, s["daemon_megabytes"]) for s in samples if s["at"] >= last["at"] / 2),
        used["daemon"] / calls * 1000,
        used["emulator"] / calls * 1000,
        used["daemon"] / seconds,
        used["emulator"] / seconds,
        [used / seconds for used in sorted(threads, reverse=True)[:4]],
        sum(file.stat().st_size for file in folder.glob(f"{DATABASE}*")) / 1e6,
        last["abandoned"] / max(1, last["live_answers"]),
        floor_time(changes, since + (until - since) / 4, until).utilisation,
        len(record["webhook_failures"]),
    )


def _within(moment: str, since: float, until: float) -> bool:
    return since <= datetime.fromisoformat(moment).timestamp() <= until


def _ticks(told: Mapping[str, float]) -> Spread:
    return Spread(int(told["ticks"]), told["mean"] * 1000, told["p99"] * 1000, told["worst"] * 1000)


def _spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0, 0.0, 0.0, 0.0)
    ordered = sorted(values)
    return Spread(len(ordered), ordered[len(ordered) // 2], ordered[ceil(0.99 * len(ordered)) - 1], ordered[-1])
