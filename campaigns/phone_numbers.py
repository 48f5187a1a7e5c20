"""Phone numbers as people write them, to E.164.

phonenumbers takes 20 microseconds for a number, a list has a million. Whether a North American number is valid depends
on its area code and exchange alone (checked over all 640,000 of them, `tests/benchmarks/upload.py`), so one answer for
an exchange serves all its lines; in two area codes the next digit counts as well.
"""

from functools import lru_cache

import phonenumbers

NORTH_AMERICA = frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1])
EXCHANGE_DIGITS = 6
SPLIT_EXCHANGES = {"246": 7, "876": 7}  # Barbados, Jamaica: exchanges of which a part is in use
PUNCTUATION = str.maketrans("", "", " ().-\u00a0")
LONGEST_PLAIN = 24  # characters; anything longer is more than a number with its punctuation


class UnusablePhone(ValueError):
    """The text is no number that can be dialled."""


class HasExtension(UnusablePhone):
    """The number is good, but its extension cannot be dialled: the call would reach the switchboard."""


def known_region(region: str) -> bool:
    """Whether numbers without a country code can be read for this ISO 3166 country."""
    return region in phonenumbers.SUPPORTED_REGIONS


def e164(text: str, region: str) -> str:
    """The number in E.164; `region` is the country of numbers written without a country code.

    Raises UnusablePhone, HasExtension.
    """
    digits = text.translate(PUNCTUATION)
    national = digits[2:] if digits.startswith("+1") else _without_trunk(digits) if region in NORTH_AMERICA else ""
    if len(national) == 10 and national.isdecimal() and national.isascii() and len(text) <= LONGEST_PLAIN:
        if _in_use(national[: SPLIT_EXCHANGES.get(national[:3], EXCHANGE_DIGITS)]):
            return f"+1{national}"
        raise UnusablePhone("no such area code or exchange")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise UnusablePhone("not a phone number") from None
    if number.extension:
        raise HasExtension("an extension cannot be dialled")
    if not phonenumbers.is_valid_number(number):
        raise UnusablePhone("no number of its country's plan")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _without_trunk(digits: str) -> str:
    return digits[1:] if len(digits) == 11 and digits[0] == "1" else digits


@lru_cache(maxsize=1 << 18)
def _in_use(prefix: str) -> bool:
    return phonenumbers.is_valid_number(
        phonenumbers.PhoneNumber(country_code=1, national_number=int(prefix.ljust(10, "0")))
    )
