"""The database: many readers, one writing thread with group commit.

Several writing connections starve each other for seconds on SQLite although their throughput looks fine, and a person
who has just answered hears that. So every write goes through one thread; what has queued up meanwhile shares a commit,
each item behind its own savepoint, and nobody is answered before the commit has reached the disk.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from dialer.db.place import DatabaseError, Place, Writing
from dialer.db.postgres import PostgresDatabase
from dialer.db.sqlite import SqliteFile
from dialer.db.turns import Turns, Urgency

T = TypeVar("T")
Write = tuple[Callable[[Session], Any], "Future[Any]"]

GROUP_SECONDS = 0.003  # of work that may share a commit; more would only lengthen the wait of the first


def place_of(url: str) -> Place:
    """The place that a `sqlite:///` or `postgresql://` URL names. Raises DatabaseError for any other."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # not shown, for it may hold a password
        raise DatabaseError("database_url is no database URL: write sqlite:///dialer.db") from None
    name = parsed.get_backend_name()
    if name == "sqlite" and parsed.database and parsed.database != ":memory:":
        return SqliteFile(Path(parsed.database))
    if name == "postgresql" and parsed.drivername == name and parsed.database:
        return PostgresDatabase(parsed)
    raise DatabaseError(
        f"database_url names {name!r}: write sqlite:///dialer.db for a file, or postgresql://user@host/database"
    )


class Database:
    """Reads from any thread through `read`, writes through `write` and `submit`."""

    def __init__(self, reads: Engine, writing: Writing | None) -> None:
        self._reads = reads
        self._writing = writing
        self._writes: Turns[Write | None] = Turns()
        self._writer = threading.Thread(target=self._write_loop, name="database-writer", daemon=True)
        if writing is not None:
            self._engine = writing.engine
            self._writer.start()

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open for reading and writing; raises DatabaseTaken while another process does."""
        place = place_of(url)
        return cls(place.reading(), place.writing())

    @classmethod
    def open_to_read(cls, url: str) -> "Database":
        """Open without the right to write."""
        return cls(place_of(url).reading(), None)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on its own snapshot; writing in it fails."""
        with Session(self._reads) as session:
            yield session
            session.rollback()

    def submit(self, work: Callable[[Session], T], urgency: Urgency = Urgency.CALL) -> "Future[T]":
        """Queue a write; the future is done after the commit that holds it, or failed with what `work` raised."""
        done: Future[T] = Future()
        self._writes.put((work, done), urgency)
        return done

    def write(self, work: Callable[[Session], T]) -> T:
        """Write and wait for the commit."""
        return self.submit(work).result()

    def announce(self, text: str) -> None:
        """Tell other processes how to reach the one that writes."""
        assert self._writing is not None
        self._writing.announce(text)

    def close(self) -> None:
        """Finish what is queued, then let go of the database and the right to write."""
        if self._writing is not None:
            self._writes.put(None, Urgency.LAST)
            self._writer.join()
        self._reads.dispose()
        if self._writing is not None:
            self._writing.release()

    def _write_loop(self) -> None:
        while (first := self._writes.take()) is not None:
            self._commit(first)

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
            if not self._writes.may_join() or monotonic() >= full_at:
                return
            item = self._writes.take()
