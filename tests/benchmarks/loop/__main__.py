"""`python -m tests.benchmarks.loop --agents 50 --minutes 10`"""

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks.loop.play import Run, play


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.loop", description=__doc__)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="of the people who are called")
    parser.add_argument("--machine-error", type=float, default=0.02, help="as of `dialer campaign create`")
    parser.add_argument("--keep", type=Path, help="folder to keep database, logs and record in")
    asked = parser.parse_args()
    run = Run(asked.agents, asked.minutes, asked.seed, asked.machine_error, max(10.0, asked.agents * 0.6))
    with tempfile.TemporaryDirectory(prefix="dialer-loop-") as passing:
        folder = asked.keep or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        play(folder.resolve(), run)


if __name__ == "__main__":
    main()
