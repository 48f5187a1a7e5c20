"""The database: many readers, one writing thread with group commit.

Several writing connections starve each other for seconds on SQLite although their throughput looks fine, and a person
who has just answered hears that. So every write goes through one thread; what has queued up meanwhile shares a commit,
each item behind its own savepoint, and nobody is answered before the commit has reached the disk.
"""

import fcntl
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

T = TypeVar("T")
Write = tuple[Callable[[Session], Any], "Future[Any]"]

GROUP_SECONDS = 0.003  # of work that may share a commit; more would only lengthen the wait of the first
BUSY_SECONDS = 5
CACHE_KILOBYTES = 65536  # of each connection, at most


class DatabaseError(Exception):
    """The database cannot be used; the message says which, why and what to do."""


class DatabaseTaken(DatabaseError):
    """Another process writes to this database."""


def sqlite_path(url: str) -> Path:
    """The file behind a `sqlite:///` URL. Raises DatabaseError for any other."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(f"database_url {url!r} is no database URL: write sqlite:///dialer.db") from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        name = parsed.get_backend_name()
        raise DatabaseError(f"database_url names {name!r}: only a SQLite file is known, sqlite:///dialer.db")
    return Path(parsed.database)


def make_engine(path: Path) -> Engine:
    """An engine whose connections write through (WAL, FULL).

    A deferred transaction that turns into a writing one fails at once with SQLITE_BUSY, so they begin immediate.
    """
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"cache_size=-{CACHE_KILOBYTES}")
    return _engine(URL.create("sqlite", database=str(path)), "BEGIN IMMEDIATE", pragmas)


def make_reading_engine(path: Path) -> Engine:
    """An engine whose connections SQLite itself keeps from writing, whatever is done with them."""
    address = URL.create("sqlite", database=path.absolute().as_uri(), query={"mode": "ro", "uri": "true"})
    return _engine(address, "BEGIN", (f"cache_size=-{CACHE_KILOBYTES}",))


def _engine(address: URL, begin: str, pragmas: Sequence[str]) -> Engine:
    engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

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


class Database:
    """One SQLite file. Reads from any thread through `read`, writes through `write` and `submit`."""

    def __init__(self, path: Path, lock: int | None) -> None:
        self.path = path
        self._reads = make_reading_engine(path)
        self._lock = lock
        self._closing = False
        self._writes: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="database-writer", daemon=True)
        if lock is not None:
            self._engine = make_engine(path)
            self._writer.start()

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open for reading and writing; raises DatabaseTaken while another process does."""
        path = sqlite_path(url)
        return cls(path, take_lock(path))

    @classmethod
    def open_to_read(cls, url: str) -> "Database":
        """Open without the right to write."""
        return cls(sqlite_path(url), None)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on its own snapshot; writing in it fails."""
        with Session(self._reads) as session:
            yield session
            session.rollback()

    def submit(self, work: Callable[[Session], T]) -> "Future[T]":
        """Queue a write; the future is done after the commit that holds it, or failed with what `work` raised."""
        done: Future[T] = Future()
        self._writes.put((work, done))
        return done

    def write(self, work: Callable[[Session], T]) -> T:
        """Write and wait for the commit."""
        return self.submit(work).result()

    def announce(self, text: str) -> None:
        """Tell other processes, through the lock file, how to reach the one that writes."""
        assert self._lock is not None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, text.encode(), 0)

    def close(self) -> None:
        """Finish what is queued, then let go of the file and its lock."""
        if self._lock is not None:
            self._writes.put(None)
            self._writer.join()
        self._reads.dispose()
        if self._lock is not None:
            self._engine.dispose()  # the last to go empties the write-ahead log, which only a writer can
            os.close(self._lock)

    def _write_loop(self) -> None:
        while (first := self._writes.get()) is not None:
            self._commit(first)
            if self._closing:
                return

    def _commit(self, first: Write) -> None:
        """One transaction of the first write and those that wait behind it."""
        results: list[tuple[Future[Any], Any]] = []
        current = first[1]
        try:
            with self._engine.begin() as connection:
                for work, current in self._group(first):
                    if not current.set_running_or_notify_cancel():  # whoever asked has gone
                        continue
                    savepoint = connection.begin_nested()
                    try:
                        with Session(connection, join_transaction_mode="rollback_only") as session:
                            result = work(session)
                            session.flush()
                        savepoint.commit()
                        results.append((current, result))
                    except Exception as error:  # noqa: BLE001 - handed to whoever asked for the write
                        if savepoint.is_active:
                            savepoint.rollback()
                        current.set_exception(error)
        except Exception as error:  # noqa: BLE001 - a failed commit fails every write in it, each hears of it
            for done in {current, *(done for done, _result in results)}:
                if not done.done():
                    done.set_exception(error)
            return
        for done, result in results:
            done.set_result(result)

    def _group(self, first: Write) -> Iterator[Write]:
        full_at = monotonic() + GROUP_SECONDS
        item: Write | None = first
        while item is not None:
            yield item
            if self._writes.empty() or monotonic() >= full_at:
                return
            item = self._writes.get()
        self._closing = True


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


def announced(path: Path) -> str:
    """What the writing process has told of itself; empty when nothing, or when that process is gone."""
    try:
        with _lock_file(path).open() as file:
            text = file.read()
            return text if text and _held(file.fileno()) else ""
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise DatabaseError(f"cannot read {path}.lock: {error.strerror}: use the account the daemon runs in") from None


def _held(handle: int) -> bool:
    """Whether a process still writes: what it told stays behind when it is killed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
