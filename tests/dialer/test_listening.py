"""News between nodes over a real server, and the loss of them."""

import asyncio
from dataclasses import replace

import pytest
from psycopg import OperationalError

from dialer import listening
from dialer.call_control import take
from dialer.db.database import Database, place_of
from dialer.dial_loop import DialLoop
from dialer.events import Answered, Progress
from dialer.leases import Leases
from dialer.listening import hear, hear_others
from dialer.pacing import events as observed
from tests.conftest import NOON
from tests.postgres import end_connections


@pytest.fixture
def backend():
    return "postgresql"


@pytest.fixture
def database(database_url):
    database = Database.open(database_url, "one")
    yield database
    database.close()


@pytest.fixture
def other(database_url):
    database = Database.open(database_url, "two")
    yield database
    database.close()


@pytest.fixture
async def heard(exchange, database_url, monkeypatch):
    """What comes to node one, which listens."""
    monkeypatch.setattr(listening, "AGAIN_SECONDS", 0.01)
    came: asyncio.Queue = asyncio.Queue()
    ears = replace(exchange, observe=lambda campaign_id, event: came.put_nowait((campaign_id, event)))
    task = asyncio.create_task(hear_others(ears, place_of(database_url), "one"))
    yield came
    task.cancel()


async def listens(database):
    """Until somebody does."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND starts_with(query, 'LISTEN')"

    def count():
        with database.read() as session:
            return session.connection().exec_driver_sql(query).scalar()

    while not await asyncio.to_thread(count):
        pass


async def test_what_another_node_sees_is_heard_and_what_one_sees_itself_is_not_doubled(
    build, database, other, heard, clock
):
    campaign = build.campaign(machine_detection=False)
    attempts = [build.attempt(build.lead(campaign)) for _ in range(2)]
    await listens(database)
    answered = [Answered(f"CA-{attempt}", None) for attempt in attempts]
    await asyncio.to_thread(database.write, lambda session: take(session, attempts[0], answered[0], 2.0, NOON) and None)
    await asyncio.to_thread(other.write, lambda session: take(session, attempts[1], answered[1], 2.0, NOON) and None)
    at, call = clock.monotonic(), attempts[1]
    came = [await asyncio.wait_for(heard.get(), 10) for _ in range(3)]
    expected = [observed.PickedUp(call, at), observed.Human(call, at), observed.Abandoned(call, at)]
    assert came == [(campaign, event) for event in expected]


async def test_what_is_undone_is_not_told(build, database, other, heard):
    attempts = [build.attempt(build.lead(build.campaign(name))) for name in ("spring", "autumn")]
    await listens(database)

    def undone(session):
        take(session, attempts[0], Answered(f"CA-{attempts[0]}", None), 2.0, NOON)
        raise RuntimeError("after all not")

    with pytest.raises(RuntimeError):
        await asyncio.to_thread(other.write, undone)
    event = Answered(f"CA-{attempts[1]}", None)
    await asyncio.to_thread(other.write, lambda session: take(session, attempts[1], event, 2.0, NOON) and None)
    assert (await asyncio.wait_for(heard.get(), 10))[1] == observed.PickedUp(attempts[1], pytest.approx(1000.0))


async def test_a_cut_connection_is_made_anew_and_pacing_goes_on_without_what_was_lost(
    build, exchange, database, database_url, other, heard, carrier
):
    """The line whose end was never heard does not keep an agent waiting: the tables say how many are in flight."""
    campaign = build.campaign()
    build.agent("anna", campaign)
    for _ in range(3):
        build.lead(campaign)
    loop = DialLoop(exchange, Leases("one"), 100.0)
    await loop.keep_leases()
    await loop.tick()
    await exchange.drain()
    assert len(carrier.requests) == 1
    await listens(database)
    end_connections(database_url)
    (attempt,) = build.rows("attempt")
    gone = Progress(attempt["call_sid"], ringing=False)
    await asyncio.to_thread(other.write, lambda session: take(session, attempt["id"], gone, 2.0, NOON) and None)
    build.change("attempt", attempt["id"], state="ended", outcome="busy")
    await loop.keep_leases()
    await loop.tick()
    await exchange.drain()
    assert len(carrier.requests) == 2
    await listens(database)
    assert exchange.counts["listener_lost"] >= 1


def test_news_of_another_version_is_counted_and_left(exchange, seen):
    hear(exchange, "two nonsense", "one")
    assert (seen, exchange.counts["news_not_understood"]) == ([], 1)


async def test_whatever_goes_wrong_in_listening_it_goes_on_and_the_failure_is_counted(exchange, monkeypatch):
    class Place:
        begun = 0

        async def notifications(self, _channel):
            self.begun += 1
            if self.begun == 1:
                raise OperationalError("")  # psycopg's, without a word
            if self.begun == 2:
                raise RuntimeError("a defect")
            yield "two [1, []]"
            raise asyncio.CancelledError

    monkeypatch.setattr("dialer.listening.AGAIN_SECONDS", 0)
    with pytest.raises(asyncio.CancelledError):
        await hear_others(exchange, Place(), "one")
    assert {kind: exchange.counts[kind] for kind in ("listener_lost", "listener_errors")} == {
        "listener_lost": 1,
        "listener_errors": 1,
    }
