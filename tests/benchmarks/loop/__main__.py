"""Real daemon, emulated carrier and simulated agents; then the same campaign in the simulator, in one table.

python -m tests.benchmarks.loop --agents 50 --minutes 10
"""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from campaigns.store import campaign_named
from compliance import rulebook
from dialer.db.database import Database
from dialer.history import past_attempts
from dialer.simulation.fitting import fit
from dialer.simulation.scenario import Scenario
from dialer.waiting import longest_wait
from tests.benchmarks.loop.compare import compared
from tests.benchmarks.loop.measure import measure
from tests.benchmarks.loop.play import CAMPAIGN, DATABASE, NOON, RUN, Run, play
from tests.benchmarks.loop.table import fit_table, print_all


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.loop", description=__doc__)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="of the people who are called")
    parser.add_argument("--seeds", type=int, default=20, help="simulated runs")
    parser.add_argument("--machine-error", type=float, default=0.02, help="as of `dialer campaign create`")
    parser.add_argument("--keep", type=Path, help="folder to keep database, logs and record in; played before: read it")
    asked = parser.parse_args()
    run = Run(asked.agents, asked.minutes, asked.seed, asked.machine_error, max(10.0, asked.agents * 0.6))
    with tempfile.TemporaryDirectory(prefix="dialer-loop-") as passing:
        folder = (asked.keep or Path(passing)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / RUN).exists():
            play(folder, run)
        report(folder, range(1, asked.seeds + 1))


def report(folder: Path, seeds: range) -> None:
    database = Database.open_to_read(f"sqlite:///{folder / DATABASE}")
    with database.read() as session:
        campaign = campaign_named(session, CAMPAIGN)
        measured = measure(session, folder)
        limit = rulebook.load(None).connect_seconds(NOON.date())
        past = past_attempts(session, campaign.id or 0, limit)
        base = Scenario(
            name=CAMPAIGN,
            ring_seconds=campaign.ring_seconds,
            drop_rate_ceiling=campaign.drop_rate_ceiling,
            calls_per_second=measured.run.calls_per_second,
            connect_seconds=longest_wait(limit),
        )
    database.close()
    fitted = fit(base, past, measured.run.machine_error)
    console = Console(width=150)
    console.print(fit_table(fitted.figures))
    print_all(console, measured, compared(measured, fitted.scenario, list(seeds)))


if __name__ == "__main__":
    main()
