"""What SQLite finds wrong with a file is said in words."""

import sqlite3
from contextlib import closing

import pytest

from dialer.db.soundness import FAULTS_SHOWN, damage, dangling, opened_to_read


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("""
            CREATE TABLE lead (id INTEGER PRIMARY KEY);
            CREATE TABLE phone (lead_id INTEGER REFERENCES lead (id), number TEXT);
            CREATE INDEX numbers ON phone (number);
            INSERT INTO lead VALUES (1);
        """)
        connection.executemany("INSERT INTO phone VALUES (1, ?)", [(f"+1212555{n:04}",) for n in range(2000)])
        connection.commit()
    return path


def test_a_sound_file_has_no_faults(path):
    with opened_to_read(path) as connection:
        assert (damage(connection), dangling(connection)) == ([], [])


def test_a_connection_to_read_cannot_write(path):
    with opened_to_read(path) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO lead VALUES (2)")


def test_overwritten_pages_are_found_and_few_of_their_faults_shown(path):
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 8 * 4096] = b"\x55" * 5 * 4096
    path.write_bytes(content)
    with opened_to_read(path) as connection:
        assert 0 < len(damage(connection)) <= FAULTS_SHOWN


def test_a_file_that_is_no_database_is_damaged(path):
    path.write_bytes(b"\x55" * 8192)
    with opened_to_read(path) as connection:
        assert damage(connection) == dangling(connection) == ["file is not a database"]


def test_a_row_without_its_parent_is_found(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM lead")
        connection.commit()
    with opened_to_read(path) as connection:
        assert dangling(connection)[0] == "row 1 of phone names a lead that is not there"
        assert len(dangling(connection)) == FAULTS_SHOWN
