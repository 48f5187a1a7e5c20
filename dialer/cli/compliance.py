"""`dialer compliance`: what the law says of a call, which rules there are, and what changes when a date passes."""

from collections import Counter
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from campaigns.prospects import Question, facts_of, open_leads
from campaigns.store import UnknownCampaign, campaign_named
from compliance.binding import case_of
from compliance.facts import Facts
from compliance.gate import Blocked, Cleared
from compliance.gate import check as decide
from compliance.locating import E164, LocatingError, locate
from compliance.rule import Rule
from compliance.rulebook import Rulebook, country_of
from compliance.until import OWN_CAP
from compliance.wording import effect
from dialer.cli.access import PlainConsole, counting, emit, fail, load_rulebook, load_settings, reading
from dialer.clock import Clock

app = typer.Typer(no_args_is_help=True, help="What the law says of a call, and why.")

RING_SECONDS = 25
FIRST_YEAR, LAST_YEAR = 1970, 2099  # zones and holidays are known for them
DAY = ["%Y-%m-%d"]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


class CallKind(StrEnum):
    TELEMARKETING = "telemarketing"
    SURVEY = "survey"
    DEBT_COLLECTION = "debt-collection"


class LineType(StrEnum):
    MOBILE = "mobile"
    LANDLINE = "landline"
    VOIP = "voip"
    UNKNOWN = "unknown"


class Consent(StrEnum):
    NONE = "none"
    RELATIONSHIP = "relationship"
    EXPRESS = "express"
    WRITTEN = "written"


@app.command()
def check(
    to: Annotated[str, typer.Option(help="the called party's number, as +13055550123")],
    at: Annotated[
        str | None, typer.Option(help="moment with its offset, 2026-11-23T20:30:00-05:00; default: now")
    ] = None,
    kind: Annotated[CallKind, typer.Option(help="what the call is for")] = CallKind.TELEMARKETING,
    state: Annotated[str, typer.Option(help="of the address, FL or Florida")] = "",
    postal: Annotated[str, typer.Option(help="postal code of the address")] = "",
    zone: Annotated[str, typer.Option(help="the called party's time zone, America/New_York")] = "",
    line_type: Annotated[LineType | None, typer.Option(help="default: what the number tells")] = None,
    consent: Annotated[Consent, typer.Option(help="what the called party has agreed to")] = Consent.NONE,
    business: Annotated[bool, typer.Option("--business", help="the line is a business's")] = False,
    recorded: Annotated[bool, typer.Option("--recorded", help="a recording speaks first, not an agent")] = False,
    ring_seconds: Annotated[int, typer.Option(min=1, max=120, help="how long it may ring")] = RING_SECONDS,
    json: Json = False,
) -> None:
    """Ask the gate about one call: to a number on no list, not tried before, at a moment. Nothing is stored."""
    now = _moment(at)
    try:
        place = locate(_number(to), state=state, postal_code=postal, time_zone=zone)
    except LocatingError as error:
        raise typer.BadParameter(str(error)) from None
    book = load_rulebook(load_settings())
    facts = Facts(
        number=to,
        kind=kind.value,
        voice="recorded" if recorded else "live",
        jurisdictions=place.jurisdictions,
        zones=place.zones,
        line_type=line_type.value if line_type else place.line_type,
        business=business,
        ring_seconds=ring_seconds,
        copies=dict.fromkeys(book.lists(), now.astimezone(UTC).date()),
        consent=consent.value,
        attempts_per_day=1,
        agent_reserved=True,
    )
    verdict = decide(facts, book, now)
    if json:
        emit(verdict_as_json(verdict, book))
    else:
        _print_verdict(verdict, book)


def _moment(text: str | None) -> datetime:
    if text is None:
        return Clock(load_settings().clock_offset_seconds).now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--at {text!r} is no moment: write 2026-11-23T20:30:00-05:00") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise typer.BadParameter(f"--at {text!r} is not in the years {FIRST_YEAR} to {LAST_YEAR}")
    if moment.tzinfo is None:
        raise typer.BadParameter(f"--at {text!r} has no offset: write {text}-05:00, or {text}Z for UTC")
    return moment


def _number(text: str) -> str:
    if not E164.fullmatch(text):
        raise typer.BadParameter(f"--to {text!r} is no number: write it as +13055550123")
    return text


def verdict_as_json(verdict: Cleared | Blocked, book: Rulebook) -> dict[str, Any]:
    """Verdict, reason, until, places, and each rule with its citation and effect."""
    blocked = verdict if isinstance(verdict, Blocked) else None
    return {
        "verdict": "blocked" if blocked else "cleared",
        "reason": str(blocked.reason) if blocked else None,
        "until": blocked.until.isoformat() if blocked and blocked.until else None,
        "jurisdictions": list(verdict.jurisdictions),
        "zones": list(verdict.zones),
        "local_times": list(verdict.local_times),
        "rules": [rule_in_words(name, book) for name in verdict.rules if name != OWN_CAP],
    }


def rule_in_words(name: str, book: Rulebook) -> dict[str, str]:
    """Of a rule's id, or of a refusal that is no rule's, such as no-rules:FR."""
    rule = book.by_id.get(name)
    if rule is not None:
        return {"id": name, "citation": rule.citation, "effect": effect(rule)}
    what, _, where = name.partition(":")
    words = {
        "no-rules": f"there are no calling hours for this kind of call in {where}, so nothing may be dialled there",
        "do-not-call": f"the number stands on the do-not-call list of {'all campaigns' if where == '*' else where}",
        "emergency": f"calls are stopped {'everywhere' if where == '*' else f'in {where}'}",
        "campaign": f"the campaign's own limit: {where}",
    }
    return {"id": name, "citation": "", "effect": words.get(what, name)}


def _print_verdict(verdict: Cleared | Blocked, book: Rulebook) -> None:
    if isinstance(verdict, Blocked):
        later = f"until {verdict.until.isoformat()}" if verdict.until else "no waiting helps"
        typer.echo(f"blocked: {verdict.reason}, {later}")
    else:
        typer.echo("cleared")
    typer.echo(f"places: {', '.join(verdict.jurisdictions) or 'unknown'}")
    typer.echo(f"local times: {', '.join(verdict.local_times) or 'unknown'}")
    for name in verdict.rules:
        if name != OWN_CAP:
            words = rule_in_words(name, book)
            typer.echo(f"  {name}: {words['effect']}{f' ({citation})' if (citation := words['citation']) else ''}")


@app.command()
def rules(
    jurisdiction: Annotated[str | None, typer.Option(help="US or US-FL; a state with its country")] = None,
    on: Annotated[datetime | None, typer.Option(formats=DAY, help="only rules in force on this day")] = None,
    json: Json = False,
) -> None:
    """List the rules with what they do, where they come from, and since when."""
    book = load_rulebook(load_settings())
    jurisdiction = jurisdiction.upper() if jurisdiction is not None else None
    if jurisdiction is not None and not book.knows(jurisdiction):
        known = ", ".join(sorted({country_of(rule.jurisdiction) for rule in book.by_id.values()} - {"*"}))
        raise typer.BadParameter(f"no rules for --jurisdiction {jurisdiction!r}: there are rules for {known}")
    found = [rule for rule in book.by_id.values() if _wanted(rule, jurisdiction, on.date() if on else None)]
    if json:
        emit([rule_as_json(rule) for rule in found])
        return
    for rule in found:
        typer.echo(f"{rule.id} ({', '.join(sorted(rule.scope))})")
        typer.echo(f"    {effect(rule)}")
        dates = _dates(rule)
        typer.echo(f"    {rule.citation} [{rule.basis}, {rule.confidence}]{f' {dates}' if dates else ''}")
        if rule.note:
            typer.echo(f"    {rule.note}")


def _wanted(rule: Rule, jurisdiction: str | None, on: date | None) -> bool:
    here = jurisdiction is None or rule.jurisdiction in (jurisdiction, country_of(jurisdiction), "*")
    return here and (on is None or rule.in_force(on))


def rule_as_json(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "table": rule.table,
        "jurisdiction": rule.jurisdiction,
        "scope": sorted(rule.scope),
        "voice": sorted(rule.voice),
        "protects": sorted(rule.protects),
        "effect": effect(rule),
        "basis": rule.basis,
        "citation": rule.citation,
        "confidence": rule.confidence,
        "effective_from": None if rule.effective_from == date.min else rule.effective_from.isoformat(),
        "effective_to": None if rule.effective_to == date.max else rule.effective_to.isoformat(),
        "note": rule.note,
    }


def _dates(rule: Rule) -> str:
    begins = "" if rule.effective_from == date.min else f"from {rule.effective_from}"
    ends = "" if rule.effective_to == date.max else f"to {rule.effective_to}"
    return " ".join(filter(None, (begins, ends)))


@app.command()
def diff(
    start: Annotated[datetime, typer.Option("--from", formats=DAY, help="first day")],
    end: Annotated[datetime, typer.Option("--to", formats=DAY, help="last day")],
    campaign: Annotated[str | None, typer.Option(help="only what changes for its open leads; counts them")] = None,
    json: Json = False,
) -> None:
    """Show which rules begin and end between two days, and for how many leads."""
    if end < start:
        raise typer.BadParameter("--to lies before --from")
    book = load_rulebook(load_settings())
    first, last = start.date(), end.date()
    changes = [
        {"change": change, "on": day.isoformat(), **rule_as_json(rule)}
        for rule in book.by_id.values()
        for change, day, happens in (
            ("begins", rule.effective_from, first < rule.effective_from <= last),
            ("ends", rule.effective_to, first <= rule.effective_to < last),
        )
        if happens
    ]
    changes.sort(key=lambda change: (change["on"], change["id"]))
    if campaign is not None:
        leads = _leads_under(campaign, book, {str(change["id"]) for change in changes})
        changes = [change | {"leads": leads[change["id"]]} for change in changes if leads[change["id"]]]
    if json:
        emit(changes)
        return
    names = ["on", "change", "id", "effect", *(["leads"] if campaign is not None else [])]
    table = Table(*names)
    for change in changes:
        table.add_row(*(str(change[name]) for name in names))
    PlainConsole().print(table)


def _leads_under(name: str, book: Rulebook, rules: set[str]) -> Counter[str]:
    """How many open leads of a campaign each of the rules reaches."""
    settings = load_settings()
    now = Clock(settings.clock_offset_seconds).now()
    leads: Counter[str] = Counter()
    with reading(settings) as session, counting(name) as progress:
        try:
            question = Question(campaign_named(session, name), (), agent_reserved=True)
        except UnknownCampaign as error:
            raise fail(str(error)) from None
        looked_at = 0
        for rows in open_leads(session.connection(), question.campaign.id or 0):
            for _candidate, facts in facts_of(session, question, rows, now):
                reaching = book.reaching(case_of(facts, book).reach)
                leads.update(rule.id for rule in reaching if rule.id in rules)
            looked_at += len(rows)
            progress(looked_at)
    return leads
