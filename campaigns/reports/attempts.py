"""The one statement that counts attempts, grouped by the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, literal_column, or_, select
from sqlmodel import Session, col

from campaigns.reports.tally import Cell
from campaigns.tables import Attempt

# Literal, for a planner may overlook the partial index of live attempts when the value is bound.
IS_LIVE = col(Attempt.state) != literal_column("'ended'")
_BY_MACHINE = or_(col(Attempt.answered_by).startswith("machine"), col(Attempt.answered_by) == "fax")
_VERDICT_KNOWN = or_(~IS_LIVE, col(Attempt.answered_by).is_not(None))
_ANSWERED = and_(
    col(Attempt.answered_at).is_not(None), _VERDICT_KNOWN, ~func.coalesce(_BY_MACHINE, literal_column("0 = 1"))
)


def placed_between(campaign_id: int, since: datetime | None, before: datetime | None) -> Sequence[ColumnElement[bool]]:
    """Conditions for the campaign's attempts placed in the half-open period; None leaves that side open."""
    conditions: list[ColumnElement[bool]] = [col(Attempt.campaign_id) == campaign_id]
    if since is not None:
        conditions.append(col(Attempt.placing_at) >= since)
    if before is not None:
        conditions.append(col(Attempt.placing_at) < before)
    return conditions


def counted(session: Session, conditions: Sequence[ColumnElement[bool]], key: SQLColumnExpression[Any]) -> list[Cell]:
    """The attempts that meet the conditions, in cells of equal `key`."""
    alike: dict[str, SQLColumnExpression[Any]] = {
        "key": key,
        "live": IS_LIVE,
        "disposition": col(Attempt.disposition),
        "answered": _ANSWERED,
        "abandoned": col(Attempt.abandoned),
    }
    named: list[ColumnElement[Any]] = [expression.label(name) for name, expression in alike.items()]
    # By name, for PostgreSQL groups by no constant, which the key is where there is but one group.
    cells = select(*named, func.count().label("attempts")).where(*conditions).group_by(*alike)
    return [Cell(**cell) for cell in session.connection().execute(cells).mappings()]
