"""The schema: migrated as declared, and never used or changed when it is not ours."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

import campaigns.tables
import compliance.tables
import dialer.tables
from dialer.db.database import Database, place_of
from dialer.db.place import DatabaseError, DatabaseTaken
from dialer.db.postgres import PostgresDatabase
from dialer.db.schema import HEAD, WrongSchema, check_version, open_current, upgrade, version
from dialer.db.sqlite import SqliteFile, make_engine, take_lock
from tests.postgres import Server, end_connections

DECLARED_IN = (campaigns.tables, compliance.tables, dialer.tables)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dialer.db"


@pytest.fixture
def empty_url(backend: str, path: Path, request: pytest.FixtureRequest) -> str:
    """Where a database can be made."""
    if backend == "sqlite":
        return f"sqlite:///{path}"
    server = request.getfixturevalue("server")
    return str(server.url(server.create()))


def sql(path: Path, *statements: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        connection.commit()
        return rows


def text_file(path: Path) -> None:
    path.write_text("phone,name\n+12125550123,Ada\n")


def foreign_database(path: Path) -> None:
    sql(path, "CREATE TABLE recipes (name TEXT)")


def foreign_database_with_migrations(path: Path) -> None:
    sql(path, "CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('ab12')")


def damaged_database(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 200)


def newer_database(path: Path) -> None:
    upgrade(SqliteFile(path))
    sql(path, "UPDATE alembic_version SET version_num = '9999'")


def directory(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


UNUSABLE = {
    text_file: (DatabaseError, "is no SQLite database, or a damaged one: name another file in database_url$"),
    foreign_database: (WrongSchema, "holds other tables than a dialer's: name another in database_url$"),
    foreign_database_with_migrations: (
        WrongSchema,
        "holds other tables than a dialer's: name another in database_url$",
    ),
    damaged_database: (DatabaseError, "or a damaged one: name another file in database_url$"),
    newer_database: (WrongSchema, "has schema 9999.*: install the newer dialer"),
    directory: (DatabaseError, "cannot be read: .*: name another file in database_url$"),
}


@pytest.mark.parametrize("use", [check_version, upgrade])
@pytest.mark.parametrize(("make", "refusal"), UNUSABLE.items(), ids=[make.__name__ for make in UNUSABLE])
def test_a_file_that_is_not_ours_is_refused_in_one_line_and_left_as_it_is(path, use, make, refusal):
    make(path)
    kind, words = refusal
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(kind, match=words) as caught:
        use(SqliteFile(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert before == (path.read_bytes() if path.is_file() else None)


@pytest.mark.parametrize("make", [lambda path: None, Path.touch])
def test_a_missing_or_empty_file_is_to_be_made_first(path, make):
    make(path)
    assert version(SqliteFile(path)) is None
    with pytest.raises(WrongSchema, match=r"there is no database .*: make it with `dialer db upgrade`"):
        check_version(SqliteFile(path))


def test_an_older_database_is_to_be_upgraded(path):
    upgrade(SqliteFile(path))
    sql(path, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(WrongSchema, match=f"has schema 0000, this dialer wants {HEAD}: run `dialer db upgrade`"):
        check_version(SqliteFile(path))


def test_upgrading_makes_a_database_that_is_accepted(path):
    assert upgrade(SqliteFile(path)) == (None, HEAD)
    check_version(SqliteFile(path))
    assert version(SqliteFile(path)) == HEAD


def test_upgrading_twice_is_harmless(path):
    upgrade(SqliteFile(path))
    sql(path, "INSERT INTO do_not_call VALUES ('+12125550123', '*', 'cli', '', '2026-11-23 17:00:00')")
    assert upgrade(SqliteFile(path)) == (HEAD, HEAD)
    assert sql(path, "SELECT number FROM do_not_call") == [("+12125550123",)]


def older(path: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "dialer:db/migrations")
    engine = make_engine(path)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_machines_counted_before_it_was_told_whom_an_agent_had_met_count_as_met_by_none(path):
    older(path, "0007")
    columns = "campaign_id, hour, placed, live_answers, abandoned, machines, given_up"
    sql(path, f"INSERT INTO call_count ({columns}) VALUES (1, '2026-11-23 17:00:00', 9, 3, 1, 5, 0)")
    upgrade(SqliteFile(path))
    assert sql(path, "SELECT machines, unmet_machines FROM call_count") == [(5, 5)]


def test_a_campaign_made_before_there_were_ratios_keeps_its_mode_and_gets_the_usual_one(path):
    older(path, "0002")
    texts = ("name", "kind", "mode", "intent", "client", "contact_number", "region", "caller_ids", "without")
    columns = (*texts, "dispositions", "created_at", "note")
    numbers = ("ring_seconds", "wrap_up_seconds", "drop_rate_ceiling", "attempts_per_lead", "attempts_per_day")
    flags = ("machine_detection", "machine_error", "business")
    names, values = ", ".join((*columns, *numbers, *flags)), ", ".join(["'predictive'"] * 12 + ["1"] * 8)
    sql(path, f"INSERT INTO campaign ({names}) VALUES ({values})")
    assert upgrade(SqliteFile(path)) == ("0002", HEAD)
    assert sql(path, "SELECT mode, lines_per_agent FROM campaign") == [("predictive", 1.5)]


def test_upgrading_is_refused_while_another_process_writes(path):
    lock = take_lock(path)
    with pytest.raises(DatabaseTaken, match="another process"):
        upgrade(SqliteFile(path))
    assert not path.exists()
    os.close(lock)
    assert upgrade(SqliteFile(path)) == (None, HEAD)


def test_a_database_can_be_checked_while_a_daemon_writes(path):
    upgrade(SqliteFile(path))
    database = Database.open(f"sqlite:///{path}")
    database.write(lambda session: session.execute(text("UPDATE alembic_version SET version_num = '0000'")))
    assert version(SqliteFile(path)) == "0000"
    database.close()


def test_what_a_killed_process_left_in_the_write_ahead_log_is_seen(path, tmp_path):
    upgrade(SqliteFile(path))
    database = Database.open(f"sqlite:///{path}")
    database.write(lambda session: session.execute(text("UPDATE alembic_version SET version_num = '0000'")))
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    database.close()
    assert version(SqliteFile(copy)) == "0000"


def test_a_failed_upgrade_lets_go_of_the_file(path):
    newer_database(path)
    with pytest.raises(WrongSchema):
        upgrade(SqliteFile(path))
    os.close(take_lock(path))


def test_the_newest_migration_is_the_one_the_code_wants():
    config = Config()
    config.set_main_option("script_location", "dialer:db/migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrated_indexes_are_the_declared_ones(path, tmp_path):
    """Alembic does not compare the conditions of partial indexes."""
    upgrade(SqliteFile(path))
    declared = make_engine(tmp_path / "declared.db")
    SQLModel.metadata.create_all(declared)
    declared.dispose()
    indexes = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
    assert sql(path, indexes) == sql(tmp_path / "declared.db", indexes)


def test_every_table_is_declared_by_a_module_compared_here(path):
    upgrade(SqliteFile(path))
    migrated = {name for (name,) in sql(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    declared = {
        table.__tablename__
        for module in DECLARED_IN
        for table in vars(module).values()
        if isinstance(table, type) and issubclass(table, SQLModel) and table.__module__ == module.__name__
    }
    assert migrated - {"alembic_version", "sqlite_sequence"} == declared


def test_the_migrated_numbers_are_given_once_where_they_are_declared_so(path):
    """Alembic does not compare this either."""
    upgrade(SqliteFile(path))
    once = {name for (name,) in sql(path, "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")}
    tables = SQLModel.metadata.tables.items()
    assert once == {name for name, table in tables if table.dialect_options["sqlite"]["autoincrement"]}
    assert "campaign" in once


@pytest.mark.both_databases
def test_the_migrated_schema_is_the_declared_one(database_url):
    engine = place_of(database_url).reading()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
    engine.dispose()


INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"


def test_the_migrated_indexes_are_the_declared_ones_on_a_server(server, migrated_on_server):
    declared = create_engine(server.url(server.create()).replace("postgresql", "postgresql+psycopg"))
    SQLModel.metadata.create_all(declared)
    migrated = place_of(server.url(migrated_on_server)).reading()
    with declared.connect() as one, migrated.connect() as other:
        indexes = one.execute(text(INDEXES)).scalars().all()
        assert any("WHERE" in index for index in indexes)
        assert indexes == other.execute(text(INDEXES)).scalars().all()
    declared.dispose()
    migrated.dispose()


def on_server(server: Server, *statements: str) -> PostgresDatabase:
    url = server.url(server.create())
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)
    place = place_of(url)
    assert isinstance(place, PostgresDatabase)
    return place


def test_an_empty_database_on_a_server_is_made_and_migrated_twice_without_harm(server):
    place = on_server(server)
    assert version(place) is None
    with pytest.raises(WrongSchema, match=r"there is no database postgresql.*: make it with `dialer db upgrade`"):
        check_version(place)
    assert (upgrade(place), upgrade(place)) == ((None, HEAD), (HEAD, HEAD))
    check_version(place)


@pytest.mark.parametrize("use", [check_version, upgrade])
def test_a_database_on_a_server_that_is_not_ours_is_refused(server, use):
    place = on_server(server, "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(WrongSchema, match="holds other tables than a dialer's"):
        use(place)
    assert place.contents().tables == {"recipes"}


def test_a_server_database_is_not_migrated_while_another_process_writes(server):
    place = on_server(server)
    writing = place.writing()
    with pytest.raises(DatabaseTaken, match="another process"):
        upgrade(place)
    writing.release()
    assert upgrade(place) == (None, HEAD)


@pytest.mark.both_databases
def test_a_database_of_this_version_is_left_alone_by_an_upgrade_beside_a_running_daemon(database, database_url):
    assert upgrade(place_of(database_url)) == (HEAD, HEAD)


@pytest.mark.both_databases
def test_opening_makes_a_database_where_there_is_none(empty_url):
    open_current(empty_url).close()
    check_version(place_of(empty_url))


@pytest.mark.both_databases
def test_opening_another_version_is_refused_and_lets_go_of_it(database_url):
    writing = place_of(database_url).writing()
    with writing.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    writing.release()
    with pytest.raises(WrongSchema, match="install the newer dialer"):
        open_current(database_url)
    place_of(database_url).writing().release()


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_node_that_was_cut_off_while_the_database_was_migrated_writes_no_more_until_it_fits(database_url):
    node = open_current(database_url, "one")
    node.write(lambda session: session.execute(text("DELETE FROM do_not_call")) and None)

    def migrate(found: str, made: str) -> None:
        end_connections(database_url)
        writing = place_of(database_url).writing()
        with writing.engine.begin() as connection:
            changed = text("UPDATE alembic_version SET version_num = :made WHERE version_num = :found")
            assert connection.execute(changed, {"found": found, "made": made}).rowcount == 1
        writing.release()

    migrate(HEAD, "9999")
    for _again in range(2):
        with pytest.raises(WrongSchema, match=f"has schema 9999, this dialer wants {HEAD}: install the newer dialer"):
            node.write(lambda session: session.execute(text("DELETE FROM do_not_call")) and None)
    migrate("9999", HEAD)  # it does not keep others out
    node.write(lambda session: session.execute(text("DELETE FROM do_not_call")) and None)
    node.close()


def test_a_version_that_changed_while_waiting_for_the_right_to_write_is_seen(path, monkeypatch):
    """Between a look at the version and the right to write, another process may migrate the file or restore one."""
    upgrade(SqliteFile(path))

    def meanwhile(*arguments: Any) -> Database:
        sql(path, "UPDATE alembic_version SET version_num = '9999'")
        return opened(*arguments)

    opened = Database.open
    monkeypatch.setattr(Database, "open", meanwhile)
    with pytest.raises(WrongSchema, match="has schema 9999"):
        open_current(f"sqlite:///{path}")


def test_a_look_at_the_version_does_not_cost_the_process_its_hold_on_the_file(path):
    """Closing any handle on a file drops a process's locks there; another process would take away the log in use."""
    upgrade(SqliteFile(path))
    database = Database.open(f"sqlite:///{path}")
    forget = text("DELETE FROM do_not_call")
    database.write(lambda session: session.execute(forget) and None)
    version(SqliteFile(path))
    other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM campaign'); c.close()"
    subprocess.run([sys.executable, "-c", other, path], check=True)
    assert Path(f"{path}-wal").exists()
    database.close()
