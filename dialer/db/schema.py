"""The schema's version: made and migrated by Alembic, refused when it is another than the code's."""

import os
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

from dialer.db.database import Database, DatabaseError, make_engine, sqlite_path, take_lock

HEAD = "0004"  # the newest migration; a test holds it against Alembic
OURS = {"alembic_version", "attempt"}


class WrongSchema(DatabaseError):
    """The database is of another version than this program."""


def version(path: Path) -> str | None:
    """The version in the file, which is left as it is; None when not there or empty. Raises DatabaseError.

    Only SQLite opens the file: closing any other handle on it would drop the locks that this process has there.
    """
    try:
        if not path.exists() or path.stat().st_size == 0:
            return None
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return _version(connection, path)
    except (OSError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise DatabaseError(
                f"{path} is no SQLite database, or a damaged one: name another file in database_url"
            ) from None
        raise DatabaseError(f"{path} cannot be read: {error}: name another file in database_url") from None


def _version(connection: sqlite3.Connection, path: Path) -> str | None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    if tables >= OURS and (row := connection.execute("SELECT version_num FROM alembic_version").fetchone()):
        return str(row[0])
    raise WrongSchema(f"{path} holds other tables than a dialer's: name another file in database_url")


def check_version(path: Path) -> None:
    """Raises WrongSchema unless the file has the code's version."""
    found = version(path)
    if found is None:
        raise WrongSchema(f"there is no database {path}: make it with `dialer db upgrade`")
    if found != HEAD:
        raise WrongSchema(f"{path} has schema {found}, this dialer wants {HEAD}: {_remedy(found)}")


def _remedy(found: str) -> str:
    return "run `dialer db upgrade`" if found < HEAD else "install the newer dialer that made it"


def open_current(url: str) -> Database:
    """Take the right to write to a database of this version, made when there is none.

    The version is looked at with the right in hand: until then another process may migrate the file or replace it.
    Raises DatabaseTaken, WrongSchema, DatabaseError.
    """
    path = sqlite_path(url)
    if version(path) is None:
        upgrade(path)
    database = Database.open(url)
    try:
        check_version(path)
    except DatabaseError:
        database.close()
        raise
    return database


def upgrade(path: Path) -> tuple[str | None, str]:
    """Make or migrate the database; versions before and after. Raises DatabaseTaken, WrongSchema."""
    from alembic import command
    from alembic.config import Config

    lock = take_lock(path)
    try:
        before = version(path)
        if before is not None and before > HEAD:
            raise WrongSchema(f"{path} has schema {before}, this dialer knows {HEAD}: {_remedy(before)}")
        engine = make_engine(path)
        config = Config()
        config.set_main_option("script_location", str(resources.files("dialer.db") / "migrations"))
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        engine.dispose()
        return before, HEAD
    finally:
        os.close(lock)
