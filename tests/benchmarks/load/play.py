"""Plays the campaigns: agents who dispose by the control API, a supervisor who looks, a sample every few seconds.

Agents' states are read from the database, which takes no daemon any time; what they do goes through the daemons, each
in turn.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import psycopg
from sqlalchemy import select, text
from sqlmodel import Session

from dialer.db.database import Database
from dialer.demonstration.agents import DISPOSITIONS
from dialer.demonstration.sample import EAST, MIDDLE, WEST, consent_file
from dialer.store import AGENT, AGENT_CHANGE
from tests.benchmarks.load.sample import megabytes, processor_seconds, series, thread_seconds
from tests.benchmarks.load.stand import Node, Stand, raised
from tests.benchmarks.loop.floor_time import Change, floor_time

NOON = datetime(2026, 11, 17, 12, tzinfo=ZoneInfo("America/New_York"))  # a Tuesday
# Of 30 dials a second 6 are answered by persons: with these, 400 agents have time for a few more.
TALK_SECONDS, WRAP_UP_SECONDS = 45.0, (2.0, 8.0)
SPARE_LEADS = 1.3  # lists longer than the run, for some leads are refused or put back
STEP_SECONDS, SAMPLE_SECONDS, TOLD_SECONDS = 0.5, 5.0, 30.0
JOIN_SECONDS = 180.0
LOGGED_IN_AT_ONCE = 20
SAMPLES, RECORD, RUN = "samples.jsonl", "record.json", "run.json"
SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    "postgresql": "SELECT pg_database_size(current_database())",
}
OF_CAMPAIGN = ("campaign", "agents", "attempts", "live_answers", "abandoned")


@dataclass(frozen=True)
class Run:
    """What was asked, from when to when lines were dialled, by the daemons' clock in ISO 8601, and what the database
    knew afterwards. No nodes: one daemon on SQLite.
    """

    agents: int
    calls_per_second: float  # of all nodes together
    minutes: float
    nodes: int = 0
    campaigns: int = 1
    since: str = ""
    until: str = ""
    utilisation: float = 0.0  # of the agents, after the first quarter
    database_megabytes: float = 0.0

    @property
    def campaign_names(self) -> list[str]:
        return [f"load-{number + 1}" for number in range(self.campaigns)]

    @property
    def leads(self) -> int:
        """Of all campaigns."""
        return round(self.calls_per_second * (self.minutes * 60 + 60) * SPARE_LEADS)


def play(folder: Path, run: Run, settings: dict[str, str]) -> None:
    """Leaves the run, the carrier's record and a line for every sample in the folder. Raises NotStarted."""
    offset = (NOON - datetime.now(UTC)).total_seconds()
    rate = repr(run.calls_per_second)
    options = ("--calls-per-second", rate, "--talk-seconds", repr(TALK_SECONDS))
    settings = {"DIALER_CALLS_PER_SECOND": rate, "DIALER_LOG_LEVEL": "warning", **settings}
    with raised(folder, run.nodes, offset, options, settings) as stand:
        _prepare(stand, folder, run)
        asyncio.run(_Play(stand, folder, run).all())
        (folder / RECORD).write_text(json.dumps(stand.stage.record()))


def _prepare(stand: Stand, folder: Path, run: Run) -> None:
    consents, listed = folder / "consents.csv", folder / "national.txt"
    consents.write_text(consent_file(lead_file(range(run.leads))))
    listed.write_text("+12125550190\n")
    dialer = stand.stage.dialer
    dialer("consent", "import", str(consents))
    dialer("dnc", "add", "+12125550190")
    dialer("dnc", "import", str(listed), "--list", "national", "--as-of", "2026-11-16")
    for number, campaign in enumerate(run.campaign_names):
        leads = folder / f"{campaign}.csv"
        leads.write_text(lead_file(range(number, run.leads, run.campaigns)))
        dialer(
            *("campaign", "create", campaign, "--client", "Acme", "--contact", "+12125550199"),
            *("--caller-id", "+12125550100", "--wrap-up-seconds", "60", "--machine-error", "0.02"),
        )
        dialer("leads", "upload", str(leads), "--campaign", campaign)
    if run.nodes:
        with psycopg.connect(stand.database_url, autocommit=True) as connection:
            connection.execute("ANALYZE")  # the server does so by itself within a minute, of which a short run has few


def lead_file(rows: range) -> str:
    """These rows of one long list of numbers of the mainland, which only the emulator on this machine is asked for."""
    areas = [(code, state) for code, state in (*EAST, *MIDDLE, *WEST)]
    lines = (
        f"{areas[n % len(areas)][0]}{234 + n // len(areas) // 9000}{1000 + n // len(areas) % 9000},A,B,"
        f"{areas[n % len(areas)][1]}"
        for n in rows
    )
    return "\n".join(("phone,first name,last name,state", *lines)) + "\n"


class _Play:
    def __init__(self, stand: Stand, folder: Path, run: Run) -> None:
        self._stand, self._folder, self._run = stand, folder, run
        self._random, self._due = Random(1), dict[str, float]()
        self._database = Database.open_to_read(stand.database_url)

    async def all(self) -> None:
        """Log everybody in, dial for so many minutes, stop."""
        headers = {"Authorization": f"Bearer {self._stand.stage.token}"}
        async with AsyncExitStack() as open_:
            sessions = [aiohttp.ClientSession(node.url, headers=headers) for node in self._stand.nodes]
            self._clients = [await open_.enter_async_context(session) for session in sessions]
            self._turns = cycle(self._clients)
            for start in range(0, self._run.agents, LOGGED_IN_AT_ONCE):
                numbers = range(start, min(start + LOGGED_IN_AT_ONCE, self._run.agents))
                await asyncio.gather(*map(self._log_in, numbers))
            await self._until_seated()
            await self._campaigns("start")
            since = (await self._floor(self._clients[0]))["now"]
            await self._dial()
            until = (await self._floor(self._clients[0]))["now"]
            await self._campaigns("stop-now")
            await asyncio.sleep(5)
        with self._database.read() as session:
            ended = _with_database(replace(self._run, since=since, until=until), session)
        self._database.close()
        (self._folder / RUN).write_text(json.dumps(asdict(ended)))

    async def _do(self, action: str, **parameters: Any) -> None:
        async with next(self._turns).post(f"/api/do/{action}", json=parameters) as answer:
            if answer.status not in (200, 409):  # 409: the call ended otherwise meanwhile
                raise RuntimeError(f"{action}: {answer.status} {await answer.text()}")

    async def _campaigns(self, verb: str) -> None:
        for campaign in self._run.campaign_names:
            await self._do("campaign/verb", campaign=campaign, verb=verb)

    async def _floor(self, client: aiohttp.ClientSession) -> dict[str, Any]:
        async with client.get("/api/floor", params={"since": NOON.isoformat()}) as answer:
            return dict(await answer.json())

    async def _log_in(self, number: int) -> None:
        name, campaign = f"agent-{number}", self._run.campaign_names[number % self._run.campaigns]
        await self._do("agent/add", agent=name, address=f"client:{name}")
        await self._do("agent/login", agent=name, campaign=campaign)
        await self._do("agent/ready", agent=name)

    async def _until_seated(self) -> None:
        deadline = time.monotonic() + JOIN_SECONDS
        while time.monotonic() < deadline:
            if sum(state == "ready" for _name, state in self._agents()) == self._run.agents:
                return
            await asyncio.sleep(1)
        raise RuntimeError("the agents did not get their seats")

    def _agents(self) -> list[tuple[str, str]]:
        with self._database.read() as session:
            return [(name, state) for name, state in session.connection().execute(select(AGENT.c.name, AGENT.c.state))]

    async def _dial(self) -> None:
        began = time.monotonic()
        sampled = told = -SAMPLE_SECONDS
        with (self._folder / SAMPLES).open("w") as lines:
            while (at := time.monotonic() - began) < self._run.minutes * 60:
                await self._act(at)
                if at - sampled >= SAMPLE_SECONDS:
                    sampled = at
                    sample = await self._sample(at)
                    lines.write(json.dumps(sample) + "\n")
                    if at - told >= TOLD_SECONDS:
                        told = at
                        print(_line(sample), flush=True)
                await asyncio.sleep(max(0.0, STEP_SECONDS - (time.monotonic() - began - at)))
            lines.write(json.dumps(await self._sample(time.monotonic() - began)) + "\n")

    async def _act(self, at: float) -> None:
        """Dispose what is due."""
        wrapping = {name for name, state in self._agents() if state == "wrap-up"}
        self._due = {name: due for name, due in self._due.items() if name in wrapping}
        for name in wrapping - self._due.keys():
            self._due[name] = at + self._random.uniform(*WRAP_UP_SECONDS)
        due = [name for name, when in self._due.items() if when <= at]
        await asyncio.gather(*(self._dispose(name) for name in due))

    async def _dispose(self, name: str) -> None:
        code = self._random.choices(list(DISPOSITIONS), list(DISPOSITIONS.values()))[0]
        await self._do("agent/dispose", agent=name, disposition=code)
        self._due.pop(name, None)

    async def _sample(self, at: float) -> dict[str, Any]:
        nodes, floors = [], []
        for node, client in zip(self._stand.nodes, self._clients, strict=True):
            began = time.monotonic()
            floors.append(await self._floor(client))
            looked = time.monotonic() - began
            async with client.get("/metrics") as answer:
                metrics = series(await answer.text())
            nodes.append(_of_node(node, floors[-1], metrics) | {"floor_seconds": looked})
        return {
            "at": at,
            "machine_load": os.getloadavg()[0],
            "beside": {name: used() for name, used in self._stand.beside.items()},
            "nodes": nodes,
            "campaigns": of_campaigns(floors),
        }


def _of_node(node: Node, floor: Mapping[str, Any], metrics: Mapping[str, float]) -> dict[str, Any]:
    return {
        "node": node.name,
        "megabytes": megabytes(node.pid),
        "seconds": processor_seconds(node.pid),
        "thread_seconds": thread_seconds(node.pid),
        "metrics": {name: value for name, value in metrics.items() if "_created" not in name},
        "ticks": floor["ticks"],
        "counts": floor["counts"],
    }


def of_campaigns(floors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As the first node sees them; the decision is known only to the node that paces a campaign."""
    decisions = {one["campaign"]: one["decision"] for floor in floors for one in floor["campaigns"] if one["decision"]}
    return [
        {name: campaign[name] for name in OF_CAMPAIGN} | {"decision": decisions.get(campaign["campaign"], "")}
        for campaign in floors[0]["campaigns"]
    ]


def _with_database(run: Run, session: Session) -> Run:
    since, until = (datetime.fromisoformat(moment).timestamp() for moment in (run.since, run.until))
    connection = session.connection()
    in_order = select(AGENT_CHANGE).order_by(AGENT_CHANGE.c.id)
    changes = [Change(row.agent, row.at.timestamp(), row.state) for row in connection.execute(in_order)]
    return replace(
        run,
        utilisation=floor_time(changes, since + (until - since) / 4, until).utilisation,
        database_megabytes=connection.execute(text(SIZE[connection.dialect.name])).scalar_one() / 1e6,
    )


def _line(sample: dict[str, Any]) -> str:
    nodes, campaigns = sample["nodes"], sample["campaigns"]
    dials, live, dropped = (sum(one[name] for one in campaigns) for name in ("attempts", "live_answers", "abandoned"))
    late = [node["ticks"]["late"] for node in nodes]
    return (
        f"{sample['at']:6.0f} s: {dials} dials, {live} live answers, {dropped} dropped; "
        f"{_joined(node['megabytes'] for node in nodes)} MB; "
        f"ticks late p99 {_joined(one['p99'] * 1000 for one in late)}, "
        f"worst {_joined(one['worst'] * 1000 for one in late)} ms, "
        f"lasted {_joined(node['ticks']['lasted']['mean'] * 1000 for node in nodes)}; "
        f"inbox {_joined(node['metrics']['dialer_inbox_age_seconds'] * 1000 for node in nodes)} ms; "
        f"load {sample['machine_load']:.1f}; {' | '.join(one['decision'] for one in campaigns)}"
    )


def _joined(values: Iterable[float]) -> str:
    return "/".join(f"{value:.0f}" for value in values)
