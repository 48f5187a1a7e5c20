"""`dialer report`: what came of it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.table import Table

from campaigns.dispositions import CATALOGUE
from campaigns.reports.dispositions import By, disposition_report
from campaigns.reports.render import as_csv, as_json, as_table
from campaigns.store import UnknownCampaign, campaign_named
from dialer.cli.access import PlainConsole, emit, fail, load_settings, reading

app = typer.Typer(no_args_is_help=True, help="What came of the calls.")

DAY = ["%Y-%m-%d"]


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@app.command()
def dispositions(
    campaign: Annotated[str, typer.Option(help="name of the campaign")],
    start: Annotated[datetime | None, typer.Option("--from", formats=DAY, help="first day")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=DAY, help="last day")] = None,
    by: Annotated[By | None, typer.Option(help="group the attempts")] = None,
    zone: Annotated[str, typer.Option(help="time zone of days and hours")] = "UTC",
    format: Annotated[Format, typer.Option(help="how to print")] = Format.TABLE,
    json: Annotated[bool, typer.Option("--json", help="the same as --format json")] = False,
) -> None:
    """Count a campaign's attempts by what came of them, with drop rate, contact rate, conversion and penetration."""
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise fail(f"no time zone {zone!r}: write America/New_York") from None
    if start is not None and end is not None and end < start:
        raise typer.BadParameter("--to lies before --from")
    with reading(load_settings()) as session:
        try:
            campaign_id = campaign_named(session, campaign).id or 0
        except UnknownCampaign as error:
            raise fail(str(error)) from None
        report = disposition_report(
            session,
            campaign_id,
            start=start.date() if start else None,
            end=end.date() + timedelta(days=1) if end else None,
            by=by,
            zone=clock,
        )
    if json or format is Format.JSON:
        emit(as_json(report))
    elif format is Format.CSV:
        typer.echo(as_csv(report), nl=False)
    else:
        PlainConsole().print(as_table(report))


@app.command()
def codes(json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """List every disposition with its flags."""
    flags = ("by_agent", "human", "contact", "sale", "callback", "do_not_call", "final", "retire_phone")
    rows = [
        {
            "code": entry.code,
            "label": entry.label,
            "kinds": sorted(entry.kinds),
            "survey_code": entry.survey_code,
            "flags": [flag for flag in flags if getattr(entry, flag)],
        }
        for entry in CATALOGUE.values()
    ]
    if json:
        emit(rows)
        return
    table = Table("code", "label", "kinds", "AAPOR", "flags")
    for entry in CATALOGUE.values():
        marks = ", ".join(flag.replace("_", " ") for flag in flags if getattr(entry, flag))
        table.add_row(entry.code, entry.label, ", ".join(sorted(entry.kinds)), entry.survey_code or "", marks)
    PlainConsole().print(table)
