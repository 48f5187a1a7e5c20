"""ZIP codes and Canadian postal codes."""

import pytest

from compliance.places_postal import postal_area


@pytest.mark.parametrize(
    ("code", "place", "zones"),
    [
        ("33101", "US-FL", {"America/New_York"}),
        ("32501", "US-FL", {"America/Chicago"}),
        ("79901", "US-TX", {"America/Denver"}),
        ("86515", "US-AZ", {"America/Denver"}),  # Window Rock, in the Navajo Nation, shifts
        ("85001", "US-AZ", {"America/Phoenix"}),
        ("00901", "US-PR", {"America/Puerto_Rico"}),
        ("96910", "US-GU", {"Pacific/Guam"}),
        ("M5V 2T6", "CA-ON", {"America/Toronto"}),
        ("K1A0B1", "CA-ON", {"America/Toronto"}),
    ],
)
def test_where_a_code_lies(code: str, place: str, zones: set[str]) -> None:
    area = postal_area(code)
    assert area is not None
    assert (area.jurisdictions, area.zones) == ({place}, zones)


def test_a_code_with_its_last_four_digits_is_the_same_place() -> None:
    assert postal_area("33101-1234") == postal_area("331011234") == postal_area("33101")


def test_a_code_that_is_not_in_use_says_nothing() -> None:
    assert postal_area("00000") is None


def test_a_territorys_letter_may_be_either() -> None:
    area = postal_area("X0A 0A0")
    assert area is not None
    assert area.jurisdictions == {"CA-NT", "CA-NU"}


@pytest.mark.parametrize("code", ["", "123", "12345-1", "SW1A 1AA", "D1A 1A1", "M5V-2T"])
def test_other_forms_are_refused(code: str) -> None:
    with pytest.raises(ValueError, match="neither American nor Canadian"):
        postal_area(code)
