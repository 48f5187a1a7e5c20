"""Kill, cut, fill, turn: play seeds of faults and print what broke. Exit 1 when anything did.

python -m tests.faultlab --seeds 1-20
python -m tests.faultlab --seeds 1-20 --nodes 2

With several nodes, each is killed, stopped and restarted by a course of its own, and a load balancer sends webhooks to
those that answer; a call is excused from silence only while none of them lived.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faultlab import scoreboard
from tests.faultlab.play import Result, play
from tests.faultlab.schedule import draw
from tests.faultlab.stock import stocked
from tests.faultlab.world import NotBack


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faultlab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=_seeds, default=_seeds("1-20"), help="as 1-20 or 3,7")
    parser.add_argument("--attempts", type=int, default=40, help="of each seed, at least")
    parser.add_argument("--seconds", type=float, default=30.0, help="over which the faults of each seed are spread")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="sqlite, or postgresql of several nodes")
    parser.add_argument("--nodes", type=int, default=1, help="daemons on one PostgreSQL server")
    parser.add_argument("--keep", type=Path, help="folder to keep databases, logs and journals in")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    database = asked.database or ("sqlite" if asked.nodes == 1 else "postgresql")
    if asked.nodes < 1 or (asked.nodes > 1 and database == "sqlite"):
        parser.error("--nodes: one, or several with --database postgresql")
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # leaves no process behind
    with tempfile.TemporaryDirectory(prefix="faultlab-") as passing:
        folder = (asked.keep or Path(passing)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        results = run(folder, asked.seeds, asked.attempts, asked.seconds, database, asked.nodes, not asked.json)
    if asked.json:
        print(scoreboard.text(results))
    else:
        print("\n".join(scoreboard.lines(results)))
    return 1 if scoreboard.violations(results) else 0


def run(
    folder: Path,
    seeds: Sequence[int],
    attempts: int,
    seconds: float,
    database: str,
    nodes: int = 1,
    loud: bool = False,
) -> list[Result]:
    """Play each seed in a folder of its own."""
    results = []
    with stocked(folder / "stock", database) as supply:
        for seed in seeds:
            own = folder / f"seed-{seed}"
            own.mkdir()
            schedule = draw(seed, seconds, database == "postgresql", nodes)
            try:
                results.append(play(schedule, attempts, own, *supply(own)))
            except NotBack as error:
                print(f"seed {seed}: did not come back: {error}", file=sys.stderr)
                raise
            if loud:
                print("\n".join(scoreboard.lines(results[-1:])), file=sys.stderr, flush=True)
    return results


def _seeds(text: str) -> list[int]:
    """`1-20` or `3,7`. Raises ValueError."""
    seeds = []
    for part in text.split(","):
        first, _dash, last = part.partition("-")
        seeds.extend(range(int(first), int(last or first) + 1))
    return seeds


if __name__ == "__main__":
    sys.exit(main())
