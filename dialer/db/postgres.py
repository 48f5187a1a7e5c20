"""A database on a PostgreSQL server. The right to write is an advisory lock of the writing connection itself.

So nobody writes without it: when the server or the network breaks the connection, the next one must take it anew.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, inspect, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from dialer.db.place import Contents, DatabaseError, DatabaseTaken, Writing
from dialer.tables import Node

LOCK = (0x6469616C, 1)  # "dial" in ASCII, so as not to meet another program's; 1: the right to write
CONNECT_SECONDS = 5
SESSION = "-c timezone=UTC"  # lead files are written as text, without a zone
READ_ONLY = f"{SESSION} -c default_transaction_read_only=on"
WRITER = "writer"
DRIVER = "postgresql+psycopg"

_NODE = Node.__table__  # type: ignore[attr-defined]
_TAKE = "SELECT pg_try_advisory_lock(%s, %s)"
_HELD = text(
    "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database WHERE locktype = 'advisory' "
    "AND datname = current_database() AND classid = :class AND objid = :object AND objsubid = 2 AND granted"
)


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    url: URL

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def reading(self) -> Engine:
        return self._engine(READ_ONLY, isolation_level="REPEATABLE READ")

    def writing(self) -> Writing:
        engine = self._engine(SESSION, pool_size=1, max_overflow=0)

        @event.listens_for(engine, "connect")
        def _take_lock(connection: Any, _record: object) -> None:
            taken = connection.execute(_TAKE, LOCK).fetchone()[0]
            connection.commit()
            if not taken:
                connection.close()
                raise DatabaseTaken(f"{self} is being written by another process: stop it, or let it do the work")

        @event.listens_for(engine, "close")
        def _give_back(connection: Any, _record: object) -> None:
            if not connection.closed:  # the server would see the end of the connection a moment after the next command
                connection.execute("SELECT pg_advisory_unlock_all()")

        def announce(told: str) -> None:
            row = insert(_NODE).values(name=WRITER, told=told)
            with engine.begin() as connection:
                connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"told": told}))

        try:
            engine.connect().close()
        except OperationalError as error:
            raise self._unreachable(error) from None
        return Writing(engine, announce, engine.dispose)

    def announced(self) -> str:
        engine = self.reading()
        try:
            with engine.connect() as connection:
                if not connection.execute(_HELD, {"class": LOCK[0], "object": LOCK[1]}).first():
                    return ""
                if not inspect(connection).has_table(_NODE.name):
                    return ""
                told = connection.execute(select(_NODE.c.told).where(_NODE.c.name == WRITER)).scalar_one_or_none()
                return told or ""
        except OperationalError as error:
            raise self._unreachable(error) from None
        finally:
            engine.dispose()

    def contents(self) -> Contents:
        engine = self.reading()
        try:
            with engine.connect() as connection:
                tables = set(inspect(connection).get_table_names())
                noted = text("SELECT version_num FROM alembic_version")
                version = connection.execute(noted).scalar_one_or_none() if "alembic_version" in tables else None
                return Contents(tables, version)
        except OperationalError as error:
            raise self._unreachable(error) from None
        finally:
            engine.dispose()

    def _engine(self, session: str, **options: Any) -> Engine:
        connect = {"connect_timeout": CONNECT_SECONDS, "options": session}
        return create_engine(
            self.url.set(drivername=DRIVER), connect_args=connect, pool_pre_ping=True, hide_parameters=True, **options
        )

    def _unreachable(self, error: OperationalError) -> DatabaseError:
        reason = str(error.orig).strip().splitlines()[0]
        return DatabaseError(f"{self} cannot be reached: {reason}: check database_url, and that the server runs")
