"""`dialer privacy`: what is known of one person, and its erasure."""

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from dialer import privacy
from dialer.cli.access import emit, fail, load_settings, perform, reading
from dialer.clock import Clock

app = typer.Typer(no_args_is_help=True, help="A person's right to a copy of the data, and to be forgotten.")

Person = Annotated[str, typer.Argument(help="a lead's id, or a number as +12125550123")]


@app.command()
def export(
    person: Person,
    out: Annotated[Path | None, typer.Option(help="file to write to; default: standard output")] = None,
    json: Annotated[bool, typer.Option("--json", help="print the document, also when it goes to a file")] = False,
) -> None:
    """Write every row about a person as one JSON document."""
    settings = load_settings()
    with reading(settings) as session:
        try:
            found = privacy.find(session, person)
        except privacy.UnknownPerson as error:
            raise fail(str(error)) from None
        document = privacy.export(session, found, Clock(settings.clock_offset_seconds).now())
    try:
        if out is not None:
            out.write_text(json_text.dumps(document, indent=1))
    except OSError as error:
        raise fail(f"{out} cannot be written: {error}") from None
    if json or out is None:
        emit(document)
        return
    counts = (f"{len(rows)} {name}" for name, rows in document.items() if isinstance(rows, list))
    typer.echo(f"{out}: {', '.join(counts)}")


@app.command()
def erase(person: Person, json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Erase what no law wants kept, names first; say what stays and until when. The numbers are never called again."""
    done = perform("privacy/erase", {"person": person})
    if json:
        emit(done)
        return
    typer.echo(f"erased: {', '.join(f'{rows} {what}' for what, rows in done['erased'].items()) or 'nothing'}")
    for kept in done["kept"]:
        until = f" until {kept['until'][:10]}" if kept["until"] else ""
        law = f" by {', '.join(kept['rules'])}" if kept["rules"] else ""
        typer.echo(f"kept: {kept['rows']} {kept['what']}{until}{law}")
