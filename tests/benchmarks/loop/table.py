"""What is printed."""

from collections.abc import Callable, Iterable, Sequence
from statistics import mean, stdev

from rich.console import Console
from rich.table import Table

from dialer.simulation.fitting import Fitted
from tests.benchmarks.loop.compare import Simulated
from tests.benchmarks.loop.measure import Measured


def print_all(console: Console, measured: Measured, rows: Sequence[Simulated]) -> None:
    run = measured.run
    title = f"{run.agents} agents, {run.minutes:g} minutes, machine error {run.machine_error:g}"
    console.print(_loop_and_simulator(f"Real loop and simulator: {title}", measured, rows))
    console.print(_delays(measured))
    console.print(_minutes(measured))
    for check in measured.checks:
        console.print(f"{check.name}: {check.checked} cases, {len(check.violations)} violations")
    console.print(f"learned state: {measured.learned}")


def _headed(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def _loop_and_simulator(title: str, measured: Measured, rows: Sequence[Simulated]) -> Table:
    table = _headed(
        title, "", "busy, warm", "busy, all", "brings", "dropped", "live answers", "dials", "agent wait s", "talk s"
    )
    before = None
    for row in rows:
        warm = [time.utilisation for time in row.warm]
        brings = "" if before is None else f"{mean(warm) - before:+.1%}"
        before = mean(warm)
        table.add_row(
            row.name,
            _spread(warm, "{:.1%}"),
            _spread([time.utilisation for time in row.total], "{:.1%}"),
            brings,
            _spread([figures.drop_rate for figures in row.figures], "{:.2%}"),
            *_means(row.figures, lambda one: one.live, lambda one: one.dials),
            _spread([time.wait for time in row.warm], "{:.1f}"),
            f"{mean(time.talking / max(1, time.waits) for time in row.warm):.1f}",
        )
    warm_time = measured.warm
    table.add_row(
        "real loop",
        f"{warm_time.utilisation:.1%}",
        f"{measured.total.utilisation:.1%}",
        "" if before is None else f"{warm_time.utilisation - before:+.1%}",
        f"{measured.abandoned / max(1, measured.answers):.2%}",
        str(measured.answers),
        str(measured.dials),
        f"{warm_time.wait:.1f}",
        f"{warm_time.talking / max(1, warm_time.waits):.1f}",
    )
    return table


def _means(figures: Iterable[object], *of: Callable[..., float]) -> list[str]:
    all_figures = list(figures)
    return [f"{mean(one(figure) for figure in all_figures):.0f}" for one in of]


def _spread(values: Sequence[float], form: str) -> str:
    spread = f" ± {form.format(stdev(values))}" if len(values) > 1 else ""
    return form.format(mean(values)) + spread


def _delays(measured: Measured) -> Table:
    table = _headed("Delays of the real loop, ms", "", "cases", "mean", "p99", "worst")
    for name, delay in measured.delays.items():
        table.add_row(name, str(delay.count), *(f"{1000 * one:.1f}" for one in (delay.mean, delay.p99, delay.worst)))
    for name, ticks in measured.minutes[-1]["ticks"].items():
        values = (ticks[key] * 1000 for key in ("mean", "p99", "worst"))
        table.add_row(f"ticks {name}", str(ticks["ticks"]), *(f"{one:.1f}" for one in values))
    return table


def _minutes(measured: Measured) -> Table:
    table = _headed(
        "By the minute", "minute", "dials", "live answers", "dropped", "daemon MB", "emulator MB", "load", "tick p99 ms"
    )
    every = max(1, len(measured.minutes) // 12)
    for minute in (*measured.minutes[:-1:every], measured.minutes[-1]):
        table.add_row(
            str(minute["minute"]),
            str(minute["attempts"]),
            str(minute["live_answers"]),
            f"{minute['abandoned'] / max(1, minute['live_answers']):.2%}",
            f"{minute['daemon_megabytes']:.0f}",
            f"{minute['emulator_megabytes']:.0f}",
            f"{minute['machine_load']:.1f}",
            f"{minute['ticks']['lasted']['p99'] * 1000:.0f}",
        )
    return table


def fit_table(figures: Sequence[Fitted]) -> Table:
    table = _headed("Fitted to the run's own log", "", "figure", "calls")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:.3f} {figure.unit}", str(figure.calls or "default"))
    return table
