import pytest

from compliance.do_not_call import EVERYWHERE, UnknownScope, applies, checked, of_campaign, of_client


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (EVERYWHERE, True),
        ("campaign:spring", True),
        ("campaign:autumn", False),
        ("client:acme", True),
        ("client:other", False),
        ("campaign:acme", False),
        ("client:spring", False),
        ("spring", False),
        ("campaign:SPRING", False),
    ],
)
def test_an_entry_covers_every_campaign_or_the_clients_or_the_named_one(scope: str, expected: bool) -> None:
    assert applies(scope, campaign="spring", client="acme") is expected


def test_scopes_of_a_campaign_and_of_a_client_are_not_mixed_up() -> None:
    assert (of_campaign("spring"), of_client("acme")) == ("campaign:spring", "client:acme")
    assert applies(of_campaign("client:acme"), campaign="spring", client="acme") is False


@pytest.mark.parametrize("scope", ["", "spring", "campaign:", "client:", "**", "Campaign:spring"])
def test_a_scope_that_forbids_nothing_is_refused(scope: str) -> None:
    with pytest.raises(UnknownScope, match="write \\*, client:NAME or campaign:NAME"):
        checked(scope)
