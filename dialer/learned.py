"""What pacing has learned, kept in the database: a restart goes on there, a client's next campaign begins there."""

from collections.abc import Mapping
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlmodel import Session

from campaigns.campaign import Mode
from campaigns.tables import Campaign
from dialer.pacing.policy import ForeignState, Policy, Saved
from dialer.pacing.predictive import Predictive
from dialer.pacing.progressive import Progressive
from dialer.pacing.ratio import Ratio
from dialer.tables import PacingState

log = structlog.get_logger()


def policy_of(session: Session, campaign: Campaign) -> Policy:
    """The campaign's policy with what it had learned, or else with what the client's last campaign had."""
    if campaign.mode == Mode.RATIO:
        return Ratio(campaign.lines_per_agent)
    if campaign.mode != Mode.PREDICTIVE:
        return Progressive()
    own = session.get(PacingState, campaign.id)
    saved = own or _of_client(session, campaign)
    if saved is None:
        return Predictive()
    try:
        return Predictive.restored(saved.state, another=own is None)
    except ForeignState as error:
        log.warning("pacing_state_not_used", campaign=campaign.name, problem=str(error))
        return Predictive()


def keep(session: Session, states: Mapping[int, Saved], now: datetime) -> None:
    """Save what these campaigns' policies have learned; one whose row has gone meanwhile is left out."""
    for campaign_id, state in states.items():
        if session.get(Campaign, campaign_id) is None:
            continue
        session.merge(PacingState(campaign_id=campaign_id, saved_at=now, state=dict(state)))


def _of_client(session: Session, campaign: Campaign) -> PacingState | None:
    others = (
        select(PacingState)
        .join(Campaign, Campaign.id == PacingState.campaign_id)  # type: ignore[arg-type]
        .where(Campaign.client == campaign.client, Campaign.kind == campaign.kind)  # type: ignore[arg-type]
        .where(Campaign.mode == campaign.mode)  # type: ignore[arg-type]
        .order_by(PacingState.saved_at.desc())  # type: ignore[attr-defined]
        .limit(1)
    )
    return session.execute(others).scalars().first()
