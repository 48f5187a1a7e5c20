"""One order of claims and of what is said meanwhile, on a server with several writers; SQLite has one.

A claim keeps its numbers until the commit, and asks only then whether they may be called. Whoever forbids calls to a
number waits for whoever claims it. So either the claim knows of it, or the call was committed before it was said.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

FEW = 100  # numbers locked one by one; the server has room for some thousand locks

# Two spaces of locks of their own: the numbers, and all of them together.
_KEEP = text(
    "SELECT number FROM unnest(CAST(:numbers AS text[])) AS number "
    "WHERE pg_try_advisory_xact_lock_shared(1684629870, 0) AND pg_try_advisory_xact_lock(1684629869, hashtext(number))"
)
_TAKE = text(  # in one order, or two that take the same numbers would each wait for the other
    "SELECT pg_advisory_xact_lock(1684629869, place) FROM "
    "(SELECT DISTINCT hashtext(number) AS place FROM unnest(CAST(:numbers AS text[])) AS number ORDER BY place) AS few"
)
_TAKE_ALL = text("SELECT pg_advisory_xact_lock(1684629870, 0)")


def keep(connection: Connection, numbers: Sequence[str]) -> set[str]:
    """Those of the numbers (E.164) that nobody else is claiming, by any lead, or forbidding; until the commit."""
    if connection.dialect.name == "sqlite":
        return set(numbers)
    return set(connection.execute(_KEEP, {"numbers": list(numbers)}).scalars())


def wait_for_claims(connection: Connection, numbers: Sequence[str] | None = None) -> None:
    """Before calls to the numbers, or to many, are forbidden: nobody claims them until the commit."""
    if connection.dialect.name == "sqlite":
        return
    if numbers is None or len(numbers) > FEW:
        connection.execute(_TAKE_ALL)
    else:
        connection.execute(_TAKE, {"numbers": list(numbers)})
