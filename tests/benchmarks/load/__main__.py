"""Real daemons and an emulated carrier under load, as long as asked; then a report with pass or fail for each aim.

python -m tests.benchmarks.load --agents 400 --calls-per-second 30 --minutes 60
python -m tests.benchmarks.load --agents 100 --calls-per-second 8 --minutes 3 --nodes 2

Without --nodes it is one daemon on SQLite; with it so many daemons on one PostgreSQL, which does not wait for its disk.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.load.measure import Measured, OfNode, Spread, measure
from tests.benchmarks.load.play import RUN, Run, play


def main() -> int:
    """Exit code 1 when an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("--agents", type=int, default=400)
    parser.add_argument("--calls-per-second", type=float, default=30.0, help="of all nodes together")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--nodes", type=int, default=0, help="daemons on one PostgreSQL; default: one on SQLite")
    parser.add_argument(
        "--campaigns", type=int, help="that share the agents; default: 1 on SQLite, else 2 or one a node"
    )
    parser.add_argument("--keep", type=Path, help="folder to keep samples, logs and record in; played before: read it")
    parser.add_argument("--set", action="append", default=[], metavar="DIALER_X=Y", help="a setting of the daemons")
    asked = parser.parse_args()
    campaigns = asked.campaigns or (max(2, asked.nodes) if asked.nodes else 1)
    run = Run(asked.agents, asked.calls_per_second, asked.minutes, asked.nodes, campaigns)
    with tempfile.TemporaryDirectory(prefix="dialer-load-") as passing:
        folder = (asked.keep or Path(passing)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / RUN).exists():
            play(folder, run, dict(text.split("=", 1) for text in asked.set))
        return report(measure(folder))


def report(measured: Measured) -> int:
    run = measured.run
    print(
        f"\n{'PostgreSQL' if run.nodes else 'SQLite'}, nodes {len(measured.nodes)}, campaigns {run.campaigns}, "
        f"agents {run.agents}, calls a second asked for {run.calls_per_second:g}, minutes {run.minutes:g}"
    )
    print(
        f"  calls a second, begun at the carrier  {measured.carrier_rate:.1f}; "
        f"in the second half {measured.late_rate:.1f}"
    )
    _print("answer webhook to TwiML, at the carrier", "p50", measured.answer)
    _print("ticks late", "mean", measured.tick_late)
    _print("ticks lasted", "mean", measured.tick_lasted)
    for who in measured.used:
        print(f"  processor, {who:<27}{measured.share(who):.0%} of one, {measured.ms_a_call(who):.1f} ms a call")
    print(f"  database                              {run.database_megabytes:.0f} MB")
    print(f"  drop rate, agents busy                {measured.drop_rate:.2%}, {run.utilisation:.1%}")
    for node, sample in zip(measured.nodes, measured.samples[-1]["nodes"], strict=True):
        _print_node(node, sample["counts"])
    for words, met in measured.aims():
        print(f"{'pass' if met else 'FAIL'}: {words}")
    return 0 if all(met for _words, met in measured.aims()) else 1


def _print_node(node: OfNode, caught: dict[str, int]) -> None:
    print(f"{node.name}: {node.rate:.1f} calls a second placed, {node.webhooks:.1f} webhooks a second answered")
    within = "/".join(f"{bound:g}" for bound in node.answer_within)
    print(f"  answer webhook to TwiML, by itself    half/99 of 100/all within {within} ms")
    _print("ticks late", "mean", node.tick_late)
    _print("ticks lasted", "mean", node.tick_lasted)
    print(f"  processor, its busiest threads        {node.share:.0%} of one; {_shares(node.thread_shares)}")
    print(
        f"  oldest in the inbox (every 5 s)       {node.oldest_ms:.0f} ms; writes over 1 s {node.commits_over_a_second}"
    )
    print(f"  the floor took the supervisor, worst  {node.floor_ms:.0f} ms")
    print(f"  caught                                {caught}")
    print(f"  memory by the minute                  {' '.join(f'{value:.0f}' for value in node.megabytes)} MB")


def _print(name: str, middle: str, spread: Spread) -> None:
    print(f"  {name:<40}{middle} {spread.p50:.1f}, p99 {spread.p99:.1f}, worst {spread.worst:.1f} ms ({spread.count})")


def _shares(shares: Sequence[float]) -> str:
    return ", ".join(f"{share:.0%}" for share in shares)


if __name__ == "__main__":
    sys.exit(main())
