"""`dialer why`: each of the gate's questions for a lead now, and what was decided about it before."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlmodel import Session, col, select

from campaigns.prospects import Question, any_lead, facts_of, open_lead
from campaigns.tables import Campaign, Lead, Phone
from compliance.facts import Facts
from compliance.gate import Blocked, check, explain
from compliance.ledger import rows_of
from compliance.rulebook import Rulebook
from dialer.cli.access import emit, fail, load_rulebook, load_settings, reading
from dialer.cli.compliance import rule_in_words
from dialer.clock import Clock
from dialer.counts import drop_counts

DECISIONS = 10  # the newest ones


def why(
    who: Annotated[str, typer.Argument(help="a lead's id, or a number as +12125550123")],
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say why a lead may be dialled now or not: every question of the gate, the next moment, and earlier decisions."""
    settings = load_settings()
    book, now = load_rulebook(settings), Clock(settings.clock_offset_seconds).now()
    with reading(settings) as session:
        leads = _leads(session, who)
        told = [one for lead in leads for one in _told(session, lead, book, now)]
    if json:
        emit(told)
        return
    for one in told:
        _print(one)


def _leads(session: Session, who: str) -> list[Lead]:
    wanted = select(Lead)
    if who.startswith("+"):
        wanted = wanted.where(col(Lead.id).in_(select(Phone.lead_id).where(Phone.number == who)))
    elif who.isdecimal():
        wanted = wanted.where(Lead.id == int(who))
    else:
        raise typer.BadParameter(f"{who!r} is no lead: give its id, or a number as +12125550123")
    found = list(session.exec(wanted))
    if not found:
        raise fail(f"no lead {who}: find its id with `dialer leads list`, or write the number as it was loaded")
    return found


def _told(session: Session, lead: Lead, book: Rulebook, now: datetime) -> Iterator[dict[str, Any]]:
    campaign = session.get_one(Campaign, lead.campaign_id)
    drops = drop_counts(session.connection(), campaign, book.measures, now)
    question = Question(campaign, drops, agent_reserved=True)
    common = {"lead": lead.id, "campaign": campaign.name, "standing": lead.standing, "due_at": lead.due_at.isoformat()}
    looked_at = False
    for candidate, facts in facts_of(session, question, open_lead(session.connection(), lead.id or 0), now):
        looked_at = True
        decided = _decided(session, candidate.number)
        yield {**common, "number": candidate.number, **_judged(facts, book, now), "decided": decided}
    if looked_at:
        return
    phones = session.exec(select(Phone).where(Phone.lead_id == lead.id)).all()
    for phone in phones:  # finished, in a call, or every number given up
        row = any_lead(session.connection(), lead.id or 0)
        for _candidate, facts in facts_of(session, question, row, now, phone.id):
            told = _judged(facts, book, now)
            if told["verdict"] == "cleared" or told["until"]:  # the gate would not keep it for good, so something else
                reason = phone.retired or lead.held_reason or lead.standing
                told |= {"verdict": "not offered", "reason": reason, "until": None}
            yield {**common, "number": phone.number, **told, "decided": _decided(session, phone.number)}


def _judged(facts: Facts, book: Rulebook, now: datetime) -> dict[str, Any]:
    verdict = check(facts, book, now)
    blocked = verdict if isinstance(verdict, Blocked) else None
    questions = [
        {
            "question": str(answer.question),
            "passed": answer.refused_by is None,
            "rules": [rule_in_words(rule, book) for rule in answer.refused_by or ()],
        }
        for answer in explain(facts, book, now)
    ]
    return {
        "verdict": "blocked" if blocked else "cleared",
        "reason": str(blocked.reason) if blocked else None,
        "until": blocked.until.isoformat() if blocked and blocked.until else None,
        "local_times": list(verdict.local_times),
        "questions": questions,
    }


def _decided(session: Session, number: str) -> list[dict[str, Any]]:
    names = ("at", "campaign", "verdict", "reason", "until", "rules", "local_times")
    return [{name: row[name] for name in names} for row in reversed(rows_of(session, number)[-DECISIONS:])]


def _print(one: dict[str, Any]) -> None:
    later = f", until {one['until']}" if one["until"] else ""
    reason = f": {one['reason']}{later}" if one["reason"] else ""
    typer.echo(f"lead {one['lead']} of {one['campaign']}, {one['number']}: {one['verdict']}{reason}")
    typer.echo(f"  {one['standing']}, due {one['due_at']}; local times: {', '.join(one['local_times']) or 'unknown'}")
    for question in one["questions"]:
        typer.echo(f"  {'passed ' if question['passed'] else 'REFUSED'} {question['question']}")
        for rule in question["rules"]:
            typer.echo(f"            {rule['id']}: {rule['effect']}")
    for row in one["decided"]:
        reason = f" {row['reason']}" if row["reason"] else ""
        typer.echo(f"  {row['at']:%Y-%m-%d %H:%M:%S} {row['verdict']}{reason}: {', '.join(row['rules'])}")
