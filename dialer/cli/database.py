"""`dialer db`: the database file."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from compliance import ledger
from dialer.cli.access import counting, emit, fail, load_settings, on_terminal, reading, sqlite_path_or_fail
from dialer.clock import Clock
from dialer.db import backup as backups
from dialer.db import schema
from dialer.db.database import DatabaseError
from dialer.db.soundness import damage, dangling, opened_to_read

app = typer.Typer(no_args_is_help=True, help="Make, migrate, check, back up and restore the database.")


@app.callback()
def _group() -> None:
    """Make, migrate, check, back up and restore the database."""


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


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="new file for the copy")]) -> None:
    """Copy the database to a new file, while the daemon runs or not; the copy is checked before it gets its name."""
    path = sqlite_path_or_fail(load_settings())
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
    path = sqlite_path_or_fail(settings)
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
    """Check the file, its schema, its references and the chain of decisions; while the daemon runs or not."""
    settings = load_settings()
    path = sqlite_path_or_fail(settings)
    faults = {"schema": _words(lambda: schema.check_version(path))}
    with counting(path.name) as progress:
        if path.is_file():
            faults |= _file_faults(path)
        if not any(faults.values()):
            with reading(settings) as session:
                broken = ledger.verify(session, progress)
            faults["decisions"] = (
                [f"row {broken.id} {broken.problem}: keep this file as evidence, restore a backup from before"]
                if broken
                else []
            )
    if json:
        emit({"file": str(path), "sound": not any(faults.values()), "faults": faults})
    else:
        for name, words in faults.items():
            typer.echo(f"{name}: {'; '.join(words) or 'ok'}")
    if any(faults.values()):
        raise typer.Exit(1)


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
