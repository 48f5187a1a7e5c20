"""An oracle that reads the rule packs by itself and asks every wall clock: slow, and independent of the code."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from compliance import rulebook
from compliance.places import PLACES

FOLDER = Path(rulebook.__file__).parent / "rules"
PACKS = {file.stem: tomllib.loads(file.read_text()) for file in FOLDER.glob("*.toml") if "records" not in file.stem}
HOURS = [rule for pack in PACKS.values() for rule in pack.get("hours", [])]
SPECIAL = [rule for pack in PACKS.values() for rule in pack.get("days", [])]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RING = timedelta(seconds=25)

ZONES = {
    **{"AT": "Europe/Vienna", "AU": "Australia/Sydney", "BE": "Europe/Brussels", "BR": "America/Sao_Paulo"},
    **{"BY": "Europe/Minsk", "CZ": "Europe/Prague", "DE": "Europe/Berlin", "ES": "Europe/Madrid"},
    **{"FR": "Europe/Paris", "GB": "Europe/London", "HU": "Europe/Budapest", "IE": "Europe/Dublin"},
    **{"IN": "Asia/Kolkata", "IT": "Europe/Rome", "JP": "Asia/Tokyo", "KZ": "Asia/Almaty", "MX": "America/Mexico_City"},
    **{"NL": "Europe/Amsterdam", "NZ": "Pacific/Auckland", "PL": "Europe/Warsaw", "PT": "Europe/Lisbon"},
    **{"RO": "Europe/Bucharest", "RU": "Europe/Moscow", "SE": "Europe/Stockholm", "SG": "Asia/Singapore"},
    **{"SK": "Europe/Bratislava", "UA": "Europe/Kyiv", "ZA": "Africa/Johannesburg"},
}
AMERICAN = {place.jurisdiction: place.zones for place in PLACES.values()}
BRAZILIAN = dict.fromkeys(("BR-RJ", "BR-SP"), frozenset({ZONES["BR"]}))
WHERE = {**{country: frozenset({zone}) for country, zone in ZONES.items()}, **AMERICAN, **BRAZILIAN}


def applies(rule: dict[str, Any], place: str, kind: str, day: date) -> bool:
    return (
        rule["jurisdiction"] in (place, place[:2], "BR-RJ" if place == "BR" else place)
        and kind in rule["scope"]
        and "live" in rule.get("voice", ["live"])
        and "residence" in rule.get("protects", ["residence"])
        and rule.get("effective_from", date.min) <= day <= rule.get("effective_to", date.max)
    )


def inside(windows: list[str], wall: datetime) -> bool:
    text = wall.strftime("%H:%M")
    return any(window.split("-")[0] <= text < window.split("-")[1] for window in windows)


def of_weekday(open_: dict[str, list[str]], day: date) -> list[str]:
    for key, windows in open_.items():
        first, _, last = key.partition("-")
        if DAYS.index(first) <= day.weekday() <= DAYS.index(last or first):
            return windows
    raise AssertionError(open_)


def is_special(rule: dict[str, Any], day: date) -> bool:
    if DAYS[day.weekday()] not in rule.get("weekdays", DAYS):
        return False
    if isinstance(rule["on"], list):
        return day.isoformat() in rule["on"] or day.strftime("%m-%d") in rule["on"]
    country, _, state = rule.get("calendar", rule["jurisdiction"][:2]).partition("-")
    looked_at = day + timedelta(days=1) if rule["on"] == "eves" else day
    also = rule.get("also", [])
    public = looked_at in _calendar(country, state, looked_at.year)
    return public or looked_at.isoformat() in also or looked_at.strftime("%m-%d") in also


@lru_cache
def _calendar(country: str, state: str, year: int) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=state or None, years=year)


def legal(
    place: str, kind: str, moment: datetime, *, zones: frozenset[str] = frozenset(), ring: timedelta = RING
) -> bool:
    """Whether a call may begin then and ring so long, in all of the place's zones unless some are given."""
    for at in (moment, moment + ring):
        for zone in zones or WHERE[place]:
            for rule in HOURS:
                wall = at.astimezone(ZoneInfo(rule.get("clock", zone)))
                if applies(rule, place, kind, wall.date()) and not inside(of_weekday(rule["open"], wall), wall):
                    return False
            wall = at.astimezone(ZoneInfo(zone))
            for rule in SPECIAL:
                if (
                    applies(rule, place, kind, wall.date())
                    and not inside(rule["open"], wall)
                    and is_special(rule, wall)
                ):
                    return False
    return True


QUARTER = 15  # minutes; every offset, and every moment at which one changes, is a multiple of it in the zones above


def is_ruled(place: str, kind: str, day: date) -> bool:
    """Whether any hours bind there on such a day: without, nobody may be called."""
    return any(applies(rule, place, kind, day) for rule in HOURS)


def year_by_the_minute(place: str, kind: str, year: int) -> bytes:
    """One byte for every minute of the year in UTC: 1 where all the place's clocks allow a call."""
    named = {rule["clock"] for rule in HOURS if "clock" in rule and rule["jurisdiction"] in (place, place[:2])}
    clocks = {(zone, "") for zone in WHERE[place]} | {(clock, clock) for clock in named}
    open_ = (1 << 8 * 1440 * (date(year + 1, 1, 1) - date(year, 1, 1)).days) - 1
    for zone, of_rules in clocks:
        days: dict[date, bytes] = {}
        minutes = bytearray()
        for day, minute in _walls(zone, year):
            if day not in days:
                days[day] = _day_by_the_minute(place, kind, day, of_rules)
            minutes += days[day][minute : minute + QUARTER]
        open_ &= int.from_bytes(minutes, "big")
    return open_.to_bytes(len(minutes), "big")


@lru_cache
def _walls(zone: str, year: int) -> list[tuple[date, int]]:
    """The wall clock's date and minute of the day at every quarter of an hour of the year in UTC."""
    first = datetime(year, 1, 1, tzinfo=UTC)
    count = (datetime(year + 1, 1, 1, tzinfo=UTC) - first) // timedelta(minutes=QUARTER)
    walls = ((first + timedelta(minutes=QUARTER * n)).astimezone(ZoneInfo(zone)) for n in range(count))
    return [(wall.date(), wall.hour * 60 + wall.minute) for wall in walls]


def _day_by_the_minute(place: str, kind: str, day: date, clock: str) -> bytes:
    """By the rules that name this clock, or by those that name none."""
    hours = [rule for rule in HOURS if applies(rule, place, kind, day) and rule.get("clock", "") == clock]
    bound = {tuple(of_weekday(rule["open"], day)) for rule in hours}
    if not clock:
        special = [rule for rule in SPECIAL if applies(rule, place, kind, day) and is_special(rule, day)]
        bound |= {tuple(rule["open"]) for rule in special}
    return _in_all_of(frozenset(bound))


@lru_cache
def _in_all_of(bound: frozenset[tuple[str, ...]]) -> bytes:
    texts = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440)]
    return bytes(all(any(window[:5] <= text < window[6:] for window in windows) for windows in bound) for text in texts)
