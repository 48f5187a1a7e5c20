"""Two daemons on one PostgreSQL behind a load balancer: one is killed or stands still, the other does its work."""

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import requests
from psycopg.rows import dict_row

from dialer.demonstration.agents import Agents
from dialer.demonstration.audit import audit
from dialer.demonstration.processes import Stage, end, environment_for, free_ports, start, wait_for_answer
from dialer.demonstration.sample import sample_file
from tests.faultlab import witness
from tests.faultlab.proxy import Proxy

TAKEN_OVER_SECONDS = 5.0
TOKEN = "token of both nodes"


@dataclass
class Nodes:
    """The stage seen through the balancer, and each node."""

    stage: Stage
    balancer: Proxy
    inside: Proxy
    ports: dict[str, int]
    url: str
    processes: dict[str, object] = field(default_factory=dict)

    def start(self, name: str) -> None:
        folder = self.stage.folder / name
        folder.mkdir(exist_ok=True)
        own = {"DIALER_PORT": str(self.ports[name]), "DIALER_NODE_NAME": name}
        self.processes[name] = start(folder, {**self.stage.environment, **own}, "run")

    def wait(self, name: str) -> None:
        url = f"http://127.0.0.1:{self.ports[name]}/readyz"
        wait_for_answer(url, self.processes[name], self.stage.folder / name / "run.log")

    def rows(self, query: str, *values: object) -> list[dict[str, object]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def claims_of(self, name: str) -> set[str]:
        return {str(row["attempt"]) for row in self.rows("SELECT attempt FROM claimed WHERE node = %s", name)}

    def leave_out(self, name: str) -> None:
        """As a health check does."""
        for each in (self.balancer, self.inside):
            each.leave_out(self.ports[name])

    def take_in(self, name: str) -> None:
        for each in (self.balancer, self.inside):
            each.take_in(self.ports[name])

    def pacing(self) -> str:
        """The node that paces the one campaign; empty when none does."""
        now = "extract(epoch FROM clock_timestamp())"
        held = self.rows(f"SELECT node FROM lease WHERE name <> 'timetable' AND expires_at > {now}")
        return str(held[0]["node"]) if held else ""


@pytest.fixture
def nodes(tmp_path, offset, server, migrated_on_server) -> Iterator[Nodes]:
    url = server.url(server.create(migrated_on_server))
    emulator_port, one, two = free_ports(3)
    balancer, inside = Proxy(one, two), Proxy(one, two)  # the API is not to be had at the public URL
    environment = environment_for(tmp_path, emulator_port, one, offset) | {
        "DIALER_DATABASE_URL": url,
        "DIALER_PUBLIC_URL": f"http://127.0.0.1:{balancer.port}",
        "DIALER_API_TOKEN": TOKEN,
        "DIALER_QUIET_SECONDS": "4",
        "DIALER_LOST_SECONDS": "10",
    }
    emulator_url, shift = f"http://127.0.0.1:{emulator_port}", f"--clock-offset-seconds={offset!r}"
    options = ("--port", str(emulator_port), shift, "--fast", "--seed", "7")
    emulator = start(tmp_path, environment, "emulator", *options)
    on_stage = Stage(tmp_path, environment, emulator_url, f"http://127.0.0.1:{inside.port}", TOKEN, emulator, emulator)
    running = Nodes(on_stage, balancer, inside, {"one": one, "two": two}, url)
    try:
        wait_for_answer(f"{emulator_url}/emulator/health", emulator, tmp_path / "emulator.log")
        yield running
    finally:
        for process in (*running.processes.values(), emulator):
            process.send_signal(signal.SIGCONT)
            end(process)
        balancer.close()
        inside.close()


@pytest.fixture
def at_work(nodes, prepare):
    """Both run, agents are ready, the campaign is dialled for."""
    nodes.start("one")
    nodes.start("two")
    nodes.wait("one")
    nodes.wait("two")
    witness.install(nodes.url)
    prepare(nodes.stage, sample_file(600), 0, "--wrap-up-seconds", "5")  # by commands, handed to a node
    players = Agents(nodes.stage, "spring", 10, seed=3)
    since = nodes.stage.floor("2026-11-17T00:00:00Z")["now"]
    nodes.stage.do("campaign/verb", campaign="spring", verb="start")
    play(nodes, players, since, 6)
    return players, since


def play(nodes, players, since, seconds, until=lambda: False):
    """Let the agents work for a while, through the balancer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not until():
        with contextlib.suppress(requests.RequestException):
            players.act(nodes.stage.floor(since)["agents"], time.monotonic())
        time.sleep(0.1)


def settle(nodes, players, since, seconds=60):
    nodes.stage.do("campaign/verb", campaign="spring", verb="stop")
    busy = (
        "SELECT 1 FROM agent WHERE state IN ('on-call', 'wrap-up') UNION SELECT 1 FROM attempt WHERE state <> 'ended'"
    )
    deadline = time.monotonic() + seconds
    while nodes.rows(busy):
        assert time.monotonic() < deadline, "attempts or agents stay stuck"
        play(nodes, players, since, 0.5)


def violations(nodes, excused=frozenset()):
    tables = [nodes.rows(f"SELECT * FROM {table}") for table in ("attempt", "lead", "agent")]
    checks = audit(nodes.stage.record(), *tables)
    return {check.name: found for check in checks if (found := set(check.violations) - excused)}


def test_a_killed_nodes_campaign_is_dialled_by_the_other_within_5_seconds(nodes, at_work):
    players, since = at_work
    took = []
    for last in (False, True):
        killed = nodes.pacing()
        talks = {row["id"] for row in nodes.rows("SELECT id FROM attempt WHERE state = 'connected'")}
        nodes.processes[killed].kill()
        at = time.monotonic()
        other = {"one": "two", "two": "one"}[killed]
        play(nodes, players, since, 15, until=lambda name=other: nodes.claims_of(name))
        took.append(time.monotonic() - at)
        assert nodes.pacing() == other
        nodes.processes[killed].wait()
        assert talks, "nobody talked at the kill: the run proves nothing"
        nodes.rows("DELETE FROM claimed WHERE node = %s RETURNING 1", killed)
        if not last:
            nodes.start(killed)
            play(nodes, players, since, 30, until=lambda name=killed: _answers(nodes, name))
            nodes.wait(killed)
    print("seconds from kill -9 to the other's first dial:", ", ".join(f"{seconds:.1f}" for seconds in took))
    settle(nodes, players, since)
    assert set(nodes.balancer.taken) == set(nodes.ports.values())
    ended = nodes.rows("SELECT * FROM attempt WHERE id = ANY(%s)", list(talks))
    assert {row["outcome"] for row in ended} <= {"answered", "machine"}
    found = violations(nodes)
    assert found == {}
    assert max(took) < TAKEN_OVER_SECONDS


def _answers(nodes, name):
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"http://127.0.0.1:{nodes.ports[name]}/readyz", timeout=1).ok
    return False


def test_a_node_that_stood_still_dials_nothing_that_is_anothers_by_now(nodes, at_work, offset):
    """Who had picked up when it stopped may be waiting for its answer, on a connection that was there before."""
    players, since = at_work
    stopped = nodes.pacing()
    other = {"one": "two", "two": "one"}[stopped]
    nodes.leave_out(stopped)
    began = datetime.now(UTC) + timedelta(seconds=offset - 1)
    nodes.processes[stopped].send_signal(signal.SIGSTOP)
    before = nodes.claims_of(stopped)
    play(nodes, players, since, 10)
    assert nodes.pacing() == other
    known = {call["sid"] for call in nodes.stage.record()["calls"]}
    nodes.processes[stopped].send_signal(signal.SIGCONT)
    over = datetime.now(UTC) + timedelta(seconds=offset)
    nodes.take_in(stopped)
    play(nodes, players, since, 4)
    claims = nodes.rows("SELECT * FROM claimed")
    assert {row["attempt"] for row in claims if row["node"] == stopped} <= before
    assert [row for row in claims if row["node"] != row["holder"]] == []
    late = nodes.rows("SELECT call_sid FROM attempt WHERE id = ANY(%s)", list(before))
    assert {row["call_sid"] for row in late} - {None} <= known, "sent with an old lease"
    log = (nodes.stage.folder / stopped / "run.log").read_text()
    assert "lease_lost" in log
    settle(nodes, players, since)
    calls = [call for call in nodes.stage.record()["calls"] if call["answered"]]
    assert violations(nodes, {call["sid"] for call in calls if began < _moment(call["answered"]) < over}) == {}


def _moment(text):
    return datetime.fromisoformat(text)
