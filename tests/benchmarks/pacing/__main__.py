"""Plays, prints the table and the goals, and draws the plot. Exit code 1 when a goal is missed."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from tests.benchmarks.pacing.cases import EVERY_PEER, OURS, OWN, PLOTTED, cases, runs
from tests.benchmarks.pacing.goals import goals
from tests.benchmarks.pacing.kept import keep, kept
from tests.benchmarks.pacing.play import best_possible, play_all
from tests.benchmarks.pacing.plot import draw
from tests.benchmarks.pacing.table import as_json, as_table, in_order, rows

CEILING = 0.03


def main() -> int:
    asked = _asked()
    chosen = [case for case in cases(asked.quick) if asked.only in case.name]
    if not chosen:
        print(f"no case holds {asked.only!r}", file=sys.stderr)
        return 2
    wanted = [run for run in runs(chosen, asked.seeds, asked.quick) if run.policy in OWN or not asked.alone]
    before = kept(asked.keep) if asked.keep else {}
    played = [before[run] for run in wanted if run in before]
    for one in play_all([run for run in wanted if run not in before], asked.workers):
        if asked.keep:
            keep(asked.keep, one)
        played.append(one)
    found = in_order(rows(played, best_possible(chosen)), [case.name for case in chosen], [*OWN, *EVERY_PEER])
    reached = list(goals(found, played))
    if asked.json:
        told = [{"reached": yes, "goal": words} for yes, words in reached]
        print(json.dumps({"rows": as_json(found), "goals": told}, indent=2))
    else:
        console = Console(width=None if sys.stdout.isatty() else 160)
        console.print(as_table(found, CEILING))
        for yes, words in reached:
            console.print(f"{'reached' if yes else 'MISSED '}  {words}", highlight=False)
    if not asked.alone and any(one.run.target and one.run.case.name in PLOTTED for one in played):
        draw(played, asked.plot)
        print(f"plot: {asked.plot}", file=sys.stderr)
    ours = sum(one.seconds for one in played if one.run.policy == OURS)
    print(f"{sum(one.seconds for one in played):.0f} s of computing, {ours:.0f} s of it for ours", file=sys.stderr)
    return 0 if all(yes for yes, _ in reached) else 1


def _asked() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.benchmarks.pacing", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter cases")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one run for each (default 1 2 3)")
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--alone", action="store_true", help="without the other dialers' pacing, and no plot")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--keep", type=Path, help="file of the runs played, from which a run that was cut off goes on")
    parser.add_argument("--plot", type=Path, default=Path("pacing.png"), help="file of the plot (default pacing.png)")
    parser.add_argument("--json", action="store_true", help="rows and goals as JSON instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
