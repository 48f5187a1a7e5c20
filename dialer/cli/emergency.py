"""`dialer emergency`: stop every call to a place at once, or everywhere."""

from typing import Annotated

import typer
from rich.table import Table

from compliance import emergencies
from dialer.cli.access import PlainConsole, emit, load_settings, perform, reading

app = typer.Typer(no_args_is_help=True, help="Stop every call to a place, or everywhere (*).")

Place = Annotated[str, typer.Argument(help="US-LA, US, or * for every call")]
By = Annotated[str, typer.Option(help="who says so")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command()
def declare(
    place: Place, by: By = "operator", note: Annotated[str, typer.Option(help="why")] = "", json: Json = False
) -> None:
    """Stop calls there; in force for the very next call."""
    result = perform("emergency/declare", {"jurisdiction": place, "by": by, "note": note})
    if json:
        emit(result)
    else:
        typer.echo(f"calls to {place} {'are stopped' if result['declared'] else 'were stopped already'}")


@app.command()
def lift(place: Place, by: By = "operator", json: Json = False) -> None:
    """Let calls there go on."""
    result = perform("emergency/lift", {"jurisdiction": place, "by": by})
    if json:
        emit(result)
    else:
        typer.echo(f"calls to {place} {'go on' if result['lifted'] else 'were not stopped'}")


@app.command("list")
def list_(json: Json = False) -> None:
    """List every emergency there has been, newest first."""
    with reading(load_settings()) as session:
        rows = [emergency.model_dump(mode="json") for emergency in emergencies.history(session)]
    if json:
        emit(rows)
        return
    names = ("jurisdiction", "declared_at", "declared_by", "note", "lifted_at", "lifted_by")
    table = Table(*(name.replace("_", " ") for name in names))
    for row in rows:
        table.add_row(*(str(row[name] or "") for name in names))
    PlainConsole().print(table)
