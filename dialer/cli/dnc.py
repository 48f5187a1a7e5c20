"""`dialer dnc`: numbers that are never called."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from campaigns.lead_text import LeadFileError
from campaigns.loading import numbers_in
from campaigns.phone_numbers import UnusablePhone, e164, known_region
from campaigns.store import UnknownCampaign, campaign_named
from compliance.do_not_call import EVERYWHERE
from compliance.store import entries
from dialer.cli.access import Writer, emit, fail, load_settings, reading, writing

app = typer.Typer(no_args_is_help=True, help="Numbers that are never called.")

BATCH = 1000
NAMED = 10  # rejected rows named one by one

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
    _check_region(region)
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
    file: Annotated[Path, typer.Argument(help="text or CSV file, the numbers in the first column or one named phone")],
    region: Region = "US",
    campaign: Campaign = None,
    json: Json = False,
) -> None:
    """Forbid every number of a file; rows without a number are counted and named."""
    _check_region(region)
    counts: Counter[str] = Counter()
    try:
        with writing(load_settings()) as writer:
            _import(writer, file, region, campaign, counts)
    except LeadFileError as error:
        raise fail(str(error)) from None
    if counts["rejected"]:
        typer.echo(f"{counts['rejected']} rows are not forbidden: mend them and import the file again", err=True)
    result = {key: counts[key] for key in ("added", "known", "rejected")}
    if json:
        emit(result)
    else:
        typer.echo(", ".join(f"{count} {key}" for key, count in result.items()))


def _check_region(region: str) -> None:
    if not known_region(region):
        raise fail(f"region {region!r} is no country: write its ISO 3166 code, such as US or GB")


def _import(writer: Writer, file: Path, region: str, campaign: str | None, counts: Counter[str]) -> None:
    batch: list[str] = []
    for line, text in numbers_in(file):
        try:
            batch.append(e164(text, region))
        except UnusablePhone as error:
            counts["rejected"] += 1
            if counts["rejected"] <= NAMED:
                typer.echo(f"{file}:{line}: {error}", err=True)
        if len(batch) == BATCH:
            _send(writer, batch, campaign, file, counts)
    _send(writer, batch, campaign, file, counts)


def _send(writer: Writer, batch: list[str], campaign: str | None, file: Path, counts: Counter[str]) -> None:
    if batch:
        parameters = {"numbers": batch, "campaign": campaign, "source": "import", "note": file.name}
        counts.update(writer.do("dnc/add", parameters))
        batch.clear()


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="most entries to print")] = 100,
    campaign: Campaign = None,
    json: Json = False,
) -> None:
    """List forbidden numbers."""
    with reading(load_settings()) as session:
        found = [entry.model_dump(mode="json") for entry in entries(session, scope=campaign, limit=limit + 1)]
        if not found and campaign not in (None, EVERYWHERE):  # entries outlive their campaign
            try:
                campaign_named(session, str(campaign))
            except UnknownCampaign as error:
                raise fail(str(error)) from None
    rows = found[:limit]
    if len(found) > limit:
        typer.echo(f"only the first {limit}: see more with --limit", err=True)
    if json:
        emit(rows)
        return
    table = Table("number", "scope", "source", "note", "added")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("number", "scope", "source", "note", "added_at")))
    Console().print(table)
