"""Where is the called party? Every place that the number, the address or the lead's own zone points to.

The places are united and never weighed against each other: the gate wants hours that are legal in all of them.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from compliance.places import OVERLAYS, PLACES, TERRITORIES

E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
NANP = re.compile(r"\+1[2-9]\d{2}[2-9]\d{6}", re.ASCII)
EXCHANGE = len("+1212555")  # what comes after it is the line, and says nothing about the place


class LocatingError(ValueError):
    """A number, state or zone that names no place; the message says which and what is wanted."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where somebody may be: all jurisdictions and zones that cannot be ruled out. No zone means unknown."""

    country: str  # of the number, ISO 3166
    jurisdictions: frozenset[str]  # US, US-FL
    zones: frozenset[str]  # IANA names


def locate(number: str, *, state: str = "", time_zone: str = "") -> Location:
    """The places of an E.164 number, an address's state and an IANA zone; the empty text adds none.

    The state (code, ISO 3166-2 code or name) is one of the United States or Canada and is read for numbers of country
    code 1 only: elsewhere the same letters are other places. Raises LocatingError.
    """
    where = _north_american(number[:EXCHANGE]) if NANP.fullmatch(number) else _elsewhere(number)
    jurisdictions, zones = where.jurisdictions, where.zones
    if state.strip() and number.startswith("+1"):
        place = PLACES.get(state.strip().upper())
        if place is None:
            raise LocatingError(f"state {state!r} is none of the United States or Canada: write FL or Florida")
        jurisdictions |= {place.jurisdiction, place.jurisdiction[:2]}
        zones |= place.zones
    if time_zone.strip():
        zones |= {known_zone(time_zone.strip())}
    return Location(where.country, jurisdictions, zones)


@lru_cache(maxsize=1024)
def known_zone(name: str) -> str:
    """The name, when a person can live in it. Raises LocatingError.

    Bare names such as EST are refused: they do not say whether the clocks shift in summer.
    """
    try:
        if "/" in name and not name.startswith(("Etc/", "posix/", "right/")):
            return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise LocatingError(f"time zone {name!r} is no place's zone: write an IANA name such as America/New_York")


@lru_cache(maxsize=65_536)
def _elsewhere(number: str) -> Location:
    if number.startswith("+1") or not E164.fullmatch(number):
        raise LocatingError(f"number of {len(number)} characters is not E.164: write +12125550123")
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        raise LocatingError(
            f"number of {len(number)} characters begins with no country code: write +12125550123"
        ) from None
    code = parsed.country_code or 0
    country = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(code)
    zones = frozenset(time_zones_for_number(parsed)) - {UNKNOWN_TIMEZONE}
    return Location(country, frozenset({country}), zones or frozenset(_longest_prefix(str(code))[1]))


def _north_american(exchange: str) -> Location:
    country, jurisdictions = _area(exchange[2:5])
    return Location(country, jurisdictions, _north_american_zones(exchange))


@lru_cache(maxsize=1024)
def _area(area: str) -> tuple[str, frozenset[str]]:
    """Country and jurisdictions of an area code; one that is not assigned yet is taken for American."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{area}2002345")) or "US"
    if region in TERRITORIES:
        return "US", frozenset({"US", f"US-{region}"})
    return region, frozenset({region})


def _north_american_zones(exchange: str) -> frozenset[str]:
    """The zones of one exchange.

    Numbers of no place (toll-free, personal) have none. An exchange that the data do not know by itself may lie
    anywhere in its area code.
    """
    digits, area = exchange[1:], exchange[2:5]
    prefix, zones = _longest_prefix(digits)
    if prefix == "1":
        return frozenset()
    if prefix == f"1{area}":
        return _area_zones(OVERLAYS.get(area, area))
    return frozenset(zones)


@lru_cache(maxsize=1024)
def _area_zones(area: str) -> frozenset[str]:
    return frozenset(zone for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith(f"1{area}") for zone in zones)


def _longest_prefix(digits: str) -> tuple[str, tuple[str, ...]]:
    for length in range(len(digits), 0, -1):
        if digits[:length] in TIMEZONE_DATA:
            return digits[:length], TIMEZONE_DATA[digits[:length]]
    return "", ()
