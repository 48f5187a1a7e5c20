"""Alive, ready and measured: what monitoring is told, and whom it is told."""

import asyncio
from datetime import timedelta
from threading import Event

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from twilio.request_validator import RequestValidator

from dialer.db.database import Database
from dialer.db.schema import HEAD
from dialer.dial_loop import DialLoop
from dialer.leases import Leases
from dialer.telephony.signature import Signatures
from dialer.tick import look_for_seats
from dialer.web import health
from dialer.web.app import LATE_SECONDS, make_app
from dialer.web.proof import proof
from tests.conftest import NOON
from tests.postgres import end_connections, standing_still

BASE, TOKEN = "https://dialer.example", "api-token"
MISSING = {"sqlite": "no such table: alembic_version", "postgresql": 'relation "alembic_version" does not exist'}


@pytest.fixture
def stopping():
    return asyncio.Event()


@pytest.fixture
def loop(exchange):
    return DialLoop(exchange, Leases("one"), 1.0)


@pytest.fixture
async def client(exchange, loop, stopping):
    signatures = Signatures(["auth-token"], BASE)
    app = make_app(exchange, signatures, loop, TOKEN, draining=stopping.is_set, tick_seconds=1.0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        yield client
        await exchange.drain()


@pytest.fixture
def ticked(exchange, clock):
    exchange.ticks.add(clock.monotonic(), clock.monotonic())


@pytest.fixture
def reasons(client):
    async def reasons():
        answer = await client.get("/readyz")
        told = answer.json()
        assert (answer.status_code, told["ready"]) == ((200, True) if not told["reasons"] else (503, False))
        return told["reasons"]

    return reasons


@pytest.fixture
def samples(client):
    """Every sample of a scrape, by name and labels."""

    async def samples():
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        families = text_string_to_metric_families(answer.text)
        return {
            (sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples
        }

    return samples


async def test_the_process_says_that_it_lives(client):
    assert (await client.get("/healthz")).json() == {"alive": "yes"}


async def test_who_knows_the_token_can_tell_this_daemon_from_another(client):
    told = (await client.get("/healthz", params={"nonce": "n1"})).json()
    assert told == {"alive": "yes", "proof": proof(TOKEN, "n1")}
    assert (await client.get("/healthz", params={"nonce": "n" * 65})).status_code == 422


@pytest.mark.both_databases
async def test_a_daemon_whose_loop_turns_is_ready(reasons, ticked):
    assert await reasons() == []


async def test_before_the_first_tick_and_long_after_the_last_it_is_not(reasons, exchange, clock):
    (reason,) = await reasons()
    assert reason.startswith("loop: no tick yet")
    exchange.ticks.add(clock.monotonic(), clock.monotonic())
    clock.advance(LATE_SECONDS)
    assert await reasons() == []
    clock.advance(0.5)
    (reason,) = await reasons()
    assert reason.startswith("loop late: the last tick that was finished began 5.5 s ago")


async def test_a_stopping_daemon_takes_no_new_work(reasons, ticked, stopping):
    stopping.set()
    assert [reason.split(":")[0] for reason in await reasons()] == ["draining"]


async def test_a_refused_account_is_told(reasons, ticked, exchange, carrier):
    carrier.refuses_us = True
    with pytest.raises(Exception, match="refuses our account"):
        await exchange.ask(carrier.check)
    assert [reason.split(":")[0] for reason in await reasons()] == ["account"]
    carrier.refuses_us = False
    await exchange.ask(carrier.check)
    assert await reasons() == []


async def test_an_unreachable_carrier_is_told_and_says_nothing_about_the_account(reasons, ticked, exchange, carrier):
    carrier.down = True
    with pytest.raises(Exception, match="could not be reached"):
        await exchange.ask(carrier.check)
    assert [reason.split(":")[0] for reason in await reasons()] == ["carrier"]
    carrier.down = False
    await look_for_seats(exchange)
    assert await reasons() == []


@pytest.mark.both_databases
async def test_another_schema_is_told(reasons, ticked, database):
    change = "UPDATE alembic_version SET version_num = '0000'"
    database.write(lambda session: session.connection().exec_driver_sql(change) and None)
    assert await reasons() == [f"schema: 0000, this dialer wants {HEAD}: stop it and run `dialer db upgrade`"]


@pytest.mark.both_databases
async def test_a_database_without_its_tables_is_told_in_one_line(reasons, ticked, database, backend):
    drop = "DROP TABLE alembic_version"
    database.write(lambda session: session.connection().exec_driver_sql(drop) and None)
    (reason,) = await reasons()
    assert reason == f"database: {MISSING[backend]}: see `dialer db check`"


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_right_to_write_that_another_process_has_taken_is_told(reasons, ticked, database, database_url):
    end_connections(database_url)
    other = Database.open(database_url)
    (reason,) = await reasons()
    assert "is being written by another process" in reason
    assert "\n" not in reason
    other.close()
    assert await reasons() == []


async def test_a_writer_that_is_stuck_is_told_and_how_old_its_oldest_write_is(
    reasons, samples, ticked, exchange, database, clock, monkeypatch
):
    monkeypatch.setattr(health, "DATABASE_SECONDS", 0.01)
    go_on = Event()
    stuck = asyncio.ensure_future(exchange.commit(lambda _session: go_on.wait(10)))
    await asyncio.sleep(0)
    clock.advance(3)
    (reason,) = await reasons()
    assert reason.startswith("database: no write got through")
    assert (await samples())[("dialer_inbox_age_seconds",)] == 3
    go_on.set()
    await stuck
    assert (await samples())[("dialer_inbox_age_seconds",)] == 0


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_database_that_does_not_answer_is_told_in_time(reasons, ticked, database, server, monkeypatch):
    """It stands still, and no connection breaks."""
    assert await reasons() == []
    monkeypatch.setattr(health, "DATABASE_SECONDS", 0.2)
    with standing_still(server):
        (reason,) = await asyncio.wait_for(reasons(), 2)
    assert reason.startswith("database: it did not answer within")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer other"}])
async def test_figures_are_for_who_has_the_token(client, header):
    """The port faces the internet, for the carrier's webhooks."""
    answer = await client.get("/metrics", headers=header)
    assert (answer.status_code, "dialer_" in answer.text) == (401, False)


@pytest.mark.both_databases
async def test_attempts_are_counted_by_state_and_those_that_end_no_more(samples, build):
    lead = build.lead(build.campaign())
    build.attempt(lead, "ended")
    ringing = build.attempt(lead, "ringing")
    build.attempt(lead, "connected")
    before = await samples()
    build.change("attempt", ringing, state="ended")
    after = await samples()
    states = ("ringing", "connected", "placing")
    assert [before[("dialer_attempts_in_flight", state)] for state in states] == [1, 1, 0]
    assert [after[("dialer_attempts_in_flight", state)] for state in states] == [0, 1, 0]


async def test_an_answer_without_an_agent_is_timed_and_counted_once(samples, client, build):
    attempt = build.attempt(build.lead(build.campaign(machine_detection=False)), "placing")
    for kind, state in (("answer", "in-progress"), ("answer", "in-progress"), ("progress", "completed")):
        path, form = f"/voice/{kind}?a={attempt}", {"CallSid": "CA1", "CallStatus": state}
        signed = {"X-Twilio-Signature": RequestValidator("auth-token").compute_signature(f"{BASE}{path}", form)}
        assert (await client.post(path, data=form, headers=signed)).is_success
    await client.post(path, data=form)
    found = await samples()
    assert found[("dialer_events_total", "answer")] == 2
    assert found[("dialer_answers_waited_total", "message")] == 1
    assert found[("dialer_answer_webhook_seconds_count",)] == 1, "the second time there was nothing to wait for"
    assert found[("dialer_calls_started_total",)] == found[("dialer_calls_abandoned_total",)] == 1
    assert found[("dialer_caught_errors_total", "webhooks_refused")] == 1
    assert found[("dialer_commit_seconds_count",)] >= 2


@pytest.mark.both_databases
async def test_campaigns_that_should_be_dialled_are_counted(samples, build, clock):
    """One runs with leads and a ready agent; each other lacks one of the three."""
    for name, intent, due, state in (
        ("whole", "run", NOON, "ready"),
        ("paused", "pause", NOON, "ready"),
        ("later", "run", NOON + timedelta(hours=1), "ready"),
        ("talking", "run", NOON, "on-call"),
    ):
        campaign = build.campaign(name, intent=intent)
        for number in range(2):
            build.lead(campaign, due_at=due)
            build.agent(f"{name}-{number}", campaign, state)
    assert (await samples())[("dialer_campaigns_with_work",)] == 1
    clock.advance(hours=1)
    assert (await samples())[("dialer_campaigns_with_work",)] == 2


async def test_what_the_node_holds_of_the_work_is_told(client, samples, loop, build):
    campaign = build.campaign()
    held = [("dialer_leases_held", "campaign"), ("dialer_leases_held", "timetable")]
    assert [(await samples())[name] for name in held] == [0, 0]
    await loop.keep_leases()
    told = (await client.get("/readyz")).json()
    assert (told["node"], told["leases"]) == ("one", [f"campaign {campaign}", "timetable"])
    assert [(await samples())[name] for name in held] == [1, 1]
