"""The right to write to a server, and what is said when it cannot be reached."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import monotonic, sleep

import psycopg
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from compliance.tables import DoNotCallEntry
from dialer.db import lease, postgres
from dialer.db.database import CommitUncertain, Database, place_of
from dialer.db.place import DatabaseError, DatabaseTaken
from tests.conftest import NOON
from tests.postgres import end_connections, standing_still
from tests.relay import relay_to

NOTICED_SECONDS = 8.0  # 5, and the time to connect anew on a busy machine
BREAKS_AT_COMMIT = """
CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER break_off AFTER INSERT ON do_not_call DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION break_off();
"""


@pytest.fixture
def backend():
    return "postgresql"


@pytest.mark.parametrize(
    "use", [Database.open, lambda url: place_of(url).contents(), lambda url: place_of(url).announced()]
)
def test_a_server_that_is_not_there_is_named_in_one_line_without_its_password(use, tmp_path):
    with pytest.raises(
        DatabaseError, match=r"^postgresql://dialer:\*\*\*@.*cannot be reached.*check database_url"
    ) as caught:
        use(f"postgresql://dialer:geheim@/dialer?host={tmp_path}")
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_broken_connection_fails_its_writes_and_the_next_goes_through(database, database_url):
    def broken(session):
        end_connections(database_url)
        session.add(DoNotCallEntry(number="+12125550101", source="cli", added_at=NOON))
        session.flush()

    with pytest.raises(Exception, match="terminat"):
        database.write(broken)
    database.write(lambda session: session.add(DoNotCallEntry(number="+12125550102", source="cli", added_at=NOON)))
    with database.read() as session:
        assert session.exec(select(DoNotCallEntry.number)).all() == ["+12125550102"]


def test_a_database_whose_server_went_away_unnoticed_is_closed_without_a_word(database_url):
    database = Database.open(database_url)
    end_connections(database_url)
    database.close()


def test_a_writer_whose_right_was_taken_while_it_was_cut_off_writes_no_more(database, database_url):
    end_connections(database_url)
    other = Database.open(database_url)
    with pytest.raises(DatabaseTaken):
        database.write(lambda session: session.add(DoNotCallEntry(number="+12125550101", source="cli", added_at=NOON)))
    other.close()


def test_nodes_write_side_by_side_and_who_is_none_writes_alone(database_url):
    one, two = Database.open(database_url, "one"), Database.open(database_url, "two")
    for node, number in ((one, "+12125550101"), (two, "+12125550102")):
        node.write(lambda session, number=number: session.add(entry(number)))
    with pytest.raises(DatabaseTaken, match="another process"):
        Database.open(database_url)
    one.close()
    with pytest.raises(DatabaseTaken, match="another process"):
        Database.open(database_url)
    two.close()
    alone = Database.open(database_url)
    with pytest.raises(DatabaseTaken, match="another process"):
        Database.open(database_url, "one")
    alone.close()


def test_two_nodes_of_one_name_are_one_too_many(database_url):
    one = Database.open(database_url, "one")
    with pytest.raises(DatabaseTaken, match=r"a node 'one' of .* runs: give this one another DIALER_NODE_NAME"):
        Database.open(database_url, "one")
    one.close()
    Database.open(database_url, "one").close()


def test_each_node_that_lives_is_found_the_one_seen_last_first(database_url):
    place = place_of(database_url)
    nodes = [Database.open(database_url, name) for name in ("one", "two", "killed")]
    for node, told in zip(nodes, ("1", "2", "3"), strict=True):
        node.announce(told)
    nodes[2].close()
    assert place.announced() == ["2", "1"]
    nodes[0].write(lambda session: lease.show_up(session.connection(), "one"))
    assert place.announced() == ["1", "2"]
    for node in nodes[:2]:
        node.close()


@pytest.mark.parametrize(
    ("chosen", "runs_with"),
    [
        ("off", "on"),
        ("local", "local"),
        ("on", "on"),
        ("remote_write", "remote_write"),
        ("remote_apply", "remote_apply"),
    ],
)
@pytest.mark.parametrize("node", [None, "one"])
def test_an_answer_after_the_commit_never_comes_before_the_disk_whatever_the_database_is_set_to(
    database_url, node, chosen, runs_with
):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = {chosen}")
    database = Database.open(database_url, node)

    def setting(session):
        return session.connection().scalar(text("SHOW synchronous_commit"))

    with database.read() as session:
        assert setting(session) == chosen
    assert database.write(setting) == runs_with
    end_connections(database_url)
    assert [database.write(setting), database.write(setting)] == [runs_with] * 2
    database.close()


def test_settings_that_lose_what_is_committed_are_named(database_url):
    """The tests' server has both."""
    assert place_of(database_url).switched_off() == {"fsync", "full_page_writes"}


def entry(number):
    return DoNotCallEntry(number=number, source="cli", added_at=NOON)


def locks(*ids, meet=None, tries=None):
    """Change entries in this order; all who take part have changed their first before anyone goes on."""

    def work(session):
        if tries is not None:
            tries.append(ids)
        for place, number in enumerate(ids):
            changed = update(DoNotCallEntry).where(DoNotCallEntry.number == number)
            session.connection().execute(changed.values(note=f"{ids}"))
            if place == 0 and meet is not None and not meet.broken and tries.count(ids) == 1:
                meet.wait(10)

    return work


def test_nodes_that_wait_for_each_other_both_come_through(database_url):
    nodes, tries = [Database.open(database_url, name) for name in ("one", "two")], []
    for number in ("+1", "+2"):
        nodes[0].write(lambda session, number=number: session.add(entry(number)))
    meet = Barrier(2)
    orders = (("+1", "+2"), ("+2", "+1"))
    done = [node.submit(locks(*ids, meet=meet, tries=tries)) for node, ids in zip(nodes, orders, strict=True)]
    assert [future.result(20) for future in done] == [None, None]
    assert len(tries) > 2, "they never waited for each other: the run proves nothing"
    for node in nodes:
        node.close()


def test_a_group_that_meets_a_lock_is_repeated_write_by_write_and_what_failed_by_itself_is_not(database_url):
    one, two, ran = Database.open(database_url, "one"), Database.open(database_url, "two"), []
    one.write(lambda session: session.add(entry("+1")))
    begun, go_on, free = Event(), Event(), Event()

    def holds(session):
        locks("+1")(session)
        begun.set()
        go_on.wait(10)

    def count(name, work=lambda _session: None):
        def counted(session):
            ran.append(name)
            return work(session)

        return counted

    def refuse(_session):
        raise ZeroDivisionError

    holder = one.submit(holds)
    begun.wait(10)
    blocked = two.submit(lambda _session: free.wait(10))  # so that the rest is one group
    others = [two.submit(count("first")), two.submit(count("refused", refuse)), two.submit(count("late", locks("+1")))]
    free.set()
    with contextlib.suppress(TimeoutError):
        others[2].result(0.6)
    go_on.set()
    assert [holder.result(10), others[0].result(10), others[2].result(10)] == [None, None, None]
    assert blocked.result(10)
    assert isinstance(others[1].exception(), ZeroDivisionError)
    assert ran.count("refused") == 1
    assert ran.count("late") > 1
    one.close()
    two.close()


def test_a_connection_that_breaks_before_the_commit_costs_nothing(database, database_url):
    tries = []

    def broken_once(session):
        session.add(entry("+12125550101"))
        tries.append(1)
        if len(tries) == 1:
            end_connections(database_url)
        session.flush()

    database.write(broken_once)
    with database.read() as session:
        assert (len(tries), session.exec(select(DoNotCallEntry.number)).all()) == (2, ["+12125550101"])


def test_a_connection_that_breaks_during_the_commit_is_not_repeated(database, database_url):
    """A trigger that runs within the commit breaks it there."""
    database.write(lambda session: session.connection().exec_driver_sql(BREAKS_AT_COMMIT) and None)
    tries = []

    def write(session):
        tries.append(1)
        session.add(entry("+12125550101"))

    with pytest.raises(CommitUncertain):
        database.write(write)
    assert len(tries) == 1


def test_a_node_that_stands_still_in_a_transaction_does_not_keep_its_locks(database_url, monkeypatch):
    """It fails when it comes back, is tried again, and then waits its turn."""
    one, two = Database.open(database_url, "one"), Database.open(database_url, "two")
    one.write(lambda session: session.add(entry("+1")))
    begun, go_on = Event(), Event()

    def stands_still(session):
        locks("+1")(session)
        begun.set()
        go_on.wait(10)

    late = one.submit(stands_still)
    begun.wait(10)
    two.write(locks("+1"))
    go_on.set()
    assert late.result(10) is None
    one.close()
    two.close()


@pytest.fixture
def relay(server):
    with relay_to(server.socket) as relay:
        yield relay


def waiting(url, *states):
    """Whether each of these is seen at the server."""
    with psycopg.connect(url) as connection:
        seen = "SELECT concat_ws(' ', wait_event, query) FROM pg_stat_activity WHERE datname = current_database()"
        told = [row[0] for row in connection.execute(seen)]
    return all(any(text.startswith(state) for text in told) for state in states)


async def test_a_network_that_drops_every_packet_is_noticed_and_writing_goes_on(database_url, relay):
    """The reader and the listener only wait: what they had sent was acknowledged. What the writer sends is not."""
    place = place_of(f"postgresql://postgres@127.0.0.1:{relay.port}/{database_url.split('/')[3].split('?')[0]}")
    database, tries, cut_at = Database(place.reading(), place.writing("one")), [], []

    def write(session):
        tries.append(1)
        if len(tries) == 1:
            while not waiting(database_url, "PgSleep", "ClientRead LISTEN"):
                sleep(0.05)
            relay.cut()
            cut_at.append(monotonic())
        session.add(entry("+12125550101"))
        session.flush()

    def read():
        with pytest.raises(OperationalError), database.read() as session:
            session.connection().execute(text("SELECT pg_sleep(60)"))

    async def listen():
        with pytest.raises(psycopg.OperationalError):
            async for _payload in place.notifications("news"):
                pass

    async def noticed_after(work):
        await asyncio.wait_for(work, 2 * NOTICED_SECONDS)
        return monotonic() - cut_at[0]

    written = asyncio.to_thread(database.write, write)
    works = [noticed_after(work) for work in (asyncio.to_thread(read), listen(), written)]
    try:
        assert max(await asyncio.gather(*works)) < NOTICED_SECONDS
    finally:
        relay.close()  # or who notices nothing waits on
    assert len(tries) == 2
    await asyncio.to_thread(database.close)


def test_a_server_that_stands_still_fails_a_nodes_work_and_it_goes_on_when_the_server_does(
    database_url, server, monkeypatch
):
    monkeypatch.setattr(postgres, "SILENT_SECONDS", 0.3)
    monkeypatch.setitem(postgres.ALIVE, "connect_timeout", 2)  # the least that there is
    node, begun = Database.open(database_url, "one"), Event()

    def read():
        with node.read() as session:
            session.connection()
            begun.set()
            session.execute(text("SELECT pg_sleep(1)"))

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read)
        begun.wait(10)
        with standing_still(server):
            writing = node.submit(lambda session: session.add(entry("+12125550101")))
            with pytest.raises(OperationalError, match="the server has not answered for"):
                reading.result(5)
            with pytest.raises(OperationalError, match="timeout"):
                writing.result(10)
    for _moment in range(50):  # until the server has seen that the old connection is gone
        with contextlib.suppress(DatabaseTaken):
            node.write(lambda session: session.add(entry("+12125550102")))
            break
        sleep(0.1)
    with node.read() as session:
        assert session.exec(select(DoNotCallEntry.number)).all() == ["+12125550102"]
    node.close()


def test_a_command_waits_for_its_statement_for_as_long_as_it_takes(database, monkeypatch):
    monkeypatch.setattr(postgres, "SILENT_SECONDS", 0.1)
    long = text("SELECT 1 FROM pg_sleep(0.5)")
    assert database.write(lambda session: session.connection().scalar(long)) == 1
    with database.read() as session:
        assert session.connection().scalar(long) == 1
