"""Postal codes of the United States and Canada: the states and the zones that they lie in."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from statistics import multimode

import zipcodes

from compliance.places import PLACES
from compliance.places_clocks import one_name, one_names

ZIP = re.compile(r"(\d{5})(?:[- ]?\d{4})?", re.ASCII)
CANADIAN = re.compile(r"([ABCEGHJ-NPRSTVXY])\d[ABCEGHJ-NPRSTV-Z][ -]?\d[ABCEGHJ-NPRSTV-Z]\d", re.ASCII)
MILITARY = frozenset({"AA", "AE", "AP"})  # mail of the forces, wherever in the world they are
FREELY_ASSOCIATED = frozenset({"FM", "MH", "PW"})  # countries of their own whose mail the United States carry

_TORONTO = frozenset({"America/Toronto"})
# First letters by province (Canada Post's postal districts). All of Ontario west of 90 degrees is P; all of Quebec off
# Montreal's clock is G.
_DISTRICTS: dict[str, tuple[tuple[str, ...], frozenset[str] | None]] = {
    "A": (("NL",), None),
    "B": (("NS",), None),
    "C": (("PE",), None),
    "E": (("NB",), None),
    "G": (("QC",), None),
    "H": (("QC",), _TORONTO),
    "J": (("QC",), _TORONTO),
    "K": (("ON",), _TORONTO),
    "L": (("ON",), _TORONTO),
    "M": (("ON",), _TORONTO),
    "N": (("ON",), _TORONTO),
    "P": (("ON",), None),
    "R": (("MB",), None),
    "S": (("SK",), None),
    "T": (("AB",), None),
    "V": (("BC",), None),
    "X": (("NT", "NU"), None),
    "Y": (("YT",), None),
}


@dataclass(frozen=True, slots=True)
class PostalArea:
    """Where letters of one postal code go. No zone: somewhere, nobody knows where (mail of the forces)."""

    jurisdictions: frozenset[str]  # US-FL; several where the code does not say which
    zones: frozenset[str]


@lru_cache(maxsize=65_536)
def postal_area(code: str) -> PostalArea | None:
    """The area of a ZIP, ZIP+4 or Canadian postal code (upper case); None if it is of the right form but not in use.

    Raises ValueError for text that is neither.
    """
    if match := ZIP.fullmatch(code):
        return _zip_areas(code[:3]).get(match[1])
    if match := CANADIAN.fullmatch(code):
        provinces, zones = _DISTRICTS[match[1]]
        places = [PLACES[province] for province in provinces]
        zones = zones or one_names(frozenset().union(*(place.zones for place in places)))
        return PostalArea(frozenset(place.jurisdiction for place in places), zones)
    raise ValueError(f"postal code {code!r} is neither American nor Canadian: write 02134, 02134-1000 or M5V 2T6")


@lru_cache(maxsize=1000)  # all there are
def _zip_areas(prefix: str) -> dict[str, PostalArea]:
    """The ZIP codes with these three first digits.

    Here and there the data have a single ZIP in another zone than the rest of its town (37405 Chattanooga, 79942 El
    Paso): it takes its own zone, and the one that most ZIP codes of its county and of its town have.
    """
    rows: list[dict[str, str]] = zipcodes.similar_to(prefix)  # type: ignore[no-untyped-call]
    by_county = _most_common(rows, lambda row: (row["state"], row["county"]))
    by_city = _most_common(rows, lambda row: (row["state"], row["city"]))
    return {
        row["zip_code"]: _area(
            row["state"],
            {row["timezone"], *by_county[row["state"], row["county"]], *by_city[row["state"], row["city"]]},
        )
        for row in rows
    }


def _area(state: str, zones: Iterable[str]) -> PostalArea:
    if state in MILITARY:
        return PostalArea(frozenset({"US"}), frozenset())
    known = frozenset(one_name(zone) for zone in zones if "/" in zone)  # one row has a town's name for a zone
    if state in FREELY_ASSOCIATED:
        return PostalArea(frozenset({state}), known)
    place = PLACES[state]
    return PostalArea(frozenset({place.jurisdiction}), known or one_names(place.zones))


def _most_common(
    rows: list[dict[str, str]], key: Callable[[dict[str, str]], tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    zones: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        zones.setdefault(key(row), []).append(row["timezone"])
    return {place: multimode(names) for place, names in zones.items()}
