"""Where a database is: what its kinds have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import Engine


class DatabaseError(Exception):
    """The database cannot be used; the message says which, why and what to do."""


class DatabaseTaken(DatabaseError):
    """Another process writes to this database."""


@dataclass(frozen=True, slots=True)
class Writing:
    """The right to write, for one process at a time, until it is released or the process ends."""

    engine: Engine
    announce: Callable[[str], None]  # tells other processes how to reach the one that writes
    release: Callable[[], None]


class Contents(NamedTuple):
    tables: set[str]
    version: str | None  # of the schema, if it is noted


class Place(Protocol):
    """A place's text is fit for messages."""

    def reading(self) -> Engine:
        """An engine whose transactions see one snapshot each, and which the database itself keeps from writing."""

    def writing(self) -> Writing:
        """Raises DatabaseTaken."""

    def announced(self) -> str:
        """What the writing process has told of itself; empty when nothing, or when that process is gone."""

    def contents(self) -> Contents:
        """What is there; looking makes nothing. Raises DatabaseError."""
