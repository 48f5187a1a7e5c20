"""What came of a campaign's attempts: counts that add up to the raw attempts, and the rates made of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, SQLColumnExpression, distinct, extract, func, null, select
from sqlmodel import Session, col

from campaigns.reports.attempts import counted, placed_between
from campaigns.reports.tally import Cell, Ratio, Tally, tally
from campaigns.tables import Attempt, Campaign, Lead, LeadList

_QUARTER_SECONDS = 15 * 60  # every zone's offset from UTC is a multiple of it, so no quarter lies in two hours or days
NO_AGENT = "(no agent)"
TOTAL = "(total)"


class By(StrEnum):
    DAY = "day"
    HOUR = "hour"
    LIST = "list"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Section:
    """One group of the report, or all of it. The leads are counted for lists and the whole, where they belong once."""

    name: str
    tally: Tally
    leads_tried: int | None = None
    leads_loaded: int | None = None

    @property
    def attempts_per_lead(self) -> Ratio | None:
        """Attempts / leads tried, both of the period."""
        return None if self.leads_tried is None else Ratio(self.tally.attempts, self.leads_tried)

    @property
    def penetration(self) -> Ratio | None:
        """Leads tried in the period / leads loaded."""
        if self.leads_tried is None or self.leads_loaded is None:
            return None
        return Ratio(self.leads_tried, self.leads_loaded)


@dataclass(frozen=True, slots=True)
class DispositionReport:
    campaign: str
    kind: str
    zone: str  # in which days begin and hours are told
    start: date | None  # first day
    end: date | None  # the day after the last
    by: By | None
    groups: tuple[Section, ...]
    total: Section


def disposition_report(
    session: Session,
    campaign_id: int,
    *,
    start: date | None = None,
    end: date | None = None,
    by: By | None = None,
    zone: ZoneInfo | None = None,
) -> DispositionReport:
    """The attempts placed from the beginning of day `start` to that of day `end`, by the zone's clock (UTC if None).

    Raises NoResultFound for an unknown campaign, UnknownDisposition for a code that the catalogue does not have.
    """
    zone = zone or ZoneInfo("UTC")
    campaign = session.get_one(Campaign, campaign_id)
    conditions = placed_between(campaign_id, _midnight(start, zone), _midnight(end, zone))
    cells = counted(session, conditions, _key(by))
    tried = _leads_tried(session, conditions)
    loaded = _leads_loaded(session, campaign_id)
    if by is By.LIST:
        groups = _by_list(cells, _list_names(session, campaign_id), tried, loaded)
    else:
        groups = tuple(Section(name, tally(group)) for name, group in _grouped(cells, by, zone))
    return DispositionReport(
        campaign=campaign.name,
        kind=campaign.kind,
        zone=str(zone),
        start=start,
        end=end,
        by=by,
        groups=groups,
        total=Section(TOTAL, tally(cells), sum(tried.values()), sum(loaded.values())),
    )


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    """When the day begins; where the clocks skip midnight that is the moment of the change."""
    return None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)


def _key(by: By | None) -> SQLColumnExpression[Any]:
    match by:
        case None:
            return null()
        case By.LIST:
            return col(Attempt.list_id)
        case By.AGENT:
            return col(Attempt.agent)
        case By.DAY | By.HOUR:
            seconds = extract("epoch", col(Attempt.placing_at))
            return seconds - seconds % _QUARTER_SECONDS


def _grouped(cells: Iterable[Cell], by: By | None, zone: ZoneInfo) -> Iterable[tuple[str, list[Cell]]]:
    match by:
        case By.AGENT:
            named = sorted(((str(cell.key or NO_AGENT), cell) for cell in cells), key=lambda pair: pair[0])
        case By.DAY | By.HOUR:
            in_time = sorted(cells, key=_quarter)
            named = [(_name(datetime.fromtimestamp(_quarter(cell), zone), by), cell) for cell in in_time]
        case _:
            named = []
    return [(name, [cell for _, cell in pairs]) for name, pairs in groupby(named, key=lambda pair: pair[0])]


def _quarter(cell: Cell) -> int:
    assert cell.key is not None
    return int(cell.key)


def _name(local: datetime, by: By) -> str:
    """A day as 2026-11-01; an hour as 2026-11-01T01:00-04:00, for one hour a year comes twice."""
    if by is By.DAY:
        return local.date().isoformat()
    moment = local.isoformat(timespec="minutes")
    return f"{moment[:14]}00{moment[16:]}"


def _by_list(
    cells: Iterable[Cell], names: Mapping[int, str], tried: Mapping[int, int], loaded: Mapping[int, int]
) -> tuple[Section, ...]:
    of_list: dict[int, list[Cell]] = {list_id: [] for list_id in names}
    for cell in cells:
        assert isinstance(cell.key, int)
        of_list[cell.key].append(cell)
    return tuple(
        Section(f"{names[list_id]} (list {list_id})", tally(group), tried.get(list_id, 0), loaded.get(list_id, 0))
        for list_id, group in of_list.items()
    )


def _list_names(session: Session, campaign_id: int) -> dict[int, str]:
    lists = select(LeadList).where(col(LeadList.campaign_id) == campaign_id).order_by(col(LeadList.id))
    return {row.id: row.name for row in session.connection().execute(lists)}


def _leads_tried(session: Session, conditions: Iterable[ColumnElement[bool]]) -> dict[int, int]:
    """Leads with an attempt in the period, by list; a lead stands in one list."""
    leads = select(col(Attempt.list_id), func.count(distinct(col(Attempt.lead_id)))).where(*conditions)
    return {list_id: count for list_id, count in session.connection().execute(leads.group_by(col(Attempt.list_id)))}


def _leads_loaded(session: Session, campaign_id: int) -> dict[int, int]:
    leads = select(col(Lead.list_id), func.count()).where(col(Lead.campaign_id) == campaign_id)
    return {list_id: count for list_id, count in session.connection().execute(leads.group_by(col(Lead.list_id)))}
