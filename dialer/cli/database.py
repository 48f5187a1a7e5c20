"""`dialer db`: the database."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from compliance import ledger
from config import Settings
from dialer.cli.access import counting, emit, fail, load_settings, on_terminal, place_or_fail, reading
from dialer.clock import Clock
from dialer.db import backup as backups
from dialer.db import schema
from dialer.db.place import DatabaseError
from dialer.db.soundness import damage, dangling, opened_to_read
from dialer.db.sqlite import SqliteFile

app = typer.Typer(no_args_is_help=True, help="Make, migrate, check, back up and restore the database.")


@app.callback()
def _group() -> None:
    """Make, migrate, check, back up and restore the database."""


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


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="new file for the copy")]) -> None:
    """Copy the database to a new file, while the daemon runs or not; the copy is checked before it gets its name."""
    path = _file_or_fail(load_settings(), "copy it with pg_dump")
    try:
        with _copying(f"copy of {path.name}") as progress:
            backups.back_up(path, file, progress)
    except DatabaseError as error:
        raise fail(str(error)) from None
    typer.echo(f"{file}: {file.stat().st_size:,} bytes, checked")


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="what `dialer db backup` wrote")]) -> None:
    """Put a backup in the place of the database, whose old file is kept; not while a daemon runs."""
    settings = load_settings()
    path = _file_or_fail(settings, "restore it with pg_restore")
    try:
        with _copying(f"copy of {file.name}") as progress:
            old = backups.restore(path, file, Clock(settings.clock_offset_seconds).now(), progress)
    except DatabaseError as error:
        raise fail(str(error)) from None
    typer.echo(f"{path}: restored from {file}")
    if old is not None:
        typer.echo(f"calls and opt-outs since that backup are only in the old database, kept as {old}", err=True)


@app.command()
def check(json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Check the schema, the chain of decisions and, of a SQLite file, itself and its references; any time."""
    settings = load_settings()
    place = place_or_fail(settings)
    faults = {"schema": _words(lambda: schema.check_version(place))}
    with counting("database") as progress:
        if isinstance(place, SqliteFile) and place.path.is_file():  # a server keeps its references itself
            faults |= _file_faults(place.path)
        if not any(faults.values()):
            with reading(settings) as session:
                broken = ledger.verify(session, progress)
            faults["decisions"] = (
                [f"row {broken.id} {broken.problem}: keep this database as evidence, restore a backup from before"]
                if broken
                else []
            )
    if json:
        emit({"database": str(place), "sound": not any(faults.values()), "faults": faults})
    else:
        for name, words in faults.items():
            typer.echo(f"{name}: {'; '.join(words) or 'ok'}")
    if any(faults.values()):
        raise typer.Exit(1)


def _file_or_fail(settings: Settings, remedy: str) -> Path:
    """The file of a SQLite database, or one line and exit 1."""
    place = place_or_fail(settings)
    if not isinstance(place, SqliteFile):
        raise fail(f"{place} is no SQLite file: {remedy}")
    return place.path


def _file_faults(path: Path) -> dict[str, list[str]]:
    try:
        with opened_to_read(path) as connection:
            return {"file": damage(connection), "references": dangling(connection)}
    except sqlite3.Error as error:
        return {"file": [f"cannot be opened: {error}"]}


def _words(check: Callable[[], None]) -> list[str]:
    try:
        check()
    except DatabaseError as error:
        return [str(error)]
    return []


@contextmanager
def _copying(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how much has been copied, on a terminal."""
    with Progress(console=Console(stderr=True), transient=True, disable=not on_terminal()) as bar:
        task: Any = bar.add_task(what, total=None)
        yield lambda done, pages: bar.update(task, completed=done, total=pages)
