"""What breaks first with 1, 10, 100 and 1,000 nodes, from what a call was measured to cost.

python -m tests.benchmarks.load.scale FOLDER: a folder that `tests.benchmarks.load --keep` filled. What PostgreSQL takes
is measured here, on a server that does not wait for its disk. Everything beyond one node is multiplied, and the wait
for the ledger simulated, not measured.
"""

import argparse
import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from compliance.ledger import record_decisions
from dialer.call_control import Urls
from dialer.clock import Clock
from dialer.db import schema
from dialer.db.database import Database, place_of
from dialer.dial_loop import CLAIMED_TOGETHER
from dialer.web.voice import _once
from tests.benchmarks import answer, ledger
from tests.benchmarks.load.measure import Measured, grown, measure
from tests.benchmarks.load.sample import processor_seconds
from tests.postgres import running_server

NODES = (1, 10, 100, 1000)
FULL = 0.7  # of a processor or a lock: beyond it waits grow faster than work
HOURS_A_DAY = 10
CALLS = 300
ROUNDS = 120  # claims
SIMULATED_SECONDS = 60


@dataclass(frozen=True)
class Cost:
    """Of one call, but for `ledger_ms`: of one claim of `CLAIMED_TOGETHER` calls."""

    rate: float  # calls a second of one node
    node_ms: float  # of its one interpreter, the web server's and the writer's share of it
    writes: float
    webhooks: float
    kilobytes: float
    server_ms: float  # of PostgreSQL's processor
    ledger_ms: float  # in which nobody else may append


@dataclass(frozen=True)
class Limit:
    """One resource: what all nodes want of it, what one piece of it bears, and what to do beyond."""

    name: str
    unit: str
    of_node: float
    bears: float
    then: str


def limits(cost: Cost, account_rate: float, server_cores: int) -> list[Limit]:
    """In no order; `bears` is of one account, one server, one ledger, one address."""
    rate = cost.rate
    return [
        Limit(
            "calls a second of a carrier account", "calls/s", rate, account_rate, "more accounts, one for each client"
        ),
        Limit(
            "ledger: one appends at a time",
            "of a lock",
            rate / CLAIMED_TOGETHER * cost.ledger_ms / 1000,
            FULL,
            "one ledger for each group of campaigns, or databases apart",
        ),
        Limit(
            "PostgreSQL's processor",
            "cores",
            rate * cost.server_ms / 1000,
            FULL * server_cores,
            "databases apart, by client (Citus: by campaign_id); reports from a replica",
        ),
    ]


def claiming(cost: Cost, nodes: int, seconds: int = SIMULATED_SECONDS, seed: int = 1) -> list[float]:
    """Seconds that each tick's claims take, when the nodes tick once a second, each at its own moment, and wait for one
    another at the ledger: first come, first served.
    """
    claims, random = ceil(cost.rate / CLAIMED_TOGETHER), Random(seed)
    asking = [(random.random(), node, claims) for node in range(nodes)]
    began, took, free_at = [moment for moment, *_rest in asking], list[float](), 0.0
    heapq.heapify(asking)
    while asking and asking[0][0] < seconds:
        moment, node, left = heapq.heappop(asking)
        free_at = max(moment, free_at) + cost.ledger_ms / 1000
        if left > 1:
            heapq.heappush(asking, (free_at, node, left - 1))
            continue
        took.append(free_at - began[node])
        began[node] = max(began[node] + 1, free_at)
        heapq.heappush(asking, (began[node], node, claims))
    return took


def first_to_break(found: Sequence[Limit]) -> Limit:
    """What the fewest nodes exhaust."""
    return min(found, key=lambda limit: limit.bears / limit.of_node)


def of_run(measured: Measured, cost_server_ms: float, ledger_ms: float) -> Cost:
    first, last = measured.samples[0], measured.samples[-1]
    began, attempts = (sum(one["attempts"] for one in sample["campaigns"]) for sample in (first, last))
    calls = max(1, attempts - began)

    def a_call(name: str) -> float:
        return sum(grown(*of_node, name) for of_node in zip(first["nodes"], last["nodes"], strict=True)) / calls

    return Cost(
        measured.carrier_rate / len(measured.nodes),
        measured.ms_a_call("nodes"),
        a_call("dialer_commit_seconds_count"),
        a_call("dialer_events_total"),
        measured.run.database_megabytes * 1000 / max(1, attempts),
        cost_server_ms * a_call("dialer_events_total"),
        ledger_ms,
    )


def of_server() -> tuple[float, float]:
    """Milliseconds: of PostgreSQL's processor for one webhook, and in which a claim holds the ledger."""
    with running_server() as server:
        url = server.url(server.create())
        schema.upgrade(place_of(url))
        database = Database.open(url)
        try:
            database.write(answer.fill)
            for statement in ("UPDATE agent SET state = 'ready'", "ANALYZE"):
                database.write(lambda session, sql=statement: session.connection().execute(text(sql)) and None)
            backend = database.write(_backend)
            used, webhooks = processor_seconds(backend), list(_webhooks())
            for kind, attempt, form in webhooks:
                database.write(lambda session, k=kind, a=attempt, f=form: _once(_exchange(), k, a, f, session))
            webhook = (processor_seconds(backend) - used) / len(webhooks) * 1000
            return webhook, _ledger_held(database) * 1000
        finally:
            database.close()


def _backend(session: Session) -> int:
    return int(session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one())


def _exchange() -> Any:
    return SimpleNamespace(clock=Clock(), urls=Urls("https://dialer.example"), connect_seconds=2.0)


def _webhooks() -> Iterator[tuple[str, str, dict[str, str]]]:
    for number in range(1, CALLS + 1):
        form = {"CallSid": f"CA{number:032}", "CallStatus": "in-progress"}
        yield "answer", f"a{number}", form
        yield "progress", f"a{number}", {**form, "SequenceNumber": "2"}
        yield "progress", f"a{number}", {**form, "CallStatus": "completed", "SequenceNumber": "3", "CallDuration": "2"}


def _ledger_held(database: Database) -> float:
    """Seconds from the first decision of a transaction to the end of its commit."""

    def append(session: Session, round_number: int) -> float:
        began = time.monotonic()
        entries = [
            replace(ledger.ENTRY, number=f"+1212{round_number * CLAIMED_TOGETHER + n:07}")
            for n in range(CLAIMED_TOGETHER)
        ]
        record_decisions(session, entries)
        session.flush()
        return began

    held = 0.0
    for round_number in range(ROUNDS):
        held -= database.write(lambda session, n=round_number: append(session, n))
        held += time.monotonic()
    return held / ROUNDS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load.scale", description=__doc__)
    parser.add_argument("folder", type=Path, help="of a run that was kept")
    parser.add_argument("--account-rate", type=float, default=30.0, help="calls a second of a carrier account: agreed")
    parser.add_argument("--server-cores", type=int, default=16, help="of the PostgreSQL server")
    asked = parser.parse_args()
    report(of_run(measure(asked.folder), *of_server()), asked.account_rate, asked.server_cores)


def report(cost: Cost, account_rate: float, server_cores: int) -> None:
    print(
        f"measured: a call costs a node {cost.node_ms:.1f} ms, {cost.writes:.1f} writes, {cost.webhooks:.1f} webhooks, "
        f"{cost.kilobytes:.1f} kB; PostgreSQL {cost.server_ms:.2f} ms; a claim of {CLAIMED_TOGETHER} holds the ledger "
        f"{cost.ledger_ms:.1f} ms; one node had {cost.rate:.1f} calls a second, "
        f"{cost.rate * cost.node_ms / 1000:.0%} of a processor (at {FULL:.0%} it has {FULL / cost.node_ms * 1000:.0f})"
    )
    found = limits(cost, account_rate, server_cores)
    for nodes in NODES:
        rate = nodes * cost.rate
        print(
            f"\n{nodes} nodes: {rate:.0f} calls a second, {rate * cost.webhooks:.0f} webhooks a second at the public "
            f"address, {rate * 3600 * HOURS_A_DAY * cost.kilobytes / 1e6:.0f} GB a day of {HOURS_A_DAY} hours"
        )
        for limit in found:
            wanted = nodes * limit.of_node
            pieces = ceil(wanted / limit.bears)
            beyond = f" -> {pieces}: {limit.then}" if pieces > 1 else ""
            print(f"  {limit.name:<36} {wanted:10.2f} {limit.unit:<9} of {limit.bears:.1f}{beyond}")
        took = sorted(claiming(cost, nodes))
        middle, late = took[len(took) // 2], took[ceil(0.99 * len(took)) - 1]
        print(f"  a tick's claims, with waits for the ledger: p50 {middle:.3f}, p99 {late:.3f} s (simulated)")
    first = first_to_break(found)
    print(f"\nbreaks first: {first.name}, at {first.bears / first.of_node:.1f} nodes")
    others = sorted(found, key=lambda limit: limit.bears / limit.of_node)[1:]
    print("then " + ", ".join(f"{limit.name} at {limit.bears / limit.of_node:.1f}" for limit in others))


if __name__ == "__main__":
    main()
