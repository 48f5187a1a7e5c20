"""Where numbers outside country code 1 are, as far as libphonenumber has it wrong, and what an address adds to them."""

import pytest

from compliance.locating import locate
from compliance.places_world import RUSSIA

BRASILIA, MANAUS, RIO_BRANCO, NORONHA = (
    "America/Sao_Paulo",
    "America/Manaus",
    "America/Rio_Branco",
    "America/Noronha",
)
BRISBANE, SYDNEY = "Australia/Brisbane", "Australia/Sydney"


@pytest.mark.parametrize(
    ("number", "states", "zones"),
    [
        ("+5511961234567", {"BR-SP"}, {BRASILIA}),
        ("+552131234567", {"BR-RJ"}, {BRASILIA}),
        ("+552431234567", {"BR-RJ"}, {BRASILIA}),
        ("+556132345678", {"BR-DF", "BR-GO"}, {BRASILIA}),
        ("+556532345678", {"BR-MT"}, {MANAUS}),
        ("+556832345678", {"BR-AC"}, {RIO_BRANCO}),
        ("+559132345678", {"BR-PA"}, {BRASILIA}),  # an hour before Manaus
        ("+559832345678", {"BR-MA"}, {BRASILIA}),
        ("+559232345678", {"BR-AM"}, {MANAUS}),
        ("+559733451234", {"BR-AM"}, {MANAUS, RIO_BRANCO}),
        ("+558131234567", {"BR-PE"}, {BRASILIA, NORONHA}),  # Recife and an island
        ("+55800123456", set(), {BRASILIA, MANAUS, RIO_BRANCO, NORONHA}),
    ],
)
def test_a_brazilian_number_tells_its_state_and_clock(number: str, states: set[str], zones: set[str]) -> None:
    here = locate(number)
    assert (here.jurisdictions, here.zones) == ({"BR", *states}, zones)


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+74012345678", {"Europe/Kaliningrad"}),  # not on Bucharest's clock in summer
        ("+78452345678", {"Europe/Saratov"}),
        ("+74951234567", {"Europe/Moscow"}),
        ("+74242123456", {"Asia/Sakhalin"}),
        ("+79123456789", RUSSIA),
        ("+77710009998", {"Asia/Almaty"}),
        ("+61733800000", {BRISBANE, SYDNEY}),  # not listed by itself
        ("+61730180000", {BRISBANE}),
        ("+61212345678", {SYDNEY}),
        ("+353850123456", {"Europe/Dublin"}),
        ("+447400123456", {"Europe/London"}),
        ("+918123456789", {"Asia/Kolkata"}),
        ("+375294911911", {"Europe/Minsk"}),
        ("+393123456789", {"Europe/Rome"}),
    ],
)
def test_a_number_has_the_clocks_of_its_own_place(number: str, zones: set[str]) -> None:
    assert locate(number).zones == zones


@pytest.mark.parametrize(
    ("number", "zone", "zones"),
    [
        ("+61412345678", "Australia/Perth", {"Australia/Perth"}),  # a mobile may be anywhere: the lead says where
        ("+61412345678", "Australia/Melbourne", {"Australia/Melbourne"}),  # Sydney's clock
        ("+611800123456", BRISBANE, {BRISBANE}),
        ("+61212345678", "Australia/Perth", {SYDNEY, "Australia/Perth"}),  # a landline of Sydney: they disagree
        ("+34612345678", "Europe/Athens", {"Atlantic/Canary", "Europe/Madrid", "Europe/Athens"}),  # no clock of Spain
    ],
)
def test_a_zone_says_where_a_number_of_no_place_is(number: str, zone: str, zones: set[str]) -> None:
    assert locate(number, time_zone=zone).zones == zones
