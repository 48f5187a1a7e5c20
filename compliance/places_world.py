"""Places of numbers outside country code 1, where libphonenumber tells them wrongly, too widely or not at all.

Zones by the IANA database; Brazilian area codes by Anatel's numbering plan: one state each, and 61 two.
"""

from collections.abc import Mapping

# Countries with one clock, which libphonenumber calls by a neighbour's name or mixes with a neighbour's.
_ONE_CLOCK = {
    "BY": "Europe/Minsk",
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "IN": "Asia/Kolkata",
    "IT": "Europe/Rome",
    "KZ": "Asia/Almaty",
}

# Russia from west to east: Kaliningrad is not on Bucharest's clock in summer, and no number of it is Kazakh.
RUSSIA = frozenset(
    {
        *("Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk"),
        *("Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka"),
    }
)

_NOT_RUSSIAN = frozenset({"Europe/Bucharest", "Asia/Almaty", "Asia/Aqtobe"})

# Of numbers that begin so.
_BY_PREFIX: Mapping[str, tuple[str, ...]] = {
    "7401": ("Europe/Kaliningrad",),
    "7845": ("Europe/Saratov",),
}

# Sydney is what all that is not listed there is said to be; Queensland does not shift its clocks.
QUEENSLAND, _SYDNEY = "+617", frozenset({"Australia/Sydney"})

_BRAZIL = {
    "AC": "68",
    "AL": "82",
    "AM": "92 97",
    "AP": "96",
    "BA": "71 73 74 75 77",
    "CE": "85 88",
    "DF": "61",
    "ES": "27 28",
    "GO": "61 62 64",
    "MA": "98 99",
    "MG": "31 32 33 34 35 37 38",
    "MS": "67",
    "MT": "65 66",
    "PA": "91 93 94",
    "PB": "83",
    "PE": "81 87",
    "PI": "86 89",
    "PR": "41 42 43 44 45 46",
    "RJ": "21 22 24",
    "RN": "84",
    "RO": "69",
    "RR": "95",
    "RS": "51 53 54 55",
    "SC": "47 48 49",
    "SE": "79",
    "SP": "11 12 13 14 15 16 17 18 19",
    "TO": "63",
}
_BRASILIA, _MANAUS, _RIO_BRANCO = "America/Sao_Paulo", "America/Manaus", "America/Rio_Branco"
_OFF_BRASILIA: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("65", "66", "67", "69", "92", "95"), (_MANAUS,)),
    "68": (_RIO_BRANCO,),
    "81": (_BRASILIA, "America/Noronha"),
    "97": (_MANAUS, _RIO_BRANCO),
}
BRAZIL_CODE = "+55"


def states_of(number: str) -> frozenset[str]:
    """The states that the number tells, BR-RJ; none outside Brazil, where no rule needs them."""
    area = _brazilian_area(number)
    return frozenset(f"BR-{state}" for state, areas in _BRAZIL.items() if area in areas.split())


def zones_of(number: str, country: str, listed: frozenset[str]) -> frozenset[str]:
    """The zones of an E.164 number of a country; `listed` is what libphonenumber has for it."""
    if country in _ONE_CLOCK:
        return frozenset({_ONE_CLOCK[country]})
    for prefix, zones in _BY_PREFIX.items():
        if number.startswith(prefix, 1):
            return frozenset(zones)
    if listed == _SYDNEY and number.startswith(QUEENSLAND):
        return listed | {"Australia/Brisbane"}
    if states_of(number):
        return frozenset(_OFF_BRASILIA.get(_brazilian_area(number), (_BRASILIA,)))
    return RUSSIA if country == "RU" and listed & _NOT_RUSSIAN else listed


def _brazilian_area(number: str) -> str:
    return number[len(BRAZIL_CODE) : len(BRAZIL_CODE) + 2] if number.startswith(BRAZIL_CODE) else ""
