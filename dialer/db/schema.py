"""The schema's version: made and migrated by Alembic, refused when it is another than the code's."""

from importlib import resources

from dialer.db.database import Database, place_of
from dialer.db.place import DatabaseError, Place

HEAD = "0008"  # the newest migration; a test holds it against Alembic
OURS = {"alembic_version", "attempt"}


class WrongSchema(DatabaseError):
    """The database is of another version than this program."""


def version(place: Place) -> str | None:
    """The version of the database, which is left as it is; None when not there or empty. Raises DatabaseError."""
    tables, noted = place.contents()
    if not tables:
        return None
    if tables >= OURS and noted is not None:
        return noted
    raise WrongSchema(f"{place} holds other tables than a dialer's: name another in database_url")


def check_version(place: Place) -> None:
    """Raises WrongSchema unless the database has the code's version."""
    found = version(place)
    if found is None:
        raise WrongSchema(f"there is no database {place}: make it with `dialer db upgrade`")
    if found != HEAD:
        raise WrongSchema(f"{place} has schema {found}, this dialer wants {HEAD}: {_remedy(found)}")


def _remedy(found: str) -> str:
    return "run `dialer db upgrade`" if found < HEAD else "install the newer dialer that made it"


def open_current(url: str, node: str | None = None) -> Database:
    """Take the right to write to a database of this version, made when there is none: alone, or as a node of that name.

    The version is looked at with the right in hand, whenever that is taken: until then another process may migrate the
    database or replace it.
    Raises DatabaseTaken, WrongSchema, DatabaseError.
    """
    place = place_of(url)
    if version(place) is None:
        upgrade(place)
    return Database.open(url, node, lambda: check_version(place))


def upgrade(place: Place) -> tuple[str | None, str]:
    """Make or migrate the database; versions before and after. Raises DatabaseTaken, WrongSchema.

    One of this version is left alone, so it may be in use.
    """
    if version(place) == HEAD:
        return HEAD, HEAD
    from alembic import command
    from alembic.config import Config

    writing = place.writing()
    try:
        before = version(place)
        if before is not None and before > HEAD:
            raise WrongSchema(f"{place} has schema {before}, this dialer knows {HEAD}: {_remedy(before)}")
        config = Config()
        config.set_main_option("script_location", str(resources.files("dialer.db") / "migrations"))
        with writing.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before, HEAD
    finally:
        writing.release()
