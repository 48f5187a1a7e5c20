"""`dialer agent`: agents and their state."""

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select

from dialer.cli.access import PlainConsole, emit, fail, load_settings, perform, reading, running_daemon, say
from dialer.clock import Clock
from dialer.desk import desk
from dialer.seats import UnknownAgent
from dialer.store import AGENT, CAMPAIGN

app = typer.Typer(no_args_is_help=True, help="Add agents, log them in, set their state.")

Name = Annotated[str, typer.Argument(help="name of the agent")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def _print(result: dict[str, Any], json: bool) -> None:
    if json:
        emit(result)
    else:
        say(f"agent {result.pop('agent')}: {', '.join(str(value) for value in result.values())}")


@app.command()
def add(
    name: Name,
    address: Annotated[str, typer.Option(help="what the carrier rings: client:anna, sip:… or +1…")],
    json: Json = False,
) -> None:
    """Add an agent."""
    result = perform("agent/add", {"agent": name, "address": address})
    if json:
        emit(result)
    else:
        say(f"agent {name} {'added' if result['created'] else 'is there already, and the same'}")


@app.command("list")
def list_(json: Json = False) -> None:
    """List the agents with state and campaign."""
    settings = load_settings()
    now = Clock(settings.clock_offset_seconds).now()
    query = select(AGENT, CAMPAIGN.c.name.label("campaign")).outerjoin(CAMPAIGN).order_by(AGENT.c.name)
    with reading(settings) as session:
        rows = [
            {
                "agent": row["name"],
                "state": row["state"],
                "seconds": round((now - row["since"]).total_seconds()),
                "reason": row["reason"],
                "campaign": row["campaign"],
                "address": row["address"],
            }
            for row in session.connection().execute(query).mappings()
        ]
    if json:
        emit(rows)
        return
    table = Table("agent", "state", "seconds", "reason", "campaign", "address")
    for row in rows:
        table.add_row(*(str(value or "") for value in row.values()))
    PlainConsole().print(table)


@app.command()
def login(
    name: Name, campaign: Annotated[str, typer.Option(help="campaign to take calls of")], json: Json = False
) -> None:
    """Log in: the carrier rings the agent's address into the seat; then say ready."""
    if running_daemon(load_settings()) is None:
        raise fail("no daemon runs, so nobody would ring the seat: start one with `dialer run`")
    _print(perform("agent/login", {"agent": name, "campaign": campaign}), json)


@app.command()
def ready(name: Name, json: Json = False) -> None:
    """Take calls."""
    _print(perform("agent/ready", {"agent": name}), json)


@app.command()
def pause(
    name: Name, reason: Annotated[str, typer.Option(help="why, for the reports")] = "", json: Json = False
) -> None:
    """Take no more calls after this one."""
    _print(perform("agent/pause", {"agent": name, "reason": reason}), json)


@app.command()
def logout(name: Name, json: Json = False) -> None:
    """Leave the seat, after the call if there is one."""
    _print(perform("agent/logout", {"agent": name}), json)


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Show an agent's desk: state, who is on the line, and the dispositions to choose from."""
    settings = load_settings()
    with reading(settings) as session:
        try:
            seen = desk(session, name, Clock(settings.clock_offset_seconds).now())
        except UnknownAgent as error:
            raise fail(str(error)) from None
    if json:
        emit(seen)
        return
    call = seen.pop("call")
    seen["seconds"] = round(seen["seconds"])
    table = Table(title=f"agent {name}", show_header=False)
    for key, value in [*seen.items(), *_flat(call or {})]:
        table.add_row(key, ", ".join(value) if isinstance(value, list) else str(value if value is not None else ""))
    PlainConsole().print(table)


def _flat(call: dict[str, Any]) -> list[tuple[str, Any]]:
    lead = call.get("lead", {})
    known = [(key, value) for key, value in lead.items() if key != "custom" and value]
    calling = [(f"call {key}", call[key]) for key in ("number", "state") if call]
    return [*calling, *((f"lead {key}", value) for key, value in known), *lead.get("custom", {}).items()]


@app.command()
def hangup(name: Name, json: Json = False) -> None:
    """End the call the agent talks on; wrap-up follows."""
    if running_daemon(load_settings()) is None:
        raise fail("no daemon runs, so nobody would tell the carrier: start one with `dialer run`")
    _print(perform("agent/hangup", {"agent": name}), json)


@app.command()
def dispose(
    name: Name,
    disposition: Annotated[str, typer.Argument(help="code, see `dialer report codes`")],
    callback_at: Annotated[
        datetime | None,
        typer.Option(help="promised time, with its offset: 2026-11-24T15:00:00-05:00", formats=["%Y-%m-%dT%H:%M:%S%z"]),
    ] = None,
    json: Json = False,
) -> None:
    """Say what came of the agent's call, which ends wrap-up."""
    parameters = {"agent": name, "disposition": disposition}
    if callback_at is not None:
        parameters["callback_at"] = callback_at.isoformat()
    _print(perform("agent/dispose", parameters), json)
