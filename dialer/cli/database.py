"""`dialer db`: the database file."""

import typer

from dialer.cli.access import fail, load_settings, sqlite_path_or_fail
from dialer.db import schema
from dialer.db.database import DatabaseError

app = typer.Typer(no_args_is_help=True, help="Make and migrate the database.")


@app.callback()
def _group() -> None:
    """Make and migrate the database."""


@app.command()
def upgrade() -> None:
    """Make the database, or bring it to this dialer's version; safe to repeat."""
    path = sqlite_path_or_fail(load_settings())
    try:
        before, after = schema.upgrade(path)
    except DatabaseError as error:
        raise fail(str(error)) from None
    if before is None:
        typer.echo(f"made {path}, schema {after}")
    else:
        typer.echo(f"{path}: schema {after}" + ("" if before == after else f", was {before}"))
