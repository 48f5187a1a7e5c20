from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.consent import Given, strongest
from compliance.rule import LEVELS

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BEFORE = NOON - timedelta(days=1)


def test_without_any_there_is_none() -> None:
    assert strongest([], NOON) == "none"


def test_the_highest_kind_counts_whatever_the_order() -> None:
    given_ = [Given(kind, BEFORE, None, None) for kind in ("express", "written", "relationship")]
    assert strongest(given_, NOON) == "written"
    assert strongest(reversed(given_), NOON) == "written"


@pytest.mark.parametrize(
    ("consent", "held"),
    [
        (Given("written", NOON, None, None), "written"),
        (Given("written", NOON + SECOND, None, None), "none"),
        (Given("written", BEFORE, NOON + SECOND, None), "written"),
        (Given("written", BEFORE, NOON, None), "none"),
        (Given("written", BEFORE, None, NOON), "none"),
        (Given("written", BEFORE, None, NOON + SECOND), "written"),
        (Given("written", BEFORE, NOON + SECOND, NOON), "none"),
        (Given("written", BEFORE, NOON, NOON + SECOND), "none"),
    ],
)
def test_a_consent_holds_from_its_beginning_until_just_before_its_end(consent: Given, held: str) -> None:
    assert strongest([consent], NOON) == held


def test_a_stronger_one_that_has_ended_leaves_the_weaker() -> None:
    assert strongest([Given("written", BEFORE, None, NOON), Given("express", BEFORE, None, None)], NOON) == "express"


def test_an_unknown_kind_is_an_error_even_when_it_has_ended() -> None:
    with pytest.raises(ValueError, match="oral"):
        strongest([Given("oral", BEFORE, NOON, None)], NOON)


MOMENTS = st.integers(-3, 3).map(lambda hours: NOON + timedelta(hours=hours))
GIVEN = st.builds(Given, st.sampled_from(LEVELS[1:]), MOMENTS, st.none() | MOMENTS, st.none() | MOMENTS)


@given(st.lists(GIVEN, max_size=5), GIVEN)
def test_one_more_consent_never_weakens_and_revoking_never_strengthens(consents: list[Given], one: Given) -> None:
    rank = LEVELS.index
    with_it = rank(strongest([*consents, one], NOON))
    assert with_it >= rank(strongest(consents, NOON))
    assert rank(strongest([*consents, one._replace(revoked_at=NOON)], NOON)) <= with_it
