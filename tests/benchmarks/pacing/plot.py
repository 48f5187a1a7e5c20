"""Utilisation against the drop rate: ours at several targets, and where the others end."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import matplotlib

from tests.benchmarks.pacing.cases import BEST_RATIO, HANGING_UP, OURS, PLOTTED, PLOTTED_RATIOS
from tests.benchmarks.pacing.play import Played

matplotlib.use("Agg")  # draws files, asks for no screen
from matplotlib import pyplot

LEGAL = 3.0  # percent
WIDEST = 10.0  # percent of answers abandoned that are shown
LABELS = {
    "progressive": "one to one",
    "vicidial": "VICIdial, adaptive",
    "issabel": "Issabel",
    "issabel-overcommit": "Issabel, overcommit",
    "textbook": "textbook",
}
Points = dict[str, list[tuple[float, float]]]


def draw(played: Sequence[Played], file: Path) -> None:
    """One panel for each team that played at several targets."""
    teams = [name for name in PLOTTED if any(one.run.case.name == name and one.run.target for one in played)]
    figure, panels = pyplot.subplots(
        1, len(teams), figsize=(5.2 * len(teams), 4.2), sharey=True, squeeze=False, layout="constrained"
    )
    for panel, name in zip(panels[0], teams, strict=True):
        _panel(panel, name, [one for one in played if one.run.case.name == name])
    panels[0][0].set_ylabel("agents busy, %")
    panels[0][0].legend(loc="lower right", fontsize=8, frameon=False)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)


def _panel(panel: pyplot.Axes, name: str, played: Sequence[Played]) -> None:
    lines, points = _means(played)
    for label, style in (("ours", "o-"), ("ours, hanging up late", "D"), ("fixed ratio", "s--")):
        line = sorted(point for point in lines.get(label, ()) if point[0] <= WIDEST)
        if line:
            colour = "0.55" if label == "fixed ratio" else "C0" if label == "ours" else "C1"
            panel.plot(*zip(*line, strict=True), style, color=colour, label=label, markersize=5)
    for label, (lost, busy) in points.items():
        if lost <= WIDEST:
            panel.plot(lost, busy, "x", color="C3")
            near_edge = lost > WIDEST * 0.6
            panel.annotate(
                label,
                (lost, busy),
                xytext=(-6 if near_edge else 6, -11 if label == "Issabel" else -3),  # clear of one to one
                textcoords="offset points",
                fontsize=8,
                ha="right" if near_edge else "left",
            )
    panel.axvline(LEGAL, color="0.8", linewidth=1, zorder=0)
    panel.annotate("3 %, the legal ceiling", (LEGAL, 36), fontsize=7, color="0.4", rotation=90, ha="right", va="bottom")
    panel.set(title=name, xlabel="live answers abandoned, %", xlim=(-0.3, WIDEST), ylim=(35, 101))
    panel.spines[["top", "right"]].set_visible(False)


def _means(played: Sequence[Played]) -> tuple[Points, dict[str, tuple[float, float]]]:
    groups: dict[tuple[str, float | None, str], list[Played]] = defaultdict(list)
    for one in played:
        groups[one.run.policy, one.run.target, one.run.case.name].append(one)
    lines: Points = defaultdict(list)
    points = {}
    for (policy, _, _), group in groups.items():
        at = (
            100 * fmean(one.figures.drop_rate for one in group),
            100 * fmean(one.figures.utilisation for one in group),
        )
        if policy == OURS:
            lines["ours"].append(at)
        elif policy == HANGING_UP:
            lines["ours, hanging up late"].append(at)
        elif policy in (BEST_RATIO, *PLOTTED_RATIOS):
            lines["fixed ratio"].append(at)
        elif policy in LABELS:
            points[LABELS[policy]] = at
    return lines, points
