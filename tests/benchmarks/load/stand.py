"""What is under load: one daemon on SQLite, or several on one PostgreSQL behind a balancer; and the carrier of all."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from dialer.db import schema
from dialer.db.database import place_of
from dialer.demonstration.processes import Stage, end, environment_for, free_ports, stage, start, wait_for_answer
from tests.benchmarks.load.sample import family_seconds, processor_seconds
from tests.faultlab.proxy import Proxy
from tests.postgres import running_server

DATABASE = "dialer.db"
TOKEN = "token of all nodes"


@dataclass(frozen=True)
class Node:
    name: str
    url: str
    pid: int


@dataclass(frozen=True)
class Stand:
    """`beside`: the processor seconds used so far by each of those who share the machine with the nodes."""

    stage: Stage
    database_url: str
    nodes: Sequence[Node]
    beside: Mapping[str, Callable[[], float]]


@contextmanager
def raised(
    folder: Path, nodes: int, offset: float, emulator_options: tuple[str, ...], settings: Mapping[str, str]
) -> Iterator[Stand]:
    """No nodes: one daemon on SQLite. Nothing of it runs afterwards. Raises NotStarted."""
    with ExitStack() as running:
        if nodes:
            yield _on_postgres(running, folder, nodes, offset, emulator_options, settings)
            return
        on_stage = running.enter_context(stage(folder, offset, emulator_options, settings))
        node = Node("node-1", on_stage.daemon_url, on_stage.daemon.pid)
        yield Stand(on_stage, f"sqlite:///{folder / DATABASE}", [node], _beside(on_stage))


def _on_postgres(
    running: ExitStack,
    folder: Path,
    nodes: int,
    offset: float,
    emulator_options: tuple[str, ...],
    settings: Mapping[str, str],
) -> Stand:
    server = running.enter_context(running_server())
    emulator_port, *ports = free_ports(1 + nodes)
    proxy, public_port = running.enter_context(_balanced(ports))
    url = server.url(server.create())
    schema.upgrade(place_of(url))
    environment = environment_for(folder, emulator_port, ports[0], offset) | {
        "DIALER_DATABASE_URL": url,
        "DIALER_PUBLIC_URL": f"http://127.0.0.1:{public_port}",
        "DIALER_API_TOKEN": TOKEN,
        **settings,
    }
    words = ("--port", str(emulator_port), f"--clock-offset-seconds={offset!r}", *emulator_options)
    emulator = start(folder, environment, "emulator", *words)
    running.callback(end, emulator)
    wait_for_answer(f"http://127.0.0.1:{emulator_port}/emulator/health", emulator, folder / "emulator.log")
    daemons, found = [], []
    for number, port in enumerate(ports, 1):
        name = f"node-{number}"
        (folder / name).mkdir(exist_ok=True)
        own = {"DIALER_PORT": str(port), "DIALER_NODE_NAME": name}
        daemons.append(start(folder / name, {**environment, **own}, "run"))
        running.callback(end, daemons[-1])
        found.append(Node(name, f"http://127.0.0.1:{port}", daemons[-1].pid))
    for node, daemon in zip(found, daemons, strict=True):
        wait_for_answer(f"{node.url}/readyz", daemon, folder / node.name / "run.log")
    emulator_url = f"http://127.0.0.1:{emulator_port}"
    on_stage = Stage(folder, environment, emulator_url, found[0].url, TOKEN, emulator, daemons[0])
    shared = {"proxy": partial(processor_seconds, proxy), "PostgreSQL": lambda: family_seconds(server.processes)}
    return Stand(on_stage, url, found, _beside(on_stage) | shared)


def _beside(on_stage: Stage) -> dict[str, Callable[[], float]]:
    return {
        "emulator": partial(processor_seconds, on_stage.emulator.pid),
        "agents": partial(processor_seconds, os.getpid()),  # and the supervisor: this process
    }


@contextmanager
def _balanced(ports: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The proxy before all ports, in a process of its own: its id, and its port."""
    here, there = get_context("fork").Pipe()
    process = get_context("fork").Process(target=_balance, args=(ports, there), daemon=True)
    process.start()
    there.close()
    try:
        assert process.pid is not None
        yield process.pid, here.recv()
    finally:
        process.kill()
        process.join()


def _balance(ports: Sequence[int], told: Connection) -> None:
    told.send(Proxy(*ports).port)
    signal.pause()
