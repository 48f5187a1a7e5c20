"""Calls that all nodes together may start now: a bucket in the database that fills at the carrier's rate.

It holds one second of it at the most. Taken within the transaction that claims the calls, so that two nodes never have
the same one, and by the database's clock, so that nobody's own counts.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlmodel import SQLModel

import dialer.tables  # noqa: F401 - fills the metadata read below
from dialer.db.lease import clock

BUDGET = SQLModel.metadata.tables["call_budget"]


@dataclass(frozen=True, slots=True)
class Held:
    """The bucket, locked: `calls` in it at a moment of the database's clock."""

    calls: float
    at: float


def filled(calls: float, seconds: float, calls_per_second: float) -> float:
    """What a bucket holds so many seconds after it held `calls`. A clock that goes back fills nothing."""
    return min(calls + max(0.0, seconds) * calls_per_second, max(1.0, calls_per_second))


def available(connection: Connection, calls_per_second: float) -> int:
    """Whole calls that may be started now, unless another node takes them first."""
    calls, seconds = connection.execute(select(BUDGET.c.calls, clock(connection) - BUDGET.c.filled_at)).one()
    least = 1 if seconds < 0 else 0  # the clock was set back: whoever wants that call sets the bucket right
    return max(least, int(filled(calls, seconds, calls_per_second)))


def held(connection: Connection, calls_per_second: float) -> Held:
    """What may be started now; nobody else starts any until the commit."""
    locked = select(BUDGET.c.calls, BUDGET.c.filled_at).with_for_update()
    calls, filled_at = connection.execute(locked).one()
    now = connection.execute(select(clock(connection))).scalar_one()  # once the lock is ours
    if now < filled_at:  # it was set back: filling goes on from here, or nobody would be called until it has caught up
        connection.execute(update(BUDGET).values(filled_at=now))
    return Held(filled(calls, now - filled_at, calls_per_second), now)


def spend(connection: Connection, held: Held, calls: int) -> None:
    """Take so many of them."""
    if calls:
        connection.execute(update(BUDGET).values(calls=held.calls - calls, filled_at=held.at))
