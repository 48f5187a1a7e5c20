"""Which column of a lead file means what, by the sense of its name.

The names are those that spreadsheets, CRM exports and other dialers use. An organisation's name ("Hospital Name") is no
person's and stays a custom field, and so does an id that several people may share (household, account).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.lead_text import LeadFileError

REJECTS_COLUMNS = (
    "line",
    "reason",
)  # put before the file's own columns in a rejects file, passed over when it is loaded


class Target(StrEnum):
    """What a column can be taken for."""

    PHONE = "phone"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    EMAIL = "email"
    STATE = "state"
    POSTAL_CODE = "postal_code"
    TIME_ZONE = "time_zone"
    LINE_TYPE = "line_type"
    BUSINESS = "business"
    EXTERNAL_ID = "external_id"
    CUSTOM = "custom"


# Names in order of preference: the first that the file has is taken, the others stay custom fields.
SENSES: Mapping[Target, Sequence[str]] = {
    Target.NAME: (
        "full name",
        "fullname",
        "name",
        "contact name",
        "customer name",
        "lead name",
        "person name",
        "person",
    ),
    Target.FIRST_NAME: ("first name", "firstname", "fname", "given name", "forename", "first"),
    Target.LAST_NAME: ("last name", "lastname", "lname", "surname", "family name", "last"),
    Target.EMAIL: ("email", "e mail", "email address", "e mail address", "mail"),
    Target.STATE: ("state", "state code", "state province", "province state", "us state", "province", "province code"),
    Target.POSTAL_CODE: (
        "postal code",
        "zip code",
        "zipcode",
        "zip",
        "postcode",
        "post code",
        "zip postal code",
        "postal",
    ),
    Target.TIME_ZONE: ("time zone", "timezone", "tz", "iana time zone"),
    Target.LINE_TYPE: ("line type", "phone type", "number type"),
    Target.BUSINESS: ("business", "is business", "b2b"),
    Target.EXTERNAL_ID: (
        *("external id", "lead id", "vendor lead code", "customer id", "client id", "contact id", "respondent id"),
        *("person id", "member id", "record id", "provider id", "crm id", "id", "uuid", "uid"),
    ),
}
PHONE_WORDS = frozenset(("phone", "telephone", "tel", "mobile", "cell", "cellphone", "cellular", "landline", "msisdn"))
PHONE_QUALIFIERS = frozenset(
    (
        *("number", "no", "num", "nr", "value", "e164", "contact", "customer", "lead", "personal", "home", "work"),
        *(
            "business",
            "office",
            "day",
            "daytime",
            "evening",
            "main",
            "primary",
            "secondary",
            "alternate",
            "alt",
            "other",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Places of the columns in a row; `None` where the file has no such column."""

    width: int
    phones: tuple[tuple[int, str], ...]  # with the column's name, in file order
    senses: Mapping[Target, int]
    custom: tuple[tuple[int, str], ...]  # with the field's name
    first: int  # columns before this one are a rejects file's own


def map_columns(header: Sequence[str], chosen: Sequence[tuple[str, str]] = ()) -> Columns:
    """Map a header; `chosen` are (target, column) pairs that go before the sense of names.

    A choice for a target replaces everything that would have been taken for it. Raises LeadFileError: unknown target or
    column, no phone column.
    """
    header = [name.strip() for name in header]
    first = len(REJECTS_COLUMNS) if tuple(header[: len(REJECTS_COLUMNS)]) == REJECTS_COLUMNS else 0
    taken = _chosen(header, chosen)
    wanted = {target for target, _index in taken}
    used = {index for _target, index in taken}
    plain = {index: _plain(header[index]) for index in range(first, len(header)) if index not in used}
    if Target.PHONE not in wanted:
        taken += [(Target.PHONE, index) for index, name in plain.items() if _is_phone(name)]
    for target, names in SENSES.items():
        if target not in wanted and (index := _find(names, plain)) is not None:
            taken.append((target, index))
    senses: dict[Target, int] = {
        target: index for target, index in taken if target not in (Target.PHONE, Target.CUSTOM)
    }
    if Target.NAME not in wanted and (Target.FIRST_NAME in senses or Target.LAST_NAME in senses):
        senses.pop(Target.NAME, None)
    phones = [index for target, index in taken if target is Target.PHONE]
    if not phones:
        raise LeadFileError(
            f"no phone column among {_listed(header)}: the first line must name the columns; "
            'say which holds the numbers with --map phone="…"'
        )
    mapped = {*phones, *senses.values()}
    rest = [index for index in range(first, len(header)) if index not in mapped]
    return Columns(
        width=len(header),
        phones=tuple((index, header[index]) for index in phones),
        senses=senses,
        custom=_custom_names(header, rest),
        first=first,
    )


def _chosen(header: Sequence[str], chosen: Sequence[tuple[str, str]]) -> list[tuple[Target, int]]:
    taken: list[tuple[Target, int]] = []
    for word, column in chosen:
        if word not in set(Target):
            raise LeadFileError(f"--map {word}=…: there is no {word!r}; known are {', '.join(Target)}")
        target = Target(word)
        index = _place(header, column)
        if any(index == other for _target, other in taken):
            raise LeadFileError(f"--map: column {column!r} is chosen twice")
        if target not in (Target.PHONE, Target.CUSTOM) and any(target is other for other, _index in taken):
            raise LeadFileError(f"--map: two columns are chosen for {word}; only phone and custom take several")
        taken.append((target, index))
    return taken


def _place(header: Sequence[str], column: str) -> int:
    names = [name.casefold() for name in header]
    if column in header:
        return header.index(column)
    if column.strip().casefold() in names:
        return names.index(column.strip().casefold())
    raise LeadFileError(f"--map: there is no column {column!r}; the file has {_listed(header)}")


def _listed(header: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in header[:30])
    return f"{shown} and {len(header) - 30} more" if len(header) > 30 else shown


def _plain(name: str) -> str:
    """`PhoneNumber`, `phone_number` and `Phone-Number` are all `phone number`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.findall(r"[^\W_]+", spaced.casefold()))


def _is_phone(name: str) -> bool:
    words = [re.sub(r"\d+$", "", word) or "number" for word in name.split()]
    return any(word in PHONE_WORDS for word in words) and all(
        word in PHONE_WORDS or word in PHONE_QUALIFIERS for word in words
    )


def _find(names: Sequence[str], plain: Mapping[int, str]) -> int | None:
    for name in names:
        for index, there in plain.items():
            if there == name:
                return index
    return None


def _custom_names(header: Sequence[str], places: Sequence[int]) -> tuple[tuple[int, str], ...]:
    """Every field under a name of its own: nameless and doubled columns are told apart by their number."""
    names: dict[str, int] = {}
    for index in places:
        name = header[index] or f"column {index + 1}"
        while name in names:
            name = f"{name} ({index + 1})"
        names[name] = index
    return tuple((index, name) for name, index in names.items())
