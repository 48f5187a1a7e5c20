"""`dialer dnc`: numbers that are never called."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from campaigns.lead_text import LeadFileError
from campaigns.loading import numbers_in
from campaigns.phone_numbers import UnusablePhone, e164, known_region
from campaigns.store import UnknownCampaign, campaign_named
from compliance import lists
from compliance.do_not_call import EVERYWHERE, of_campaign, of_client
from compliance.store import entries
from dialer.cli.access import (
    PlainConsole,
    Writer,
    counting,
    emit,
    fail,
    load_rulebook,
    load_settings,
    reading,
    say,
    writing,
)
from dialer.clock import Clock

app = typer.Typer(no_args_is_help=True, help="Numbers that are never called.")

BATCH = 500  # in one write, which callers may be waiting behind
INTERNAL = "internal"
NAMED = 10  # rejected rows named one by one

Region = Annotated[str, typer.Option(help="country of numbers without a country code")]
Campaign = Annotated[str | None, typer.Option(help="only in this campaign; default: in all")]
Client = Annotated[str | None, typer.Option(help="only in campaigns for this client; default: in all")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command()
def add(
    numbers: Annotated[list[str], typer.Argument(help="numbers, as +12125550123 or in the region's way")],
    region: Region = "US",
    campaign: Campaign = None,
    client: Client = None,
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
        result = writer.do("dnc/add", {"numbers": wanted, "campaign": campaign, "client": client, "note": note})
    if json:
        emit(result)
    else:
        say(f"{result['added']} added, {result['known']} known before")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="text or CSV file, the numbers in the first column or one named phone")],
    to: Annotated[str, typer.Option("--list", help="internal, national or state:TX: whose list it is")] = INTERNAL,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="day on which the state gave the list out")
    ] = None,
    region: Region = "US",
    campaign: Campaign = None,
    client: Client = None,
    json: Json = False,
) -> None:
    """Forbid every number of a file, or take a new copy of a state's list into use; rows without a number are named.

    A state's copy replaces the one before it, once it is complete.
    """
    _check_region(region)
    name = _list_name(to, region)
    if name is None and as_of is not None:
        raise typer.BadParameter("--as-of is for copies of a state's list: give --list national or --list state:TX")
    if name is not None and (as_of is None or campaign or client):
        raise typer.BadParameter(f"--list {to} is of a state: give --as-of 2026-11-01, and no --campaign or --client")
    settings, counts = load_settings(), Counter[str]()
    if name is not None and name not in (asked := load_rulebook(settings).lists()):  # it would forbid nothing
        raise typer.BadParameter(f"--list {to}: no rule asks the list {name}, only {', '.join(sorted(asked))}")
    try:
        with writing(settings) as writer, counting(file.name) as progress:
            if name is None:
                scope = {"campaign": campaign, "client": client, "source": "import", "note": file.name}
                _import(file, region, counts, progress, lambda batch: writer.do("dnc/add", {"numbers": batch, **scope}))
            else:
                _import_copy(writer, name, as_of, file, region, counts, progress)
    except LeadFileError as error:
        raise fail(str(error)) from None
    if counts["rejected"]:
        say(f"{counts['rejected']} rows are not forbidden: mend them and import the file again", err=True)
    result = {key: counts[key] for key in ("added", "known", "rejected")}
    if json:
        emit(result)
    else:
        say(", ".join(f"{count} {key}" for key, count in result.items()))


def _list_name(to: str, region: str) -> str | None:
    """national:US of national, state:US-TX of state:TX; None of internal."""
    if to == INTERNAL:
        return None
    if to == "national":
        return f"national:{region}"
    level, _, place = to.partition(":")
    if level in ("state", "national") and place:
        return to if level == "national" or "-" in place else f"state:{region}-{place}"
    raise typer.BadParameter(f"--list {to!r}: give internal, national, or a state's as state:TX")


def _check_region(region: str) -> None:
    if not known_region(region):
        raise fail(f"region {region!r} is no country: write its ISO 3166 code, such as US or GB")


def _import_copy(
    writer: Writer,
    name: str,
    as_of: datetime | None,
    file: Path,
    region: str,
    counts: Counter[str],
    progress: Callable[[int], None],
) -> None:
    assert as_of is not None
    copy = writer.do("dnc/open-copy", {"list": name, "as_of": as_of.date().isoformat()})["copy"]
    fill = {"copy_id": copy}
    _import(file, region, counts, progress, lambda batch: writer.do("dnc/fill-copy", {"numbers": batch, **fill}))
    writer.do("dnc/use-copy", fill)


def _import(
    file: Path,
    region: str,
    counts: Counter[str],
    progress: Callable[[int], None],
    send: Callable[[list[str]], Mapping[str, int]],
) -> None:
    batch: list[str] = []
    line = 0
    for line, text in numbers_in(file):
        try:
            batch.append(e164(text, region))
        except UnusablePhone as error:
            counts["rejected"] += 1
            if counts["rejected"] <= NAMED:
                say(f"{file}:{line}: {error}", err=True)
        if len(batch) == BATCH:
            counts.update(send(batch))
            batch.clear()
            progress(line)
    if batch:
        counts.update(send(batch))
    progress(line)


@app.command()
def copies(json: Json = False) -> None:
    """List the copies of states' lists that calls are held against, with their age."""
    settings = load_settings()
    today = Clock(settings.clock_offset_seconds).now().date()
    with reading(settings) as session:
        rows = [
            {
                "list": copy.list,
                "as_of": copy.as_of.isoformat(),
                "days": (today - copy.as_of).days,
                "numbers": copy.rows,
            }
            for copy in lists.copies(session).values()
        ]
    if json:
        emit(rows)
        return
    table = Table("list", "as of", "days old", "numbers")
    for row in rows:
        table.add_row(*map(str, row.values()))
    PlainConsole().print(table)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="most entries to print")] = 100,
    campaign: Campaign = None,
    client: Client = None,
    json: Json = False,
) -> None:
    """List forbidden numbers."""
    scope = of_client(client) if client else of_campaign(campaign) if campaign not in (None, EVERYWHERE) else campaign
    with reading(load_settings()) as session:
        found = [entry.model_dump(mode="json") for entry in entries(session, scope=scope, limit=limit + 1)]
        if not found and campaign not in (None, EVERYWHERE):  # entries outlive their campaign
            try:
                campaign_named(session, str(campaign))
            except UnknownCampaign as error:
                raise fail(str(error)) from None
    rows = found[:limit]
    if len(found) > limit:
        say(f"only the first {limit}: see more with --limit", err=True)
    if json:
        emit(rows)
        return
    table = Table("number", "scope", "source", "note", "added")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("number", "scope", "source", "note", "added_at")))
    PlainConsole().print(table)
