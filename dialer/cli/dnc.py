"""`dialer dnc`: numbers that are never called."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from campaigns.phone_numbers import UnusablePhone, e164
from compliance.store import entries
from dialer.cli.access import Writer, emit, fail, load_settings, reading, writing

app = typer.Typer(no_args_is_help=True, help="Numbers that are never called.")

BATCH = 1000

Region = Annotated[str, typer.Option(help="country of numbers without a country code")]
Campaign = Annotated[str | None, typer.Option(help="only in this campaign; default: in all")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command()
def add(
    numbers: Annotated[list[str], typer.Argument(help="numbers, as +12125550123 or in the region's way")],
    region: Region = "US",
    campaign: Campaign = None,
    note: Annotated[str, typer.Option(help="why, for the auditor")] = "",
    json: Json = False,
) -> None:
    """Forbid numbers; in force for the very next call."""
    try:
        wanted = [e164(number, region) for number in numbers]
    except UnusablePhone as error:
        raise fail(f"{' '.join(numbers)}: {error}: nothing was added") from None
    with writing(load_settings()) as writer:
        result = writer.do("dnc/add", {"numbers": wanted, "campaign": campaign, "note": note})
    if json:
        emit(result)
    else:
        typer.echo(f"{result['added']} added, {result['known']} known before")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="text or CSV file, the number in the first column")],
    region: Region = "US",
    campaign: Campaign = None,
    json: Json = False,
) -> None:
    """Forbid every number of a file; rows without a number are counted and named."""
    counts: Counter[str] = Counter()
    with writing(load_settings()) as writer:
        batch: list[str] = []
        for line, text in _rows(file):
            try:
                batch.append(e164(text, region))
            except UnusablePhone as error:
                counts["rejected"] += 1
                if counts["rejected"] <= 10:
                    typer.echo(f"{file}:{line}: {error}", err=True)
            if len(batch) == BATCH:
                _send(writer, batch, campaign, file, counts)
        _send(writer, batch, campaign, file, counts)
    result = {key: counts[key] for key in ("added", "known", "rejected")}
    if json:
        emit(result)
    else:
        typer.echo(", ".join(f"{count} {key}" for key, count in result.items()))


def _rows(file: Path) -> Iterator[tuple[int, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            for line, row in enumerate(csv.reader(text), 1):
                if row and row[0].strip() and any(sign.isdigit() for sign in row[0]):
                    yield line, row[0].strip()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise fail(f"cannot read {file}: {error}: give a text file with a number in each line") from None


def _send(writer: Writer, batch: list[str], campaign: str | None, file: Path, counts: Counter[str]) -> None:
    if batch:
        parameters = {"numbers": batch, "campaign": campaign, "source": "import", "note": file.name}
        counts.update(writer.do("dnc/add", parameters))
        batch.clear()


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(help="most entries to print")] = 100,
    campaign: Campaign = None,
    json: Json = False,
) -> None:
    """List forbidden numbers."""
    with reading(load_settings()) as session:
        rows = [entry.model_dump(mode="json") for entry in entries(session, scope=campaign, limit=limit)]
    if json:
        emit(rows)
        return
    table = Table("number", "scope", "source", "note", "added")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("number", "scope", "source", "note", "added_at")))
    Console().print(table)
