"""The schema's version: made and migrated by Alembic, refused when it is another than the code's."""

import os
from importlib import resources
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from dialer.db.database import DatabaseError, make_engine, take_lock

HEAD = "0001"  # the newest migration; a test holds it against Alembic


class WrongSchema(DatabaseError):
    """The database is of another version than this program."""


def version(path: Path) -> str | None:
    """The version in the file; None for a file that is not there or is empty. Raises DatabaseError."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\x00":
            raise DatabaseError(f"{path} is no SQLite database: name another file in database_url")
    engine = make_engine(path, begin="BEGIN")
    try:
        with engine.connect() as connection:
            return _version(connection, path)
    finally:
        engine.dispose()


def _version(connection: Connection, path: Path) -> str | None:
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise WrongSchema(f"{path} holds other tables than a dialer's: name another file in database_url")
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def check_version(path: Path) -> None:
    """Raises WrongSchema unless the file has the code's version."""
    found = version(path)
    if found is None:
        raise WrongSchema(f"there is no database {path}: make it with `dialer db upgrade`")
    if found != HEAD:
        raise WrongSchema(f"{path} has schema {found}, this dialer wants {HEAD}: {_remedy(found)}")


def _remedy(found: str) -> str:
    return "run `dialer db upgrade`" if found < HEAD else "install the newer dialer that made it"


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
