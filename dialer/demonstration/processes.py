"""An emulator and a daemon as real processes on loopback, with a database of their own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ACCOUNT_SID = "AC" + "0" * 31 + "1"  # of the emulator only
AUTH_TOKEN = "emulated"
START_SECONDS = 60.0  # a busy small machine needs some for the first import
STOP_SECONDS = 30.0


class NotStarted(Exception):
    """A process did not come up; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The running pair, and how to speak to each."""

    folder: Path
    environment: Mapping[str, str]
    emulator_url: str
    daemon_url: str
    token: str
    emulator: "subprocess.Popen[bytes]"
    daemon: "subprocess.Popen[bytes]"

    def dialer(self, *arguments: str) -> str:
        """Run a `dialer` command on this stage's database; its standard output. Raises CalledProcessError."""
        return subprocess.run(
            [sys.executable, "-m", "dialer", *arguments],
            env=dict(self.environment),
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def do(self, action: str, **parameters: Any) -> dict[str, Any]:
        """An action by the daemon's API. Raises requests.HTTPError for a refusal."""
        return self._json("POST", f"{self.daemon_url}/api/do/{action}", json=parameters)

    def floor(self, since: str) -> dict[str, Any]:
        """The floor as the daemon sees it."""
        return self._json("GET", f"{self.daemon_url}/api/floor", params={"since": since})

    def record(self) -> dict[str, Any]:
        """What the emulator knows of every call."""
        return self._json("GET", f"{self.emulator_url}/emulator/record")

    def _json(self, method: str, url: str, **rest: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, url, headers=headers, timeout=30, **rest)
        answer.raise_for_status()
        result: dict[str, Any] = answer.json()
        return result


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def environment_for(folder: Path, emulator_port: int, daemon_port: int, offset_seconds: float) -> dict[str, str]:
    """The settings of a daemon that works with the emulator, over whatever this process was given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DIALER_", "TWILIO_"))}
    return inherited | {
        "DIALER_DATABASE_URL": f"sqlite:///{folder / 'dialer.db'}",
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "DIALER_TWILIO_BASE_URL": f"http://127.0.0.1:{emulator_port}",
        "DIALER_PORT": str(daemon_port),
        "DIALER_CALLS_PER_SECOND": "10",
        "DIALER_CLOCK_OFFSET_SECONDS": repr(offset_seconds),
    }


@contextmanager
def stage(
    folder: Path,
    offset_seconds: float,
    emulator_options: tuple[str, ...] = (),
    settings: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """Start both, wait until they answer, and end them at the end. Raises NotStarted."""
    emulator_port, daemon_port = free_ports(2)
    environment = environment_for(folder, emulator_port, daemon_port, offset_seconds) | dict(settings or {})
    offset = f"--clock-offset-seconds={offset_seconds!r}"
    emulator = start(folder, environment, "emulator", "--port", str(emulator_port), offset, *emulator_options)
    try:
        wait_for_answer(f"http://127.0.0.1:{emulator_port}/emulator/health", emulator, folder / "emulator.log")
        daemon = start(folder, environment, "run")
        try:
            token = wait_for_token(daemon, folder)
            urls = (f"http://127.0.0.1:{emulator_port}", f"http://127.0.0.1:{daemon_port}")
            yield Stage(folder, environment, *urls, token, emulator, daemon)
        finally:
            end(daemon)
    finally:
        end(emulator)


def start(folder: Path, environment: Mapping[str, str], *arguments: str) -> "subprocess.Popen[bytes]":
    """A `dialer` process that logs into the folder."""
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        command = [sys.executable, "-m", "dialer", *arguments]
        return subprocess.Popen(command, env=dict(environment), cwd=folder, stdout=log, stderr=log)


def end(process: "subprocess.Popen[bytes]") -> int:
    """Ask a process to end, and make it when it does not; its exit code."""
    process.terminate()
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def wait_for_answer(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the URL answers. Raises NotStarted."""

    def answers() -> bool:
        try:
            return requests.get(url, timeout=2).ok
        except requests.RequestException:
            return False

    _wait(answers, process, log)


def wait_for_token(daemon: "subprocess.Popen[bytes]", folder: Path) -> str:
    """Until the daemon has announced itself; its API token. Raises NotStarted."""
    lock = folder / "dialer.db.lock"
    _wait(lambda: lock.exists() and str(daemon.pid) in lock.read_text(), daemon, folder / "run.log")
    return str(json.loads(lock.read_text())["token"])


def _wait(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotStarted(f"{log.stem} did not start: {log.read_text()[-500:].strip()}")
        time.sleep(0.05)  # noqa: TID251 - no event loop here, and nobody to wait for but a process
