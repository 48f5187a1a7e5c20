"""Which of somebody's consents holds now."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from compliance.rule import LEVELS

ANY_CLIENT = "*"


class Given(NamedTuple):
    """A consent as far as time and kind go: it counts from `given_at` until just before it expires or is revoked."""

    kind: str  # relationship, express, written
    given_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def in_force(self, now: datetime) -> bool:
        ends = [end for end in (self.expires_at, self.revoked_at) if end is not None]
        return self.given_at <= now and all(now < end for end in ends)


def strongest(consents: Iterable[Given], now: datetime) -> str:
    """The highest kind in force, or "none". Raises ValueError for an unknown kind, even of one not in force."""
    best = 0
    for given in consents:
        if given.kind not in LEVELS:
            raise ValueError(f"{given.kind!r} is no consent: there are {', '.join(LEVELS[1:])}")
        if given.in_force(now):
            best = max(best, LEVELS.index(given.kind))
    return LEVELS[best]
