"""`dialer db`: backup, restore and check, with what an operator reads and the exit codes a script goes by."""

import json
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from dialer.cli import app
from dialer.db.database import Database
from dialer.db.schema import HEAD


def db(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["db", *words], terminal_width=200)
    assert done.exit_code == code, done.output
    return done.output


def sql(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_backup_and_its_way_back(path):
    assert "checked" in db("backup", "copy.db")
    assert "is there already" in db("backup", "copy.db", code=1)
    said = db("restore", "copy.db")
    assert f"{path}: restored from copy.db" in said
    assert "only in the old database, kept as" in said


def test_a_restore_beside_a_writing_process_is_refused(path):
    db("backup", "copy.db")
    daemon = Database.open(f"sqlite:///{path}")
    assert "stop it, then restore again" in db("restore", "copy.db", code=1)
    daemon.close()


def test_a_sound_database_is_so_also_while_a_daemon_writes(path):
    daemon = Database.open(f"sqlite:///{path}")
    assert db("check").splitlines() == ["schema: ok", "file: ok", "references: ok", "decisions: ok"]
    daemon.close()


@pytest.fixture
def url_on_server(server, migrated_on_server, tmp_path, monkeypatch):
    url = server.url(server.create(migrated_on_server))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIALER_DATABASE_URL", url)
    return url


def test_on_a_server_there_is_no_file_to_check(url_on_server):
    daemon = Database.open(url_on_server)
    assert db("check").splitlines() == ["schema: ok", "decisions: ok"]
    daemon.close()


@pytest.mark.parametrize(("verb", "remedy"), [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_a_database_on_a_server_is_copied_with_its_own_programs(url_on_server, verb, remedy, tmp_path):
    assert "is no SQLite file: " in (said := db(verb, "copy.db", code=1))
    assert f"with {remedy}" in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def other_schema(path):
    sql(path, "UPDATE alembic_version SET version_num = '0000'")


def lead_of_no_campaign(path):
    sql(path, "INSERT INTO pacing_state VALUES (7, '2026-11-23 17:00:00', '{}', '{}')")


def made_up_decision(path):
    """It does not follow the row before: there is none."""
    texts = ("kind", "campaign", "client", "number", "verdict", "rulebook", "previous", "previous_of_number", "hash")
    lists = ("rules", "jurisdictions", "zones", "local_times", "facts")
    names = ", ".join(("at", "campaign_id", "lead_id", *texts, *lists))
    values = ", ".join(["'2026-11-23 17:00:00'", "1", "1", *["'x'"] * len(texts), *["'[]'"] * len(lists)])
    sql(path, f"INSERT INTO decision ({names}) VALUES ({values})")


def no_database(path):
    path.write_bytes(b"\x55" * 8192)


@pytest.mark.parametrize(
    ("harm", "what", "words"),
    [
        (other_schema, "schema", f"this dialer wants {HEAD}: run `dialer db upgrade`"),
        (lead_of_no_campaign, "references", "row 7 of pacing_state names a campaign that is not there"),
        (made_up_decision, "decisions", "row 1"),
        (no_database, "file", "file is not a database"),
        (lambda path: path.unlink(), "schema", "make it with `dialer db upgrade`"),
    ],
)
def test_what_is_wrong_is_named_and_fails_the_command(path, harm, what, words):
    harm(path)
    (line,) = [line for line in db("check", code=1).splitlines() if line.startswith(f"{what}: ")]
    assert words in line
    told = json.loads(db("check", "--json", code=1))
    assert not told["sound"]
    assert any(words in fault for fault in told["faults"][what])
