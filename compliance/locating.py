"""Where is the called party? Every place that the number, the address or the lead's own zone points to.

What is said of the address makes it precise: the ZIP code narrows its state, the lead's own zone narrows both. A mere
state agrees with a number of that state, whose exchange is the more precise: Dallas is Central, though not all of Texas
is. Where number and address disagree they are united and never weighed against each other: the gate wants hours that
are legal in all places.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from compliance.area_codes import AREA_CODES, EXCHANGES, OVERLAYS, WHOLE_PROVINCE
from compliance.places import PLACES
from compliance.places_clocks import clock, one_name, one_names
from compliance.places_postal import postal_area
from compliance.places_world import states_of, zones_of

E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
NANP = re.compile(r"\+1[2-9]\d{2}[2-9]\d{6}", re.ASCII)
EXCHANGE = len("+1212555")  # what comes after it is the line, and says nothing about the place
LINE_TYPES = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.VOIP: "voip",
}


class LocatingError(ValueError):
    """A number, state, postal code or zone that names no place; the message says which and what is wanted."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where somebody may be: all jurisdictions and zones that cannot be ruled out. No zone means unknown."""

    country: str  # of the number, ISO 3166
    jurisdictions: frozenset[str]  # US, US-FL
    zones: frozenset[str]  # IANA names
    line_type: str = "unknown"  # mobile, landline, voip; North American numbers do not tell


@dataclass(frozen=True, slots=True)
class _Address:
    jurisdictions: frozenset[str]
    zones: frozenset[str]
    anywhere: bool  # mail of the forces: they may be in any zone of the world


def locate(number: str, *, state: str = "", postal_code: str = "", time_zone: str = "") -> Location:
    """The places of an E.164 number, of an address and of an IANA zone; the empty text adds none.

    The state (code, ISO 3166-2 code or name) and the postal code (ZIP, ZIP+4, Canadian) are read for numbers of country
    code 1 only: elsewhere the same letters are other places. There the zone narrows what a mobile or toll-free number
    leaves open, the whole of its country. Raises LocatingError.
    """
    american = NANP.fullmatch(number) is not None
    where = _north_american(number[:EXCHANGE]) if american else _elsewhere(number)
    if not american:
        state = postal_code = ""
    if not (state or postal_code or time_zone):
        return where
    address = _address(state, postal_code, time_zone, where.country)
    zones = where.zones | address.zones
    if american:
        mere_state = not (postal_code.strip() or time_zone.strip())
        zones = where.zones if mere_state and _lies_within(where, address) else zones
    elif _is_open_to(number, address.zones):
        zones = address.zones
    return Location(
        where.country,
        where.jurisdictions | address.jurisdictions,
        frozenset() if address.anywhere else zones,
        where.line_type,
    )


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
def _address(state: str, postal_code: str, time_zone: str, country: str) -> _Address:
    """State and postal code where they agree, else both; then the zone among theirs with the given clock, else all."""
    places, zones = _state(state.strip())
    post_places, post_zones = _postal(postal_code.strip(), country)
    anywhere = bool(post_places) and not post_zones
    if agreed := places & post_places:
        places, zones = agreed, zones & post_zones or post_zones
    else:
        places, zones = places | post_places, zones | post_zones
    if time_zone.strip():
        given, anywhere = one_name(known_zone(time_zone.strip())), False
        zones = frozenset(zone for zone in zones if clock(zone) == clock(given)) or zones | {given}
    return _Address(places | {place[:2] for place in places}, zones, anywhere)


@lru_cache(maxsize=1024)
def _state(state: str) -> tuple[frozenset[str], frozenset[str]]:
    if not state:
        return frozenset(), frozenset()
    place = PLACES.get(state.upper())
    if place is None:
        raise LocatingError(f"state {state!r} is none of the United States or Canada: write FL or Florida")
    return frozenset({place.jurisdiction}), one_names(place.zones)


def _postal(code: str, country: str) -> tuple[frozenset[str], frozenset[str]]:
    try:
        area = postal_area(code.upper()) if code else None
    except ValueError as error:
        if country in ("US", "CA"):
            raise LocatingError(str(error)) from None
        area = None  # the islands of country code 1 have forms of their own
    return (area.jurisdictions, area.zones) if area else (frozenset(), frozenset())


@lru_cache(maxsize=4096)
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
    listed = frozenset(time_zones_for_number(parsed)) - {UNKNOWN_TIMEZONE}
    zones = zones_of(number, country, listed or frozenset(_longest_prefix(str(code))[1]))
    line_type = LINE_TYPES.get(phonenumbers.number_type(parsed), "unknown")
    return Location(country, states_of(number) | {country}, zones, line_type)


def _lies_within(where: Location, address: _Address) -> bool:
    """Whether the number is of the address's state and its exchange has no clock that the state has not."""
    return address.jurisdictions <= where.jurisdictions and frozenset() < where.zones <= address.zones


def _is_open_to(number: str, zones: frozenset[str]) -> bool:
    """Whether the number tells no place within its country, and the country has the clocks of these zones."""
    if phonenumbers.is_number_geographical(phonenumbers.parse(number)):
        return False
    return {clock(zone) for zone in zones} <= {clock(zone) for zone in _elsewhere(number).zones}


@lru_cache(maxsize=65_536)
def _north_american(exchange: str) -> Location:
    area = exchange[2:5]
    states = AREA_CODES.get(area)
    if states:
        country = min(states)[:2]
        return Location(country, states | {country}, one_names(_zones_in(exchange[1:], area, states)))
    country = _country(area)
    return Location(country, frozenset({country}), _listed_zones(exchange[1:], area))


@lru_cache(maxsize=1024)
def _country(area: str) -> str:
    """Country of an area code that is no state's; one that is not assigned yet is taken for American."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{area}2002345")) or "US"


def _zones_in(digits: str, area: str, states: frozenset[str]) -> frozenset[str]:
    """The zones of one exchange of a state; where nothing is listed, of all the state."""
    if area not in WHOLE_PROVINCE and (zones := EXCHANGES.get(digits[1:]) or _listed_zones(digits, area)):
        return zones
    return frozenset().union(*(PLACES[state].zones for state in states))


def _listed_zones(digits: str, area: str) -> frozenset[str]:
    """The zones that libphonenumber has for an exchange.

    Numbers of no place (toll-free, personal) have none. An exchange that is not listed by itself may lie anywhere in
    its area code.
    """
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
