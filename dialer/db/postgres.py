"""A database on a PostgreSQL server. The right to write is an advisory lock of the writing connection itself.

Nodes hold it shared, side by side, and each holds its name's lock alone; whoever writes without being a node (a
command, a migration) holds it alone. So no command writes behind a node, and nobody writes without the right: when the
server or the network breaks the connection, the next one must take it anew.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.abc import RV, PQGen
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

import dialer.db.savepoints  # noqa: F401 - makes the driver known
from dialer.db.lease import CONNECTED, LEASE, NAMES, NODE, clock
from dialer.db.place import Check, Contents, DatabaseError, DatabaseTaken, Writing, nothing

WRITE = (0x6469616C, 1)  # "dial" in ASCII, so as not to meet another program's; 1: the right to write
CONNECT_SECONDS = 5
CUT_SECONDS = 5  # without a sign of the server, by our own kernel; a unix socket needs none of it, and libpq ignores it
ALIVE = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": CUT_SECONDS - 2,
    "tcp_user_timeout": CUT_SECONDS * 1000,  # keepalives are silent while something sent is not acknowledged
}
SILENT_SECONDS = 60.0  # longer than any statement of a node should last; commands and migrations may take longer
LOCK_WAIT = "300ms"  # longer than nodes keep each other waiting, shorter than the server's look for deadlocks (1 s)
STANDSTILL = "2s"  # within a transaction, until the server ends it: what a stopped node has locked holds up the others
DEAD_PEER = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"  # the server of us: 11 s
SESSION = f"-c timezone=UTC {DEAD_PEER}"  # lead files are written as text, without a zone
READ_ONLY = f"{SESSION} -c default_transaction_read_only=on"
BESIDE_OTHERS = f"{SESSION} -c lock_timeout={LOCK_WAIT} -c idle_in_transaction_session_timeout={STANDSTILL}"
DRIVER = "postgresql+plain"

_ALONE = "SELECT pg_try_advisory_lock(%s, %s)"
_SHARED = "SELECT pg_try_advisory_lock_shared(%s, %s)"
_DURABLE = (  # whoever is answered after a commit relies on it; which of the other settings it is, is the operator's
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
_SWITCHED_OFF = text("SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'")
_NAME = "SELECT pg_try_advisory_lock(%s, hashtext(%s))"


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    url: URL

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def reading(self, node: str | None = None) -> Engine:
        return self._engine(READ_ONLY, patient=node is None, isolation_level="REPEATABLE READ")

    def writing(self, node: str | None = None, check: Check = nothing) -> Writing:
        session = SESSION if node is None else f"{BESIDE_OTHERS} -c application_name={node}"
        engine = self._engine(session, patient=node is None, pool_size=1, max_overflow=0)

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _record: object) -> None:
            connection.execute(_DURABLE)
            try:
                self._take_right(connection, node)
                check()  # while we were cut off, somebody may have migrated what is there
            except DatabaseError:
                _give_back(connection)
                connection.close()
                raise

        @event.listens_for(engine, "close")
        def _closed(connection: Any, _record: object) -> None:
            if not connection.closed:
                _give_back(connection)

        def announce(told: str) -> None:
            with engine.begin() as connection:
                now = clock(connection)
                row = insert(NODE).values(name=node, told=told, seen_at=now)
                connection.execute(
                    row.on_conflict_do_update(index_elements=["name"], set_={"told": told, "seen_at": now})
                )

        try:
            engine.connect().close()
        except OperationalError as error:
            raise self._unreachable(error) from None
        return Writing(engine, announce, engine.dispose)

    def _take_right(self, connection: Any, node: str | None) -> None:
        taken = connection.execute(_ALONE if node is None else _SHARED, WRITE).fetchone()[0]
        named = taken and (node is None or connection.execute(_NAME, (NAMES, node)).fetchone()[0])
        connection.commit()
        if not taken:
            raise DatabaseTaken(f"{self} is being written by another process: stop it, or let it do the work")
        if not named:
            raise DatabaseTaken(f"a node {node!r} of {self} runs: give this one another DIALER_NODE_NAME")

    def announced(self) -> list[str]:
        with self._look() as connection:
            if not inspect(connection).has_table(LEASE.name):  # none, or one of an earlier version
                return []
            return list(connection.execute(CONNECTED, {"names": NAMES}).scalars())

    def contents(self) -> Contents:
        with self._look() as connection:
            tables = set(inspect(connection).get_table_names())
            noted = text("SELECT version_num FROM alembic_version")
            version = connection.execute(noted).scalar_one_or_none() if "alembic_version" in tables else None
            return Contents(tables, version)

    def switched_off(self) -> set[str]:
        """Settings without which the server forgets or damages what it has committed when its machine fails."""
        with self._look() as connection:
            return set(connection.execute(_SWITCHED_OFF).scalars())

    async def notifications(self, channel: str) -> AsyncIterator[str]:
        """What is told on the channel from now on. Raises psycopg.OperationalError when the connection breaks."""
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        async with await AsyncConnection.connect(make_conninfo(address, **ALIVE), autocommit=True) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            async for notification in connection.notifies():
                yield notification.payload

    @contextmanager
    def _look(self) -> Iterator[Connection]:
        """Raises DatabaseError when the server cannot be reached."""
        engine = self._engine(READ_ONLY, patient=False)
        try:
            with engine.connect() as connection:
                yield connection
        except OperationalError as error:
            raise self._unreachable(error) from None
        finally:
            engine.dispose()

    def _engine(self, session: str, patient: bool, **options: Any) -> Engine:
        connect = {**ALIVE, "options": session}
        engine = create_engine(
            self.url.set(drivername=DRIVER), connect_args=connect, pool_pre_ping=True, hide_parameters=True, **options
        )
        if not patient:

            @event.listens_for(engine, "do_connect")
            def _connect(_dialect: object, _record: object, words: Any, parameters: Any) -> Any:
                return _Impatient.connect(*words, **parameters)

        return engine

    def _unreachable(self, error: OperationalError) -> DatabaseError:
        reason = str(error.orig).strip().splitlines()[0]
        return DatabaseError(f"{self} cannot be reached: {reason}: check database_url, and that the server runs")


class _Impatient(psycopg.Connection[Any]):
    """Breaks when the server stands still: for our kernel it is alive, and no limit that the server keeps runs out."""

    def wait(self, gen: PQGen[RV], *arguments: Any, **options: Any) -> RV:
        return super().wait(self._while_heard(gen), *arguments, **options)

    def _while_heard(self, steps: PQGen[RV]) -> PQGen[RV]:
        """The driver takes the next step when something has come, and every tenth of a second when nothing has."""
        heard = monotonic()
        try:
            awaited = next(steps)
            while True:
                ready = yield awaited
                if ready:
                    heard = monotonic()
                elif monotonic() - heard > SILENT_SECONDS:
                    self.pgconn.finish()  # so that it counts as broken, as by the network
                    raise psycopg.OperationalError(f"the server has not answered for {SILENT_SECONDS:.0f} s")
                awaited = steps.send(ready)
        except StopIteration as end:
            answer: RV = end.value
            return answer


def _give_back(connection: Any) -> None:
    """At once: the server would see the end of the connection a moment after the next command."""
    with suppress(psycopg.OperationalError):  # it is gone, and nobody holds the right any more
        connection.execute("SELECT pg_advisory_unlock_all()")
