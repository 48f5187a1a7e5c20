"""What an operator may change of the law's facts: do-not-call numbers and lists, consents, emergencies."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from pydantic import AwareDatetime

from campaigns.store import campaign_named, retire_numbers
from compliance import consents, emergencies, lists
from compliance.consent import ANY_CLIENT
from compliance.do_not_call import EVERYWHERE, of_campaign, of_client
from compliance.store import import_numbers
from dialer import privacy
from dialer.action import Context, Number, Request, Result


class DoNotCall(Request):
    numbers: list[Number]
    campaign: str | None = None
    client: str | None = None
    source: str = "cli"
    note: str = ""


def do_not_call(context: Context, request: DoNotCall) -> Result:
    """Never call these numbers again: everywhere, for one client, or in one campaign; in force for the next call."""
    session, scope, campaign_id = context.session, EVERYWHERE, None
    if request.campaign is not None:
        campaign = campaign_named(session, request.campaign)
        scope, campaign_id = of_campaign(campaign.name), campaign.id
    elif request.client is not None:
        scope = of_client(request.client)
    added = import_numbers(
        session, request.numbers, scope=scope, source=request.source, note=request.note, now=context.now
    )
    if request.client is None or campaign_id is not None:
        retire_numbers(session.connection(), request.numbers, campaign_id, "do-not-call")
    return {"added": added, "known": len(request.numbers) - added}


class OpenCopy(Request):
    list: str
    as_of: date


def open_copy(context: Context, request: OpenCopy) -> Result:
    """Begin a copy of a do-not-call list of the state; calls are held against the old one until it is complete."""
    return {"copy": lists.open_copy(context.session, request.list, request.as_of, context.now)}


class FillCopy(Request):
    copy_id: int
    numbers: list[Number]


def fill_copy(context: Context, request: FillCopy) -> Result:
    added = lists.add_numbers(context.session, request.copy_id, request.numbers)
    return {"added": added, "known": len(request.numbers) - added}


class OfCopy(Request):
    copy_id: int


def use_copy(context: Context, request: OfCopy) -> Result:
    """Hold calls against this copy from now on."""
    lists.activate(context.session, request.copy_id)
    return {"copy": request.copy_id}


class Consented(Request):
    number: Number
    client: str = ANY_CLIENT
    kind: str
    source: str
    text_version: str = ""
    given_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    note: str = ""


class AddConsents(Request):
    consents: list[Consented]


def add_consents(context: Context, request: AddConsents) -> Result:
    new = consents.add(
        context.session, [consents.NewConsent(**row.model_dump()) for row in request.consents], context.now
    )
    return {"added": new, "known": len(request.consents) - new}


class RevokeConsent(Request):
    number: Number
    client: str | None = None
    by: str


def revoke_consent(context: Context, request: RevokeConsent) -> Result:
    """In force for the very next call."""
    return {"revoked": consents.revoke(context.session, request.number, request.client, request.by, context.now)}


class OfEmergency(Request):
    jurisdiction: str
    by: str
    note: str = ""


def declare(context: Context, request: OfEmergency) -> Result:
    """Stop every call to a place, or everywhere; in force for the very next call."""
    if request.jurisdiction != "*" and not context.rulebook.knows(request.jurisdiction):
        raise emergencies.UnknownPlace(
            f"{request.jurisdiction!r} is no place that is called: write US-LA, US, or * for every call"
        )
    new = emergencies.declare(context.session, request.jurisdiction, request.by, context.now, request.note)
    return {"jurisdiction": request.jurisdiction, "declared": new}


def lift(context: Context, request: OfEmergency) -> Result:
    lifted = emergencies.lift(context.session, request.jurisdiction, request.by, context.now)
    return {"jurisdiction": request.jurisdiction, "lifted": lifted}


class OfPerson(Request):
    person: str


def erase(context: Context, request: OfPerson) -> Result:
    """Forget a person as far as the law lets it go, and never call the numbers again."""
    done = privacy.erase(context.session, privacy.find(context.session, request.person), context.rulebook, context.now)
    kept = [
        {
            "what": what,
            "rows": rows,
            "until": done.until[what].isoformat() if what in done.until else None,
            "rules": sorted(done.rules.get(what, ())),
        }
        for what, rows in sorted(done.kept.items())
        if rows
    ]
    return {
        "person": request.person,
        "erased": {name: rows for name, rows in done.erased.items() if rows},
        "kept": kept,
    }


ACTIONS: Mapping[str, tuple[type[Request], Callable[[Context, Any], Result]]] = {
    "dnc/add": (DoNotCall, do_not_call),
    "dnc/open-copy": (OpenCopy, open_copy),
    "dnc/fill-copy": (FillCopy, fill_copy),
    "dnc/use-copy": (OfCopy, use_copy),
    "consent/add": (AddConsents, add_consents),
    "consent/revoke": (RevokeConsent, revoke_consent),
    "emergency/declare": (OfEmergency, declare),
    "emergency/lift": (OfEmergency, lift),
    "privacy/erase": (OfPerson, erase),
}
