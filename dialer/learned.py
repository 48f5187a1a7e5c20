"""What pacing has learned, kept in the database: a restart goes on there, a client's next campaign begins there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlmodel import Session

from campaigns.campaign import Mode
from campaigns.dispositions import Outcome, lookup
from campaigns.tables import Attempt, Campaign
from dialer.pacing.leads import LeadChances
from dialer.pacing.policy import ForeignState, Policy, Saved
from dialer.pacing.predictive import Predictive
from dialer.pacing.progressive import Progressive
from dialer.pacing.ratio import Ratio
from dialer.tables import PacingState

log = structlog.get_logger()

NEWEST = 10_000  # attempts from which leads' chances are learned where none were saved
RESOLVED = (
    *(Outcome.ANSWERED, Outcome.MACHINE, Outcome.FAX, Outcome.BUSY),
    *(Outcome.NO_ANSWER, Outcome.FAILED, Outcome.CANCELED),
)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a campaign saves: its policy's state, and its leads' chances."""

    policy: Saved
    leads: Saved


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


def chances_of(session: Session, campaign: Campaign) -> LeadChances:
    """Those of the campaign's leads as it had learned them, or else the client's last campaign.

    Where the saved ones cannot be used they are learned from that campaign's newest attempts.
    """
    own = session.get(PacingState, campaign.id)
    saved = own or _of_client(session, campaign)
    if saved is None:
        return LeadChances()
    try:
        return LeadChances.restored(saved.leads, another=own is None)
    except ForeignState as error:
        log.warning("lead_chances_not_used", campaign=campaign.name, problem=str(error))
    chances = LeadChances()
    for traits, outcome, disposition in reversed(_resolved(session, saved.campaign_id)):
        answered = outcome == Outcome.ANSWERED and (disposition is None or lookup(disposition).human)
        chances.learn(traits, answered)
    return chances


def _resolved(session: Session, campaign_id: int) -> Sequence[Any]:
    """Traits, outcome and disposition of the newest attempts, the newest first."""
    attempts = (
        select(Attempt.traits, Attempt.outcome, Attempt.disposition)  # type: ignore[call-overload]
        .where(Attempt.campaign_id == campaign_id, Attempt.outcome.in_(RESOLVED))  # type: ignore[union-attr]
        .where(Attempt.turn.is_not(None))  # type: ignore[union-attr]
        .order_by(Attempt.placing_at.desc())  # type: ignore[attr-defined]
        .limit(NEWEST)
    )
    return session.execute(attempts).all()


def keep(session: Session, learned: Mapping[int, Learned], now: datetime) -> None:
    """Save what these campaigns have learned; one whose row has gone meanwhile is left out."""
    for campaign_id, one in learned.items():
        if session.get(Campaign, campaign_id) is None:
            continue
        row = PacingState(campaign_id=campaign_id, saved_at=now, state=dict(one.policy), leads=dict(one.leads))
        session.merge(row)


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
