"""The table of area codes, held against two other sources."""

from collections import defaultdict

import zipcodes
from phonenumbers.geodata import GEOCODE_DATA

from compliance.area_codes import AREA_CODES, EXCHANGES, OVERLAYS, WHOLE_PROVINCE
from compliance.locating import locate
from compliance.places import PLACES
from compliance.places_clocks import one_name

STATES = {place.name: place.jurisdiction for place in PLACES.values()}


def test_every_area_code_that_is_named_after_a_state_lies_in_it() -> None:
    """libphonenumber names most area codes by their state."""
    checked = 0
    for area, places in AREA_CODES.items():
        name = GEOCODE_DATA.get(f"1{area}", {}).get("en", "")
        if name in STATES:
            assert STATES[name] in places, area
            checked += 1
    assert checked > 200


def test_most_zip_codes_lie_in_a_state_of_their_area_codes() -> None:
    """The ZIP data give each ZIP the area codes of its county: a code with many ZIPs in a state is that state's."""
    by_area: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in zipcodes.list_all():
        for area in row["area_codes"]:
            by_area[area][row["state"]] += 1
    for area, states in by_area.items():
        american = any(place.startswith("US-") for place in AREA_CODES.get(area, ()))
        if american and sum(states.values()) >= 20:
            most = max(states, key=lambda state: states[state])
            assert f"US-{most}" in AREA_CODES[area], area


def test_no_clock_of_an_area_codes_zip_codes_is_missed() -> None:
    """An exchange that is not listed by itself may lie in any zone in which its area code has a tenth of its ZIPs."""
    zones: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in zipcodes.list_all():
        if row["active"] and "/" in row["timezone"] and len(row["area_codes"]) == 1:
            zones[row["area_codes"][0]][one_name(row["timezone"])] += 1
    missed = {
        (area, zone)
        for area, counts in zones.items()
        if area in AREA_CODES
        for zone, count in counts.items()
        if count > sum(counts.values()) / 10 and zone not in locate(f"+1{area}5550123").zones
    }
    assert missed == set()


def test_corrections_are_of_codes_that_exist() -> None:
    assert set(OVERLAYS) | set(OVERLAYS.values()) | WHOLE_PROVINCE <= set(AREA_CODES)
    assert not set(OVERLAYS) & set(OVERLAYS.values())
    assert all(exchange[:3] in AREA_CODES for exchange in EXCHANGES)
