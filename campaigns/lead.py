"""A lead: whether it may be offered, how urgent it is, and which of its phones is next."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Protocol, TypeVar


class Standing(StrEnum):
    OPEN = "open"  # the hopper may offer it once it is due
    DIALLING = "dialling"
    FINISHED = "finished"


class Priority(IntEnum):
    """Lower is dialled first."""

    CALLBACK = 0
    RECYCLED = 1
    FRESH = 2


class Number(Protocol):
    """One phone of a lead, as in the table `phone`."""

    @property
    def retired(self) -> str | None: ...
    @property
    def attempts(self) -> int: ...
    @property
    def rank(self) -> int: ...


N = TypeVar("N", bound=Number)


def next_phone(phones: Iterable[N]) -> N | None:
    """The phone tried least, the first in the file among equals; None when all are retired."""
    usable = [phone for phone in phones if phone.retired is None]
    if len(usable) == 1:  # most leads, and there are many
        return usable[0]
    return min(usable, key=lambda phone: (phone.attempts, phone.rank), default=None)
