"""The writing thread: group commit, savepoints, one writer per database."""

import shutil
from datetime import UTC, datetime
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine.base import RootTransaction
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError
from sqlmodel import Session, SQLModel, select

from compliance.tables import DoNotCallEntry
from dialer.db.database import Database, place_of
from dialer.db.place import DatabaseError, DatabaseTaken
from dialer.db.sqlite import SqliteFile
from dialer.db.turns import Urgency

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)


pytestmark = pytest.mark.both_databases


def add(number: str):
    return lambda session: session.add(DoNotCallEntry(number=number, source="cli", added_at=NOON))


def numbers(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.exec(select(DoNotCallEntry.number)))


def test_a_write_is_readable_once_its_future_is_done(database):
    database.write(add("+12125550101"))
    assert numbers(database) == {"+12125550101"}


def test_a_failing_write_fails_alone_in_its_group(database):
    def fail(session: Session) -> None:
        add("+12125550102")(session)
        session.flush()
        raise RuntimeError("half way")

    futures = [database.submit(work) for work in (add("+12125550101"), fail, add("+12125550103"))]
    assert isinstance(futures[1].exception(), RuntimeError)
    assert [futures[0].exception(), futures[2].exception()] == [None, None]
    assert numbers(database) == {"+12125550101", "+12125550103"}


def test_what_failed_within_a_write_is_taken_back_and_the_rest_of_it_and_of_its_group_is_kept(database):
    def half(session: Session) -> None:
        add("+12125550102")(session)
        session.flush()
        again = session.begin_nested()
        add("+12125550103")(session)
        session.flush()
        again.rollback()
        add("+12125550104")(session)

    for future in [database.submit(work) for work in (add("+12125550101"), half, add("+12125550105"))]:
        future.result()
    assert numbers(database) == {f"+1212555010{n}" for n in (1, 2, 4, 5)}


def test_many_writes_all_arrive(database):
    for future in [database.submit(add(f"+121255501{n:02}")) for n in range(100)]:
        future.result()
    assert len(numbers(database)) == 100


def test_a_write_given_up_by_its_asker_neither_happens_nor_stops_the_next(database):
    """A tick cancelled at the end of the process, a request the web server drops."""
    begun, go_on = Event(), Event()

    def slow(session: Session) -> None:
        begun.set()
        go_on.wait(10)
        add("+12125550101")(session)

    under_way = database.submit(slow)
    begun.wait(10)
    waiting = database.submit(add("+12125550102"))
    assert waiting.cancel()
    assert not under_way.cancel()
    go_on.set()
    database.submit(add("+12125550103")).result(10)
    assert numbers(database) == {"+12125550101", "+12125550103"}


def gone(_self: object = None) -> None:
    raise OperationalError("COMMIT", {}, Exception("the server closed the connection"), connection_invalidated=True)


def test_a_write_refused_when_it_is_repeated_stays_so_whatever_becomes_of_the_commit(database, monkeypatch):
    real, tries = RootTransaction.commit, []

    def refused(_session: Session) -> None:
        tries.append(1)
        if len(tries) == 1:
            gone()
        monkeypatch.setattr(RootTransaction, "commit", breaks_once)
        raise ValueError("refused")

    def breaks_once(_self: RootTransaction) -> None:
        monkeypatch.setattr(RootTransaction, "commit", real)
        gone()

    asked = database.submit(refused)
    database.submit(add("+12125550101")).result(10)
    with pytest.raises(ValueError, match="refused"):
        asked.result(0)
    assert numbers(database) == {"+12125550101"}
    assert len(tries) == 2


def test_the_process_ends_with_its_writing_thread(database_url, monkeypatch):
    """Or it would go on without ever writing."""
    ended = []
    monkeypatch.setattr("os._exit", ended.append)
    database = Database.open(database_url)

    def broken(_session: Session) -> None:
        raise SystemExit

    database.submit(broken)
    database.close()
    assert ended == [1]


def test_without_a_connection_all_that_waits_fails_at_once_but_for_bulk(database, monkeypatch):
    tries, begun, go_on = [], Event(), Event()

    def cut_off() -> None:
        tries.append(1)
        begun.set()
        go_on.wait(10)
        raise OperationalError("", {}, Exception("timeout expired"))

    monkeypatch.setattr(database._engine, "connect", cut_off)
    urgencies = (Urgency.CALL, Urgency.BULK, Urgency.DIAL, Urgency.CALL)
    futures = [database.submit(add("+12125550101"), Urgency.CALL)]
    begun.wait(10)
    futures += [database.submit(add("+12125550101"), urgency) for urgency in urgencies]
    go_on.set()
    assert {str(type(future.exception(10)).__name__) for future in futures} == {"OperationalError"}
    assert len(tries) == 2  # one for what may share a commit, one for the bulk


def test_a_group_cut_off_half_way_tries_to_connect_once_more(database, monkeypatch):
    tries, begun, go_on = [], Event(), Event()

    def cut_off() -> None:
        tries.append(1)
        raise OperationalError("", {}, Exception("timeout expired"))

    def slow(_session: Session) -> None:
        begun.set()
        go_on.wait(10)

    def broken(_session: Session) -> None:
        monkeypatch.setattr(database._engine, "connect", cut_off)
        gone()

    futures = [database.submit(slow, Urgency.BULK)]
    begun.wait(10)
    futures = [database.submit(work) for work in (broken, add("+12125550101"), add("+12125550102"))]
    go_on.set()
    assert {str(future.exception(10)) for future in futures} == {str(futures[0].exception())}
    assert len(tries) == 1


def test_a_live_call_is_written_before_dialling_and_both_before_bulk(database):
    begun, go_on, order = Event(), Event(), list[str]()

    def slow(_session: Session) -> None:
        begun.set()
        go_on.wait(10)

    database.submit(slow)
    begun.wait(10)
    asked = (("list", Urgency.BULK), ("dial", Urgency.DIAL), ("list 2", Urgency.BULK), ("answer", Urgency.CALL))
    futures = [database.submit(lambda _session, name=name: order.append(name), urgency) for name, urgency in asked]
    go_on.set()
    for future in futures:
        future.result(10)
    assert order == ["answer", "dial", "list", "list 2"]


def test_what_is_queued_is_written_before_the_end(database_url):
    database = Database.open(database_url)
    futures = [database.submit(add(f"+121255501{n:02}"), Urgency.BULK) for n in range(10)]
    database.close()
    assert [future.exception(0) for future in futures] == [None] * 10


def test_times_come_back_aware_and_in_utc(database):
    database.write(add("+12125550101"))
    with database.read() as session:
        assert session.exec(select(DoNotCallEntry.added_at)).one() == NOON


def test_a_naive_time_is_refused(database):
    naive = DoNotCallEntry(number="+12125550101", source="cli", added_at=NOON.replace(tzinfo=None))
    with pytest.raises(Exception, match="naive"):
        database.write(lambda session: session.add(naive))


def test_a_second_writer_is_refused_until_the_first_closes(database_url):
    first = Database.open(database_url)
    with pytest.raises(DatabaseTaken, match="another process"):
        Database.open(database_url)
    first.close()
    Database.open(database_url).close()


def test_what_is_queued_at_close_is_still_written(database_url):
    database = Database.open(database_url)
    futures = [database.submit(add(f"+121255501{n:02}")) for n in range(50)]
    database.close()
    assert all(future.exception() is None for future in futures)
    reader = Database.open_to_read(database_url)
    assert len(numbers(reader)) == 50
    reader.close()


def test_reading_sees_one_moment(database):
    with database.read() as session:
        before = session.exec(select(DoNotCallEntry.number)).all()
        database.write(add("+12125550101"))
        assert session.exec(select(DoNotCallEntry.number)).all() == before == []


def test_what_a_writer_tells_is_gone_with_it(database_url):
    """A killed daemon leaves behind what it told: commands must not take it for a running one."""
    place = place_of(database_url)
    assert place.announced() == []
    writer = Database.open(database_url, "one")
    writer.announce("here I am")
    assert place.announced() == ["here I am"]
    writer.close()
    assert place.announced() == []


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "sqlite://", "nonsense", "postgresql://host", "postgresql+pg8000://x/y"]
)
def test_an_unusable_address_is_refused_in_one_line(url):
    with pytest.raises(DatabaseError) as caught:
        Database.open(url)
    assert "sqlite:///dialer.db" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_session_to_read_cannot_write_even_if_it_commits(database):
    database.write(add("+12125550101"))
    with database.read() as session:
        add("+12125550102")(session)
        with pytest.raises(DBAPIError, match=r"read-?only"):
            session.commit()
    assert numbers(database) == {"+12125550101"}


@pytest.mark.sqlite_only
def test_a_reader_that_comes_last_leaves_a_killed_writers_file_as_it_is(database, tmp_path):
    """It may have no right to the file; and what it moved from the log would be a write."""
    database.write(add("+12125550101"))
    killed = tmp_path / "killed.db"
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"dialer.db{end}", f"{killed}{end}")
    before = killed.read_bytes()
    reader = Database.open_to_read(f"sqlite:///{killed}")
    assert numbers(reader) == {"+12125550101"}
    reader.close()
    assert killed.read_bytes() == before


def test_a_clean_end_leaves_one_file_without_a_log(tmp_path):
    """Also after reads, whose connections cannot empty it."""
    database = Database.open(f"sqlite:///{tmp_path}/one.db")
    database.write(lambda session: SQLModel.metadata.create_all(session.connection()))
    assert numbers(database) == set()
    database.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.db", "one.db.lock"]


def test_another_name_of_the_file_is_no_second_right_to_write(tmp_path):
    first = Database.open(f"sqlite:///{tmp_path}/one.db")
    first.write(lambda session: SQLModel.metadata.create_all(session.connection()))
    first.announce("here I am")
    link = tmp_path / "current.db"
    link.symlink_to(tmp_path / "one.db")
    with pytest.raises(DatabaseTaken):
        Database.open(f"sqlite:///{link}")
    assert SqliteFile(link).announced() == ["here I am"]
    first.close()


@pytest.mark.parametrize("name", ["with space.db", "50%.db", "a?b#c.db", "größe.db"])
def test_any_file_name_can_be_written_and_read(tmp_path, name):
    place = SqliteFile(tmp_path / name)
    database = Database(place.reading(), place.writing())
    database.write(lambda session: SQLModel.metadata.create_all(session.connection()))
    database.write(add("+12125550101"))
    assert numbers(database) == {"+12125550101"}
    database.close()
    assert (tmp_path / name).stat().st_size > 0


@given(st.sampled_from(["postgresql://u:{}@h:p/d", "{}", "post gres://u:{}@h/d", "postgresql+x://u:{}@h/d", "x:{}"]))
@pytest.mark.sqlite_only
def test_no_message_about_an_address_shows_a_password(form):
    with pytest.raises(DatabaseError) as caught:
        place_of(form.format("hush"))
    assert "hush" not in str(caught.value)


def test_an_error_of_a_statement_does_not_show_its_values(database):
    """It is logged, and a person's name is no matter of the log."""
    with pytest.raises(StatementError) as caught:
        database.write(
            lambda session: session.connection().execute(
                text("INSERT INTO nowhere VALUES (:name)"), {"name": "Ann Lee"}
            )
        )
    assert "Ann Lee" not in str(caught.value)
