"""`dialer check`: every fault is named with what to do, and fails the command."""

import json
import shutil
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from typer.testing import CliRunner

from dialer.cli import app, own_url
from dialer.cli.check import CLOCK_OFF, FREE_BYTES, QUEUED_SECONDS, calls_per_second, clocks, disk, durability, webhooks
from dialer.db.database import Database
from dialer.db.schema import HEAD
from dialer.store import CARRIER_EVENT
from dialer.telephony import account
from dialer.telephony.account import Account
from dialer.telephony.carrier import CarrierError, CarrierRefusesUs
from tests.conftest import Build

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
NAMES = ["settings", "rules", "schema", "disk", "webhooks", "account", "clock", "calls per second", "public URL"]


@pytest.fixture
def path(migrated, tmp_path, monkeypatch):
    """An installation in which all is well, but for a carrier and a way to us that the tests give."""
    path = tmp_path / "dialer.db"
    shutil.copyfile(migrated, path)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DIALER_DATABASE_URL": f"sqlite:///{path}",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "auth-token",
        "DIALER_PUBLIC_URL": "https://dialer.example/",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(account, "ask", lambda *_credentials: Account(datetime.now(UTC).replace(microsecond=0), []))
    monkeypatch.setattr(own_url, "fault", lambda _base, _token: "")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=2**40))
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("DIALER_PORT", str(free.getsockname()[1]))
    return path


def check(code: int) -> dict[str, str]:
    """What is said of each thing."""
    done = CliRunner().invoke(app, ["check"], terminal_width=200)
    assert done.exit_code == code, done.output
    return dict(line.split(": ", 1) for line in done.output.splitlines())


def test_an_installation_in_order_is_ok_line_by_line(path):
    said = check(code=0)
    assert list(said) == NAMES
    assert all(words.startswith("ok") for words in said.values())
    assert said["public URL"] == "ok, https://dialer.example"


def test_of_a_database_on_a_server_not_the_disk_is_looked_at_but_whether_it_keeps_what_it_commits(
    path, server, migrated_on_server, monkeypatch
):
    """That of the tests does not."""
    monkeypatch.setenv("DIALER_DATABASE_URL", server.url(server.create(migrated_on_server)))
    said = check(code=1)
    assert list(said) == ["durability" if name == "disk" else name for name in NAMES]
    assert said["schema"] == f"ok, {HEAD}"
    assert said["durability"].startswith("the server's fsync is off, so what it has committed is lost")
    assert [name for name, words in said.items() if not words.startswith("ok")] == ["durability"]


def test_pages_that_may_tear_are_warned_of_and_no_fault_for_some_file_systems_tear_none():
    found = durability({"full_page_writes"})
    assert (found.fault, "full_page_writes is off: set it to on unless" in found.detail) == ("", True)
    assert durability(set()).detail == "the server keeps what it has committed"


def test_the_same_as_json(path, monkeypatch):
    monkeypatch.setattr(own_url, "fault", lambda base, _token: f"{base} is wrong")
    done = CliRunner().invoke(app, ["check", "--json"])
    told = json.loads(done.output)
    assert (done.exit_code, told["ok"]) == (1, False)
    assert [found["check"] for found in told["checks"]] == NAMES
    assert [found["fault"] for found in told["checks"] if found["fault"]] == ["https://dialer.example is wrong"]


def other_schema(path: Path, _monkeypatch) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()


def raising(error: Exception):
    def ask(*_credentials):
        raise error

    return lambda _path, monkeypatch: monkeypatch.setattr(account, "ask", ask)


def without(name: str):
    return lambda _path, monkeypatch: monkeypatch.delenv(name)


def setting(name: str, value: str):
    return lambda _path, monkeypatch: monkeypatch.setenv(name, value)


def long_ago(_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(account, "ask", lambda *_credentials: Account(NOON, [0.0, 4.0]))


@pytest.mark.parametrize(
    ("harm", "name", "words"),
    [
        (setting("DIALER_PORT", "x"), "settings", "correct DIALER_PORT"),
        (setting("DIALER_RULES_DIRECTORY", "nowhere"), "rules", "nowhere"),
        (other_schema, "schema", f"wants {HEAD}: run `dialer db upgrade`"),
        (setting("DIALER_DATABASE_URL", "mysql://x/y"), "schema", "sqlite:///dialer.db"),
        (without("TWILIO_AUTH_TOKEN"), "account", "set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
        (raising(CarrierRefusesUs("20003 Authenticate")), "account", "20003 Authenticate: check TWILIO_ACCOUNT_SID"),
        (raising(CarrierError("gone")), "account", "gone: check DIALER_TWILIO_BASE_URL and the network"),
        (long_ago, "clock", "ahead of the carrier's: set it by NTP"),
        (long_ago, "calls per second", "lower DIALER_CALLS_PER_SECOND"),
        (without("DIALER_PUBLIC_URL"), "public URL", "set DIALER_PUBLIC_URL"),
        (setting("DIALER_HOST", "192.0.2.1"), "public URL", "cannot listen on 192.0.2.1:"),
    ],
)
def test_a_fault_is_one_line_with_what_to_do_and_exit_1(path, monkeypatch, harm, name, words):
    harm(path, monkeypatch)
    said = check(code=1)
    assert words in said[name]
    assert not said[name].startswith("ok")


def test_with_a_daemon_that_is_asked_and_not_stood_in_for(path, monkeypatch):
    daemon = Database.open(f"sqlite:///{path}")
    daemon.announce(json.dumps({"node": "one", "pid": 1, "url": "http://127.0.0.1:1", "token": "the daemon's"}))
    tokens = []
    monkeypatch.setattr(own_url, "fault", lambda _base, token: tokens.append(token) or "")
    monkeypatch.setattr(own_url, "api_fault", lambda base: f"{base}/api is open")
    said = check(code=1)
    daemon.close()
    assert said["daemon"].startswith("one at http://127.0.0.1:1 does not answer")
    assert (said["public URL"][:2], tokens) == ("ok", ["the daemon's"])
    assert said["control API"] == "https://dialer.example/api is open"


@pytest.mark.parametrize(
    ("minutes", "told", "said"),
    [
        (30, True, "ok, the carrier has told of 1 of the last hour's 1 calls"),
        (30, False, "the carrier has told of 0 of the last hour's 1 calls: see the carrier's debugger"),
        (0.5, False, "ok, no call of late to tell by"),
        (90, False, "ok, no call of late to tell by"),
    ],
)
def test_by_the_calls_of_late_the_carrier_reaches_us_or_not(path, minutes, told, said):
    database = Database.open(f"sqlite:///{path}")
    build = Build(database)
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    attempt = build.attempt(build.lead(build.campaign()), placing_at=at)
    if told:
        event = {"key": "k", "kind": "progress", "attempt_id": attempt, "parameters": {}, "received_at": at}
        database.write(
            lambda session: session.connection().execute(insert(CARRIER_EVENT).values(**event, answer="", problem=""))
        )
    database.close()
    assert check(code=0 if said.startswith("ok") else 1)["webhooks"].startswith(said)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_every_call_is_told_of_or_something_is_wrong(calls, missing):
    found = webhooks(calls, max(0, calls - missing))
    assert bool(found.fault) == (calls > 0 and missing > 0)


seconds = st.floats(0, 1e6)


@given(st.floats(-1e6, 1e6), st.floats(0, 30))
def test_a_clock_is_off_only_by_more_than_whole_seconds_and_the_request_explain(off, lasted):
    """The carrier's time is cut to whole seconds, and it was told at some moment of the request."""
    before = NOON + timedelta(seconds=off)
    found = clocks(before, before + timedelta(seconds=lasted), NOON)
    least = max(off - 1, -(off + lasted), 0)  # how far apart the clocks are at the least
    if abs(least - CLOCK_OFF.total_seconds()) > 0.001:
        assert bool(found.fault) == (least > CLOCK_OFF.total_seconds())
    assert ("ahead" in found.fault) == (bool(found.fault) and off > 0)


@given(st.lists(seconds))
def test_the_account_is_too_slow_when_any_call_waited_in_its_queue(queued):
    found = calls_per_second(2.0, queued)
    assert bool(found.fault) == any(wait > QUEUED_SECONDS for wait in queued)
    assert "2" in (found.fault or found.detail)


@given(st.integers(0, 2**50), st.integers(0, 2**45))
def test_there_must_be_room_for_a_second_database_and_some_more(free, used):
    found = disk(free, used, Path("/srv/dialer.db"))
    assert bool(found.fault) == (free < used + FREE_BYTES)
    assert not found.fault or "/srv" in found.fault
