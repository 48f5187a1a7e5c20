"""Backup and restore of a SQLite file. A copy gets its name only when it is whole, checked and on the disk."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from dialer.db import schema
from dialer.db.place import DatabaseError, DatabaseTaken
from dialer.db.soundness import damage, opened_to_read
from dialer.db.sqlite import SqliteFile, take_lock

Progress = Callable[[int, int], None]  # pages copied, pages in all

PAGES = 1024  # between two reports, 4 MB


def back_up(path: Path, target: Path, progress: Progress) -> None:
    """Copy the database as it is now into `target`, also while a daemon writes to it. Raises DatabaseError."""
    if schema.version(SqliteFile(path)) is None:
        raise DatabaseError(f"there is no database {path}: name it in database_url")
    if target.exists():
        raise DatabaseError(f"{target} is there already: name a new file")
    with _checked_copy(path, target, progress) as copy:
        copy.rename(target)
        _sync(target.parent)


def restore(path: Path, source: Path, now: datetime, progress: Progress) -> Path | None:
    """Put a backup in the place of the database; where the old one was put, or None when there was none.

    Raises DatabaseError, with nothing changed, when a process writes to the database or the backup cannot be used.
    """
    _check_backup(source)
    path = path.resolve()  # a link to the database stays one
    try:
        lock = take_lock(path)
    except DatabaseTaken:
        raise DatabaseTaken(f"a daemon or a command is writing to {path}: stop it, then restore again") from None
    try:
        if path.exists() and path.samefile(source):
            raise DatabaseError(f"{source} is the database itself: name a file that `dialer db backup` wrote")
        if path.exists() and _in_use(path):
            raise DatabaseTaken(f"a process has {path} open: stop it, then restore again")
        with _checked_copy(source, path, progress) as copy:
            old = _put_aside(path, now) if path.exists() else None
            _remove(f"{path}-wal", f"{path}-shm")  # never those of one file beside another
            copy.rename(path)
            _sync(path.parent)
        return old
    finally:
        os.close(lock)


def _check_backup(source: Path) -> None:
    if not source.is_file():
        raise DatabaseError(f"there is no file {source}: name one that `dialer db backup` wrote")
    try:
        found = schema.version(SqliteFile(source))
    except DatabaseError:
        found = None
    if found is None:
        raise DatabaseError(f"{source} holds no dialer's database: name a file that `dialer db backup` wrote")
    if found != schema.HEAD:
        older = f"upgrade a copy of it first, with DIALER_DATABASE_URL=sqlite:///{source}.new dialer db upgrade"
        remedy = older if found < schema.HEAD else "install the newer dialer that made it"
        raise schema.WrongSchema(f"{source} has schema {found}, this dialer wants {schema.HEAD}: {remedy}")


@contextmanager
def _checked_copy(source: Path, target: Path, progress: Progress) -> Iterator[Path]:
    """A sound copy beside `target`, to be moved there; whatever fails, and then, nothing of it is left."""
    copy = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
        os.close(handle)
        copy = Path(name)
        faults = _copy(source, copy, progress)
        if faults:
            raise DatabaseError(f"{source} is damaged, so is a copy of it: {'; '.join(faults)}: see `dialer db check`")
        if target.exists():
            shutil.copymode(target, copy)
        _sync(copy)
        yield copy
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatabaseError(
            f"cannot copy {source} to {target}: {reason}: free the space or name another file"
        ) from None
    finally:
        if copy is not None:
            _remove(str(copy), f"{copy}-journal", f"{copy}-wal", f"{copy}-shm")


def _copy(source: Path, copy: Path, progress: Progress) -> list[str]:
    """Copy page by page; what is wrong with the result."""
    with opened_to_read(source) as old, closing(sqlite3.connect(copy, isolation_level=None)) as new:
        new.execute("PRAGMA synchronous=OFF")  # it reaches the disk as a whole, before it gets its name
        # One snapshot for the whole copy: without it, each commit of the daemon's would begin the copy anew.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        old.backup(new, pages=PAGES, progress=lambda _state, left, pages: progress(pages - left, pages))
        new.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        return damage(new)


def _in_use(path: Path) -> bool:
    """Whether a process has the file open, by SQLite's own locks: somebody may have removed our lock file."""
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:  # any other may be why it is restored
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return False


def _put_aside(path: Path, now: datetime) -> Path:
    """Give the old database another name, together with what is only in its write-ahead log.

    The log gets its second name first and loses its first one last: a crash in between leaves it where its file is.
    """
    aside = path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%SZ}.old")
    if aside.exists():
        raise DatabaseError(f"{aside} is there already: move it away, then restore again")
    if Path(f"{path}-wal").exists():
        os.link(f"{path}-wal", f"{aside}-wal")
    path.rename(aside)
    return aside


def _remove(*names: str) -> None:
    for name in names:
        Path(name).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
