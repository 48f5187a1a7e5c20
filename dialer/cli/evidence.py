"""`dialer evidence`: everything about the calls to one number in one file, and the proof that nothing was changed."""

import json as json_text
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import col, select
from typer.core import TyperGroup

from campaigns.tables import Attempt, Lead, Phone
from compliance import evidence as documents
from compliance import ledger
from compliance.locating import E164
from dialer.cli.access import counting, emit, fail, load_settings, reading
from dialer.clock import Clock


class ByNumber(TyperGroup):
    """`dialer evidence +12125550123` shows the number's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, ["show", *args] if args and args[0].startswith("+") else args)


app = typer.Typer(cls=ByNumber, no_args_is_help=True, help="What was decided and done about a number, with proof.")

Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command()
def show(
    number: Annotated[str, typer.Argument(help="number, as +12125550123")],
    out: Annotated[Path | None, typer.Option(help="file; default: evidence_12125550123.json here")] = None,
    json: Annotated[bool, typer.Option("--json", help="print the document instead; with --out, do both")] = False,
) -> None:
    """Write attempts, decisions, rule texts, consents and do-not-call facts to one JSON file, with hashes."""
    if not E164.fullmatch(number):
        raise typer.BadParameter(f"{number!r} is no number: write it as +12125550123")
    settings = load_settings()
    now = Clock(settings.clock_offset_seconds).now()
    with reading(settings) as session:
        attempts = session.exec(select(Attempt).where(Attempt.number == number).order_by(col(Attempt.placing_at))).all()
        of_number = select(Phone.lead_id).where(Phone.number == number)
        leads = session.exec(select(Lead).where(col(Lead.id).in_(of_number))).all()
        document = documents.gather(
            session,
            number,
            attempts=[attempt.model_dump() for attempt in attempts],
            leads=[lead.model_dump() for lead in leads],
            now=now,
        )
    text = json_text.dumps(document, indent=1)
    if out is None and not json:
        out = Path(f"evidence_{number[1:]}.json")
    try:
        if out is not None:
            out.write_text(text)
    except OSError as error:
        raise fail(f"{out} cannot be written: {error}") from None
    if json:
        typer.echo(text)
        return
    counted = (f"{len(document[name])} {name}" for name in ("decisions", "attempts", "leads", "consents"))
    typer.echo(f"{out}: {', '.join(counted)}, SHA-256 {document['sha256']}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="a document that `dialer evidence NUMBER` wrote")], json: Json = False
) -> None:
    """Check that a document is as it was written and that its decisions follow each other unbroken."""
    try:
        document = json_text.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise fail(f"{file} is no evidence document: {error}") from None
    problems = documents.verify(document)
    if json:
        emit({"file": str(file), "unbroken": not problems, "problems": problems})
    else:
        typer.echo("\n".join(problems) or f"{file}: unbroken")
    if problems:
        raise typer.Exit(1)


@app.command("ledger")
def ledger_(json: Json = False) -> None:
    """Check the whole ledger of decisions: no row changed, missing or put in."""
    with reading(load_settings()) as session, counting("ledger") as progress:
        broken, head, erased = ledger.verify(session, progress), ledger.head(session), ledger.erased_rows(session)
    if json:
        emit(
            {
                "unbroken": broken is None,
                "broken": broken._asdict() if broken else None,
                "head": head and head._asdict(),
                "erased": erased,
            }
        )
    else:
        unbroken = f"unbroken up to row {head.id if head else 0}, {erased} of them erased"
        typer.echo(f"row {broken.id} {broken.problem}" if broken else unbroken)
    if broken:
        raise typer.Exit(1)
