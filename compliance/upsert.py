"""Inserts that may meet a row of the same key: each database has its own statement, and both are made alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite


def upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert with `on_conflict_do_nothing` and `on_conflict_do_update`; `dialect` by SQLAlchemy's name."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose key is not there yet; how many they were."""
    if not rows:
        return 0
    new = upsert(connection.dialect.name, table).on_conflict_do_nothing()
    if connection.dialect.name == "sqlite":
        return connection.execute(new, rows).rowcount
    return len(connection.execute(new.returning(literal_column("1")), rows).all())  # many at once are not counted
