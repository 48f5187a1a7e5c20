"""When, if ever, a lead is tried again after what came of an attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from campaigns.dispositions import lookup
from campaigns.lead import Priority


class Ending(StrEnum):
    """Why a lead is finished."""

    DISPOSITION = "disposition"  # it is final
    TRIES = "tries"  # this disposition has come too often
    ATTEMPTS = "attempts"  # the campaign's attempts per lead are used up
    PHONES = "phones"  # every phone is retired


@dataclass(frozen=True, slots=True)
class Again:
    due_at: datetime
    priority: Priority


@dataclass(frozen=True, slots=True)
class Finished:
    reason: Ending


@dataclass(frozen=True, slots=True)
class Retry:
    """Waits counted from the placing of the attempt: after the first try of this kind, the second, … the last repeats.

    After `tries` attempts on one phone with this disposition the phone is retired where the catalogue says so, and the
    lead finished where it does not; None leaves it to the campaign's attempts per lead.
    """

    waits: tuple[timedelta, ...]
    tries: int | None = None
    uses_try: bool = True  # counts towards the campaign's attempts per lead
    priority: Priority = Priority.RECYCLED


_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

RETRIES: Mapping[str, Retry] = MappingProxyType(
    {
        # The line is in use now, so somebody is there soon; after three times it is no longer the same talk.
        "busy": Retry((15 * _MINUTE, 15 * _MINUTE, 15 * _MINUTE, 4 * _HOUR)),
        "no-answer": Retry((4 * _HOUR,)),  # another part of the day
        "not-available": Retry((4 * _HOUR,)),
        "machine": Retry((28 * _HOUR, 20 * _HOUR)),  # the next day, later; then the next day, earlier
        "dead-air": Retry((_DAY,), tries=3),
        "no-disposition": Retry((_DAY,), tries=2),  # somebody was talked to: not every day
        "hung-up": Retry((_DAY,), tries=2),
        "soft-refusal": Retry((7 * _DAY,), tries=2),  # queXS: 10,080 minutes after a refusal
        "break-off": Retry((7 * _DAY,), tries=2),
        # A number is out of service only if two dials on two days say so (AAPOR 4.31); the same for fax (4.20).
        "failed": Retry((_DAY,), tries=2),
        "fax": Retry((_DAY,), tries=2),
        "wrong-number": Retry((), tries=1),  # another phone of the lead may be right
        "not-in-service": Retry((), tries=1),
        "rejected": Retry((), tries=1),
        "callback": Retry((4 * _HOUR,), priority=Priority.CALLBACK),  # when no time was promised
        "abandoned": Retry((72 * _HOUR,)),  # the cool-down after a call that nobody was there for
        "lost": Retry((_DAY,)),  # it may have rung
        "canceled": Retry((_HOUR,), uses_try=False),
        "not-placed": Retry((2 * _MINUTE,), uses_try=False),
    }
)


def uses_try(code: str) -> bool:
    """Whether an attempt with this disposition counts towards the campaign's attempts per lead."""
    return lookup(code).final or RETRIES[code].uses_try


def retires_phone(code: str, tries_of_it: int) -> bool:
    """Whether the number is given up after so many attempts on it with this disposition, the last one included."""
    if not lookup(code).retire_phone:
        return False
    tries = RETRIES[code].tries
    return tries is not None and tries_of_it >= tries


def recycle(
    code: str,
    *,
    tries_of_it: int,
    attempts: int,
    attempts_per_lead: int,
    phones_left: bool,
    callback_at: datetime | None,
    now: datetime,
) -> Again | Finished:
    """What follows for the lead; `due_at` is never before `now`, the time at which the attempt was placed.

    `tries_of_it` counts the attempts on this phone with this disposition, this one included; `attempts` those of the
    lead that used up a try; `phones_left` is asked after `retires_phone` has been obeyed. A promised time holds only
    while attempts are left. Raises UnknownDisposition.
    """
    disposition = lookup(code)
    if disposition.final:
        return Finished(Ending.DISPOSITION)
    if not phones_left:
        return Finished(Ending.PHONES)
    if attempts >= attempts_per_lead:
        return Finished(Ending.ATTEMPTS)
    retry = RETRIES[code]
    if retires_phone(code, tries_of_it):
        return Again(now, retry.priority)  # on another phone
    if retry.tries is not None and tries_of_it >= retry.tries:
        return Finished(Ending.TRIES)
    if disposition.callback and callback_at is not None:
        return Again(max(callback_at, now), Priority.CALLBACK)
    wait = retry.waits[min(tries_of_it, len(retry.waits)) - 1]
    return Again(now + wait, retry.priority)
