"""`dialer why`: each of the gate's questions for a lead now, and what was decided about it before.

A number that no lead has is answered too, as `dialer compliance check` would but with all that is known of it: people
ask about numbers that are gone from the leads, or never were among them.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlmodel import Session, col, select

from campaigns.dispositions import Kind
from campaigns.prospects import Question, any_lead, facts_of, facts_of_number, open_lead
from campaigns.tables import Attempt, Campaign, Lead, Phone
from campaigns.turns import Turn
from compliance.facts import Facts
from compliance.gate import Blocked, check, explain
from compliance.ledger import rows_of
from compliance.locating import E164, LocatingError
from compliance.rulebook import Rulebook
from compliance.store import entries_of
from dialer.cli.access import emit, fail, load_rulebook, load_settings, reading, say
from dialer.cli.compliance import RING_SECONDS, rule_in_words
from dialer.clock import Clock
from dialer.counts import drop_counts

DECISIONS = 10  # the newest ones, and as many attempts
NEXT_BECAUSE = {
    Turn.CALLBACK: "a callback was promised",
    Turn.CHANCE: "it was the likeliest to answer of those looked at",
    Turn.WAITING: "it had waited longest",
}


def why(
    who: Annotated[str, typer.Argument(help="a lead's id, or a number as +12125550123")],
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say why a lead may be dialled now or not: every question of the gate, the next moment, and earlier decisions.

    A number that no lead has is judged as a telemarketing call, after the refusals and attempts of any campaign.
    """
    settings = load_settings()
    book, now = load_rulebook(settings), Clock(settings.clock_offset_seconds).now()
    with reading(settings) as session:
        leads = _leads(session, who)
        told = [one for lead in leads for one in _told(session, lead, book, now)]
        if not leads:
            told = [_told_of_nobody(session, who, book, now)]
    if json:
        emit(told)
        return
    for one in told:
        say("\n".join(_lines(one)))


def _leads(session: Session, who: str) -> list[Lead]:
    """The lead of an id, or all of a number, which may be none."""
    wanted = select(Lead)
    if E164.fullmatch(who):
        wanted = wanted.where(col(Lead.id).in_(select(Phone.lead_id).where(Phone.number == who)))
    elif who.isdecimal():
        wanted = wanted.where(Lead.id == int(who))
    else:
        raise typer.BadParameter(f"{who!r} is no lead: give its id, or a number as +12125550123")
    found = list(session.exec(wanted))
    if not found and who.isdecimal():
        raise fail(f"no lead {who}: find its id with `dialer leads list`")
    return found


def _told(session: Session, lead: Lead, book: Rulebook, now: datetime) -> Iterator[dict[str, Any]]:
    campaign = session.get_one(Campaign, lead.campaign_id)
    drops = drop_counts(session.connection(), campaign, book.measures, now)
    question = Question(campaign, drops, agent_reserved=True)
    common = {"lead": lead.id, "campaign": campaign.name, "standing": lead.standing, "due_at": lead.due_at.isoformat()}
    looked_at = False
    for candidate, facts in facts_of(session, question, open_lead(session.connection(), lead.id or 0), now):
        looked_at = True
        yield {**common, "number": candidate.number, **_judged(facts, book, now), **_past(session, candidate.number)}
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
            yield {**common, "number": phone.number, **told, **_past(session, phone.number)}


def _told_of_nobody(session: Session, number: str, book: Rulebook, now: datetime) -> dict[str, Any]:
    try:
        facts = facts_of_number(session, number, Kind.TELEMARKETING, RING_SECONDS, now)
    except LocatingError as error:
        raise typer.BadParameter(str(error)) from None
    return {
        "lead": None,
        "number": number,
        "kind": facts.kind,
        **_judged(facts, book, now),
        "do_not_call": [
            {"scope": entry.scope, "source": entry.source, "note": entry.note, "added_at": entry.added_at.isoformat()}
            for entry in entries_of(session, number)
        ],
        "lists": list(facts.listed),
        **_past(session, number),
    }


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


def _past(session: Session, number: str) -> dict[str, Any]:
    """Attempts on a number and decisions about it, the newest first."""
    attempts = session.exec(select(Attempt).where(Attempt.number == number).order_by(col(Attempt.placing_at).desc()))
    names = ("at", "campaign", "verdict", "reason", "until", "rules", "local_times")
    return {
        "attempts": [
            {
                "at": row.placing_at.isoformat(),
                "state": row.state,
                "outcome": row.outcome,
                "disposition": row.disposition,
                "turn": row.turn,
                "chance": row.chance,
                "traits": row.traits,
            }
            for row in attempts.fetchmany(DECISIONS)
        ],
        "decided": [{name: row[name] for name in names} for row in reversed(rows_of(session, number)[-DECISIONS:])],
    }


def _why_then(attempt: dict[str, Any]) -> str:
    """Why it was that lead's turn, for attempts that the hopper chose."""
    if attempt["turn"] is None or attempt["chance"] is None:
        return ""
    return f" (next because {NEXT_BECAUSE[Turn(attempt['turn'])]}; chance to answer {attempt['chance']:.0%})"


def _lines(one: dict[str, Any]) -> Iterator[str]:
    later = f", until {one['until']}" if one["until"] else ""
    verdict = f"{one['verdict']}: {one['reason']}{later}" if one["reason"] else one["verdict"]
    local = f"local times: {', '.join(one['local_times']) or 'unknown'}"
    if one["lead"] is None:
        yield f"{one['number']}, of no lead, as a {one['kind']} call: {verdict}"
        yield f"  {local}"
    else:
        yield f"lead {one['lead']} of {one['campaign']}, {one['number']}: {verdict}"
        yield f"  {one['standing']}, due {one['due_at']}; {local}"
    for question in one["questions"]:
        yield f"  {'passed ' if question['passed'] else 'REFUSED'} {question['question']}"
        for rule in question["rules"]:
            yield f"            {rule['id']}: {rule['effect']}"
    for entry in one.get("do_not_call", ()):
        yield f"  on our do-not-call list for {entry['scope']} since {entry['added_at']}, by {entry['source']}"
    for name in one.get("lists", ()):
        yield f"  on the list {name}"
    for attempt in one["attempts"]:
        came = attempt["disposition"] or attempt["outcome"] or attempt["state"]
        yield f"  attempted at {attempt['at']}: {came}{_why_then(attempt)}"
    for row in one["decided"]:
        reason = f" {row['reason']}" if row["reason"] else ""
        yield f"  {row['at']:%Y-%m-%d %H:%M:%S} {row['verdict']}{reason}: {', '.join(row['rules'])}"
