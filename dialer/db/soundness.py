"""What SQLite itself finds wrong with a database file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

FAULTS_SHOWN = 5


@contextmanager
def opened_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, without SQLAlchemy between: for copies and checks of any schema."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
        yield connection


def damage(connection: sqlite3.Connection) -> list[str]:
    """The first faults that `PRAGMA integrity_check` names; empty when the file is sound."""
    try:
        rows = connection.execute(f"PRAGMA integrity_check({FAULTS_SHOWN})").fetchall()
    except sqlite3.DatabaseError as error:  # damaged where SQLite cannot even begin
        return [str(error)]
    return [] if rows == [("ok",)] else [" ".join(str(text).split()) for (text,) in rows]


def dangling(connection: sqlite3.Connection) -> list[str]:
    """The first rows that name a row of another table which is not there."""
    try:
        rows = connection.execute("PRAGMA foreign_key_check").fetchmany(FAULTS_SHOWN)
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [f"row {row_id} of {table} names a {parent} that is not there" for table, row_id, parent, _key in rows]
