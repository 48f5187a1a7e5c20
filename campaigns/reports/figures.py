"""A campaign at a glance, for the live view and for `campaign show`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func, null, select
from sqlmodel import Session, col

from campaigns.lead import Standing
from campaigns.reports.attempts import IS_LIVE, counted, placed_between
from campaigns.reports.tally import Tally, tally
from campaigns.tables import Attempt, Lead


@dataclass(frozen=True, slots=True)
class Figures:
    leads: Mapping[Standing, int]  # every standing, also those of no lead
    held: Mapping[str, int]  # leads that the gate refused when last asked, by its reason, the commonest first
    live: Mapping[str, int]  # attempts that have not ended, by state
    since_then: Tally  # attempts placed since the moment asked for, with answer rate and drop rate


def campaign_figures(session: Session, campaign_id: int, since: datetime) -> Figures:
    """Counts of this moment; the rates over the attempts placed since `since`."""
    in_campaign = col(Lead.campaign_id) == campaign_id
    standings = _count(session, col(Lead.standing), in_campaign)
    held = _count(
        session,
        col(Lead.held_reason),
        in_campaign,
        col(Lead.held_reason).is_not(None),
    )
    return Figures(
        leads={standing: standings.get(standing, 0) for standing in Standing},
        held=dict(sorted(held.items(), key=lambda item: (-item[1], item[0]))),
        live=_count(session, col(Attempt.state), col(Attempt.campaign_id) == campaign_id, IS_LIVE),
        since_then=tally(counted(session, placed_between(campaign_id, since, None), null())),
    )


def _count(session: Session, of: SQLColumnExpression[Any], *conditions: ColumnElement[bool]) -> dict[str, int]:
    rows = session.connection().execute(select(of, func.count()).where(*conditions).group_by(of))
    return {value: count for value, count in rows}
