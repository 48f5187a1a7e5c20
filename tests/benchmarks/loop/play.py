"""Plays a campaign with callees of an ordinary consumer list, and keeps what is needed to measure it afterwards."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dialer.demonstration.agents import Agents
from dialer.demonstration.processes import Stage, stage
from dialer.demonstration.sample import consent_file, sample_file

NOON = datetime(2026, 11, 17, 12, tzinfo=ZoneInfo("America/New_York"))  # a Tuesday
CAMPAIGN = "loop"
STEP_SECONDS = 0.5  # between two looks of the agents at the floor
WRAP_UP_SECONDS = (5.0, 35.0)
DIALS_A_MINUTE = 6  # for each agent, more than it can use
JOIN_SECONDS = 60.0
LAST_TALK_SECONDS = 240.0  # talks that are longer still are ended
STOP_SECONDS = 60.0
MINUTES, RECORD, RUN, DATABASE = "minutes.jsonl", "record.json", "run.json", "dialer.db"
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Run:
    """What was asked, and from when to when lines were dialled, by the daemon's clock in ISO 8601."""

    agents: int
    minutes: float
    seed: int
    machine_error: float
    calls_per_second: float
    since: str = ""
    until: str = ""


def play(folder: Path, run: Run) -> None:
    """Leaves the database, the carrier's record and a line for every minute in the folder. Raises NotStarted."""
    offset = (NOON - datetime.now(UTC)).total_seconds()
    rate = repr(run.calls_per_second)
    options = ("--seed", str(run.seed), "--calls-per-second", rate)
    with stage(folder, offset, options, {"DIALER_CALLS_PER_SECOND": rate}) as on_stage:
        _prepare(on_stage, folder, run)
        players = Agents(on_stage, CAMPAIGN, run.agents, run.seed, WRAP_UP_SECONDS)
        _until(on_stage, players, JOIN_SECONDS, lambda floor: _counted(floor, "ready") == run.agents)
        on_stage.do("campaign/verb", campaign=CAMPAIGN, verb="start")
        since = on_stage.floor(NOON.isoformat())["now"]
        _dial(on_stage, players, folder, since, run.minutes * 60)
        until = on_stage.floor(since)["now"]
        on_stage.do("campaign/verb", campaign=CAMPAIGN, verb="stop")
        if not _until(on_stage, players, LAST_TALK_SECONDS, _quiet):
            on_stage.do("campaign/verb", campaign=CAMPAIGN, verb="stop-now")
            _until(on_stage, players, STOP_SECONDS, _quiet)
        (folder / RECORD).write_text(json.dumps(on_stage.record()))
    (folder / RUN).write_text(json.dumps(asdict(run) | {"since": since, "until": until}))


def _prepare(on_stage: Stage, folder: Path, run: Run) -> None:
    leads, consents = folder / "leads.csv", folder / "consents.csv"
    leads.write_text(sample_file(round(run.agents * run.minutes * DIALS_A_MINUTE) + 1000))
    consents.write_text(consent_file(leads.read_text()))
    on_stage.dialer(
        *("campaign", "create", CAMPAIGN, "--client", "Sunny Days Travel", "--contact", "+12125550199"),
        *("--caller-id", "+12125550100", "--ring-seconds", "25", "--wrap-up-seconds", "60"),
        *("--machine-error", repr(run.machine_error)),
    )
    on_stage.dialer("leads", "upload", str(leads), "--campaign", CAMPAIGN)
    on_stage.dialer("consent", "import", str(consents))
    on_stage.dialer("dnc", "add", "+12125550190")
    listed = folder / "national.txt"
    listed.write_text("+12125550190\n")
    on_stage.dialer("dnc", "import", str(listed), "--list", "national", "--as-of", "2026-11-16")


def _dial(on_stage: Stage, players: Agents, folder: Path, since: str, seconds: float) -> None:
    began = time.monotonic()
    minute = 0
    with (folder / MINUTES).open("w") as lines:
        while (now := time.monotonic()) < began + seconds:
            floor = on_stage.floor(since)
            players.act(floor["agents"], time.monotonic())
            if now >= began + minute * 60:
                lines.write(json.dumps(_minute(on_stage, floor, minute)) + "\n")
                lines.flush()
                minute += 1
            time.sleep(STEP_SECONDS)
        lines.write(json.dumps(_minute(on_stage, on_stage.floor(since), minute)) + "\n")


def _minute(on_stage: Stage, floor: Mapping[str, Any], minute: int) -> dict[str, Any]:
    campaign = floor["campaigns"][0]
    counted = {key: campaign[key] for key in ("agents", "attempts", "live_answers", "abandoned", "leads", "decision")}
    return {
        "minute": minute,
        "daemon_megabytes": _resident(on_stage.daemon.pid),
        "emulator_megabytes": _resident(on_stage.emulator.pid),
        "machine_load": os.getloadavg()[0],
        "ticks": floor["ticks"],
        "counts": floor["counts"],
        **counted,
    }


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


def _until(on_stage: Stage, players: Agents, seconds: float, over: Any) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        floor = on_stage.floor(NOON.isoformat())
        players.act(floor["agents"], time.monotonic())
        if over(floor):
            return True
        time.sleep(STEP_SECONDS)
    return False


def _quiet(floor: Mapping[str, Any]) -> bool:
    return floor["campaigns"][0]["state"] == "stopped" and not _counted(floor, "on-call", "wrap-up")


def _counted(floor: Mapping[str, Any], *states: str) -> int:
    return sum(agent["state"] in states for agent in floor["agents"])
