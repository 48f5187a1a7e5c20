import pytest

from compliance.do_not_call import EVERYWHERE, applies


@pytest.mark.parametrize(
    ("scope", "expected"), [(EVERYWHERE, True), ("spring", True), ("autumn", False), ("SPRING", False), ("", False)]
)
def test_an_entry_covers_every_campaign_or_the_named_one(scope: str, expected: bool) -> None:
    assert applies(scope, "spring") is expected
