"""The floor as supervisors see it: agents, calls, leads and the drop rate of every campaign, as plain values."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from campaigns.campaign import Intent, state_of
from campaigns.reports.figures import campaign_figures
from campaigns.store import campaigns_wanted
from dialer.store import AGENT


def floor(session: Session, since: datetime, now: datetime, reasons: Mapping[int, str]) -> dict[str, Any]:
    """`{"now", "agents": [...], "campaigns": [...]}`; attempts count from `since`."""
    agents = session.connection().execute(select(AGENT).order_by(AGENT.c.name)).mappings().all()
    rows = [
        {
            "agent": agent["name"],
            "campaign_id": agent["campaign_id"],
            "state": agent["state"],
            "seconds": (now - agent["since"]).total_seconds(),
            "reason": agent["reason"],
            "attempt_id": agent["attempt_id"],
        }
        for agent in agents
    ]
    campaigns = [_campaign(session, campaign, since, reasons, rows) for campaign in campaigns_wanted(session)]
    return {"now": now.isoformat(), "agents": rows, "campaigns": campaigns}


def _campaign(
    session: Session, campaign: Any, since: datetime, reasons: Mapping[int, str], agents: list[dict[str, Any]]
) -> dict[str, Any]:
    figures = campaign_figures(session, campaign.id, since)
    live, tally = sum(figures.live.values()), figures.since_then
    return {
        "campaign": campaign.name,
        "kind": campaign.kind,
        "mode": campaign.mode,
        "state": str(state_of(Intent(campaign.intent), live)),
        "note": campaign.note,
        "decision": reasons.get(campaign.id, ""),
        "agents": dict(Counter(agent["state"] for agent in agents if agent["campaign_id"] == campaign.id)),
        "drop_rate_ceiling": campaign.drop_rate_ceiling,
        "leads": dict(figures.leads),
        "held": dict(figures.held),
        "live": dict(figures.live),
        "attempts": tally.attempts,
        "dialled": tally.dialled,
        "answers": tally.ended_answers,
        "live_answers": tally.live_answers,
        "abandoned": tally.abandoned,
    }
