"""A database in one SQLite file, and the lock file beside it."""

import fcntl
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event

from dialer.db.place import Contents, DatabaseError, DatabaseTaken, Writing

BUSY_SECONDS = 5
FORMAT = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class SqliteFile:
    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def reading(self) -> Engine:
        return make_engine(self.path, begin="BEGIN")

    def writing(self) -> Writing:
        lock = take_lock(self.path)
        engine = make_engine(self.path)

        def announce(text: str) -> None:
            os.ftruncate(lock, 0)
            os.pwrite(lock, text.encode(), 0)

        def release() -> None:
            engine.dispose()
            os.close(lock)

        return Writing(engine, announce, release)

    def announced(self) -> str:
        try:
            with Path(f"{self.path}.lock").open() as file:
                text = file.read()
                return text if text and _held(file.fileno()) else ""
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise DatabaseError(
                f"cannot read {self.path}.lock: {error.strerror}: use the account the daemon runs in"
            ) from None

    def contents(self) -> Contents:
        path = self.path
        try:
            if not path.exists() or path.stat().st_size == 0:
                return Contents(set(), None)
            with path.open("rb") as file:
                if file.read(len(FORMAT)) != FORMAT:
                    raise DatabaseError(f"{path} is no SQLite database: name another file in database_url")
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                return _contents(connection)
        except (OSError, sqlite3.Error) as error:
            raise DatabaseError(f"{path} cannot be read: {error}: name another file in database_url") from None


def _contents(connection: sqlite3.Connection) -> Contents:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    noted = "SELECT version_num FROM alembic_version"
    row = connection.execute(noted).fetchone() if "alembic_version" in tables else None
    return Contents(tables, row and str(row[0]))


def make_engine(path: Path, begin: str = "BEGIN IMMEDIATE") -> Engine:
    """An engine whose connections write through (WAL, FULL) and open each transaction with `begin`.

    A deferred transaction that turns into a writing one fails at once with SQLITE_BUSY, so writers begin immediate.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def take_lock(path: Path) -> int:
    """Take the right to write to this file, held until closed or the process ends. Raises DatabaseTaken."""
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DatabaseError(f"cannot write beside {path}: {error.strerror}: choose another database_url") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise DatabaseTaken(f"{path} is being written by another process: stop it, or let it do the work") from None
    os.ftruncate(handle, 0)
    return handle


def _held(handle: int) -> bool:
    """Whether a process still writes: what it told stays behind when it is killed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
