"""One name for one clock."""

import pytest

from compliance.places_clocks import clock, one_name, one_names


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("America/Detroit", "America/New_York"),
        ("America/Boise", "America/Denver"),
        ("America/Indiana/Knox", "America/Chicago"),
        ("America/Juneau", "America/Anchorage"),
    ],
)
def test_zones_with_the_same_clock_have_one_name(name: str, other: str) -> None:
    assert one_name(name) == other
    assert clock(name) == clock(other)


@pytest.mark.parametrize("name", ["America/Phoenix", "America/Regina", "Pacific/Honolulu", "America/Adak"])
def test_zones_with_a_clock_of_their_own_keep_their_name(name: str) -> None:
    assert one_name(name) == name


def test_arizona_is_not_denver_though_they_agree_in_winter() -> None:
    assert clock("America/Phoenix") != clock("America/Denver")


def test_many_names_become_few() -> None:
    assert one_names(frozenset({"America/Detroit", "America/New_York", "Europe/London"})) == {
        *("America/New_York", "Europe/London"),
    }
