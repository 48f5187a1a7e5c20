"""How many calls were placed, answered, abandoned: kept hour by hour, and read as each law counts them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

import campaigns.tables
from campaigns.dispositions import Outcome
from campaigns.tables import Campaign
from compliance.abandonment import window
from compliance.facts import OWN_MEASURE, DropCount, Measure
from compliance.packs import measure_of
from compliance.rulebook import Limits
from compliance.upsert import upsert
from dialer.call import Call
from dialer.pacing.policy import Budget

CALL_COUNT = SQLModel.metadata.tables[campaigns.tables.CallCount.__tablename__]


def count_call(connection: Connection, campaign_id: int, before: Call, after: Call) -> None:
    """Keep the campaign's counts in step with the call, each by the hour in which the thing counted happened."""
    changes: dict[datetime, dict[str, int]] = defaultdict(dict)
    for name, counted in _COUNTED.items():
        (was, was_at), (is_, is_at) = counted(before), counted(after)
        at = is_at or was_at
        if was != is_ and at is not None:
            changes[at.replace(minute=0, second=0, microsecond=0)][name] = is_ - was
    for hour, change in changes.items():
        counts = dict.fromkeys(_COUNTED, 0) | change
        connection.execute(_count(connection.dialect.name), {"campaign_id": campaign_id, "hour": hour, **counts})


@cache
def _count(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """Built once: it is on the way of nearly every webhook."""
    row = upsert(dialect, CALL_COUNT)
    summed = {name: CALL_COUNT.c[name] + row.excluded[name] for name in _COUNTED}
    return row.on_conflict_do_update(index_elements=["campaign_id", "hour"], set_=summed)


def placed(call: Call) -> bool:
    """Whether the carrier has taken the call."""
    return _placed_at(call) is not None


def _placed_at(call: Call) -> datetime | None:
    return call.dialled_at or call.ringing_at or call.answered_at


_COUNTED: Mapping[str, Callable[[Call], tuple[bool, datetime | None]]] = MappingProxyType(
    {
        "placed": lambda call: (placed(call), _placed_at(call)),
        "live_answers": lambda call: (call.live_answer, call.answered_at),
        "abandoned": lambda call: (call.abandoned, call.answered_at),
        "machines": lambda call: (call.by_machine and not call.live_answer, call.answered_at),
        "unmet_machines": lambda call: (call.unmet_machine, call.answered_at),
        "given_up": lambda call: (call.outcome == Outcome.CANCELED, call.ended_at),
    }
)


Sums = dict[tuple[int | None, datetime], Row[Any]]  # by campaign, None for all, and since when


def drop_counts(
    connection: Connection, campaign: Campaign, measures: Iterable[Measure], now: datetime, sums: Sums | None = None
) -> tuple[DropCount, ...]:
    """The present window of each measure, whole hours: for one campaign, or over all.

    `sums`: those that were asked for at the same moment, for other campaigns; kept there.

    Of the calls that the machine detector hung up on, the campaign's estimate of its error counts as answered by a
    person and abandoned. Where the rule is about who had no agent in time, it does so only of those that none had met.
    """
    first = connection.execute(
        select(func.min(CALL_COUNT.c.hour)).where(CALL_COUNT.c.campaign_id == campaign.id)
    ).scalar_one()
    known: Sums = {} if sums is None else sums
    return tuple(_drop_count(connection, campaign, measure, first, now, known) for measure in measures)


def _drop_count(
    connection: Connection, campaign: Campaign, measure: Measure, first: datetime | None, now: datetime, sums: Sums
) -> DropCount:
    begins, ends = window(measure.window, first, now)
    whose = campaign.id if measure.across == "campaign" else None, begins.replace(minute=0, second=0, microsecond=0)
    row = sums[whose] = sums[whose] if whose in sums else _sum(connection, *whose)
    machines = row.machines if measure.counts_cut_off else row.unmet_machines
    mistaken = machines * campaign.machine_error if campaign.machine_detection else 0.0
    calls = row.live_answers + mistaken if measure.of == "live-answers" else row.placed
    return DropCount(measure, calls, row.abandoned + mistaken + (row.given_up if measure.counts_given_up else 0), ends)


def _sum(connection: Connection, campaign_id: int | None, since: datetime) -> Row[Any]:
    """Of all campaigns where none is named."""
    sums = (func.coalesce(func.sum(CALL_COUNT.c[name]), 0).label(name) for name in _COUNTED)
    query = select(*sums).where(CALL_COUNT.c.hour >= since)
    if campaign_id is not None:
        query = query.where(CALL_COUNT.c.campaign_id == campaign_id)
    return connection.execute(query).one()


def drop_budgets(campaign: Campaign, law: Limits, drops: Iterable[DropCount]) -> tuple[Budget, ...]:
    """For pacing: what each drop rate rule of this law still allows, and the campaign's own ceiling."""
    counts = {count.measure: count for count in drops}
    ceilings = [(counts[measure_of(rule)], rule.ceiling) for rule in law.drop_rates]
    ceilings.append((counts[OWN_MEASURE], campaign.drop_rate_ceiling))
    return tuple(
        Budget(ceiling, count.calls, count.abandoned, of_dials=count.measure.of != OWN_MEASURE.of)
        for count, ceiling in ceilings
    )
