"""Text from outside on one line; the property tests are in tests/fuzz."""

import pytest

from config.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann Lee", "Ann Lee"),
        ("Zoë 李 Αλέξης", "Zoë 李 Αλέξης"),
        ("a\x1b[2J", "a\\x1b[2J"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202ekcab", "\\u202ekcab"),
        ("\0", "\\x00"),
        ("\ud800", "\\ud800"),
        ("a\u2028b", "a\\u2028b"),
    ],
)
def test_only_what_cannot_be_seen_is_written_out(text, shown):
    assert visible(text) == shown
