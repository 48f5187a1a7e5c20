from zoneinfo import ZoneInfo

import pytest
import zipcodes

from compliance.places import PLACES
from compliance.places_clocks import one_name, one_names

SPLIT = ["AK", "AZ", "FL", "ID", "IN", "KS", "KY", "MI", "ND", "NE", "NV", "OR", "SD", "TN", "TX"]


def test_every_state_territory_and_province_is_there_by_code_and_name() -> None:
    jurisdictions = {place.jurisdiction for place in PLACES.values()}
    assert sum(name.startswith("US-") for name in jurisdictions) == 50 + 1 + 5  # the District, the territories
    assert sum(name.startswith("CA-") for name in jurisdictions) == 13
    for place in PLACES.values():
        assert PLACES[place.jurisdiction] == PLACES[place.jurisdiction[3:]] == PLACES[place.name.upper()] == place


def test_every_zone_has_a_clock() -> None:
    for place in PLACES.values():
        assert place.zones
        assert all(ZoneInfo(zone).key == zone for zone in place.zones)


@pytest.mark.parametrize("state", SPLIT)
def test_split_states_list_all_their_clocks(state: str) -> None:
    """49 CFR part 71; for Arizona the Navajo Nation."""
    assert len(PLACES[state].zones) == 2


def test_all_other_states_have_one_clock() -> None:
    states = {place.jurisdiction[3:]: place for place in PLACES.values() if place.jurisdiction.startswith("US-")}
    assert {state for state, place in states.items() if len(place.zones) > 1} == set(SPLIT)


def test_every_zip_code_keeps_a_clock_of_its_state() -> None:
    """Against the zones of 40,000 ZIP codes, which come from another source than ours."""
    wrong = []
    for row in zipcodes.list_all():
        place = PLACES.get(row["state"])
        if place is not None and "/" in row["timezone"] and row["active"]:
            wrong += [row] if one_name(row["timezone"]) not in one_names(place.zones) else []
    assert wrong == []
