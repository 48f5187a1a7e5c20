"""`dialer simulate`: days of a call centre in seconds, without a carrier."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from dialer.cli.access import PlainConsole, emit, on_terminal
from dialer.cli.what_if import Question, answer
from dialer.simulation.figures import Figures, ListFigures
from dialer.simulation.policies import NAMES, policy_named
from dialer.simulation.scenario import Scenario, resized
from dialer.simulation.shipped import scenario_named
from dialer.simulation.world import World


def simulate(
    scenario: Annotated[
        str | None, typer.Argument(help="a TOML file or a shipped scenario: default, list-change, ...")
    ] = None,
    from_campaign: Annotated[str | None, typer.Option(help="fit the scenario to this campaign's own log")] = None,
    policy: Annotated[
        str | None, typer.Option(help=f"one of: {', '.join(NAMES)}; predictive, or as the campaign dials")
    ] = None,
    agents: Annotated[int | None, typer.Option(help="another size of the team, 1 to 1000")] = None,
    what_if: Annotated[str | None, typer.Option(help="sizes of the campaign's team to compare: 8,10,12")] = None,
    days: Annotated[int | None, typer.Option(help="another length, 1 to 400")] = None,
    seed: Annotated[int, typer.Option(help="of chance: the same seed, the same run; 0 or more")] = 1,
    plot: Annotated[Path | None, typer.Option(help="SVG file for the comparison of a campaign's teams")] = None,
    cost_per_agent_hour: Annotated[float | None, typer.Option(help="of a campaign, in your currency")] = None,
    cost_per_minute: Annotated[float | None, typer.Option(help="of the carrier, each call's started minutes")] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Play a scenario and print how busy the agents were and how many answers were abandoned.

    With --from-campaign: how many agents the campaign needs, until when they are through its leads, and at what cost.
    """
    try:
        if from_campaign is not None:
            if scenario is not None:
                raise ValueError(f"a scenario ({scenario}) or --from-campaign: give one of them")
            costs = cost_per_agent_hour, cost_per_minute
            question = Question(
                from_campaign, agents, what_if, 1 if days is None else days, seed, policy, plot, *costs, json
            )
            _at_least_0(seed)
            answer(question)
            return
        if scenario is None:
            raise ValueError("name a scenario (default is one), or a campaign with --from-campaign")
        if any(one is not None for one in (what_if, plot, cost_per_agent_hour, cost_per_minute)):
            raise ValueError("--what-if, --plot and costs are about a campaign: add --from-campaign")
        _play(scenario, policy or "predictive", agents, days, _at_least_0(seed), json)
    except ValueError as error:  # ScenarioError too
        typer.echo(f"dialer: {error}", err=True)
        raise typer.Exit(2) from None


def _play(name: str, policy: str, agents: int | None, days: int | None, seed: int, json: bool) -> None:
    played = resized(scenario_named(name), agents, days)
    first, *others = [policy_named(policy) for _ in played.by_campaign()]
    world = World(played, first, seed, *others)
    with _progress(played) as show:
        for number in range(played.team.days):
            world.run_day(number)
            show(number + 1, world.figures)
    asked = {
        "scenario": played.name,
        "policy": policy,
        "agents": played.team.agents,
        "days": played.team.days,
        "seed": seed,
    }
    by_name = {campaign.scenario.name: campaign.figures for campaign in world.campaigns if played.campaigns}
    if json:
        campaigns = {name: figures.as_json() for name, figures in by_name.items()}
        emit(asked | world.figures.as_json() | ({"campaigns": campaigns} if campaigns else {}))
        return
    console = PlainConsole()
    console.print(_table(played, policy, world.figures))
    if by_name:
        console.print(_campaigns(by_name))


def _at_least_0(seed: int) -> int:
    if seed < 0:
        raise ValueError(f"seed {seed}: give 0 or more")
    return seed


@contextmanager
def _progress(scenario: Scenario) -> Iterator[Callable[[int, Figures], None]]:
    if not on_terminal():
        yield lambda _day, _figures: None
        return
    with PlainConsole(stderr=True).status(Text(f"{scenario.name}: day 1 of {scenario.team.days}")) as status:
        yield lambda day, figures: status.update(
            Text(
                f"{scenario.name}: {day} of {scenario.team.days} days played, "
                f"{figures.utilisation:.1%} busy, {figures.drop_rate:.2%} abandoned"
            )
        )


def _table(scenario: Scenario, policy: str, figures: Figures) -> Table:
    team = scenario.team
    table = Table(title=f"{scenario.name}, {policy}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    ceilings = sorted({campaign.drop_rate_ceiling for campaign in scenario.by_campaign()})
    rows = (
        ("agents, days, hours a day", f"{team.agents}, {team.days}, {team.hours:g}"),
        ("busy, talk and wrap-up", f"{figures.utilisation:.1%}"),
        ("abandoned, of live answers", f"{figures.drop_rate:.2%}"),
        ("the same on the worst day", f"{figures.worst_day:.2%}"),
        ("highest so far, from answer 500 on", f"{figures.peak:.2%}"),
        ("allowed", " and ".join(f"{ceiling:.2%}" for ceiling in ceilings)),
        ("an agent waits for a call", f"{figures.wait:.1f} s"),
        ("talk in an agent's hour", f"{figures.talk_minutes_per_hour:.1f} min"),
        ("dials for one contact", f"{figures.dials_per_contact:.1f}"),
        ("dials", f"{figures.dials:,}"),
        ("hung up while ringing", f"{figures.given_up:,}"),
        ("live answers", f"{figures.live:,}"),
        ("abandoned", f"{figures.live_abandoned:,}"),
        *(() if figures.leads is None else _of_list(figures.leads)),
    )
    for label, value in rows:
        table.add_row(label, value)
    return table


def _of_list(leads: ListFigures) -> Iterator[tuple[str, str]]:
    yield "leads loaded", f"{leads.loaded:,}"
    yield "leads reached", f"{leads.reached:,}"
    yield "leads exhausted, never reached", f"{leads.exhausted:,}"
    for reason, count in sorted(leads.refused.items()):
        yield f"refused by the gate, {reason}", f"{count:,}"


def _campaigns(by_name: Mapping[str, Figures]) -> Table:
    """Side by side, for campaigns that share their agents."""
    table = Table(title="by campaign", title_justify="left")
    table.add_column("campaign")
    for heading in ("of the agents' time", "abandoned", "dials", "live answers", "leads reached"):
        table.add_column(heading, justify="right")
    for name, figures in by_name.items():
        reached = "" if figures.leads is None else f"{figures.leads.reached:,}"
        share, rate = f"{figures.utilisation:.1%}", f"{figures.drop_rate:.2%}"
        table.add_row(name, share, rate, f"{figures.dials:,}", f"{figures.live:,}", reached)
    return table
