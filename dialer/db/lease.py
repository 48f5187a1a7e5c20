"""Leases and nodes as rows: who does what, until when. The database's clock decides, never a node's.

A holder that stands still past the end of its lease does not know it. So each lease has a token that grows with every
change of holder, and a write that must only be the holder's asks in its own transaction whether its token is still the
lease's (`still_held`); the row is then locked until the commit, and nobody takes the lease meanwhile. (Kleppmann, "How
to do distributed locking", calls it fencing.)
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Float, case, literal_column, or_, select, text, update
from sqlmodel import SQLModel

import dialer.tables  # noqa: F401 - fills the metadata read below
from compliance.upsert import upsert
from dialer.shares import Cluster

LEASE, NODE = SQLModel.metadata.tables["lease"], SQLModel.metadata.tables["node"]
NAMES = 0x6E6F6465  # "node": PostgreSQL's space of locks for the names of nodes, each held by the node's connection

_CLOCKS = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
}
_NAMED = (  # objid is unsigned
    "SELECT name FROM node JOIN pg_locks ON objid::bigint = hashtext(name)::bigint & 4294967295 "
    "JOIN pg_database ON pg_database.oid = pg_locks.database WHERE locktype = 'advisory' "
    "AND datname = current_database() AND classid = :names AND objsubid = 2 AND granted"
)
CONNECTED = text(f"SELECT told FROM node WHERE told <> '' AND name IN ({_NAMED}) ORDER BY seen_at DESC")
_GONE = text(f"SELECT name FROM node WHERE name NOT IN ({_NAMED})")


def clock(connection: Connection) -> ColumnElement[float]:
    """The database's own time where the statement is now, in seconds since 1970."""
    return literal_column(_CLOCKS[connection.dialect.name], Float)


def gone(connection: Connection) -> frozenset[str]:
    """Nodes whose connection the server has seen end, as it does at once when a process is killed. One that only lost
    its connection may come back: its tokens are old then.
    """
    if connection.dialect.name == "sqlite":
        return frozenset()
    return frozenset(connection.execute(_GONE, {"names": NAMES}).scalars())


def look(connection: Connection, seconds: float, gone: Collection[str] = ()) -> Cluster:
    """Nodes seen within so many seconds, and the leases held, without those that are gone."""
    now = clock(connection)
    seen = connection.execute(select(NODE.c.name).where(NODE.c.seen_at > now - seconds)).scalars()
    held = connection.execute(select(LEASE.c.name, LEASE.c.node).where(LEASE.c.expires_at > now))
    return Cluster(frozenset(seen) - frozenset(gone), {name: node for name, node in held if node not in gone})


def show_up(connection: Connection, node: str) -> None:
    """Say that the node is there and takes work."""
    now = clock(connection)
    row = upsert(connection.dialect.name, NODE).values(name=node, told="", seen_at=now)
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"seen_at": now}))


def step_back(connection: Connection, node: str) -> None:
    """Say that the node takes no more work."""
    connection.execute(update(NODE).where(NODE.c.name == node).values(seen_at=0.0))


def take(
    connection: Connection, names: Collection[str], node: str, seconds: float, gone: Collection[str] = ()
) -> dict[str, int]:
    """Take or renew those of the leases that are free, the node's own or held by one that is gone: the token of each
    that it now holds.

    Ask only for leases that look free: one that another holds is locked for a moment, and its holder waits.
    """
    if not names:
        return {}
    now = clock(connection)
    # One order for all nodes, or two that take the same leases would each wait for the other.
    rows = [{"name": name, "node": node, "token": 1, "expires_at": now + seconds} for name in sorted(names)]
    new = upsert(connection.dialect.name, LEASE).values(rows)
    token = case((LEASE.c.node == node, LEASE.c.token), else_=LEASE.c.token + 1)
    taken = new.on_conflict_do_update(
        index_elements=["name"],
        set_={"node": node, "token": token, "expires_at": now + seconds},
        where=or_(LEASE.c.node == node, LEASE.c.node.in_(gone), LEASE.c.expires_at <= now),
    )
    return {name: token for name, token in connection.execute(taken.returning(LEASE.c.name, LEASE.c.token))}


def give_back(connection: Connection, node: str, names: Collection[str] | None = None) -> None:
    """Let others have the node's leases at once: some, or all. Whoever takes one next has a new token."""
    mine = update(LEASE).where(LEASE.c.node == node)
    if names is not None:
        mine = mine.where(LEASE.c.name.in_(names))
    connection.execute(mine.values(node="", expires_at=0.0))


def still_held(connection: Connection, name: str, node: str, token: int) -> bool:
    """Whether the token is still the lease's; if so it stays so until the commit."""
    mine = (LEASE.c.name == name, LEASE.c.node == node, LEASE.c.token == token)
    return connection.execute(select(LEASE.c.name).where(*mine).with_for_update(read=True)).first() is not None
