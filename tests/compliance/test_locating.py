from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA

from compliance.area_codes import OVERLAYS, WHOLE_PROVINCE
from compliance.locating import LocatingError, known_zone, locate
from compliance.places_clocks import one_names

EASTERN, CENTRAL, MOUNTAIN, PACIFIC = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
AREAS = sorted({prefix[1:4] for prefix in TIMEZONE_DATA if prefix.startswith("1") and len(prefix) > 3})
north_american = st.builds(
    lambda area, exchange, line: f"+1{area}{exchange}{line:04d}",
    st.sampled_from(AREAS),
    st.integers(200, 999),
    st.integers(0, 9999),
)


def test_a_number_alone_gives_country_and_zone() -> None:
    here = locate("+12125550123")
    assert (here.country, here.jurisdictions, here.zones) == ("US", {"US", "US-NY"}, {EASTERN})


@pytest.mark.parametrize("state", ["FL", "fl", " US-FL ", "Florida"])
def test_another_state_adds_its_jurisdiction_and_all_its_zones(state: str) -> None:
    here = locate("+12125550123", state=state)
    assert here.jurisdictions == {"US", "US-NY", "US-FL"}
    assert here.zones == {EASTERN, CENTRAL}


def test_places_that_disagree_are_united() -> None:
    """A California number, an address in Texas, and the lead said Hawaii."""
    here = locate("+12135550123", state="TX", time_zone="Pacific/Honolulu")
    assert here.zones == {PACIFIC, CENTRAL, MOUNTAIN, "Pacific/Honolulu"}


@pytest.mark.parametrize(
    ("area", "zones"),
    [
        ("915", {MOUNTAIN}),  # El Paso, in a Central state
        ("850", {EASTERN, CENTRAL}),
        ("448", {EASTERN, CENTRAL}),
        ("812", {EASTERN, CENTRAL}),
        ("930", {EASTERN, CENTRAL}),
        ("541", {PACIFIC, MOUNTAIN}),
        ("906", {EASTERN, CENTRAL}),
        ("308", {CENTRAL, MOUNTAIN}),
    ],
)
def test_an_unlisted_exchange_may_lie_anywhere_in_its_area_code(area: str, zones: set[str]) -> None:
    assert locate(f"+1{area}5550123").zones == zones


@pytest.mark.parametrize("area", ["605", "701"])
def test_the_dakotas_have_both_clocks(area: str) -> None:
    assert {CENTRAL, MOUNTAIN} <= locate(f"+1{area}5550123").zones


def test_an_exchange_that_is_listed_lies_where_it_is_listed() -> None:
    """541-889 is Ontario in Malheur County, 906-265 Iron River."""
    assert locate("+15418890123").zones == {MOUNTAIN}
    assert locate("+19062650123").zones == {CENTRAL}


def test_alaska_keeps_both_its_clocks() -> None:
    assert {"America/Adak", "America/Anchorage"} <= locate("+19075550123").zones
    assert {"America/Adak", "America/Anchorage"} == locate("+18005550123", state="AK").zones


@pytest.mark.parametrize("number", ["+18005550123", "+18885550123", "+15005550123", "+19005550123", "+17105550123"])
def test_numbers_of_no_place_have_no_zone_of_their_own(number: str) -> None:
    assert locate(number).zones == frozenset()
    assert locate(number, state="NY").zones == {EASTERN}
    assert locate(number, time_zone="America/Boise").zones == {MOUNTAIN}  # the same clock


@pytest.mark.parametrize(
    ("number", "jurisdictions", "zone"),
    [
        ("+16715550123", {"US", "US-GU"}, "Pacific/Guam"),
        ("+17875550123", {"US", "US-PR"}, "America/Puerto_Rico"),
        ("+13405550123", {"US", "US-VI"}, "America/St_Thomas"),
        ("+16845550123", {"US", "US-AS"}, "Pacific/Pago_Pago"),
        ("+16705550123", {"US", "US-MP"}, "Pacific/Saipan"),
        ("+14165550123", {"CA", "CA-ON"}, "America/Toronto"),
        ("+18765550123", {"JM"}, "America/Jamaica"),
        ("+12425550123", {"BS"}, "America/Nassau"),
        ("+442079460123", {"GB"}, "Europe/London"),
    ],
)
def test_territories_are_american_and_neighbours_are_not(number: str, jurisdictions: set[str], zone: str) -> None:
    here = locate(number)
    assert here.jurisdictions == jurisdictions
    assert here.zones == {zone}


def test_mobile_numbers_of_a_wide_country_may_be_anywhere_in_it() -> None:
    here = locate("+61491570156")
    assert here.country == "AU"
    assert {"Australia/Perth", "Australia/Sydney"} <= here.zones


def test_a_number_range_for_fiction_still_has_a_country_and_its_zones() -> None:
    here = locate("+447700900123")
    assert here.jurisdictions == {"GB"}
    assert "Europe/London" in here.zones


def test_a_state_is_not_read_for_numbers_of_other_plans() -> None:
    """WA is Western Australia there."""
    assert locate("+61491570156", state="WA") == locate("+61491570156")


def test_a_province_makes_it_canadian_as_well() -> None:
    assert locate("+12125550123", state="ON").jurisdictions == {"US", "US-NY", "CA", "CA-ON"}


@pytest.mark.parametrize("state", ["XX", "AE", "Westeros"])
def test_an_unknown_state_is_refused(state: str) -> None:
    with pytest.raises(LocatingError, match=f"state '{state}' is none of"):
        locate("+12125550123", state=state)


@pytest.mark.parametrize(
    "name",
    ["EST", "Eastern", "America/Gotham", "Etc/GMT+5", "UTC", "right/America/New_York", "../etc/passwd", "/", "a/\0b"],
)
def test_a_zone_that_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(LocatingError, match="time zone"):
        known_zone(name)
    with pytest.raises(LocatingError, match="time zone"):
        locate("+12125550123", time_zone=name)


MALFORMED = [
    "",
    "3055550123",
    "+1305555",
    "+1305555012",
    "+130555501234",
    "+11305550123",
    "+999123456789",
    "+44 20",
    "+1305555012٣",
]


@pytest.mark.parametrize("number", MALFORMED)
def test_a_malformed_number_is_refused_without_being_repeated(number: str) -> None:
    with pytest.raises(LocatingError) as error:
        locate(number)
    assert not number or number not in str(error.value)


def test_every_zone_of_every_number_has_a_clock() -> None:
    for zone in {zone for zones in TIMEZONE_DATA.values() for zone in zones}:
        assert ZoneInfo(zone).key == zone


@given(north_american)
def test_the_exchange_decides_the_country(number: str) -> None:
    """What is remembered per exchange is what the whole number says."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number)) or "US"
    here = locate(number)
    assert here.country == region or {"US", f"US-{region}"} == here.jurisdictions
    assert here.country in here.jurisdictions


@given(north_american.filter(lambda number: number[2:5] not in WHOLE_PROVINCE and number[2:5] not in OVERLAYS))
def test_no_zone_of_the_number_is_lost(number: str) -> None:
    """But where the listed ones are wrong, and the whole province or the area under the overlay is taken."""
    known = set(phonenumbers.timezone.time_zones_for_geographical_number(phonenumbers.parse(number)))
    assert one_names(frozenset(known)) <= locate(number).zones


@pytest.mark.parametrize(("overlay", "area"), sorted(OVERLAYS.items()))
def test_an_overlay_has_the_clocks_of_the_area_under_it(overlay: str, area: str) -> None:
    zones = {zone for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith(f"1{area}") for zone in zones}
    assert locate(f"+1{overlay}5550123").zones == one_names(frozenset(zones))


def test_the_overlay_of_orlando_is_eastern() -> None:
    """Libphonenumber lists 689 under Chicago; it lies over 407, all of which is Eastern."""
    assert locate("+16895550123").zones == {EASTERN}


@pytest.mark.parametrize(
    ("state", "postal_code", "time_zone", "jurisdictions", "zones"),
    [
        ("FL", "33101", "", {"US-FL"}, {EASTERN}),  # Miami: the ZIP narrows a split state
        ("FL", "32501-1234", "", {"US-FL"}, {CENTRAL}),  # Pensacola
        ("", "79901", "", {"US-TX"}, {MOUNTAIN}),  # El Paso
        ("FL", "10001", "", {"US-FL", "US-NY"}, {EASTERN, CENTRAL}),  # they disagree: both
        ("FL", "", CENTRAL, {"US-FL"}, {CENTRAL}),  # the zone narrows
        ("FL", "", PACIFIC, {"US-FL"}, {EASTERN, CENTRAL, PACIFIC}),  # it disagrees: all
        ("FL", "99999", "", {"US-FL"}, {EASTERN, CENTRAL}),  # not in use: nothing more is known
        ("ON", "M5V 2T6", "", {"CA-ON"}, {"America/Toronto"}),
        ("TN", "37402", "", {"US-TN"}, {EASTERN}),  # Chattanooga
    ],
)
def test_an_address_is_as_precise_as_it_says(
    state: str, postal_code: str, time_zone: str, jurisdictions: set[str], zones: set[str]
) -> None:
    here = locate("+18005550123", state=state, postal_code=postal_code, time_zone=time_zone)
    assert here.jurisdictions - {"US", "CA"} == jurisdictions
    assert here.zones == one_names(frozenset(zones))


AGREEING = [
    ("TX", "+12145550123", {CENTRAL}),  # Dallas
    ("TX", "+19155550123", {MOUNTAIN}),  # El Paso
    ("FL", "+13055550123", {EASTERN}),
    ("FL", "+18505550123", {EASTERN, CENTRAL}),  # lies on both sides of the line
    ("KY", "+15025550123", {EASTERN}),
    ("KY", "+12705550123", {EASTERN, CENTRAL}),
    ("NV", "+17025550123", {PACIFIC}),
    ("TN", "+14235550123", {EASTERN, CENTRAL}),  # reaches into Marion County
    ("TN", "+14232660123", {EASTERN}),  # an exchange of Chattanooga
    ("TN", "+16155550123", {CENTRAL}),
    ("AZ", "+16025550123", {"America/Phoenix"}),
    ("AZ", "+19285550123", {"America/Phoenix", MOUNTAIN}),  # the Navajo Nation
    ("IN", "+13175550123", {EASTERN}),
    ("IN", "+18125550123", {EASTERN, CENTRAL}),
    ("OR", "+15418890123", {MOUNTAIN}),  # Malheur County
    ("ON", "+14165550123", {"America/Toronto"}),
    ("NS", "+19025550123", {"America/Halifax"}),
]


@pytest.mark.parametrize(("state", "number", "zones"), AGREEING)
def test_a_state_that_the_number_is_of_adds_no_zone(state: str, number: str, zones: set[str]) -> None:
    here, alone = locate(number, state=state), locate(number)
    assert (here.zones, here.jurisdictions) == (zones, alone.jurisdictions)


@pytest.mark.parametrize(
    ("number", "address", "zones"),
    [
        ("+12145550123", {"state": "FL"}, {CENTRAL, EASTERN}),  # another state, though it has the number's clock
        ("+12125550123", {"state": "TX"}, {EASTERN, CENTRAL, MOUNTAIN}),
        ("+12145550123", {"state": "TX", "postal_code": "79901"}, {CENTRAL, MOUNTAIN}),  # El Paso
        ("+12145550123", {"state": "TX", "postal_code": "99999"}, {CENTRAL, MOUNTAIN}),  # not in use: who knows
        ("+12145550123", {"postal_code": "79901"}, {CENTRAL, MOUNTAIN}),
        ("+12145550123", {"state": "TX", "time_zone": MOUNTAIN}, {CENTRAL, MOUNTAIN}),
        ("+12145550123", {"state": "TX", "time_zone": PACIFIC}, {CENTRAL, MOUNTAIN, PACIFIC}),
        ("+13055550123", {"state": "FL", "postal_code": "33101"}, {EASTERN}),
        ("+18005550123", {"state": "TX"}, {CENTRAL, MOUNTAIN}),  # toll-free: of no place
        ("+15005550123", {"state": "TX"}, {CENTRAL, MOUNTAIN}),
        ("+18765550123", {"state": "FL"}, {"America/Jamaica", EASTERN, CENTRAL}),
    ],
)
def test_a_state_that_says_something_else_adds_all_its_zones(
    number: str, address: dict[str, str], zones: set[str]
) -> None:
    assert locate(number, **address).zones == zones


def test_a_number_with_a_clock_that_the_state_has_not_adds_the_states() -> None:
    """867 lies in Yukon and both other territories."""
    here = locate("+18675550123", state="YT")
    assert {"America/Whitehorse", "America/Rankin_Inlet"} <= here.zones
    assert here.jurisdictions == {"CA", "CA-YT", "CA-NT", "CA-NU"}


def test_a_number_and_an_address_that_disagree_are_united_and_never_weighed() -> None:
    here = locate("+12135550123", state="NY", postal_code="10001")
    assert (here.jurisdictions, here.zones) == ({"US", "US-CA", "US-NY"}, {PACIFIC, EASTERN})


@pytest.mark.parametrize("postal_code", ["09001", "96201", "34001"])
def test_mail_of_the_forces_may_be_anywhere(postal_code: str) -> None:
    assert locate("+12125550123", postal_code=postal_code).zones == frozenset()


@pytest.mark.parametrize("postal_code", ["1234", "33101-12", "ABCDE", "D1A 1A1"])
def test_a_postal_code_of_no_form_is_refused(postal_code: str) -> None:
    with pytest.raises(LocatingError, match=f"postal code '{postal_code}'"):
        locate("+12125550123", postal_code=postal_code)


def test_a_postal_code_of_another_plan_is_not_read() -> None:
    assert locate("+442079460123", postal_code="SW1A 1AA") == locate("+442079460123")


@pytest.mark.parametrize(
    ("number", "line_type"),
    [
        ("+12125550123", "unknown"),
        ("+442079460123", "landline"),
        ("+61491570156", "mobile"),
    ],
)
def test_the_line_type_is_what_the_number_tells(number: str, line_type: str) -> None:
    assert locate(number).line_type == line_type


@pytest.mark.parametrize(
    ("number", "place"), [("+13065550123", "CA-SK"), ("+17095550123", "CA-NL"), ("+18075550123", "CA-ON")]
)
def test_provinces_with_several_clocks_have_them_all(number: str, place: str) -> None:
    here = locate(number)
    assert place in here.jurisdictions
    assert len(here.zones) > 1


@pytest.mark.parametrize("area", ["902", "782"])
def test_an_area_code_over_two_provinces_is_in_both(area: str) -> None:
    assert locate(f"+1{area}5550123").jurisdictions == {"CA", "CA-NS", "CA-PE"}
