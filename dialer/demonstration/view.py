"""The live view: agents, lines, answers, drop rate against its ceiling, and who is not dialled and why."""

from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

WAITING = ("placing", "unknown", "dialled", "ringing", "waiting")
AGENT_STATES = ("ready", "on-call", "wrap-up", "paused", "joining", "logged-out")
BAR = "█"


def as_line(floor: dict[str, Any], zone: ZoneInfo) -> str:
    """One line, for where no screen is."""
    campaign = floor["campaigns"][0]
    agents = Counter(agent["state"] for agent in floor["agents"])
    held = ", ".join(f"{count} {reason}" for reason, count in campaign["held"].items())
    return " | ".join(
        [
            f"{_clock(floor, zone):%H:%M:%S}",
            "agents: " + ", ".join(f"{agents[state]} {state}" for state in AGENT_STATES[:4]),
            f"lines: {_waiting(campaign)} ringing, {campaign['live'].get('connected', 0)} connected",
            f"{campaign['attempts']} dialled, {_rate(campaign['answers'], campaign['dialled'])} answered",
            f"{_rate(campaign['abandoned'], campaign['live_answers'])} dropped (ceiling {_ceiling(campaign)})",
            f"held back: {held or 'none'}",
            f"pacing: {campaign['decision'] or 'no decision yet'}",
        ]
    )


def as_panel(floor: dict[str, Any], zone: ZoneInfo, title: str) -> Panel:
    """The screen."""
    campaign = floor["campaigns"][0]
    leads = campaign["leads"]
    agents = Counter(agent["state"] for agent in floor["agents"])
    table = Table.grid(padding=(0, 2))
    for state in AGENT_STATES[:4]:
        table.add_row(f"agents {state}", str(agents[state]), Text(BAR * agents[state], _colour(state)))
    waiting, connected = _waiting(campaign), campaign["live"].get("connected", 0)
    table.add_row("lines ringing", str(waiting), Text(BAR * waiting, "yellow"))
    table.add_row("lines connected", str(connected), Text(BAR * connected, "green"))
    table.add_row(
        "attempts", str(campaign["attempts"]), f"answered by a person {_rate(campaign['answers'], campaign['dialled'])}"
    )
    dropped = _rate(campaign["abandoned"], campaign["live_answers"])
    of = f"{campaign['abandoned']} of {campaign['live_answers']} live answers"
    table.add_row("drop rate", dropped, f"{of}, ceiling {campaign['drop_rate_ceiling']:.0%}")
    table.add_row("leads", str(sum(leads.values())), ", ".join(f"{key} {count}" for key, count in leads.items()))
    for reason, count in campaign["held"].items():
        table.add_row("held back", str(count), Text(reason, "magenta"))
    decision = Text(f"pacing: {campaign['decision'] or 'no decision yet'}", "dim")
    return Panel(
        Group(table, Text(), decision), title=f"{title} · {_clock(floor, zone):%a %H:%M:%S %Z}", title_align="left"
    )


def _clock(floor: dict[str, Any], zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(floor["now"]).astimezone(zone)


def _ceiling(campaign: dict[str, Any]) -> str:
    return f"{campaign['drop_rate_ceiling']:.1%}"


def _waiting(campaign: dict[str, Any]) -> int:
    return sum(campaign["live"].get(state, 0) for state in WAITING)


def _rate(numerator: int, denominator: int) -> str:
    return f"{numerator / denominator:.1%}" if denominator else "n/a"


def _colour(state: str) -> str:
    return {"ready": "cyan", "on-call": "green", "wrap-up": "yellow"}.get(state, "dim")
