"""The database: many readers, one writing thread with group commit.

Several writing connections starve each other for seconds on SQLite although their throughput looks fine, and a person
who has just answered hears that. So every write goes through one thread; what has queued up meanwhile shares a commit,
each item behind its own savepoint, and nobody is answered before the commit has reached the disk.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlmodel import Session
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random
from tenacity.stop import stop_base

from dialer.db.place import Check, DatabaseError, Place, Writing, nothing
from dialer.db.postgres import PostgresDatabase
from dialer.db.sqlite import SqliteFile
from dialer.db.turns import Turns, Urgency

log = structlog.get_logger()

T = TypeVar("T")
Write = tuple[Callable[[Session], Any], "Future[Any]"]

GROUP_SECONDS = 0.003  # of work that may share a commit; more would only lengthen the wait of the first
REPEATABLE = {"40001", "40P01", "55P03"}  # PostgreSQL: serialization failure, deadlock, lock not available
REPEATS, REPEAT_SECONDS, REPEAT_WAIT_SECONDS = 10, 3.0, 0.05  # longer than the server lets a stopped node hold a lock


class NotConnected(Exception):
    """There is no connection to write through."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class CommitUncertain(DatabaseError):
    """The connection broke during a commit, which may have been made."""


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
    def open(cls, url: str, node: str | None = None, check: Check = nothing) -> "Database":
        """Open for reading and writing, alone or as a node of that name (`Place.writing`). Raises DatabaseTaken."""
        place = place_of(url)
        return cls(place.reading(node), place.writing(node, check))

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
        """Tell other processes how to reach this one."""
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
        """Without it every write would wait for ever, so the process ends with it, as if killed."""
        try:
            while (first := self._writes.take()) is not None:
                self._commit(first)
        except BaseException:
            log.critical("writing_ended", exc_info=True)
            os._exit(1)

    def _commit(self, first: Write) -> None:
        """One transaction of the first write and those that wait behind it.

        What becomes of its writes when it cannot be:
        - A work raises: that write fails alone, by its savepoint.
        - The server finds a deadlock or a serialization failure, or another node holds a row for too long: nothing of
          the group is kept, and each of its writes is tried again in a transaction of its own, in which it meets the
          others' locks in one order only.
        - The connection breaks before the commit is asked for: the same.
        - It breaks while the commit is under way: it may have been made, so nothing is repeated and every write fails
          with CommitUncertain. Webhooks are known by their key when they come again; an attempt that was committed but
          is placed by nobody is found by the sweep.
        - There is no connection: all that waits and may join fails with it, instead of each waiting as long anew.
        """
        if not first[1].set_running_or_notify_cancel():  # whoever asked has gone
            return
        group = [first]
        try:
            self._together(self._growing(group))
        except NotConnected as error:
            self._fail([*group, *self._joining()], error.reason)
        except Exception as error:  # noqa: BLE001 - each write of the group hears of it
            if may_repeat(error):
                self._each_alone(group)
            else:
                self._fail(group, error)

    def _each_alone(self, group: Sequence[Write]) -> None:
        again = Retrying(
            retry=retry_if_exception(may_repeat),
            stop=_Until(monotonic() + REPEAT_SECONDS) | stop_after_attempt(REPEATS),
            wait=wait_random(0, REPEAT_WAIT_SECONDS),
            reraise=True,
        )
        for place, write in enumerate(group):
            try:
                again(self._together, [write])
            except NotConnected as error:
                self._fail([*group[place:], *self._joining()], error.reason)
                return
            except Exception as error:  # noqa: BLE001 - handed to whoever asked for the write
                self._fail([write], error)

    def _fail(self, writes: Sequence[Write], error: Exception) -> None:
        for _work, done in writes:
            if not done.done():
                done.set_exception(error)

    def _together(self, writes: Iterable[Write]) -> None:
        """Commit the writes and give each its result, or what its work raised. Raises what fails them all."""
        results: list[tuple[Future[Any], Any]] = []
        with self._connection() as connection:
            transaction = connection.begin()
            for work, done in writes:
                if done.done():  # failed by itself before the others' commit did
                    continue
                savepoint = connection.begin_nested()
                try:
                    with Session(connection, join_transaction_mode="rollback_only") as session:
                        result = work(session)
                        session.flush()
                    savepoint.commit()
                    results.append((done, result))
                except Exception as error:
                    if may_repeat(error):
                        raise
                    if savepoint.is_active:
                        savepoint.rollback()
                    done.set_exception(error)
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise CommitUncertain("the connection broke during a commit, which may have been made") from error
                raise
        for done, result in results:
            done.set_result(result)

    def _connection(self) -> Connection:
        """Raises NotConnected."""
        try:
            return self._engine.connect()
        except Exception as error:
            raise NotConnected(error) from error

    def _growing(self, group: list[Write]) -> Iterator[Write]:
        """The group's first write and, while there is time, those that wait behind it: they join the group."""
        full_at = monotonic() + GROUP_SECONDS
        yield group[0]
        joining = self._joining()
        while monotonic() < full_at and (write := next(joining, None)) is not None:
            group.append(write)
            yield write

    def _joining(self) -> Iterator[Write]:
        """Those that wait now and may join, but for those given up."""
        while self._writes.may_join():
            item = self._writes.take()
            if item is not None and item[1].set_running_or_notify_cancel():
                yield item


def may_repeat(error: BaseException) -> bool:
    """Whether the transaction surely left nothing behind and may succeed another time."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in REPEATABLE


class _Until(stop_base):
    """One end for all writes of a group."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def __call__(self, retry_state: RetryCallState) -> bool:
        return monotonic() >= self._moment
