"""Plays the campaign: agents who dispose by the control API, a supervisor who looks, a sample every few seconds.

Agents' states are read from the database file, which costs the daemon nothing; what they do goes through it.
"""

import asyncio
import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from sqlalchemy import select

from dialer.db.database import Database
from dialer.demonstration.agents import DISPOSITIONS
from dialer.demonstration.processes import Stage, stage
from dialer.demonstration.sample import EAST, MIDDLE, WEST, consent_file
from dialer.store import AGENT
from tests.benchmarks.load.sample import megabytes, processor_seconds, series, thread_seconds

NOON = datetime(2026, 11, 17, 12, tzinfo=ZoneInfo("America/New_York"))  # a Tuesday
CAMPAIGN = "load"
# Of 30 dials a second 6 are answered by persons: with these, 400 agents have time for a few more.
TALK_SECONDS, WRAP_UP_SECONDS = 45.0, (2.0, 8.0)
SPARE_LEADS = 1.3  # lists longer than the run, for some leads are refused or put back
STEP_SECONDS, SAMPLE_SECONDS, TOLD_SECONDS = 0.5, 5.0, 30.0
JOIN_SECONDS = 180.0
SAMPLES, RECORD, RUN, DATABASE = "samples.jsonl", "record.json", "run.json", "dialer.db"


@dataclass(frozen=True)
class Run:
    """What was asked, and from when to when lines were dialled, by the daemon's clock in ISO 8601."""

    agents: int
    calls_per_second: float
    minutes: float
    since: str = ""
    until: str = ""


def play(folder: Path, run: Run, settings: dict[str, str]) -> None:
    """Leaves the database, the carrier's record and a line for every sample in the folder. Raises NotStarted."""
    offset = (NOON - datetime.now(UTC)).total_seconds()
    rate = repr(run.calls_per_second)
    options = ("--calls-per-second", rate, "--talk-seconds", repr(TALK_SECONDS))
    settings = {"DIALER_CALLS_PER_SECOND": rate, "DIALER_LOG_LEVEL": "warning", **settings}
    with stage(folder, offset, options, settings) as on_stage:
        _prepare(on_stage, folder, run)
        asyncio.run(_Play(on_stage, folder, run).all())
        (folder / RECORD).write_text(json.dumps(on_stage.record()))


def _prepare(on_stage: Stage, folder: Path, run: Run) -> None:
    leads, consents, listed = folder / "leads.csv", folder / "consents.csv", folder / "national.txt"
    leads.write_text(lead_file(round(run.calls_per_second * (run.minutes * 60 + 60) * SPARE_LEADS)))
    consents.write_text(consent_file(leads.read_text()))
    listed.write_text("+12125550190\n")
    on_stage.dialer(
        *("campaign", "create", CAMPAIGN, "--client", "Acme", "--contact", "+12125550199"),
        *("--caller-id", "+12125550100", "--wrap-up-seconds", "60", "--machine-error", "0.02"),
    )
    on_stage.dialer("consent", "import", str(consents))
    on_stage.dialer("dnc", "add", "+12125550190")
    on_stage.dialer("dnc", "import", str(listed), "--list", "national", "--as-of", "2026-11-16")
    on_stage.dialer("leads", "upload", str(leads), "--campaign", CAMPAIGN)


def lead_file(count: int) -> str:
    """So many numbers of the mainland, which only the emulator on this machine is asked for."""
    areas = [(code, state) for code, state in (*EAST, *MIDDLE, *WEST)]
    rows = (
        f"{areas[n % len(areas)][0]}{234 + n // len(areas) // 9000}{1000 + n // len(areas) % 9000},A,B,"
        f"{areas[n % len(areas)][1]}"
        for n in range(count)
    )
    return "\n".join(("phone,first name,last name,state", *rows)) + "\n"


class _Play:
    def __init__(self, on_stage: Stage, folder: Path, run: Run) -> None:
        self._stage, self._folder, self._run = on_stage, folder, run
        self._random, self._due = Random(1), dict[str, float]()
        self._database = Database.open_to_read(f"sqlite:///{folder / DATABASE}")

    async def all(self) -> None:
        """Log everybody in, dial for so many minutes, stop."""
        headers = {"Authorization": f"Bearer {self._stage.token}"}
        async with aiohttp.ClientSession(self._stage.daemon_url, headers=headers) as self._client:
            for start in range(0, self._run.agents, 20):
                await asyncio.gather(*(self._log_in(f"agent-{n}") for n in range(start, start + 20)))
            await self._until_seated()
            await self._do("campaign/verb", campaign=CAMPAIGN, verb="start")
            since = (await self._floor())["now"]
            await self._dial(since)
            until = (await self._floor())["now"]
            (self._folder / RUN).write_text(json.dumps(asdict(self._run) | {"since": since, "until": until}))
            await self._do("campaign/verb", campaign=CAMPAIGN, verb="stop-now")
            await asyncio.sleep(5)
        self._database.close()

    async def _do(self, action: str, **parameters: Any) -> None:
        async with self._client.post(f"/api/do/{action}", json=parameters) as answer:
            if answer.status not in (200, 409):  # 409: the call ended otherwise meanwhile
                raise RuntimeError(f"{action}: {answer.status} {await answer.text()}")

    async def _floor(self) -> dict[str, Any]:
        async with self._client.get("/api/floor", params={"since": NOON.isoformat()}) as answer:
            return dict(await answer.json())

    async def _log_in(self, name: str) -> None:
        await self._do("agent/add", agent=name, address=f"client:{name}")
        await self._do("agent/login", agent=name, campaign=CAMPAIGN)
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

    async def _dial(self, since: str) -> None:
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
        began = time.monotonic()
        floor = await self._floor()
        looked = time.monotonic() - began
        async with self._client.get("/metrics") as answer:
            metrics = series(await answer.text())
        daemon, emulator = self._stage.daemon.pid, self._stage.emulator.pid
        campaign = floor["campaigns"][0]
        return {
            "at": at,
            "daemon_megabytes": megabytes(daemon),
            "emulator_megabytes": megabytes(emulator),
            "daemon_seconds": processor_seconds(daemon),
            "emulator_seconds": processor_seconds(emulator),
            "thread_seconds": thread_seconds(daemon),
            "inbox_age": metrics["dialer_inbox_age_seconds"],
            "floor_seconds": looked,
            "machine_load": os.getloadavg()[0],
            "metrics": {name: value for name, value in metrics.items() if "_created" not in name},
            "ticks": floor["ticks"],
            "counts": floor["counts"],
            "agents": campaign["agents"],
            "attempts": campaign["attempts"],
            "live_answers": campaign["live_answers"],
            "abandoned": campaign["abandoned"],
            "decision": campaign["decision"],
        }


def _line(sample: dict[str, Any]) -> str:
    late, lasted = sample["ticks"]["late"], sample["ticks"]["lasted"]
    return (
        f"{sample['at']:6.0f} s: {sample['attempts']} dials, {sample['live_answers']} live answers, "
        f"{sample['abandoned']} dropped; {sample['daemon_megabytes']:.0f} MB; "
        f"ticks late p99 {late['p99'] * 1000:.0f}, worst {late['worst'] * 1000:.0f} ms, "
        f"lasted {lasted['mean'] * 1000:.0f}; inbox {sample['inbox_age'] * 1000:.0f} ms; "
        f"load {sample['machine_load']:.1f}; {sample['decision']}"
    )
