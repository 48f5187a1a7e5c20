"""`dialer consent`: who has agreed to be called, by which words, and until when."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from campaigns.phone_numbers import UnusablePhone, e164
from compliance import consents
from dialer.cli.access import PlainConsole, counting, emit, fail, load_settings, perform, reading, say, writing

app = typer.Typer(no_args_is_help=True, help="Consents to be called.")

BATCH = 1000
NAMED = 10  # rejected rows named one by one
COLUMNS = ("phone", "kind", "source", "text_version", "given_at", "expires_at", "client", "note")

Number = Annotated[str, typer.Argument(help="number, as +12125550123 or in the region's way")]
Region = Annotated[str, typer.Option(help="country of numbers without a country code")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help=f"CSV file with a header line out of: {', '.join(COLUMNS)}")],
    kind: Annotated[str | None, typer.Option(help="relationship, express or written, where no column says it")] = None,
    source: Annotated[str | None, typer.Option(help="where they come from, where no column says it")] = None,
    text_version: Annotated[str | None, typer.Option(help="of the words agreed to, where no column says it")] = None,
    given_at: Annotated[str | None, typer.Option(help="2026-11-23T12:00-05:00, where no column says it")] = None,
    expires_at: Annotated[str | None, typer.Option(help="the same; default: never")] = None,
    client: Annotated[str | None, typer.Option(help="to whom they were given; default: any client")] = None,
    region: Region = "US",
    json: Json = False,
) -> None:
    """Keep the consents of a file; importing it again changes nothing, and never undoes a revocation."""
    given = {"kind": kind, "source": source, "text_version": text_version, "given_at": given_at}
    defaults = {name: value for name, value in (given | {"expires_at": expires_at, "client": client}).items() if value}
    counts: Counter[str] = Counter()
    with writing(load_settings()) as writer, counting(file.name) as progress:
        batch: list[dict[str, Any]] = []
        for line, row in _rows(file):
            try:
                batch.append(_consent(defaults | row, region))
            except (UnusablePhone, ValueError) as error:
                counts["rejected"] += 1
                if counts["rejected"] <= NAMED:
                    say(f"{file}:{line}: {error}", err=True)
            if len(batch) == BATCH:
                counts.update(writer.do("consent/add", {"consents": batch}))
                batch.clear()
                progress(line)
        if batch:
            counts.update(writer.do("consent/add", {"consents": batch}))
    if counts["rejected"]:
        say(f"{counts['rejected']} rows are no consents: mend them and import the file again", err=True)
    result = {key: counts[key] for key in ("added", "known", "rejected")}
    if json:
        emit(result)
    else:
        say(", ".join(f"{count} {key}" for key, count in result.items()))


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.DictReader(text)
            unknown = [name for name in rows.fieldnames or () if name not in COLUMNS]
            if unknown or "phone" not in (rows.fieldnames or ()):
                raise fail(
                    f"{file}:1: columns {', '.join(unknown) or 'none named phone'}: name them {', '.join(COLUMNS)}"
                )
            for row in rows:
                yield rows.line_num, {name: value.strip() for name, value in row.items() if name and value}
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{file} cannot be read: {error}") from None


def _consent(row: dict[str, str], region: str) -> dict[str, Any]:
    """Raises UnusablePhone, ValueError."""
    missing = [name for name in ("kind", "source", "given_at") if not row.get(name)]
    if missing:
        raise ValueError(f"no {', '.join(missing)}: add the column, or give --{missing[0].replace('_', '-')}")
    values: dict[str, Any] = {name: value for name, value in row.items() if name != "phone"}
    for name in ("given_at", "expires_at"):
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    new = consents.NewConsent(number=e164(row.get("phone", ""), region), **values)
    times = {name: value.isoformat() for name, value in values.items() if isinstance(value, datetime)}
    return {**values, **times, "number": new.number}


@app.command()
def show(number: Number, region: Region = "US", json: Json = False) -> None:
    """Show every consent of a number, also the revoked and the expired, newest first."""
    with reading(load_settings()) as session:
        rows = [consent.model_dump(mode="json") for consent in consents.show(session, _e164(number, region))]
    if json:
        emit(rows)
        return
    names = ("kind", "client", "source", "text_version", "given_at", "expires_at", "revoked_at", "revoked_by")
    table = Table(*(name.replace("_", " ") for name in names))
    for row in rows:
        table.add_row(*(str(row[name] or "") for name in names))
    PlainConsole().print(table)


@app.command()
def revoke(
    number: Number,
    client: Annotated[str | None, typer.Option(help="only towards this client; default: towards all")] = None,
    by: Annotated[str, typer.Option(help="who took the word back down")] = "operator",
    region: Region = "US",
    json: Json = False,
) -> None:
    """End a number's consents; in force for the very next call."""
    result = perform("consent/revoke", {"number": _e164(number, region), "client": client, "by": by})
    if json:
        emit(result)
    else:
        say(f"{result['revoked']} revoked")


def _e164(number: str, region: str) -> str:
    try:
        return e164(number, region)
    except UnusablePhone as error:
        raise fail(f"{number}: {error}") from None
