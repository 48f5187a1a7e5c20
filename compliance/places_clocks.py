"""Clocks of zones: when two zone names mean the same hour, and the one name we then use.

Time laws change zone by zone (British Columbia, Alberta and Manitoba gave up the shift in 2026), so that two zones are
the same is asked of the zone data each time a program starts and is never written down for good.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

FROM, TO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)  # zone files list no year after 2037
WEEK, MINUTE = timedelta(days=7), timedelta(minutes=1)
Clock = tuple[tuple[int, int], ...]

# Zones of the United States and Canada by the zone that they follow, or followed until their own law changed.
_FOLLOWERS = {
    "America/New_York": """
        America/Detroit US/Michigan America/Fort_Wayne America/Indianapolis US/East-Indiana US/Eastern
        America/Indiana/Indianapolis America/Indiana/Marengo America/Indiana/Petersburg America/Indiana/Vevay
        America/Indiana/Vincennes America/Indiana/Winamac
        America/Kentucky/Louisville America/Kentucky/Monticello America/Louisville
        """,
    "America/Chicago": """
        America/Indiana/Knox America/Indiana/Tell_City America/Knox_IN America/Menominee America/North_Dakota/Beulah
        America/North_Dakota/Center America/North_Dakota/New_Salem US/Central US/Indiana-Starke
        """,
    "America/Denver": "America/Boise America/Shiprock Navajo US/Mountain",
    "America/Phoenix": "US/Arizona",
    "America/Los_Angeles": "US/Pacific",
    "America/Anchorage": """
        America/Juneau America/Metlakatla America/Nome America/Sitka America/Yakutat US/Alaska
        """,
    "America/Adak": "America/Atka US/Aleutian",
    "Pacific/Honolulu": "Pacific/Johnston US/Hawaii",
    "America/Toronto": """
        America/Iqaluit America/Montreal America/Nipigon America/Pangnirtung America/Thunder_Bay Canada/Eastern
        """,
    "America/Atikokan": "America/Coral_Harbour",
    "America/Winnipeg": "America/Rainy_River Canada/Central",
    "America/Rankin_Inlet": "America/Resolute",
    "America/Edmonton": "America/Inuvik America/Yellowknife Canada/Mountain",
    "America/Vancouver": "Canada/Pacific",
    "America/Dawson_Creek": "America/Creston America/Fort_Nelson",
    "America/Whitehorse": "America/Dawson Canada/Yukon",
    "America/Halifax": "America/Glace_Bay America/Goose_Bay America/Moncton Canada/Atlantic",
    "America/St_Johns": "Canada/Newfoundland",
    "America/Regina": "America/Swift_Current Canada/Saskatchewan",
}
LEADERS = {name: leader for leader, names in _FOLLOWERS.items() for name in names.split()}


@lru_cache(maxsize=1024)
def clock(zone: str) -> Clock:
    """What the clocks of an IANA zone show from 2020 to 2037: (UTC second of the change, offset in seconds) in order.

    Raises ZoneInfoNotFoundError.
    """
    place, shown = ZoneInfo(zone), FROM
    changes = [(0, _offset(FROM, place))]
    while shown < TO:
        if _offset(shown + WEEK, place) != changes[-1][1]:
            change = _change(shown, place)
            changes.append((int(change.timestamp()), _offset(change, place)))
        shown += WEEK
    return tuple(changes)


@lru_cache(maxsize=1024)
def one_name(zone: str) -> str:
    """The name used for the zone's clock: Detroit is New_York as long as both keep the same hours."""
    leader = LEADERS.get(zone, zone)
    return leader if clock(leader) == clock(zone) else zone


def one_names(zones: frozenset[str]) -> frozenset[str]:
    """The zones with one name for each clock."""
    return frozenset(map(one_name, zones))


def _offset(moment: datetime, place: ZoneInfo) -> int:
    return int(place.utcoffset(moment.astimezone(place)).total_seconds())  # type: ignore[union-attr]


def _change(before: datetime, place: ZoneInfo) -> datetime:
    """The first minute after `before`, within a week, at which the offset is no longer the same."""
    old, low, high = _offset(before, place), 0, WEEK // MINUTE
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(before + middle * MINUTE, place) == old:
            low = middle
        else:
            high = middle
    return before + high * MINUTE
