"""Everything an operator or agent may change, by name: the command line and the daemon's API do the same things."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import AwareDatetime, Field

from campaigns import lead_store
from campaigns.campaign import MACHINE_ERROR, NAME_LENGTH_MAXIMUM, CampaignPlan, ImpossibleVerb, Verb, is_name
from campaigns.dispositions import Kind, UnknownDisposition, for_kind
from campaigns.lead_file import LeadRow
from campaigns.store import (
    BadPlan,
    CampaignExists,
    UnknownCampaign,
    campaign_named,
    campaign_state,
    create_campaign,
    delete_campaign,
    say,
)
from compliance.consents import ConsentError
from compliance.emergencies import UnknownPlace
from compliance.lists import ListError
from compliance.packs import RuleError
from dialer import law_actions, privacy, seats
from dialer.action import Context, Request, Result
from dialer.agent import AgentEvent, ImpossibleForAgent
from dialer.call import IllegalEvent
from dialer.commands import HangUp


class BadName(Exception):
    """Nobody could type or read this name."""


# A request that cannot be granted; the message is meant for whoever asked.
REFUSALS = (
    BadName,
    BadPlan,
    CampaignExists,
    ConsentError,
    ImpossibleVerb,
    ListError,
    UnknownPlace,
    UnknownCampaign,
    UnknownDisposition,
    RuleError,
    ImpossibleForAgent,
    IllegalEvent,
    seats.AgentExists,
    seats.BadAddress,
    seats.NotOnCall,
    seats.UnknownAgent,
    seats.WrongDisposition,
    privacy.StillInACall,
    privacy.UnknownPerson,
)


class CreateCampaign(Request):
    name: str
    kind: str
    mode: str
    client: str
    contact_number: str
    region: str
    caller_ids: list[str]
    ring_seconds: int
    wrap_up_seconds: int
    drop_rate_ceiling: float | None
    attempts_per_lead: int
    attempts_per_day: int
    machine_detection: bool
    lines_per_agent: float | None = None
    machine_error: float = MACHINE_ERROR
    business: bool = False
    without: list[str] = Field(default_factory=list)
    dispositions: list[str]


def create(context: Context, request: CreateCampaign) -> Result:
    """Make a campaign; the limits come from the rule pack of its region and from our own rules for it."""
    kind = request.kind if request.kind in list(Kind) else Kind.TELEMARKETING  # the plan's problems say the rest
    law = context.rulebook.limits(request.region, kind, context.now.date(), request.name, request.client)
    context.rulebook.check_without(request.without)
    values = request.model_dump() | {
        "caller_ids": tuple(request.caller_ids),
        "without": tuple(request.without),
        "drop_rate_ceiling": request.drop_rate_ceiling if request.drop_rate_ceiling is not None else law.ceiling,
        "dispositions": tuple(request.dispositions) or _all_of(request.kind),
    }
    made = create_campaign(context.session, CampaignPlan(**values), law, context.now)
    return {"campaign": request.name, "created": made}


def _all_of(kind: str) -> tuple[str, ...]:
    return tuple(entry.code for entry in for_kind(Kind(kind))) if kind in list(Kind) else ()


class SayVerb(Request):
    campaign: str
    verb: Verb
    note: str = ""


def verb(context: Context, request: SayVerb) -> Result:
    """Start, pause, resume, stop or stop now."""
    campaign = say(context.session, request.campaign, request.verb, request.note)
    context.session.flush()
    return {"campaign": campaign.name, "state": str(campaign_state(context.session, campaign))}


class OfCampaign(Request):
    campaign: str


def delete(context: Context, request: OfCampaign) -> Result:
    """Delete a stopped campaign; its agents, who must have logged out, belong to none."""
    seats.leave(context.session, request.campaign)
    delete_campaign(context.session, request.campaign, context.now)
    return {"campaign": request.campaign, "state": "deleted"}


class AddAgent(Request):
    agent: str
    address: str


def add_agent(context: Context, request: AddAgent) -> Result:
    if not is_name(request.agent) or "/" in request.agent or len(request.agent) > NAME_LENGTH_MAXIMUM:
        raise BadName(
            f"agent name {request.agent!r}: give at most {NAME_LENGTH_MAXIMUM} printable characters without a slash, "
            "blanks around them or a leading dash"
        )
    address = seats.checked_address(request.address)
    return {"agent": request.agent, "created": seats.add_agent(context.session, request.agent, address, context.now)}


class LogIn(Request):
    agent: str
    campaign: str


def log_in(context: Context, request: LogIn) -> Result:
    return _state(request.agent, seats.log_in(context.session, request.agent, request.campaign, context.now))


class OfAgent(Request):
    agent: str
    reason: str = ""


def _wish(event: AgentEvent) -> "Callable[[Context, OfAgent], Result]":
    def act(context: Context, request: OfAgent) -> Result:
        state = seats.wish(context.session, request.agent, event, request.reason, context.now)
        return _state(request.agent, state)

    return act


def hang_up(context: Context, request: OfAgent) -> Result:
    """End the call the agent talks on; wrap-up follows when the carrier says it has ended."""
    attempt_id, sid = seats.call_of(context.session, request.agent)
    context.orders.append((HangUp(sid), attempt_id))
    return {"agent": request.agent, "attempt_id": attempt_id}


class Dispose(Request):
    agent: str
    disposition: str
    callback_at: AwareDatetime | None = None


def dispose(context: Context, request: Dispose) -> Result:
    """Record what came of the agent's call."""
    taken = seats.dispose(
        context.session,
        request.agent,
        request.disposition,
        request.callback_at,
        context.connect_seconds,
        context.now,
    )
    context.taken.append(taken)
    return {"agent": request.agent, "disposition": request.disposition}


def _state(agent: str, state: str) -> Result:
    return {"agent": agent, "state": str(state)}


class OpenList(Request):
    campaign: str
    name: str


def open_list(context: Context, request: OpenList) -> Result:
    """A new list for leads to come, in batches."""
    campaign = campaign_named(context.session, request.campaign)
    return {"list": lead_store.open_list(context.session, campaign.id or 0, request.name, context.now)}


class LoadBatch(Request):
    list: int
    rows: Sequence[Any]  # each the fields of campaigns.lead_file.LeadRow in order


def load_batch(context: Context, request: LoadBatch) -> Result:
    rows = [LeadRow(*row) for row in request.rows]
    receipt = lead_store.load_batch(context.session, request.list, rows)
    return {"accepted": receipt.accepted, "duplicates": receipt.duplicates}


class CloseList(Request):
    list: int
    rejected: dict[str, int]


def close_list(context: Context, request: CloseList) -> Result:
    lead_store.close_list(context.session, request.list, request.rejected)
    return {"list": request.list}


ACTIONS: Mapping[str, tuple[type[Request], Callable[[Context, Any], Result]]] = {
    "campaign/create": (CreateCampaign, create),
    "campaign/verb": (SayVerb, verb),
    "campaign/delete": (OfCampaign, delete),
    "agent/add": (AddAgent, add_agent),
    "agent/login": (LogIn, log_in),
    "agent/ready": (OfAgent, _wish(AgentEvent.GET_READY)),
    "agent/pause": (OfAgent, _wish(AgentEvent.PAUSE)),
    "agent/logout": (OfAgent, _wish(AgentEvent.LOG_OUT)),
    "agent/hangup": (OfAgent, hang_up),
    "agent/dispose": (Dispose, dispose),
    **law_actions.ACTIONS,
    "leads/open": (OpenList, open_list),
    "leads/batch": (LoadBatch, load_batch),
    "leads/close": (CloseList, close_list),
}
