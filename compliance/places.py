"""States, territories and provinces of the North American numbering plan, and the clocks that people there live by.

Zones by 49 CFR part 71 and the provinces' time acts, as kept in the IANA database; a place with several lists them all,
each by the name of a zone whose clock is the same today (Boise as Denver, Detroit as New York).
A test holds them against the zones of all ZIP codes.
"""

import re
from dataclasses import dataclass

from phonenumbers import SUPPORTED_REGIONS

EASTERN, CENTRAL, MOUNTAIN, PACIFIC = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"


@dataclass(frozen=True, slots=True)
class Place:
    """One state, territory or province."""

    jurisdiction: str  # US-FL
    name: str
    zones: frozenset[str]


_STATES = {
    "AL": ("Alabama", CENTRAL),
    "AK": ("Alaska", "America/Anchorage", "America/Adak"),
    "AS": ("American Samoa", "Pacific/Pago_Pago"),
    "AZ": ("Arizona", "America/Phoenix", MOUNTAIN),  # the Navajo Nation shifts its clocks
    "AR": ("Arkansas", CENTRAL),
    "CA": ("California", PACIFIC),
    "CO": ("Colorado", MOUNTAIN),
    "CT": ("Connecticut", EASTERN),
    "DE": ("Delaware", EASTERN),
    "DC": ("District of Columbia", EASTERN),
    "FL": ("Florida", EASTERN, CENTRAL),
    "GA": ("Georgia", EASTERN),
    "GU": ("Guam", "Pacific/Guam"),
    "HI": ("Hawaii", "Pacific/Honolulu"),
    "ID": ("Idaho", MOUNTAIN, PACIFIC),
    "IL": ("Illinois", CENTRAL),
    "IN": ("Indiana", EASTERN, CENTRAL),
    "IA": ("Iowa", CENTRAL),
    "KS": ("Kansas", CENTRAL, MOUNTAIN),
    "KY": ("Kentucky", EASTERN, CENTRAL),
    "LA": ("Louisiana", CENTRAL),
    "ME": ("Maine", EASTERN),
    "MD": ("Maryland", EASTERN),
    "MA": ("Massachusetts", EASTERN),
    "MI": ("Michigan", EASTERN, CENTRAL),
    "MN": ("Minnesota", CENTRAL),
    "MP": ("Northern Mariana Islands", "Pacific/Saipan"),
    "MS": ("Mississippi", CENTRAL),
    "MO": ("Missouri", CENTRAL),
    "MT": ("Montana", MOUNTAIN),
    "NE": ("Nebraska", CENTRAL, MOUNTAIN),
    "NV": ("Nevada", PACIFIC, MOUNTAIN),  # West Wendover
    "NH": ("New Hampshire", EASTERN),
    "NJ": ("New Jersey", EASTERN),
    "NM": ("New Mexico", MOUNTAIN),
    "NY": ("New York", EASTERN),
    "NC": ("North Carolina", EASTERN),
    "ND": ("North Dakota", CENTRAL, MOUNTAIN),
    "OH": ("Ohio", EASTERN),
    "OK": ("Oklahoma", CENTRAL),
    "OR": ("Oregon", PACIFIC, MOUNTAIN),
    "PA": ("Pennsylvania", EASTERN),
    "PR": ("Puerto Rico", "America/Puerto_Rico"),
    "RI": ("Rhode Island", EASTERN),
    "SC": ("South Carolina", EASTERN),
    "SD": ("South Dakota", CENTRAL, MOUNTAIN),
    "TN": ("Tennessee", EASTERN, CENTRAL),
    "TX": ("Texas", CENTRAL, MOUNTAIN),
    "UT": ("Utah", MOUNTAIN),
    "VT": ("Vermont", EASTERN),
    "VI": ("Virgin Islands", "America/St_Thomas"),
    "VA": ("Virginia", EASTERN),
    "WA": ("Washington", PACIFIC),
    "WV": ("West Virginia", EASTERN),
    "WI": ("Wisconsin", CENTRAL),
    "WY": ("Wyoming", MOUNTAIN),
}
_PROVINCES = {
    "AB": ("Alberta", "America/Edmonton"),
    "BC": ("British Columbia", "America/Vancouver", "America/Edmonton", "America/Dawson_Creek"),
    "MB": ("Manitoba", "America/Winnipeg"),
    "NB": ("New Brunswick", "America/Moncton"),
    "NL": ("Newfoundland and Labrador", "America/St_Johns", "America/Goose_Bay"),
    "NS": ("Nova Scotia", "America/Halifax"),
    "NT": ("Northwest Territories", "America/Inuvik"),
    "NU": (
        "Nunavut",
        "America/Iqaluit",
        "America/Rankin_Inlet",
        "America/Cambridge_Bay",
        "America/Atikokan",
    ),  # Coral Harbour
    "ON": ("Ontario", "America/Toronto", "America/Winnipeg", "America/Atikokan"),  # Atikokan never shifts
    "PE": ("Prince Edward Island", "America/Halifax"),
    "QC": ("Quebec", "America/Toronto", "America/Halifax", "America/Blanc-Sablon"),  # Blanc-Sablon never shifts
    "SK": ("Saskatchewan", "America/Regina", "America/Edmonton"),  # Lloydminster
    "YT": ("Yukon", "America/Whitehorse"),
}


def _table(country: str, rows: dict[str, tuple[str, ...]]) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for code, (name, *zones) in rows.items():
        place = Place(f"{country}-{code}", name, frozenset(zones))
        places |= {code: place, place.jurisdiction: place, name.upper(): place}
    return places


def is_jurisdiction(name: str) -> bool:
    """Whether a call could ever be under it: a country, or a state of one; those of other countries are not told apart.

    "US", "US-FL", "BR-RJ".
    """
    country, dash, state = name.partition("-")
    there = name in PLACES if country in ("US", "CA") else re.fullmatch(r"[A-Z0-9]{1,3}", state) is not None
    return country in SUPPORTED_REGIONS and (there or not dash)


PLACES = _table("US", _STATES) | _table("CA", _PROVINCES)  # by FL, US-FL and FLORIDA
