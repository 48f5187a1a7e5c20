"""A row of a lead file becomes a lead, or is refused with one word that says why."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from campaigns.lead_columns import Columns, Target
from campaigns.lead_text import Flaw, Record
from campaigns.phone_numbers import HasExtension, UnusablePhone, e164
from compliance.locating import LocatingError, known_zone
from compliance.places import PLACES


class Reason(StrEnum):
    """Why a row is no lead."""

    NO_PHONE = "no-phone"  # every phone cell is empty
    BAD_PHONE = "bad-phone"  # none is a valid number
    EXTENSION = "extension"  # none is valid without its extension, which a call cannot dial
    RAGGED = "ragged"  # more or fewer cells than the header, or quotes that do not close
    BAD_TIME_ZONE = "bad-time-zone"  # names no place's IANA zone
    BAD_STATE = "bad-state"  # with a number of country code 1: none of its states; the gate would hold it for ever
    BAD_ENCODING = "bad-encoding"  # bytes that are no text in the file's encoding


class LeadRow(NamedTuple):
    """A lead as read, in plain values that survive JSON."""

    line: int  # of the file
    external_id: str | None
    first_name: str
    last_name: str
    email: str
    state: str
    postal_code: str
    time_zone: str
    line_type: str  # of the first number: mobile, landline, voip; empty where the file says nothing that is known
    business: bool | None
    phones: tuple[tuple[str, str], ...]  # E.164 and the column's name, in file order, each number once
    custom: dict[str, str]


class Rejected(NamedTuple):
    line: int
    reason: Reason
    cells: list[str]  # as they stood, without those that a rejects file put before them


_SINGLE = (
    *(Target.EXTERNAL_ID, Target.NAME, Target.FIRST_NAME, Target.LAST_NAME),
    *(Target.EMAIL, Target.STATE, Target.POSTAL_CODE, Target.TIME_ZONE),
    *(Target.LINE_TYPE, Target.BUSINESS),
)
_LINE_TYPES = {
    **dict.fromkeys(("mobile", "cell", "cellular", "wireless", "m"), "mobile"),
    **dict.fromkeys(("landline", "land line", "fixed", "fixed line", "wireline", "l"), "landline"),
    **dict.fromkeys(("voip", "internet", "v"), "voip"),
}
_YES_OR_NO = {
    **dict.fromkeys(("yes", "y", "true", "1", "business"), True),
    **dict.fromkeys(("no", "n", "false", "0", "residence", "residential", "consumer"), False),
}


def row_reader(columns: Columns, region: str) -> Callable[[Record], LeadRow | Rejected]:
    """How to read the rows under these columns; `region` is the country of numbers without a country code."""
    pick = itemgetter(*(columns.senses.get(target, -1) for target in _SINGLE))

    def read(record: Record) -> LeadRow | Rejected:
        line, cells, flaw = record
        if flaw is Flaw.QUOTES:
            return Rejected(line, Reason.RAGGED, cells)
        if flaw is Flaw.BYTES or len(cells) != columns.width:
            return Rejected(line, Reason.BAD_ENCODING if flaw else Reason.RAGGED, cells[columns.first :])
        custom = {field: cells[index] for index, field in columns.custom}
        phones = _phones(cells, columns, region, custom)
        if isinstance(phones, Reason):
            return Rejected(line, phones, cells[columns.first :])
        single = pick([*cells, ""])  # an absent column is at -1
        external_id, name, *rest, line_type, business = [cell.strip() for cell in single]
        first, last, email, state, postal_code, time_zone = rest
        if wrong := _wrong_place(phones, state, time_zone):
            return Rejected(line, wrong, cells[columns.first :])
        if name:
            first, last = _split_name(name)
        line_type, is_business = _LINE_TYPES.get(line_type.lower(), ""), _YES_OR_NO.get(business.lower())
        address = (email, state, postal_code, time_zone)
        return LeadRow(line, external_id or None, first, last, *address, line_type, is_business, phones, custom)

    return read


def _phones(
    cells: Sequence[str], columns: Columns, region: str, custom: dict[str, str]
) -> tuple[tuple[str, str], ...] | Reason:
    """The valid numbers, or why there is none; text that is no number is kept among the custom fields."""
    found: dict[str, str] = {}
    reason = Reason.NO_PHONE
    for index, label in columns.phones:
        text = cells[index].strip()
        if not text:
            continue
        try:
            found.setdefault(e164(text, region), label)
        except UnusablePhone as error:
            custom[label] = text
            if reason is not Reason.BAD_PHONE:
                reason = Reason.EXTENSION if isinstance(error, HasExtension) else Reason.BAD_PHONE
    return tuple(found.items()) or reason


def _wrong_place(phones: Sequence[tuple[str, str]], state: str, time_zone: str) -> Reason | None:
    if time_zone:
        try:
            known_zone(time_zone)
        except LocatingError:
            return Reason.BAD_TIME_ZONE
    if not state or state in PLACES or state.upper() in PLACES:
        return None
    return Reason.BAD_STATE if any(number.startswith("+1") for number, _label in phones) else None


def _split_name(name: str) -> tuple[str, str]:
    """First and last name of `Ann B. Lee` and `Lee, Ann B.`; a single word is a first name."""
    if "," in name:
        last, _comma, first = name.partition(",")
        return first.strip(), last.strip()
    first, _space, last = name.rpartition(" ")
    return (first.rstrip(), last) if first else (last, "")
