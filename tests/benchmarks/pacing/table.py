"""One row for each case and policy: means over the seeds, the spread of the first two, and ours over theirs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev

from rich.table import Table

from tests.benchmarks.pacing.cases import OURS
from tests.benchmarks.pacing.play import Played

OPTIMUM = "optimum"


@dataclass(frozen=True, slots=True)
class Row:
    """Means over seeds. Shares are fractions; `ours`: the utilisation of ours over this one's."""

    case: str
    policy: str
    utilisation: float
    utilisation_spread: float  # standard deviation between seeds
    drop_rate: float
    drop_rate_spread: float
    worst_day: float
    peak: float
    wait_seconds: float
    talk_minutes_per_hour: float
    dials_per_contact: float
    live: float
    runs: int
    ratio: float | None  # the best fixed one
    ours: float | None


def rows(played: Sequence[Played], best: dict[str, float]) -> list[Row]:
    """In the order of cases and policies; only runs at the scenario's own ceiling."""
    groups: dict[tuple[str, str], list[Played]] = defaultdict(list)
    for one in played:
        if one.run.target is None and one.run.policy in one.run.case.policies:
            groups[one.run.case.name, one.run.policy].append(one)
    ours = {case: _mean(group, "utilisation") for (case, policy), group in groups.items() if policy == OURS}
    return [_row(case, policy, group, ours.get(case)) for (case, policy), group in groups.items()] + [
        _best(case, utilisation, ours[case]) for case, utilisation in best.items() if case in ours
    ]


def _row(case: str, policy: str, group: list[Played], ours: float | None) -> Row:
    utilisation = _mean(group, "utilisation")
    ratios = [one.ratio for one in group if one.ratio is not None]
    return Row(
        case=case,
        policy=policy,
        utilisation=utilisation,
        utilisation_spread=_spread(group, "utilisation"),
        drop_rate=_mean(group, "drop_rate"),
        drop_rate_spread=_spread(group, "drop_rate"),
        worst_day=_mean(group, "worst_day"),
        peak=_mean(group, "peak"),
        wait_seconds=_mean(group, "wait"),
        talk_minutes_per_hour=_mean(group, "talk_minutes_per_hour"),
        dials_per_contact=_mean(group, "dials_per_contact"),
        live=_mean(group, "live"),
        runs=len(group),
        ratio=fmean(ratios) if ratios else None,
        ours=ours / utilisation if ours and policy != OURS else None,
    )


def _best(case: str, utilisation: float, ours: float) -> Row:
    return Row(case, OPTIMUM, utilisation, 0, 0.03, 0, 0, 0, 0, 0, 0, 0, 0, None, ours / utilisation)


def _mean(group: list[Played], figure: str) -> float:
    return fmean(getattr(one.figures, figure) for one in group)


def _spread(group: list[Played], figure: str) -> float:
    return stdev(getattr(one.figures, figure) for one in group) if len(group) > 1 else 0.0


def in_order(found: list[Row], cases: Sequence[str], policies: Sequence[str]) -> list[Row]:
    """As the cases and their policies are listed; the optimum comes right after ours."""
    rank = {policy: number for number, policy in enumerate([OURS, OPTIMUM, *policies[1:]])}
    return sorted(found, key=lambda row: (cases.index(row.case), rank[row.policy]))


def as_table(found: Sequence[Row], ceiling: float) -> Table:
    """Of the whole run; a drop rate above the ceiling is marked, since such a policy is busy at the callers' cost."""
    table = Table(title="Pacing: means over seeds, ± standard deviation between them", title_justify="left")
    table.add_column("case", no_wrap=True)
    table.add_column("policy", no_wrap=True)
    for heading in ("busy %", "abandoned %", "worst day", "peak", "wait s", "talk min/h", "dials", "ours / it"):
        table.add_column(heading, justify="right", no_wrap=True)
    case = ""
    for row in found:
        if case not in ("", row.case):
            table.add_section()
        table.add_row("" if row.case == case else row.case, *_cells(row, ceiling))
        case = row.case
    return table


def _cells(row: Row, ceiling: float) -> list[str]:
    name = row.policy if row.ratio is None else f"{row.policy} {row.ratio:.2f}"
    ours = "" if row.ours is None else f"{row.ours:.3f}"
    if row.policy == OPTIMUM:
        return [name, f"{100 * row.utilisation:.1f}", f"{100 * row.drop_rate:.2f}", *[""] * 5, ours]
    mark = "!" if row.drop_rate > ceiling else " "
    return [
        name,
        f"{100 * row.utilisation:.1f} ±{100 * row.utilisation_spread:.1f}",
        f"{100 * row.drop_rate:.2f} ±{100 * row.drop_rate_spread:.2f}{mark}",
        f"{100 * row.worst_day:.1f}",
        f"{100 * row.peak:.1f}",
        f"{row.wait_seconds:.1f}",
        f"{row.talk_minutes_per_hour:.1f}",
        f"{row.dials_per_contact:.1f}",
        ours,
    ]


def as_json(found: Sequence[Row]) -> list[dict[str, object]]:
    return [asdict(row) for row in found]
