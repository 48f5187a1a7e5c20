"""Two daemons on one PostgreSQL behind a load balancer: one is killed or stands still, the other does its work."""

import contextlib
import signal
import socket
import threading
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

TAKEN_OVER_SECONDS = 5.0
TOKEN = "token of both nodes"
# Says which node claimed each attempt, and whose the campaign was at that moment.
WITNESS = """
CREATE TABLE claimed (attempt text, node text, holder text, at timestamptz);
CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO claimed VALUES (NEW.id, current_setting('application_name'),
    (SELECT node FROM lease WHERE name = 'campaign ' || NEW.campaign_id), clock_timestamp());
  RETURN NEW;
END $$;
CREATE TRIGGER note_claim AFTER INSERT ON attempt FOR EACH ROW EXECUTE FUNCTION note_claim();
"""


@dataclass
class Balancer:
    """Hands each connection to the next node that takes it; `out` are those that a health check would leave out."""

    port: int
    targets: list[int]
    out: set[int] = field(default_factory=set)
    taken: dict[int, int] = field(default_factory=dict)  # connections by node's port

    def run(self, stopping: threading.Event) -> None:
        with socket.create_server(("127.0.0.1", self.port)) as listening:
            listening.settimeout(0.2)
            while not stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _address = listening.accept()
                    threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self.targets.append(self.targets.pop(0))
        for port in [port for port in self.targets if port not in self.out]:
            with contextlib.suppress(OSError):
                node = socket.create_connection(("127.0.0.1", port), 1)
                self.taken[port] = self.taken.get(port, 0) + 1
                threading.Thread(target=_pass_on, args=(client, node), daemon=True).start()
                _pass_on(node, client)
                return
        client.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        source.settimeout(None)
        while data := source.recv(65536):
            sink.sendall(data)
    for end_of in (source, sink):
        with contextlib.suppress(OSError):
            end_of.shutdown(socket.SHUT_RDWR)


@dataclass
class Nodes:
    """The stage seen through the balancer, and each node."""

    stage: Stage
    balancer: Balancer
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

    def pacing(self) -> str:
        """The node that paces the one campaign; empty when none does."""
        now = "extract(epoch FROM clock_timestamp())"
        held = self.rows(f"SELECT node FROM lease WHERE name <> 'timetable' AND expires_at > {now}")
        return str(held[0]["node"]) if held else ""


@pytest.fixture
def nodes(tmp_path, offset, server, migrated_on_server) -> Iterator[Nodes]:
    url = server.url(server.create(migrated_on_server))
    emulator_port, one, two, balancer_port, inside_port = free_ports(5)
    public = f"http://127.0.0.1:{balancer_port}"
    environment = environment_for(tmp_path, emulator_port, one, offset) | {
        "DIALER_DATABASE_URL": url,
        "DIALER_PUBLIC_URL": public,
        "DIALER_API_TOKEN": TOKEN,
        "DIALER_QUIET_SECONDS": "4",
        "DIALER_LOST_SECONDS": "10",
    }
    stopping, balancer = threading.Event(), Balancer(balancer_port, [one, two])
    inside = Balancer(inside_port, [one, two], balancer.out)  # the API is not to be had at the public URL
    for each in (balancer, inside):
        threading.Thread(target=each.run, args=(stopping,), daemon=True).start()
    emulator_url, shift = f"http://127.0.0.1:{emulator_port}", f"--clock-offset-seconds={offset!r}"
    options = ("--port", str(emulator_port), shift, "--fast", "--seed", "7")
    emulator = start(tmp_path, environment, "emulator", *options)
    on_stage = Stage(tmp_path, environment, emulator_url, f"http://127.0.0.1:{inside_port}", TOKEN, emulator, emulator)
    running = Nodes(on_stage, balancer, {"one": one, "two": two}, url)
    try:
        wait_for_answer(f"{emulator_url}/emulator/health", emulator, tmp_path / "emulator.log")
        yield running
    finally:
        stopping.set()
        for process in (*running.processes.values(), emulator):
            process.send_signal(signal.SIGCONT)
            end(process)


@pytest.fixture
def at_work(nodes, prepare):
    """Both run, agents are ready, the campaign is dialled for."""
    nodes.start("one")
    nodes.start("two")
    nodes.wait("one")
    nodes.wait("two")
    with psycopg.connect(nodes.url) as connection:
        connection.execute(WITNESS)
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
    nodes.balancer.out.add(nodes.ports[stopped])
    began = datetime.now(UTC) + timedelta(seconds=offset - 1)
    nodes.processes[stopped].send_signal(signal.SIGSTOP)
    before = nodes.claims_of(stopped)
    play(nodes, players, since, 10)
    assert nodes.pacing() == other
    known = {call["sid"] for call in nodes.stage.record()["calls"]}
    nodes.processes[stopped].send_signal(signal.SIGCONT)
    over = datetime.now(UTC) + timedelta(seconds=offset)
    nodes.balancer.out.clear()
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
