"""A real daemon and an emulated carrier under load, as long as asked; then a report with pass or fail for each aim.

python -m tests.benchmarks.load --agents 400 --calls-per-second 30 --minutes 60
"""

import argparse
import sys
import tempfile
from pathlib import Path

from dialer.db.database import Database
from tests.benchmarks.load.measure import Measured, Spread, measure
from tests.benchmarks.load.play import DATABASE, RUN, Run, play


def main() -> int:
    """Exit code 1 when an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("--agents", type=int, default=400)
    parser.add_argument("--calls-per-second", type=float, default=30.0)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--keep", type=Path, help="folder to keep database, logs and record in; played before: read it")
    parser.add_argument("--set", action="append", default=[], metavar="DIALER_X=Y", help="a setting of the daemon")
    asked = parser.parse_args()
    run = Run(asked.agents, asked.calls_per_second, asked.minutes)
    with tempfile.TemporaryDirectory(prefix="dialer-load-") as passing:
        folder = (asked.keep or Path(passing)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / RUN).exists():
            play(folder, run, dict(text.split("=", 1) for text in asked.set))
        database = Database.open_to_read(f"sqlite:///{folder / DATABASE}")
        with database.read() as session:
            measured = measure(session, folder)
        database.close()
    return report(measured)


def report(measured: Measured) -> int:
    run, last = measured.run, measured.samples[-1]
    print(f"\n{run.agents} agents, {run.calls_per_second:g} calls a second asked for, {run.minutes:g} minutes")
    print(f"  calls a second, begun at the carrier  {measured.carrier_rate:.1f}")
    _print("answer webhook to TwiML, at the carrier", "p50", measured.answer)
    _print("ticks late", "mean", measured.tick_late)
    _print("ticks lasted", "mean", measured.tick_lasted)
    print(
        f"  oldest in the inbox (every 5 s)       {measured.oldest_ms:.0f} ms; "
        f"writes over 1 s {measured.commits_over_a_second}"
    )
    for who, share, cost in (
        ("daemon", measured.daemon_share, measured.daemon_ms_a_call),
        ("emulator", measured.emulator_share, measured.emulator_ms_a_call),
    ):
        print(f"  processor, {who:<9}                  {share:.0%} of one, {cost:.1f} ms a call")
    print(f"  busiest threads of the daemon         {', '.join(f'{share:.0%}' for share in measured.thread_shares)}")
    print(f"  database                              {measured.database_megabytes:.0f} MB")
    print(f"  drop rate, agents busy                {measured.drop_rate:.2%}, {measured.utilisation:.1%}")
    print(f"  the floor took the supervisor, worst  {max(s['floor_seconds'] for s in measured.samples) * 1000:.0f} ms")
    print(f"  caught                                {last['counts']}")
    print(f"  memory of the daemon by the minute    {' '.join(_by_minute(measured))} MB")
    for words, met in measured.aims():
        print(f"{'pass' if met else 'FAIL'}: {words}")
    return 0 if all(met for _words, met in measured.aims()) else 1


def _print(name: str, middle: str, spread: Spread) -> None:
    print(f"  {name:<40}{middle} {spread.p50:.1f}, p99 {spread.p99:.1f}, worst {spread.worst:.1f} ms ({spread.count})")


def _by_minute(measured: Measured) -> list[str]:
    seen: dict[int, float] = {}
    for sample in measured.samples:
        seen.setdefault(int(sample["at"] // 60), sample["daemon_megabytes"])
    return [f"{megabytes:.0f}" for megabytes in seen.values()]


if __name__ == "__main__":
    sys.exit(main())
