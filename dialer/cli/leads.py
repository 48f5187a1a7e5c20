"""`dialer leads`: lead files into campaigns."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlmodel import col, select

from campaigns.lead_file import LeadRow
from campaigns.lead_store import BatchReceipt
from campaigns.lead_text import LeadFileError
from campaigns.loading import OnProgress, Receipt, upload
from campaigns.store import UnknownCampaign, campaign_named
from campaigns.tables import LeadList
from config.visible import visible
from dialer.cli.access import PlainConsole, Writer, emit, fail, load_settings, on_terminal, reading, say, writing

app = typer.Typer(no_args_is_help=True, help="Load lead files into campaigns.")

Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command("upload")
def upload_(
    file: Annotated[Path, typer.Argument(help="CSV file with a header line")],
    campaign: Annotated[str, typer.Option(help="name of the campaign")],
    region: Annotated[str | None, typer.Option(help="country of plain numbers; default: the campaign's")] = None,
    map: Annotated[
        list[str] | None, typer.Option(help='target="Column Name", repeat; others are found by name')
    ] = None,
    name: Annotated[str | None, typer.Option(help="name of the list; default: the file's")] = None,
    json: Json = False,
) -> None:
    """Load a file; every row is accepted, a duplicate or rejected with its reason. Loading it again changes nothing."""
    mapping = [_pair(text) for text in map or []]
    settings = load_settings()
    with reading(settings) as session:
        try:
            region = region or campaign_named(session, campaign).region
        except UnknownCampaign as error:
            raise fail(str(error)) from None
    with writing(settings) as writer:
        try:
            with _progress(file.name) as on_progress:
                receipt = _load(writer, file, campaign, name or file.name, region, mapping, on_progress)
        except LeadFileError as error:
            raise fail(str(error)) from None
    if json:
        emit(asdict(receipt))
    else:
        _print(receipt)


def _load(
    writer: Writer,
    file: Path,
    campaign: str,
    name: str,
    region: str,
    mapping: Sequence[tuple[str, str]],
    on_progress: OnProgress,
) -> Receipt:
    list_id: int | None = None

    def submit(rows: Sequence[LeadRow]) -> BatchReceipt:
        nonlocal list_id
        if list_id is None:
            list_id = writer.do("leads/open", {"campaign": campaign, "name": name})["list"]
        return BatchReceipt(**writer.do("leads/batch", {"list": list_id, "rows": rows}))

    rejected: dict[str, int] = {}
    try:
        receipt = upload(file, region=region, mapping=mapping, submit=submit, on_progress=on_progress)
        rejected = receipt.rejected
        return receipt
    finally:
        if list_id is not None:
            writer.do("leads/close", {"list": list_id, "rejected": rejected})


def _pair(text: str) -> tuple[str, str]:
    target, equals, column = text.partition("=")
    if not equals:
        raise typer.BadParameter(f'--map {text}: write target="Column Name"')
    return target.strip(), column


@contextmanager
def _progress(name: str) -> Iterator[OnProgress]:
    if not on_terminal():
        yield lambda _done, _size: None
        return
    bars = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*bars, console=PlainConsole(stderr=True)) as progress:
        task = progress.add_task(visible(name), total=None)
        yield lambda done, size: progress.update(task, completed=done, total=size)


def _print(receipt: Receipt) -> None:
    say(f"{receipt.rows} rows: {receipt.accepted} accepted, {receipt.duplicates} duplicates")
    for reason, count in sorted(receipt.rejected.items()):
        say(f"{count} rejected: {reason}")
    if receipt.rejects_file:
        say(f"mend and load again: {receipt.rejects_file}", err=True)


@app.command("list")
def list_(campaign: Annotated[str, typer.Option(help="name of the campaign")], json: Json = False) -> None:
    """List a campaign's lead files with their receipts."""
    with reading(load_settings()) as session:
        try:
            campaign_id = campaign_named(session, campaign).id
        except UnknownCampaign as error:
            raise fail(str(error)) from None
        query = select(LeadList).where(LeadList.campaign_id == campaign_id).order_by(col(LeadList.id))
        rows = [found.model_dump(mode="json", exclude={"id", "campaign_id"}) for found in session.exec(query)]
    if json:
        emit(rows)
        return
    table = Table("list", "loaded", "rows", "accepted", "duplicates", "rejected")
    for row in rows:
        refused = ", ".join(f"{reason} {count}" for reason, count in row["rejected"].items())
        counts = (str(row[key]) for key in ("rows", "accepted", "duplicates"))
        table.add_row(row["name"], row["loaded_at"], *counts, refused)
    PlainConsole().print(table)
