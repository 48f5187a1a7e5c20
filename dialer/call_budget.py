"""Calls that all nodes together may start now: a bucket in the database that fills at the carrier's rate.

Taken within the transaction that claims the calls, so that two nodes never have the same one, and by the database's
clock, so that nobody's own counts.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlmodel import SQLModel

import dialer.tables  # noqa: F401 - fills the metadata read below
from dialer.db.lease import clock

LONGEST = 4.0  # seconds of calls: they are placed one after the other, and a clearance expires after 5 s
BUDGET = SQLModel.metadata.tables["call_budget"]


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast the carrier starts calls, and how often a node asks for some."""

    calls_per_second: float
    tick_seconds: float

    @property
    def most(self) -> float:
        """Calls that the bucket holds: those of two ticks, so that a late tick loses none; and no less than of one
        second. No stretch of time sees more than the rate's and these.
        """
        return max(1.0, self.calls_per_second * min(max(1.0, 2 * self.tick_seconds), LONGEST))


@dataclass(frozen=True, slots=True)
class Held:
    """The bucket, locked: `calls` in it at a moment of the database's clock."""

    calls: float
    at: float


def seconds_until_turn(held: Held, rate: Rate) -> float:
    """How long the calls taken before, by whichever node, need until the last of them is placed: one after the other at
    the rate. The bucket fills at that rate too, so what is missing in it are those that still wait for their turn; and
    agents' seats of the last moment, which are rung at once.
    """
    return (rate.most - held.calls) / rate.calls_per_second


def filled(calls: float, seconds: float, rate: Rate) -> float:
    """What a bucket holds so many seconds after it held `calls`. A clock that goes back fills nothing."""
    return min(calls + max(0.0, seconds) * rate.calls_per_second, rate.most)


def available(connection: Connection, rate: Rate) -> int:
    """Whole calls that may be started now, unless another node takes them first."""
    calls, seconds = connection.execute(select(BUDGET.c.calls, clock(connection) - BUDGET.c.filled_at)).one()
    least = 1 if seconds < 0 else 0  # the clock was set back: whoever wants that call sets the bucket right
    return max(least, int(filled(calls, seconds, rate)))


def held(connection: Connection, rate: Rate) -> Held:
    """What may be started now; nobody else starts any until the commit."""
    locked = select(BUDGET.c.calls, BUDGET.c.filled_at).with_for_update()
    calls, filled_at = connection.execute(locked).one()
    now = connection.execute(select(clock(connection))).scalar_one()  # once the lock is ours
    if now < filled_at:  # it was set back: filling goes on from here, or nobody would be called until it has caught up
        connection.execute(update(BUDGET).values(filled_at=now))
    return Held(filled(calls, now - filled_at, rate), now)


def spend(connection: Connection, held: Held, calls: int) -> None:
    """Take so many of them."""
    if calls:
        connection.execute(update(BUDGET).values(calls=held.calls - calls, filled_at=held.at))
