"""Backup and restore: whole and checked, or nothing; and no write is lost on the way."""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from compliance.tables import DoNotCallEntry
from dialer.db import backup as backups
from dialer.db.backup import back_up, restore
from dialer.db.database import Database
from dialer.db.place import DatabaseError, DatabaseTaken
from dialer.db.schema import HEAD, WrongSchema, check_version
from dialer.db.sqlite import SqliteFile, take_lock

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
OLD = "dialer.db.20261123T170000Z.old"


def silent(_done: int, _pages: int) -> None:
    pass


def sql(path, statement):
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
    return rows


def numbers(path):
    return [number for (number,) in sql(path, "SELECT number FROM do_not_call ORDER BY number")]


def forbid(number):
    return lambda session: session.add(DoNotCallEntry(number=number, source="cli", added_at=NOON))


def files(folder):
    return sorted(file.name for file in folder.iterdir() if not file.name.endswith((".lock", "-shm", "-wal")))


@pytest.fixture
def path(migrated, tmp_path):
    path = tmp_path / "dialer.db"
    shutil.copyfile(migrated, path)
    sql(path, "INSERT INTO do_not_call VALUES ('+1', '*', 'cli', '', '2026-11-23 17:00:00')")
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "copy.db"


def test_a_copy_is_one_sound_file_of_this_schema_that_only_its_owner_reads(path, target):
    back_up(path, target, silent)
    check_version(SqliteFile(target))
    assert numbers(target) == ["+1"]
    assert files(target.parent) == ["copy.db", "dialer.db"]
    assert target.stat().st_mode & 0o777 == 0o600


def test_writes_during_a_backup_go_on_and_the_copy_is_of_its_first_moment(path, target, monkeypatch):
    """Each report of progress comes between two parts of the copy; one that began anew at each write would not end."""
    monkeypatch.setattr(backups, "PAGES", 4)
    database, seen = Database.open(f"sqlite:///{path}"), []

    def write(done: int, pages: int) -> None:
        seen.append((done, pages))
        assert len(seen) <= pages
        database.write(forbid(f"+9{len(seen):04}"))

    back_up(path, target, write)
    database.close()
    assert len(seen) > 5
    assert seen[-1][0] == seen[-1][1]
    assert numbers(target) == ["+1"]
    assert len(numbers(path)) == 1 + len(seen)


def test_what_is_only_in_the_write_ahead_log_is_copied(path, target):
    database = Database.open(f"sqlite:///{path}")
    database.write(forbid("+2"))
    back_up(path, target, silent)
    assert numbers(target) == ["+1", "+2"]
    database.close()


def test_a_file_that_is_there_is_never_overwritten(path, target):
    target.write_text("precious")
    with pytest.raises(DatabaseError, match="is there already: name a new file"):
        back_up(path, target, silent)
    assert target.read_text() == "precious"


def test_a_backup_that_is_interrupted_leaves_nothing(path, target):
    def interrupt(_done: int, _pages: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(path, target, interrupt)
    assert files(target.parent) == ["dialer.db"]


def test_a_damaged_database_gives_no_backup(path, target):
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 5] = b"\x55" * 4096 * 3
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match="damaged") as caught:
        back_up(path, target, silent)
    assert "\n" not in str(caught.value)
    assert files(target.parent) == ["dialer.db"]


def test_no_database_or_no_folder_is_one_line(path, target, tmp_path):
    with pytest.raises(DatabaseError, match="there is no database"):
        back_up(tmp_path / "none.db", target, silent)
    with pytest.raises(DatabaseError, match=r"cannot copy .* No such file or directory"):
        back_up(path, tmp_path / "nowhere" / "copy.db", silent)


def test_restoring_gives_the_backups_rows_and_keeps_the_old_file(path, target, tmp_path):
    back_up(path, target, silent)
    database = Database.open(f"sqlite:///{path}")
    database.write(forbid("+2"))
    database.close()
    old = restore(path, target, NOON, silent)
    assert (old.name, numbers(old), numbers(path)) == (OLD, ["+1", "+2"], ["+1"])
    Database.open(f"sqlite:///{path}").close()


def test_the_log_of_the_old_file_is_never_read_into_the_restored_one(path, target, tmp_path):
    """A killed writer's log is valid by itself: SQLite would play it into whatever file has the name."""
    back_up(path, target, silent)
    database = Database.open(f"sqlite:///{path}")
    database.write(forbid("+2"))
    (tmp_path / "killed").mkdir()
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", tmp_path / "killed" / f"dialer.db{end}")
    database.close()
    killed = tmp_path / "killed" / "dialer.db"
    assert len(killed.read_bytes()) == len(path.read_bytes())
    old = restore(killed, target, NOON, silent)
    assert (numbers(killed), numbers(old)) == (["+1"], ["+1", "+2"])


def test_restoring_where_no_database_is_makes_one(path, target, tmp_path):
    back_up(path, target, silent)
    path.unlink()
    assert restore(path, target, NOON, silent) is None
    assert numbers(path) == ["+1"]


def test_nothing_is_restored_while_a_process_writes(path, target):
    back_up(path, target, silent)
    database = Database.open(f"sqlite:///{path}")
    database.write(forbid("+2"))
    with pytest.raises(DatabaseTaken, match="stop it, then restore again"):
        restore(path, target, NOON, silent)
    database.close()
    assert numbers(path) == ["+1", "+2"]


def test_nothing_is_restored_under_a_daemon_whose_lock_file_somebody_removed(path, target, tmp_path):
    """It would go on writing into the file that was put aside."""
    back_up(path, target, silent)
    database = Database.open(f"sqlite:///{path}")
    database.write(forbid("+2"))
    (tmp_path / "dialer.db.lock").unlink()
    with pytest.raises(DatabaseTaken, match=r"has .* open: stop it, then restore again"):
        restore(path, target, NOON, silent)
    database.write(forbid("+3"))
    database.close()
    assert numbers(path) == ["+1", "+2", "+3"]


def test_a_damaged_database_is_restored_and_kept_as_it_was_with_its_log(path, target, tmp_path):
    back_up(path, target, silent)
    database = Database.open(f"sqlite:///{path}")
    database.write(forbid("+2"))
    log = Path(f"{path}-wal").read_bytes()
    database.close()
    damaged = b"\x55" * 8192
    path.write_bytes(damaged)
    Path(f"{path}-wal").write_bytes(log)
    old = restore(path, target, NOON, silent)
    assert (old.read_bytes(), Path(f"{old}-wal").read_bytes()) == (damaged, log)
    assert numbers(path) == ["+1"]


@pytest.mark.parametrize(
    ("version", "remedy"), [("0001", "DIALER_DATABASE_URL=sqlite:"), ("9999", "install the newer dialer")]
)
def test_another_schema_is_refused_with_what_to_do(path, target, version, remedy):
    back_up(path, target, silent)
    sql(target, f"UPDATE alembic_version SET version_num = '{version}'")
    with pytest.raises(WrongSchema, match=f"has schema {version}, this dialer wants {HEAD}: .*{remedy}"):
        restore(path, target, NOON, silent)
    assert files(path.parent) == ["copy.db", "dialer.db"]


def no_file(_target):
    pass


def some_text(target):
    target.write_text("phone,name\n" * 1000)


def other_tables(target):
    sql(target, "CREATE TABLE recipes (name TEXT)")


@pytest.mark.parametrize("make", [no_file, some_text, other_tables])
def test_what_is_no_backup_is_refused_and_the_database_stays(path, target, make):
    make(target)
    with pytest.raises(DatabaseError, match="`dialer db backup` wrote") as caught:
        restore(path, target, NOON, silent)
    assert "\n" not in str(caught.value)
    assert numbers(path) == ["+1"]
    os.close(take_lock(path))


def test_the_database_is_not_restored_from_itself(path):
    with pytest.raises(DatabaseError, match="the database itself"):
        restore(path, path, NOON, silent)


def test_an_earlier_old_file_is_never_overwritten(path, target, tmp_path):
    back_up(path, target, silent)
    (tmp_path / OLD).write_text("precious")
    with pytest.raises(DatabaseError, match="is there already: move it away"):
        restore(path, target, NOON, silent)
    assert ((tmp_path / OLD).read_text(), numbers(path)) == ("precious", ["+1"])
    assert files(tmp_path) == ["copy.db", "dialer.db", OLD]


def test_a_link_to_the_database_stays_a_link(path, target, tmp_path):
    back_up(path, target, silent)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.rename(elsewhere / "real.db")
    path.symlink_to(elsewhere / "real.db")
    restore(path, target, NOON, silent)
    assert path.is_symlink()
    assert numbers(elsewhere / "real.db") == ["+1"]
