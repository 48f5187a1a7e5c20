"""One seed: the floor works, the schedule strikes, everything heals, and what is left is judged."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select
from sqlmodel import Session

from campaigns.lead_store import LEAD
from compliance import ledger
from compliance.ledger import DECISION
from compliance.store import DO_NOT_CALL
from dialer.counts import CALL_COUNT
from dialer.db.database import Database
from dialer.demonstration.agents import Agents
from dialer.emulator.faults import Faults
from dialer.store import AGENT, ATTEMPT
from tests.faultlab import journal, nodes, witness
from tests.faultlab.invariants import Evidence, Finding, judge
from tests.faultlab.proxy import Proxy
from tests.faultlab.schedule import Cut, Kind, Schedule, Strike
from tests.faultlab.stock import NOON, SALES, SURVEY, scripts
from tests.faultlab.world import World, raised
from tests.postgres import Server

STEP_SECONDS = 0.2
PATIENCE_SECONDS = 90.0  # for the last call to end and everybody to be free
LONGEST_SECONDS = 60.0  # of dialling after the last fault, if the attempts asked for do not come
GOES_ON = 5  # attempts after the last fault, by which dialling has not stopped
CARRIER_CLEAN = {name: value for name, value in Faults().model_dump().items() if not name.endswith("_seconds")}


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the scoreboard. `faults` counts both the schedule's strikes and the carrier's."""

    seed: int
    nodes: int
    attempts: int
    calls: int
    faults: Counter[str]
    findings: tuple[Finding, ...]
    seconds: float


@dataclass
class Floor:
    """The agents of both campaigns; whoever loses the seat logs in again."""

    world: World
    players: Agents
    campaigns: dict[str, str]
    asked_at: dict[str, float] = field(default_factory=dict)

    def act(self) -> None:
        """One look at the floor; a daemon that is away, or refuses what has changed meanwhile, is asked again later."""
        with contextlib.suppress(requests.RequestException):
            agents = self.world.floor()["agents"]
            for agent in agents:
                self._join(agent["agent"], agent["state"])
            self.players.act(agents, time.monotonic())

    def _join(self, name: str, state: str) -> None:
        if state == "logged-out" and time.monotonic() > self.asked_at.get(name, 0.0) + 1.0:
            self.asked_at[name] = time.monotonic()
            self.world.do("agent/login", agent=name, campaign=self.campaigns[name])
            self.world.do("agent/ready", agent=name)


def play(schedule: Schedule, attempts: int, folder: Path, url: str, server: Server | None) -> Result:
    """Raises NotBack when a process does not come up again, which is a violation too."""
    began = time.monotonic()
    rate = schedule.calls_per_second
    options = ("--fast", "--seed", str(schedule.seed), "--calls-per-second", repr(rate), *scripts())
    with raised(folder, url, server, NOON, options, rate, schedule.nodes) as world:
        floor = _staffed(world, schedule)
        for campaign in (SALES, SURVEY):
            world.do("campaign/verb", campaign=campaign, verb="start")
        struck = _strike(world, floor, schedule)
        database = Database.open_to_read(url)
        going_on = _go_on(floor, database, attempts)
        _until(floor, 30.0, lambda: _stop(world))
        with contextlib.suppress(requests.RequestException):
            world.faults(CARRIER_CLEAN | {"list_lag_seconds": 0.0})
        _until(floor, PATIENCE_SECONDS, lambda: not _busy(database))
        with world.journal.open() as lines:
            account = journal.read(lines, world.emulator_killed)
        with database.read() as session:
            seen = _evidence(session, account, world, url)
            broken = ledger.verify(session)
        database.close()
        faults = [*world.check_database(), *([f"ledger row {broken.id} {broken.problem}"] if broken else [])]
    findings = (*judge(seen), going_on, Finding("database", 1, tuple(faults)))
    struck.update(account.struck)
    return Result(
        seed=schedule.seed,
        nodes=schedule.nodes,
        attempts=len(seen.attempts),
        calls=len(seen.calls),
        faults=struck,
        findings=findings,
        seconds=round(time.monotonic() - began, 1),
    )


def _staffed(world: World, schedule: Schedule) -> Floor:
    names = [f"agent-{n + 1}" for n in range(schedule.agents)]
    campaigns = {name: (SALES, SURVEY)[n % 2] for n, name in enumerate(names)}
    for name in names:
        world.do("agent/add", agent=name, address=f"client:{name}")
    return Floor(world, Agents(world, SALES, 0, schedule.seed), campaigns)  # type: ignore[arg-type]


def _strike(world: World, floor: Floor, schedule: Schedule) -> Counter[str]:
    """The whole schedule, each fault at its time or when the one before is over; beside them the nodes' courses."""
    _until(floor, 3.0, lambda: False)
    faults = dict(schedule.faults) | {
        "list_lag_seconds": schedule.list_lag_seconds,
        "late_seconds": 2.0,
        "slow_seconds": 4.0,
    }
    world.faults(faults)
    began, struck = time.monotonic(), Counter[str]()
    with nodes.befalling(world, schedule.of_nodes) as over:
        for strike in schedule.strikes:
            _until(floor, began + strike.at - time.monotonic(), lambda: False)
            _STRIKES[strike.kind](world, floor, strike, faults)
            struck[strike.kind] += 1
        _until(floor, PATIENCE_SECONDS, over)
    struck.update(strike.kind for course in schedule.of_nodes for strike in course)
    return struck


def _go_on(floor: Floor, database: Database, attempts: int) -> Finding:
    """Dialling goes on after the last fault, until enough attempts were made."""
    before = _made(database)
    wanted = max(attempts, before + GOES_ON)
    _until(floor, LONGEST_SECONDS, lambda: _made(database) >= wanted)
    made = _made(database) - before
    problem = f"{made} attempts in {LONGEST_SECONDS:g} s after the last fault"
    return Finding("dialling stopped", 1, () if made >= GOES_ON else (problem,))


def _until(floor: Floor, seconds: float, condition: Callable[[], bool]) -> None:
    """Let the agents work until the condition holds, at most so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not condition():
        floor.act()
        time.sleep(STEP_SECONDS)


def _stop(world: World) -> bool:
    try:
        for campaign in (SALES, SURVEY):
            world.do("campaign/verb", campaign=campaign, verb="stop")
    except requests.RequestException:
        return False
    return True


def _made(database: Database) -> int:
    with database.read() as session:
        return len(session.connection().execute(select(ATTEMPT.c.id)).all())


def _busy(database: Database) -> bool:
    open_attempt = select(ATTEMPT.c.id).where(ATTEMPT.c.state != "ended")
    busy_agent = select(AGENT.c.id).where(AGENT.c.state.in_(("on-call", "wrap-up", "joining")))
    with database.read() as session:
        return any(session.connection().execute(query.limit(1)).first() for query in (open_attempt, busy_agent))


def _evidence(session: Session, account: journal.Account, world: World, url: str) -> Evidence:
    def rows(table: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in session.connection().execute(select(table)).mappings()]

    several = len(world.daemons) > 1
    claims, takings = (witness.told(url, table, world.offset_seconds) if several else [] for table in witness.TABLES)
    return Evidence(
        calls=account.calls,
        attempts=rows(ATTEMPT),
        leads=rows(LEAD),
        agents=rows(AGENT),
        call_counts=rows(CALL_COUNT),
        decisions=rows(DECISION),
        do_not_call=frozenset(row["number"] for row in rows(DO_NOT_CALL)),
        unreachable=world.unreachable,
        emulator_killed=world.emulator_killed,
        claims=claims,
        takings=takings,
        still={daemon.name: daemon.still for daemon in world.daemons},
        requests_cut=world.requests_cut,
    )


def _befall_the_node(world: World, _floor: Floor, strike: Strike, _faults: dict[str, Any]) -> None:
    """Where it is the only one."""
    nodes.STRIKES[strike.kind](world, 0, strike)


def _kill_emulator(world: World, floor: Floor, strike: Strike, faults: dict[str, Any]) -> None:
    world.kill_emulator()
    _until(floor, strike.seconds, lambda: False)
    world.start_emulator()
    world.faults(faults)


@contextmanager
def _cut(way: Proxy, how: str) -> Iterator[None]:
    way.cut(Cut(how))
    try:
        yield
    finally:
        way.cut(Cut.OPEN)


def _cut_to_carrier(world: World, floor: Floor, strike: Strike, _faults: dict[str, Any]) -> None:
    with world.unreaching(), _cut(world.to_carrier, strike.value):
        _until(floor, strike.seconds, lambda: False)


def _cut_from_carrier(world: World, floor: Floor, strike: Strike, _faults: dict[str, Any]) -> None:
    with world.unreached(), _cut(world.from_carrier, strike.value):
        _until(floor, strike.seconds, lambda: False)


def _disk_full(world: World, floor: Floor, strike: Strike, _faults: dict[str, Any]) -> None:
    world.disk_full(True)
    _until(floor, strike.seconds, lambda: False)
    world.disk_full(False)


def _seat_drop(world: World, floor: Floor, strike: Strike, _faults: dict[str, Any]) -> None:
    """Half of the floor at once: whoever was being talked to hears the message, and may opt out."""
    for name in list(floor.campaigns)[int(strike.value) % 2 :: 2]:
        world.drop_seat(name)


def _burst(world: World, floor: Floor, strike: Strike, _faults: dict[str, Any]) -> None:
    with contextlib.suppress(requests.RequestException):
        world.faults({strike.value: {"next": 5}})
        _until(floor, 4.0, lambda: False)
        world.faults({strike.value: _faults.get(strike.value, 0.0)})


def _kill_database(world: World, floor: Floor, strike: Strike, _faults: dict[str, Any]) -> None:
    assert world.server is not None
    with world.database_gone():
        world.server.kill()
        _until(floor, strike.seconds, lambda: False)
        world.server.start()


def _restart_database(world: World, floor: Floor, strike: Strike, _faults: dict[str, Any]) -> None:
    assert world.server is not None
    with world.database_gone():
        world.server.stop("fast")
        world.server.start()


_STRIKES: dict[Kind, Callable[[World, Floor, Strike, dict[str, Any]], None]] = {
    **dict.fromkeys(nodes.STRIKES, _befall_the_node),
    Kind.KILL_EMULATOR: _kill_emulator,
    Kind.KILL_DATABASE: _kill_database,
    Kind.RESTART_DATABASE: _restart_database,
    Kind.CUT_TO_CARRIER: _cut_to_carrier,
    Kind.CUT_FROM_CARRIER: _cut_from_carrier,
    Kind.CLOCK_RUNNING: lambda world, _floor, strike, _faults: world.turn_clock(float(strike.value)),
    Kind.DISK_FULL: _disk_full,
    Kind.SEAT_DROP: _seat_drop,
    Kind.BURST: _burst,
}
