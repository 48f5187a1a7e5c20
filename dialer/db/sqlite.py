"""A database in one SQLite file, and the lock file beside it."""

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

import dialer.db.savepoints  # noqa: F401 - makes the driver known
from dialer.db.place import Check, Contents, DatabaseError, DatabaseTaken, Writing, nothing

BUSY_SECONDS = 5
CACHE_KILOBYTES = 16384  # of the writing connection, at most; more made neither loads nor webhooks faster
READING_CACHE_KILOBYTES = 4096  # of each reading one, of which there are several: behind it is the system's file cache


@dataclass(frozen=True, slots=True)
class SqliteFile:
    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def reading(self, node: str | None = None) -> Engine:
        return make_reading_engine(self.path)

    def writing(self, node: str | None = None, check: Check = nothing) -> Writing:  # one, whatever its name
        lock = take_lock(self.path)
        try:
            check()
        except DatabaseError:
            os.close(lock)
            raise
        engine = make_engine(self.path)

        def announce(text: str) -> None:
            os.ftruncate(lock, 0)
            os.pwrite(lock, text.encode(), 0)

        def release() -> None:
            engine.dispose()  # the last to go empties the write-ahead log, which only a writer can
            os.close(lock)

        return Writing(engine, announce, release)

    def announced(self) -> list[str]:
        try:
            with _lock_file(self.path).open() as file:
                text = file.read()
                return [text] if text and _held(file.fileno()) else []
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DatabaseError(
                f"cannot read {self.path}.lock: {error.strerror}: use the account the daemon runs in"
            ) from None

    def contents(self) -> Contents:
        """Only SQLite opens the file: closing any other handle on it would drop this process's locks there."""
        path = self.path
        try:
            if not path.exists() or path.stat().st_size == 0:
                return Contents(set(), None)
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                return _contents(connection)
        except (OSError, sqlite3.Error) as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
                raise DatabaseError(
                    f"{path} is no SQLite database, or a damaged one: name another file in database_url"
                ) from None
            raise DatabaseError(f"{path} cannot be read: {error}: name another file in database_url") from None


def _contents(connection: sqlite3.Connection) -> Contents:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    noted = "SELECT version_num FROM alembic_version"
    row = connection.execute(noted).fetchone() if "alembic_version" in tables else None
    return Contents(tables, row and str(row[0]))


def make_engine(path: Path) -> Engine:
    """An engine whose connections write through (WAL, FULL).

    A deferred transaction that turns into a writing one fails at once with SQLITE_BUSY, so they begin immediate.
    """
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"cache_size=-{CACHE_KILOBYTES}")
    return _engine(URL.create("sqlite+plain", database=str(path)), "BEGIN IMMEDIATE", pragmas)


def make_reading_engine(path: Path) -> Engine:
    """An engine whose connections SQLite itself keeps from writing, whatever is done with them."""
    address = URL.create("sqlite", database=path.absolute().as_uri(), query={"mode": "ro", "uri": "true"})
    return _engine(address, "BEGIN", (f"cache_size=-{READING_CACHE_KILOBYTES}",))


def _engine(address: URL, begin: str, pragmas: Sequence[str]) -> Engine:
    connect = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(address, connect_args=connect, hide_parameters=True)  # errors are logged: no names in them

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def take_lock(path: Path) -> int:
    """Take the right to write to this file, held until closed or the process ends. Raises DatabaseTaken."""
    try:
        handle = os.open(_lock_file(path), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DatabaseError(f"cannot write beside {path}: {error.strerror}: choose another database_url") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise DatabaseTaken(f"{path} is being written by another process: stop it, or let it do the work") from None
    os.ftruncate(handle, 0)
    return handle


def _lock_file(path: Path) -> Path:
    """Beside the file itself: two names of one database, through a link, are one right to write."""
    return Path(f"{path.resolve()}.lock")


def _held(handle: int) -> bool:
    """Whether a process still writes: what it told stays behind when it is killed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
