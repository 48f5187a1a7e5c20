"""`dialer campaign`: make campaigns and say what is wanted of them."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import requests
import typer
from rich.table import Column, Table
from sqlmodel import Session

from campaigns.campaign import LINES_PER_AGENT, MACHINE_ERROR, Mode, Verb, lines_problem
from campaigns.dispositions import Kind
from campaigns.preflight import is_hopeless
from campaigns.preflight import preflight as look_ahead
from campaigns.prospects import Question
from campaigns.reports.figures import campaign_figures
from campaigns.store import UnknownCampaign, campaign_named, campaign_state, campaigns_wanted
from campaigns.tables import Campaign
from compliance.rulebook import Rulebook
from config import Settings
from dialer.cli.access import (
    MISUSE,
    PlainConsole,
    counting,
    emit,
    fail,
    load_rulebook,
    load_settings,
    perform,
    place_or_fail,
    reading,
    running_daemon,
    running_daemons,
    say,
)
from dialer.clock import Clock
from dialer.counts import drop_counts
from dialer.db import schema
from dialer.leases import of_campaign, pacers

app = typer.Typer(no_args_is_help=True, help="Make campaigns, start and stop them.")

Name = Annotated[str, typer.Argument(help="name of the campaign")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.command()
def create(
    name: Name,
    caller_id: Annotated[list[str], typer.Option(help="number shown to the called party; repeat for several")],
    client: Annotated[str, typer.Option(help="whom the agents speak for; said in the abandoned-call message")],
    contact: Annotated[str, typer.Option(help="number where the client can be reached; said there too")],
    kind: Annotated[Kind, typer.Option(help="what the campaign is for")] = Kind.TELEMARKETING,
    mode: Annotated[Mode, typer.Option(help="how lines are paced")] = Mode.PREDICTIVE,
    lines_per_agent: Annotated[
        float | None, typer.Option(help=f"of mode ratio, 1 to 10, talks included; default: {LINES_PER_AGENT}")
    ] = None,
    region: Annotated[str, typer.Option(help="country of the campaign and of numbers without a country code")] = "US",
    ring_seconds: Annotated[int, typer.Option(help="how long a phone rings")] = 25,
    wrap_up_seconds: Annotated[int, typer.Option(help="time to give the disposition after a call")] = 30,
    drop_rate_ceiling: Annotated[
        float | None, typer.Option(help="fraction of live answers; default: the law's")
    ] = None,
    attempts_per_lead: Annotated[int, typer.Option(help="over the campaign's life")] = 6,
    attempts_per_day: Annotated[int, typer.Option(help="to one number in any 24 hours")] = 3,
    machine_detection: Annotated[bool, typer.Option(help="hang up on answering machines")] = True,
    machine_error: Annotated[
        float, typer.Option(help="fraction of detected machines that are persons; abandoned, as each law counts")
    ] = MACHINE_ERROR,
    business: Annotated[bool, typer.Option("--business", help="its leads are businesses")] = False,
    without: Annotated[list[str] | None, typer.Option(help="customary rule to switch off, by its id; repeat")] = None,
    disposition: Annotated[list[str] | None, typer.Option(help="code agents may give; repeat; default: all")] = None,
    json: Json = False,
) -> None:
    """Make a campaign; it stands still until started."""
    if problem := lines_problem(mode, lines_per_agent):
        raise fail(problem, MISUSE)
    parameters = {
        "name": name,
        "kind": kind.value,
        "mode": mode.value,
        "lines_per_agent": lines_per_agent,
        "client": client,
        "contact_number": contact,
        "region": region,
        "caller_ids": caller_id,
        "ring_seconds": ring_seconds,
        "wrap_up_seconds": wrap_up_seconds,
        "drop_rate_ceiling": drop_rate_ceiling,
        "attempts_per_lead": attempts_per_lead,
        "attempts_per_day": attempts_per_day,
        "machine_detection": machine_detection,
        "machine_error": machine_error,
        "business": business,
        "without": without or [],
        "dispositions": disposition or [],
    }
    result = perform("campaign/create", parameters)
    if json:
        emit(result)
    else:
        say(f"campaign {name} {'made' if result['created'] else 'is there already, and the same'}")


@app.command("list")
def list_(json: Json = False) -> None:
    """List the campaigns with what each does now."""
    with reading(load_settings()) as session:
        rows = [
            {
                "campaign": campaign.name,
                "kind": campaign.kind,
                "mode": campaign.mode,
                "state": str(campaign_state(session, campaign)),
            }
            for campaign in campaigns_wanted(session)
        ]
    if json:
        emit(rows)
        return
    table = Table("campaign", "kind", "mode", "state")
    for row in rows:
        table.add_row(*row.values())
    PlainConsole().print(table)


@app.command()
def show(name: Name, json: Json = False) -> None:
    """Show a campaign: settings, leads, why leads are held back, calls, drop rate, and the last pacing decision."""
    settings = load_settings()
    with reading(settings) as session:
        try:
            campaign = campaign_named(session, name)
        except UnknownCampaign as error:
            raise fail(str(error)) from None
        node = pacers(session).get(of_campaign(campaign.id or 0))
        clock = Clock(settings.clock_offset_seconds)
        seen = _seen(session, campaign, clock, _floor_seen(settings, node), node)
    if json:
        emit(seen)
        return
    console = PlainConsole()
    for part in ("settings", "now"):
        table = Table(title=f"{name}: {part}", show_header=False)
        for key, value in seen[part].items():
            table.add_row(key.replace("_", " "), _text(value))
        console.print(table)


def _floor_seen(settings: Settings, node: str | None) -> dict[str, Any] | None:
    """The floor as the node sees it that paces the campaign, for it alone knows why; or else as any does."""
    pacing = [daemon for daemon in running_daemons(settings) if daemon.node == node]
    daemon = pacing[0] if pacing else running_daemon(settings)
    if daemon is None:
        return None
    try:
        return daemon.get("/api/floor")
    except requests.RequestException as error:
        raise fail(f"the daemon at {daemon.url} does not answer: {error}") from None


def _seen(
    session: Session, campaign: Campaign, clock: Clock, floor: dict[str, Any] | None, node: str | None
) -> dict[str, Any]:
    now = clock.now()
    figures = campaign_figures(session, campaign.id or 0, now - timedelta(days=1))
    tally = figures.since_then
    return {
        "campaign": campaign.name,
        "settings": campaign.model_dump(mode="json", exclude={"id", "name", "note", *_of_other_modes(campaign)}),
        "now": {
            "state": str(campaign_state(session, campaign)),
            "note": campaign.note,
            "daemon": "runs" if floor is not None else "none runs: start one with `dialer run`",
            "paced_by": node or "no node",
            "decision": _decision(floor, campaign.name) if floor is not None else "",
            "leads": dict(figures.leads),
            "held": dict(figures.held),
            "live": dict(figures.live),
            "attempts_in_24_hours": tally.attempts,
            "drop_rate": {
                "abandoned": tally.abandoned,
                "live_answers": tally.live_answers,
                "value": tally.drop_rate.value,
            },
        },
    }


def _of_other_modes(campaign: Campaign) -> set[str]:
    return set() if campaign.mode == Mode.RATIO else {"lines_per_agent"}


def _decision(floor: dict[str, Any], name: str) -> str:
    return str(next((seen["decision"] for seen in floor["campaigns"] if seen["campaign"] == name), ""))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {number}" for key, number in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _say(name: str, verb: Verb, json: bool, note: str = "") -> None:
    result = perform("campaign/verb", {"campaign": name, "verb": verb.value, "note": note})
    if json:
        emit(result)
    else:
        say(f"campaign {name}: {result['state']}")


@app.command()
def preflight(name: Name, json: Json = False) -> None:
    """Show what the campaign would find now: leads dialable, later by hour and reason, never by reason."""
    settings = load_settings()
    with reading(settings) as session, counting(name) as progress:
        question, book, now = _question(session, settings, name)
        found = look_ahead(session, question, book, now, progress)
    later = [
        {"hour": hour.isoformat(), "reason": reason, "leads": leads}
        for (hour, reason), leads in sorted(found.later.items())
    ]
    if json:
        emit({"leads": found.leads, "dialable": found.dialable, "later": later, "never": dict(found.never)})
        return
    table = Table("when", "reason", Column("leads", justify="right"))
    table.add_row("now", "", str(found.dialable))
    for row in later:
        table.add_row(*map(str, row.values()))
    for reason, leads in found.never.most_common():
        table.add_row("never", reason, str(leads))
    PlainConsole().print(table)


def _question(session: Session, settings: Settings, name: str) -> tuple[Question, Rulebook, datetime]:
    """An agent reserved for each call, so that the drop rate, which comes and goes, keeps out of it."""
    book, now = load_rulebook(settings), Clock(settings.clock_offset_seconds).now()
    try:
        campaign = campaign_named(session, name)
    except UnknownCampaign as error:
        raise fail(str(error)) from None
    return Question(campaign, drop_counts(session.connection(), campaign, book.measures, now), True), book, now


@app.command()
def start(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="start though no lead may ever be dialled; say why")] = False,
    note: Annotated[str, typer.Option(help="why it is forced; shown with the campaign")] = "",
    json: Json = False,
) -> None:
    """Start dialling, within a second when a daemon runs."""
    if force and not note:
        raise typer.BadParameter("--force wants a --note that says why")
    settings = load_settings()
    if not force and schema.version(place_or_fail(settings)) is not None:  # without one, the verb complains
        with reading(settings) as session:
            hopeless = is_hopeless(session, *_question(session, settings, name))
        if hopeless:
            raise fail(
                f"campaign {name!r}: no lead may be dialled, now or later: see `dialer campaign preflight {name}`, "
                "or start it with --force --note"
            )
    _say(name, Verb.START, json, note)


@app.command()
def pause(name: Name, json: Json = False) -> None:
    """Dial no more for now; calls go on."""
    _say(name, Verb.PAUSE, json)


@app.command()
def resume(name: Name, json: Json = False) -> None:
    """Go on after a pause."""
    _say(name, Verb.RESUME, json)


@app.command()
def stop(
    name: Name, now: Annotated[bool, typer.Option("--now", help="hang up live calls")] = False, json: Json = False
) -> None:
    """Dial no more and let live calls end; with --now end them."""
    _say(name, Verb.STOP_NOW if now else Verb.STOP, json)


@app.command()
def delete(
    name: Name, dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would go")] = False
) -> None:
    """Delete a stopped campaign with its leads and attempts; do-not-call entries and decisions stay."""
    if dry_run:
        with reading(load_settings()) as session:
            try:
                campaign = campaign_named(session, name)
            except UnknownCampaign as error:
                raise fail(str(error)) from None
            figures = campaign_figures(session, campaign.id or 0, campaign.created_at)
        leads, attempts = sum(figures.leads.values()), figures.since_then.attempts
        say(f"would delete campaign {name} with {leads} leads and {attempts} attempts")
        return
    perform("campaign/delete", {"campaign": name})
    say(f"campaign {name} deleted")
