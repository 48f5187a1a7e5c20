"""Where a database is: what its kinds have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import Engine


class DatabaseError(Exception):
    """The database cannot be used; the message says which, why and what to do."""


class DatabaseTaken(DatabaseError):
    """Another process writes to this database, and not beside others."""


@dataclass(frozen=True, slots=True)
class Writing:
    """The right to write, until it is released or the process ends."""

    engine: Engine
    announce: Callable[[str], None]  # tells other processes how to reach this one
    release: Callable[[], None]


Check = Callable[[], None]


def nothing() -> None:
    """No check."""


class Contents(NamedTuple):
    tables: set[str]
    version: str | None  # of the schema, if it is noted


class Place(Protocol):
    """A place's text is fit for messages."""

    def reading(self, node: str | None = None) -> Engine:
        """An engine whose transactions see one snapshot each, and which the database itself keeps from writing.

        A node's gives up a server that stands still.
        """

    def writing(self, node: str | None = None, check: Check = nothing) -> Writing:
        """The right to write: alone, or with a name beside other nodes where the database can. Raises DatabaseTaken.

        `check` is made whenever the right was taken, and gives it back by raising DatabaseError.
        """

    def announced(self) -> list[str]:
        """What each writing process has told of itself, the likeliest to answer first; without those that are gone."""

    def contents(self) -> Contents:
        """What is there; looking makes nothing. Raises DatabaseError."""
