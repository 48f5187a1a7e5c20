"""What an agent needs to see: the own state, who is on the line, and what may be said of the call afterwards."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from campaigns.store import LEAD
from campaigns.tables import Campaign
from dialer.seats import agent_named
from dialer.store import ATTEMPT


def desk(session: Session, name: str, now: datetime) -> dict[str, Any]:
    """`{"agent", "state", "seconds", "reason", "campaign", "client", "dispositions", "call"}`; no call is None.

    A call is `{"attempt_id", "number", "state", "lead": {…, "custom": {…}}}`. Raises UnknownAgent.
    """
    agent = agent_named(session, name)
    campaign = session.get(Campaign, agent["campaign_id"]) if agent["campaign_id"] is not None else None
    return {
        "agent": name,
        "state": agent["state"],
        "seconds": (now - agent["since"]).total_seconds(),
        "reason": agent["reason"],
        "campaign": campaign.name if campaign else None,
        "client": campaign.client if campaign else None,
        "dispositions": campaign.dispositions if campaign else [],
        "call": _call(session, agent["attempt_id"]) if agent["attempt_id"] is not None else None,
    }


_LEAD_COLUMNS = ("external_id", "first_name", "last_name", "email", "state", "postal_code", "attempts", "custom")


def _call(session: Session, attempt_id: str) -> dict[str, Any]:
    connection = session.connection()
    attempt = connection.execute(select(ATTEMPT).where(ATTEMPT.c.id == attempt_id)).mappings().one()
    lead = connection.execute(select(LEAD).where(LEAD.c.id == attempt["lead_id"])).mappings().one()
    return {
        "attempt_id": attempt_id,
        "number": attempt["number"],
        "state": attempt["state"],
        "lead": {column: lead[column] for column in _LEAD_COLUMNS},
    }
