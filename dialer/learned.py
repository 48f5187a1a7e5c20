"""What pacing has learned, kept in the database: a restart goes on there, a client's next campaign begins there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import JSONDecodeError
from typing import Any

import structlog
from sqlalchemy import Column, insert, select, update
from sqlmodel import Session, SQLModel

import dialer.tables  # noqa: F401 - fills the metadata read below
from campaigns.campaign import Mode
from campaigns.dispositions import Outcome, lookup
from campaigns.tables import Attempt, Campaign
from dialer.pacing.leads import LeadChances
from dialer.pacing.policy import ForeignState, Policy, Saved
from dialer.pacing.predictive import Predictive
from dialer.pacing.progressive import Progressive
from dialer.pacing.ratio import Ratio

log = structlog.get_logger()

STATE, CAMPAIGN = SQLModel.metadata.tables["pacing_state"], SQLModel.metadata.tables["campaign"]
LOOKED_BACK = 20  # campaigns of a client, for one that has learned
KNOWN_DIALS = 200  # from which on a campaign's own leads say more than where it began
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
    """The campaign's policy with what it had learned, or else with what another campaign of the client had."""
    if campaign.mode == Mode.RATIO:
        return Ratio(campaign.lines_per_agent)
    if campaign.mode != Mode.PREDICTIVE:
        return Progressive()
    own = _saved(session, campaign.id or 0, STATE.c.state)
    if own is not None:
        try:
            return Predictive.restored(own[0])
        except ForeignState as error:
            log.warning("pacing_state_not_used", campaign=campaign.name, problem=str(error))
    newest = None
    for _, state in _of_client(session, campaign, STATE.c.state):
        try:
            policy = Predictive.restored(state, another=True)
        except ForeignState:
            continue
        if state["learned"]:
            return policy
        newest = newest or policy
    return newest or Predictive()


def chances_of(session: Session, campaign: Campaign) -> LeadChances:
    """Those of the campaign's leads as it had learned them, or else another campaign of the client.

    Where the saved ones cannot be used they are learned from that campaign's newest attempts.
    """
    own = _saved(session, campaign.id or 0, STATE.c.leads)
    if own is not None:
        try:
            return LeadChances.restored(own[0])
        except ForeignState as error:
            log.warning("lead_chances_not_used", campaign=campaign.name, problem=str(error))
        chances = _from_log(session, campaign.id or 0)
        if chances.dials:
            return chances
    newest, last = None, None
    for campaign_id, leads in _of_client(session, campaign, STATE.c.leads):
        last = last or campaign_id
        try:
            chances = LeadChances.restored(leads, another=True)
        except ForeignState:
            continue
        if leads["dials"] >= KNOWN_DIALS:
            return chances
        newest = newest or chances
    return newest or (LeadChances() if last is None else _from_log(session, last))


def _from_log(session: Session, campaign_id: int) -> LeadChances:
    chances = LeadChances()
    for traits, outcome, disposition in reversed(_resolved(session, campaign_id)):
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
        values = {"saved_at": now, "state": dict(one.policy), "leads": dict(one.leads)}
        here = update(STATE).where(STATE.c.campaign_id == campaign_id).values(values)
        if not session.connection().execute(here).rowcount:
            session.connection().execute(insert(STATE).values(campaign_id=campaign_id, **values))


def _of_client(session: Session, campaign: Campaign, column: Column[Any]) -> Iterator[tuple[int, Any]]:
    """What the client's other campaigns of this mode saved, the newest first; each is read when it is asked for."""
    others = (
        select(STATE.c.campaign_id)
        .join(CAMPAIGN, CAMPAIGN.c.id == STATE.c.campaign_id)
        .where(CAMPAIGN.c.client == campaign.client, CAMPAIGN.c.kind == campaign.kind)
        .where(CAMPAIGN.c.mode == campaign.mode, CAMPAIGN.c.id != campaign.id)
        .order_by(STATE.c.saved_at.desc())
        .limit(LOOKED_BACK)
    )
    for campaign_id in session.execute(others).scalars().all():
        saved = _saved(session, campaign_id, column)
        if saved is not None:
            yield campaign_id, saved[0]


def _saved(session: Session, campaign_id: int, column: Column[Any]) -> tuple[Any] | None:
    """None where nothing was; what is no JSON comes as its error's text, which is no state that can be restored."""
    try:
        row = session.execute(select(column).where(STATE.c.campaign_id == campaign_id)).first()
    except JSONDecodeError as error:
        return (f"no JSON, {error}",)
    return None if row is None else (row[0],)
