"""Phone numbers to E.164: the shortcut for North America says what phonenumbers says."""

import random

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.phone_numbers import HasExtension, UnusablePhone, e164, known_region


def plainly(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def ours(text: str, region: str) -> str | None:
    try:
        return e164(text, region)
    except UnusablePhone:
        return None


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("(212) 555-0123", "US", "+12125550123"),
        ("1.212.555.0123", "US", "+12125550123"),
        ("+1 212 555 0123", "GB", "+12125550123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("+44 (0)20 7946 0123", "US", "+442079460123"),
        ("0491 570 156", "AU", "+61491570156"),
        ("1-800-FLOWERS", "US", "+18003569377"),
    ],
)
def test_a_number_as_people_write_it(text, region, number):
    assert e164(text, region) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n/a",
        "555-0123",
        "9100000000",
        "2.12555E+09",
        "2125550123 / 2125550124",
        "0" * 300,
        f"212{' ' * 300}5550123",
    ],
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(UnusablePhone):
        e164(text, "US")


def test_an_extension_is_told_apart_from_a_bad_number():
    with pytest.raises(HasExtension):
        e164("(212) 555-0123 ext. 45", "US")


def test_regions_are_iso_codes():
    assert known_region("GB")
    assert not known_region("UK")


digits = st.text("0123456789", min_size=1, max_size=4)
spelled = st.lists(
    st.one_of(digits, st.sampled_from([" ", "(", ")", ".", "-", "+", "\u00a0", "1", "x", "/"])), max_size=14
)
ten = st.from_regex(r"[( ]{0,2}(\+?1)?[-. ]?[2-9]\d\d[-.) ]{0,2}\d{3}[-. ]?\d{4}", fullmatch=True)


@settings(max_examples=200)
@given(text=st.one_of(spelled.map("".join), ten), region=st.sampled_from(["US", "CA", "BS", "DO", "GB"]))
def test_any_spelling_is_read_as_phonenumbers_reads_it(text, region):
    assert ours(text, region) == plainly(text, region)


def test_an_exchange_answers_for_all_its_lines():
    """A sample; the benchmark of uploads goes through every exchange."""
    pick = random.Random(7)
    exchanges = [f"{pick.randrange(200, 1000)}{pick.randrange(200, 1000)}" for _ in range(2000)]
    for exchange in (*exchanges, "246521", "246522", "876606"):
        for tail in (f"{pick.randrange(10)}{pick.randrange(1000):03}" for _ in range(3)):
            assert ours(exchange + tail, "US") == plainly(exchange + tail, "US")


@pytest.mark.parametrize("exchange", ["246521", "246522", "876606"])
def test_a_split_exchange_is_judged_by_the_next_digit_too(exchange):
    lines = [f"{exchange}{seventh}000" for seventh in range(10)]
    answers = [ours(line, "US") for line in lines]
    assert answers == [plainly(line, "US") for line in lines]
    assert None in answers
    assert any(answers)
