"""`dialer db`: the database."""

import typer

from dialer.cli.access import fail, load_settings, place_or_fail
from dialer.db import schema
from dialer.db.place import DatabaseError

app = typer.Typer(no_args_is_help=True, help="Make and migrate the database.")


@app.callback()
def _group() -> None:
    """Make and migrate the database."""


@app.command()
def upgrade() -> None:
    """Make the database, or bring it to this dialer's version; safe to repeat."""
    place = place_or_fail(load_settings())
    try:
        before, after = schema.upgrade(place)
    except DatabaseError as error:
        raise fail(str(error)) from None
    if before is None:
        typer.echo(f"made {place}, schema {after}")
    else:
        typer.echo(f"{place}: schema {after}" + ("" if before == after else f", was {before}"))
