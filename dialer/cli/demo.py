"""`dialer demo`: a campaign from upload to report in about a minute, on this machine, calling nobody."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from sqlalchemy import select
from sqlmodel import Session

from campaigns.reports.dispositions import disposition_report
from campaigns.reports.render import as_table
from campaigns.store import LEAD, campaign_named
from dialer.cli.access import fail
from dialer.db.database import Database
from dialer.demonstration.agents import Agents
from dialer.demonstration.audit import Check, audit
from dialer.demonstration.processes import NotStarted, Stage, stage
from dialer.demonstration.sample import SAMPLE, SAMPLE_ROWS, consent_file, sample_file
from dialer.demonstration.view import as_line, as_panel
from dialer.store import AGENT, ATTEMPT

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 11, 17, 12, tzinfo=NEW_YORK)  # a Tuesday
CAMPAIGN = "demo"
HEALING = {"DIALER_QUIET_SECONDS": "5", "DIALER_LOST_SECONDS": "30"}  # sooner than in earnest, to be seen in a minute
STEP_SECONDS = 0.25
LINE_SECONDS = 5.0  # between two lines where no screen is
WIND_DOWN_SECONDS = 10.0  # of the time asked for: the last calls end
LEADS_A_MINUTE = 60  # for each agent; more than it can use
PATIENCE_SECONDS = 90.0  # for the last call to end


def demo(
    agents: Annotated[int, typer.Option(min=1, max=400, help="simulated agents")] = 10,
    minutes: Annotated[float, typer.Option(min=0.5, max=120, help="about how long")] = 1.0,
    seed: Annotated[int, typer.Option(help="of the people who are called")] = 1,
    keep: Annotated[Path | None, typer.Option(help="folder to keep database and logs in")] = None,
) -> None:
    """Show a campaign at work: real daemon, emulated carrier, simulated agents; exit 1 if anything went wrong."""
    console = Console()
    console.print(f"A campaign on {NOON:%A, %d %B %Y}, from {NOON:%H:%M} in New York. Nobody is called:")
    console.print("the carrier is emulated on this machine and every number is fictional.")
    with _folder(keep) as folder:
        try:
            passed = _play(console, folder, agents, minutes, seed)
        except NotStarted as error:
            raise fail(str(error)) from None
    if not passed:
        raise fail("something that must always hold did not: see the checks above")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        if (keep / "dialer.db").exists():
            raise fail(f"{keep} holds an earlier demonstration: name another folder")
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="dialer-demo-") as folder:
        yield Path(folder)


def _play(console: Console, folder: Path, agents: int, minutes: float, seed: int) -> bool:
    offset = (NOON - datetime.now(UTC)).total_seconds()
    rate = max(10.0, agents * 0.6)
    emulator_options = ("--fast", "--seed", str(seed), "--calls-per-second", repr(rate))
    with stage(folder, offset, emulator_options, {"DIALER_CALLS_PER_SECOND": repr(rate), **HEALING}) as on_stage:
        _prepare(on_stage, console, folder, agents, minutes)
        players = Agents(on_stage, CAMPAIGN, agents, seed)
        on_stage.do("campaign/verb", campaign=CAMPAIGN, verb="start")
        since = on_stage.floor(NOON.isoformat())["now"]
        with _shown(console) as show:
            _run_for(on_stage, players, since, show, minutes * 60 - WIND_DOWN_SECONDS, lambda _floor: False)
            on_stage.do("campaign/verb", campaign=CAMPAIGN, verb="stop")
            _run_for(on_stage, players, since, show, PATIENCE_SECONDS, _quiet)
        record = on_stage.record()
    database = Database.open_to_read(f"sqlite:///{folder / 'dialer.db'}")
    with database.read() as session:
        report = disposition_report(session, campaign_named(session, CAMPAIGN).id or 0, zone=NEW_YORK)
        checks = _checks(session, record, report.total.tally.attempts)
    database.close()
    console.print(as_table(report))
    _print_checks(console, checks)
    return not any(check.violations for check in checks)


def _prepare(on_stage: Stage, console: Console, folder: Path, agents: int, minutes: float) -> None:
    leads = folder / SAMPLE.name
    wanted = round(agents * minutes * LEADS_A_MINUTE)
    leads.write_text(SAMPLE.read_text() if wanted <= SAMPLE_ROWS else sample_file(wanted))
    on_stage.dialer(
        *("campaign", "create", CAMPAIGN, "--client", "Sunny Days Travel", "--contact", "+12125550199"),
        *("--caller-id", "+12125550100", "--ring-seconds", "15", "--wrap-up-seconds", "10"),
    )
    console.print(f"leads: {on_stage.dialer('leads', 'upload', str(leads), '--campaign', CAMPAIGN).strip()}")
    consents = folder / "consents.csv"
    consents.write_text(consent_file(leads.read_text()))
    console.print(f"consents: {on_stage.dialer('consent', 'import', str(consents)).strip()}")
    forbidden = [line.split(",")[0] for line in leads.read_text().splitlines()[1:200:40]]
    console.print(f"do-not-call list: {on_stage.dialer('dnc', 'add', *forbidden).strip()}")


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[dict[str, Any]], None]]:
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            yield lambda floor: live.update(as_panel(floor, NEW_YORK, "Predictive dialer, demonstration"))
        return
    next_at = 0.0

    def print_line(floor: dict[str, Any]) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            console.print(as_line(floor, NEW_YORK), soft_wrap=True)
            next_at = time.monotonic() + LINE_SECONDS

    yield print_line


def _run_for(
    on_stage: Stage,
    players: Agents,
    since: str,
    show: Callable[[dict[str, Any]], None],
    seconds: float,
    over: Callable[[dict[str, Any]], bool],
) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        floor = on_stage.floor(since)
        players.act(floor["agents"], time.monotonic())
        show(floor)
        if over(floor):
            return
        time.sleep(STEP_SECONDS)


def _quiet(floor: dict[str, Any]) -> bool:
    busy = any(agent["state"] in ("on-call", "wrap-up") for agent in floor["agents"])
    return floor["campaigns"][0]["state"] == "stopped" and not busy


def _checks(session: Session, record: dict[str, Any], reported: int) -> list[Check]:
    connection = session.connection()
    attempts, leads, agents = (
        [dict(row) for row in connection.execute(select(table)).mappings()] for table in (ATTEMPT, LEAD, AGENT)
    )
    differs = () if reported == len(attempts) else (f"report says {reported}, there are {len(attempts)}",)
    return [*audit(record, attempts, leads, agents), Check("report adds up to the attempts", len(attempts), differs)]


def _print_checks(console: Console, checks: list[Check]) -> None:
    table = Table(title="What must always hold", title_justify="left")
    for heading in ("check", "cases", "violations"):
        table.add_column(heading, justify="left" if heading == "check" else "right")
    for check in checks:
        table.add_row(
            check.name, str(check.checked), str(len(check.violations)), style="red" if check.violations else ""
        )
    console.print(table)
    for check in checks:
        for violation in check.violations[:5]:
            console.print(f"{check.name}: {violation}", style="red")
