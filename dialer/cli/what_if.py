"""`dialer simulate --from-campaign`: how many agents, until when, at what cost, by the campaign's own log."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from campaigns.campaign import Mode
from campaigns.store import UnknownCampaign, campaign_named
from campaigns.tables import Campaign
from compliance.packs import RuleError
from config.visible import visible
from dialer.cli.access import PlainConsole, emit, fail, load_rulebook, load_settings, on_terminal, reading
from dialer.clock import Clock
from dialer.history import dials_left, past_attempts
from dialer.simulation.fitting import Fit, Fitted, TooFewCalls, fit
from dialer.simulation.plot import plotted
from dialer.simulation.policies import policy_named
from dialer.simulation.scenario import Scenario, resized
from dialer.simulation.staffing import Rates, Staffing, Work, staffing
from dialer.simulation.world import World
from dialer.waiting import longest_wait


@dataclass(frozen=True)
class Question:
    """What the command line asked for; `policy` None: as the campaign dials."""

    campaign: str
    agents: int | None
    what_if: str | None
    days: int
    seed: int
    policy: str | None
    plot: Path | None
    cost_per_agent_hour: float | None
    cost_per_minute: float | None
    json: bool


def answer(question: Question) -> None:
    """Print the answer. Raises ValueError for what cannot be asked."""
    rates = _rates(question)
    sizes = _sizes(question)
    if question.plot is not None:
        _check_writable(question.plot)
    if question.policy is not None:
        policy_named(question.policy)
    fitted, work, own = _of_log(question.campaign)
    sizes = sizes or [fitted.scenario.team.agents]
    policy = question.policy or own
    teams = [resized(fitted.scenario, size, question.days) for size in sizes]
    answers: list[Staffing] = []
    with _progress(question.campaign, len(teams)) as show:
        for played in teams:
            show(len(answers), played.team.agents)
            figures = World(played, policy_named(policy), question.seed).run()
            answers.append(staffing(played.team, figures, work, rates))
    if question.plot is not None:
        _draw(question.plot, question.campaign, answers)
    asked: dict[str, Any] = {
        "campaign": question.campaign,
        "policy": policy,
        "days": question.days,
        "seed": question.seed,
    }
    if question.json:
        fit_json = [asdict(figure) for figure in fitted.figures]
        asked |= {"leads_left": work.leads, "dials_left": work.dials}
        emit(asked | {"fit": fit_json, "answers": [asdict(one) for one in answers]})
        return
    console = PlainConsole()
    console.print(_fit_table(question.campaign, fitted.figures, fitted.scenario))
    left = f"{work.leads:,} leads left, about {work.dials:,.0f} dials"
    console.print(_table(f"{question.campaign}, {policy}, {left}", answers))


def _check_writable(file: Path) -> None:
    """Before minutes of playing are lost. Raises ValueError."""
    folder = file.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"--plot {file}: there is no folder {file.parent}")
    if file.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
        raise ValueError(f"--plot {file}: cannot be written, name another file")


def _sizes(question: Question) -> list[int]:
    """Each once, rising."""
    try:
        sizes = [] if question.what_if is None else [int(word) for word in question.what_if.split(",")]
    except ValueError:
        raise ValueError(f"--what-if {question.what_if}: write numbers of agents, as in 8,10,12") from None
    if question.agents is not None:
        sizes.append(question.agents)
    asked: list[int | None] = [*sizes] or [None]
    for size in asked:
        resized(Scenario(name=question.campaign), size, question.days)
    return sorted(set(sizes))


def _rates(question: Question) -> Rates | None:
    hour, minute = question.cost_per_agent_hour, question.cost_per_minute
    if hour is None and minute is None:
        return None
    if hour is None or minute is None:
        raise ValueError("costs need both: --cost-per-agent-hour and --cost-per-minute")
    if not (0 <= hour < float("inf") and 0 <= minute < float("inf")):
        raise ValueError("costs: give amounts of 0 or more")
    return Rates(hour, minute)


def _of_log(name: str) -> tuple[Fit, Work, str]:
    """What is fitted, what is left to do, and the policy by which the campaign dials."""
    settings = load_settings()
    with reading(settings) as session:
        try:
            campaign = campaign_named(session, name)
        except UnknownCampaign as error:
            raise fail(str(error)) from None
        book, today = load_rulebook(settings), Clock(settings.clock_offset_seconds).now().date()
        past = past_attempts(session, campaign.id or 0, book.connect_seconds(today))
        try:
            law = book.limits(campaign.region, campaign.kind, today, campaign.name, campaign.client)
        except RuleError as error:
            raise fail(str(error)) from None
        (leads, dials), policy = dials_left(session, campaign), _policy(campaign)
        base = Scenario(
            name=name,
            ring_seconds=campaign.ring_seconds,
            drop_rate_ceiling=campaign.drop_rate_ceiling,
            calls_per_second=settings.calls_per_second,
            connect_seconds=longest_wait(book.connect_seconds(today)),
        )
        error_share, cut_off = campaign.machine_error, any(rule.counts_cut_off for rule in law.drop_rates)
    try:
        fitted = fit(base, past, error_share, cut_off)
    except TooFewCalls as few:
        raise fail(f"campaign {name!r} has {few}; simulate a scenario until it has") from None
    return fitted, Work(leads, dials, fitted.minutes_per_dial), policy


def _policy(campaign: Campaign) -> str:
    return f"{Mode.RATIO}:{campaign.lines_per_agent:g}" if campaign.mode == Mode.RATIO else campaign.mode


@contextmanager
def _progress(name: str, teams: int) -> Iterator[Callable[[int, int], None]]:
    if not on_terminal():
        yield lambda _done, _agents: None
        return
    with PlainConsole(stderr=True).status(Text(f"{name}: fitted")) as status:
        yield lambda done, agents: status.update(Text(f"{name}: {done} of {teams} teams played, now {agents} agents"))


def _draw(file: Path, name: str, answers: Sequence[Staffing]) -> None:
    busy = [(one.agents, one.utilisation) for one in answers]
    hours = [(one.agents, one.hours_until_done) for one in answers if one.hours_until_done is not None]
    try:
        file.write_text(plotted(f"{visible(name)}: teams compared, by its own log", busy, hours), encoding="utf-8")
    except OSError as error:
        raise fail(f"{file}: {error.strerror}") from None


def _fit_table(name: str, figures: Sequence[Fitted], scenario: Scenario) -> Table:
    table = Table(title=f"{name}, fitted to its own log", title_justify="left")
    for heading in ("", "figure", "variation", "calls"):
        table.add_column(heading, justify="left" if not heading else "right")
    for figure in figures:
        value = f"{figure.value:.1%}" if figure.unit == "share" else f"{figure.value:.2f} {figure.unit}"
        variation = "" if figure.variation is None else f"{figure.variation:.2f}"
        table.add_row(figure.name, value, variation, f"{figure.calls:,}" if figure.calls else "default")
    table.add_row("calls a second", f"{scenario.calls_per_second:g}", "", "settings")
    table.add_row("drop rate allowed", f"{scenario.drop_rate_ceiling:.2%}", "", "campaign")
    return table


def _table(title: str, answers: Sequence[Staffing]) -> Table:
    table = Table(title=title, title_justify="left")
    headings = ["agents", "busy", "abandoned", "contacts/h", "dials/h", "hours until done", "shifts"]
    costs = any(one.cost is not None for one in answers)
    for heading in [*headings, "cost"] if costs else headings:
        table.add_column(heading, justify="right")
    for one in answers:
        row: list[Any] = [
            one.agents,
            f"{one.utilisation:.1%}",
            f"{one.drop_rate:.2%}",
            f"{one.contacts_per_hour:,.1f}",
            f"{one.dials_per_hour:,.0f}",
            "never" if one.hours_until_done is None else f"{one.hours_until_done:,.1f}",
            "" if one.shifts_until_done is None else f"{one.shifts_until_done:,.1f}",
        ]
        if costs:
            row.append("" if one.cost is None else f"{one.cost:,.2f}")
        table.add_row(*map(str, row))
    return table
