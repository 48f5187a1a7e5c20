"""Paging over items that stand still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.emulator.errors import ApiError
from dialer.emulator.listing import page_of


def follow(items: list[str], size: int) -> list[str]:
    """All items, by the links from page to page."""
    seen: list[str] = []
    query = [("PageSize", str(size))]
    while True:
        page = page_of(items, str, query, "/list")
        seen += page["items"]
        if page["next_page_uri"] is None:
            return seen
        query = [tuple(pair.split("=")) for pair in page["next_page_uri"].partition("?")[2].split("&")]


@given(count=st.integers(0, 40), size=st.integers(1, 12))
def test_the_links_lead_through_every_item_once(count, size):
    items = [f"CA{number}" for number in range(count)]
    assert follow(items, size) == items


@pytest.mark.parametrize(
    "query", [[("PageSize", "0")], [("PageSize", "1001")], [("Page", "-1")], [("PageToken", "PAnone")]]
)
def test_impossible_pages_are_refused(query):
    with pytest.raises(ApiError) as error:
        page_of(["CA1"], str, query, "/list")
    assert error.value.http == 400


def test_filters_are_kept_in_the_links():
    page = page_of(["CA1", "CA2"], str, [("To", "+12125550101"), ("PageSize", "1")], "/list")
    assert page["next_page_uri"] == "/list?To=%2B12125550101&PageSize=1&Page=1&PageToken=PACA1"
