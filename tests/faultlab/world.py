"""The system under test: database, daemons and emulator as real processes, with faulty ways between them."""

import contextlib
import json
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import requests
from typer.testing import CliRunner

from dialer.cli import app
from dialer.db.database import place_of
from dialer.db.place import DatabaseError
from dialer.demonstration.processes import environment_for, free_ports
from tests.faultlab.invariants import Window, together
from tests.faultlab.proxy import Proxy
from tests.faultlab.turned_clock import VARIABLE
from tests.postgres import Server

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
QUICK = {"DIALER_QUIET_SECONDS": "2", "DIALER_LOST_SECONDS": "10"}
FULL_BYTES = 4096  # no file may grow beyond, so every write to database or log fails as on a full disk

Process = subprocess.Popen[bytes]


class NotBack(Exception):
    """A process did not come up again; the message holds the end of its log."""


@dataclass
class Daemon:
    """One node. `away` are the times in which it could not answer, `still` those in which it was stopped."""

    name: str
    port: int
    process: Process | None = None
    token: str = ""
    lives: bool = False
    away: list[Window] = field(default_factory=list)
    still: list[Window] = field(default_factory=list)


@dataclass
class World:
    """Everything that runs. Times are of the emulator's clock, which nothing turns."""

    folder: Path
    environment: dict[str, str]
    offset_seconds: float
    emulator_port: int
    emulator_options: tuple[str, ...]
    to_carrier: Proxy
    from_carrier: Proxy
    server: Server | None
    emulator: Process | None = None
    daemons: list[Daemon] = field(default_factory=list)
    webhooks_cut: list[Window] = field(default_factory=list)
    requests_cut: list[Window] = field(default_factory=list)
    emulator_killed: list[datetime] = field(default_factory=list)
    outages: int = 0  # of the database, that have begun or ended: odd during one
    _requests: Iterator[int] = field(default_factory=count)
    _turning: threading.Lock = field(default_factory=threading.Lock)

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def unreachable(self) -> list[Window]:
        """When the carrier could not reach any living daemon."""
        return self.webhooks_cut + together([daemon.away for daemon in self.daemons])

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset_seconds)

    def start_emulator(self) -> None:
        offset = f"--clock-offset-seconds={self.offset_seconds!r}"
        words = ("--port", str(self.emulator_port), offset, "--journal", str(self.journal), *self.emulator_options)
        self.emulator = self._start("dialer", "emulator", *words, log="emulator.log")
        self._wait(lambda: self._emulator("GET", "health"), self.emulator, "emulator.log")

    def kill_emulator(self) -> None:
        assert self.emulator is not None
        self.emulator.kill()
        self.emulator.wait()
        self.emulator_killed.append(self.now())

    def faults(self, chances: Mapping[str, Any]) -> None:
        self._emulator("POST", "faults", json=dict(chances))

    def drop_seat(self, agent: str) -> bool:
        """False when the agent has no live leg."""
        try:
            self._emulator("POST", f"agents/client:{agent}/drop")
        except requests.RequestException:
            return False
        return True

    def start_daemon(self, node: int = 0) -> None:
        """Start it and wait until it can be reached, though the carrier cannot be; again when no database was there."""
        daemon = self.daemons[node]
        own = {"DIALER_PORT": str(daemon.port), "DIALER_NODE_NAME": daemon.name}
        while True:
            outages, log = self.outages, f"{daemon.name}.log"
            process = daemon.process = self._start("tests.faultlab.turned_clock", "run", log=log, settings=own)
            try:
                self._wait(lambda: self._announced(daemon), process, log)
            except NotBack:
                if self.outages == outages and outages % 2 == 0:
                    raise
                process.kill()
                process.wait()
            else:
                daemon.lives = True
                return

    def kill_daemon(self, node: int = 0) -> None:
        self.process(node).kill()
        self.process(node).wait()

    def process(self, node: int) -> Process:
        process = self.daemons[node].process
        assert process is not None
        return process

    @contextmanager
    def away(self, node: int) -> Iterator[None]:
        """The node does not answer meanwhile."""
        daemon = self.daemons[node]
        daemon.lives = False
        with self._during(daemon.away):
            yield
        daemon.lives = True

    @contextmanager
    def still(self, node: int) -> Iterator[None]:
        """The node is stopped meanwhile."""
        with self._during(self.daemons[node].still):
            self.process(node).send_signal(signal.SIGSTOP)
            yield
            self.process(node).send_signal(signal.SIGCONT)

    @contextmanager
    def unreached(self) -> Iterator[None]:
        """No webhook gets through meanwhile."""
        with self._during(self.webhooks_cut):
            yield

    @contextmanager
    def unreaching(self) -> Iterator[None]:
        """No request of a daemon gets through meanwhile."""
        with self._during(self.requests_cut):
            yield

    @contextmanager
    def database_gone(self) -> Iterator[None]:
        """No daemon can start meanwhile."""
        self.outages += 1
        try:
            yield
        finally:
            self.outages += 1

    @contextmanager
    def _during(self, windows: list[Window]) -> Iterator[None]:
        began = self.now()
        try:
            yield
        finally:
            windows.append(Window(began, self.now()))

    def disk_full(self, full: bool, node: int = 0) -> None:
        pid = self.process(node).pid
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_BYTES if full else hard, hard))

    def turn_clock(self, seconds: float) -> None:
        """For all daemons, at once if they run."""
        file = Path(self.environment[VARIABLE])
        with self._turning:
            turned = float(file.read_text()) + seconds
            fresh = file.with_suffix(".new")
            fresh.write_text(repr(turned))
            fresh.replace(file)

    def do(self, action: str, **parameters: Any) -> dict[str, Any]:
        """An action by a daemon's API. Raises requests.RequestException."""
        return self._daemon("POST", f"do/{action}", json=parameters)

    def floor(self) -> dict[str, Any]:
        return self._daemon("GET", "floor", params={"since": "2026-01-01T00:00:00Z"})

    def check_database(self) -> tuple[str, ...]:
        """What `dialer db check` finds wrong."""
        done = CliRunner().invoke(app, ["db", "check"], env=self.environment)
        return () if done.exit_code == 0 else (done.output.strip(),)

    def close(self) -> None:
        for process in (*(daemon.process for daemon in self.daemons), self.emulator):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self.to_carrier.close()
        self.from_carrier.close()

    def _daemon(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        """Of a node that lives, each in turn."""
        living = [daemon for daemon in self.daemons if daemon.lives]
        if not living:
            raise requests.ConnectionError("no node lives")
        daemon = living[next(self._requests) % len(living)]
        headers = {"Authorization": f"Bearer {daemon.token}"}
        return _json(method, f"http://127.0.0.1:{daemon.port}/api/{path}", headers=headers, timeout=5, **rest)

    def _emulator(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        return _json(method, f"http://127.0.0.1:{self.emulator_port}/emulator/{path}", timeout=5, **rest)

    def _announced(self, daemon: Daemon) -> None:
        """Raises until the process has told its token."""
        told = map(json.loads, place_of(self.environment["DIALER_DATABASE_URL"]).announced())
        tokens = [one["token"] for one in told if daemon.process and one["pid"] == daemon.process.pid]
        if not tokens:
            raise DatabaseError("another process's, or none")
        daemon.token = tokens[0]

    def _start(self, module: str, *words: str, log: str, settings: Mapping[str, str] | None = None) -> Process:
        environment = {**self.environment, **(settings or {})}
        with (self.folder / log).open("ab") as output:
            command = [sys.executable, "-m", module, *words]
            return subprocess.Popen(command, env=environment, cwd=self.folder, stdout=output, stderr=output)

    def _wait(self, ready: Any, process: Process, log: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(requests.RequestException, DatabaseError, ValueError):
                ready()
                return
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotBack(f"{log}: {(self.folder / log).read_text()[-1000:].strip()}")
            time.sleep(0.05)


def _json(method: str, url: str, **rest: Any) -> dict[str, Any]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, url, **rest)
    answer.raise_for_status()
    result: dict[str, Any] = answer.json()
    return result


@contextmanager
def raised(
    folder: Path,
    url: str,
    server: Server | None,
    noon: datetime,
    emulator_options: tuple[str, ...],
    rate: float,
    nodes: int,
) -> Iterator[World]:
    """The world, running; nothing of it is left afterwards."""
    offset = (noon - datetime.now(UTC)).total_seconds()
    emulator_port, *ports = free_ports(1 + nodes)
    to_carrier, from_carrier = Proxy(emulator_port), Proxy(*ports)
    clock = folder / "clock"
    clock.write_text("0.0")
    environment = environment_for(folder, to_carrier.port, ports[0], offset) | {
        "DIALER_DATABASE_URL": url,
        "DIALER_PUBLIC_URL": f"http://127.0.0.1:{from_carrier.port}",
        "DIALER_CALLS_PER_SECOND": repr(rate),
        VARIABLE: str(clock),
        "PYTHONPATH": str(ROOT),
        **QUICK,
    }
    world = World(folder, environment, offset, emulator_port, emulator_options, to_carrier, from_carrier, server)
    try:
        world.start_emulator()
        world.daemons.extend(Daemon(f"node-{n + 1}", port) for n, port in enumerate(ports))
        with ThreadPoolExecutor(nodes) as threads:
            list(threads.map(world.start_daemon, range(nodes)))
        yield world
    finally:
        world.close()
