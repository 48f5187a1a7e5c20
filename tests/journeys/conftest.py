"""Journeys: the real daemon process, the emulator process, the real command line, over loopback."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dialer.demonstration.processes import Stage

TUESDAY_NOON = datetime(2026, 11, 17, 12, tzinfo=ZoneInfo("America/New_York"))
CAMPAIGN = (
    "--client",
    "Acme Travel",
    "--contact",
    "+12125550199",
    "--caller-id",
    "+12125550100",
    "--ring-seconds",
    "15",
)


@pytest.fixture
def offset() -> float:
    """Seconds from now to a Tuesday noon in New York."""
    return (TUESDAY_NOON - datetime.now(UTC)).total_seconds()


def _rows(stage: Stage, query: str, *values: object) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(f"file:{stage.folder}/dialer.db?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query, values).fetchall()


@pytest.fixture
def rows() -> Callable[..., list[sqlite3.Row]]:
    """Read the stage's database from outside."""
    return _rows


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for a condition of a running process; fails with what was waited for."""

    def wait(condition: Callable[[], object], what: str, seconds: float = 45.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {seconds:.0f} s in vain: {what}")
            time.sleep(0.1)

    return wait


@pytest.fixture
def prepare() -> Callable[..., None]:
    """A campaign with leads and ready agents."""

    def make(stage: Stage, leads: str, agents: int, *options: str) -> None:
        file = Path(stage.folder, "leads.csv")
        file.write_text(leads)
        stage.dialer("campaign", "create", "spring", *CAMPAIGN, *options)
        stage.dialer("leads", "upload", str(file), "--campaign", "spring")
        listed = Path(stage.folder, "national.txt")
        listed.write_text("+12125550190\n")
        stage.dialer("dnc", "import", str(listed), "--list", "national", "--as-of", "2026-11-16")
        for number in range(agents):
            name = f"agent{number}"
            stage.do("agent/add", agent=name, address=f"client:{name}")
            stage.do("agent/login", agent=name, campaign="spring")
            stage.do("agent/ready", agent=name)

    return make
