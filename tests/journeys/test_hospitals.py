"""A real lead list, 4,807 US hospitals: every row accounted for, and nobody called who may not be called now.

The list is public federal data and is never dialled anywhere but at the emulator.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dialer.demonstration.agents import Agents
from dialer.demonstration.audit import audit
from dialer.demonstration.processes import stage

HOSPITALS = Path(__file__).parents[2] / ".." / "shared" / "data" / "cms_hospitals.csv"
LATE = datetime(2026, 11, 17, 20, 30, tzinfo=ZoneInfo("America/New_York"))  # the east closes in half an hour


@pytest.mark.skipif(not HOSPITALS.is_file(), reason="the hospitals' list is not here")
def test_the_hospitals(tmp_path, rows):
    offset = (LATE - datetime.now(UTC)).total_seconds()
    with stage(tmp_path, offset, ("--fast",), {"DIALER_CALLS_PER_SECOND": "20"}) as running:
        running.dialer(
            *("campaign", "create", "spring", "--kind", "survey", "--client", "Acme Research", "--ring-seconds", "15"),
            *("--contact", "+12125550199", "--caller-id", "+12125550100", "--wrap-up-seconds", "1"),
        )
        upload = ("leads", "upload", str(HOSPITALS), "--campaign", "spring", "--json")
        receipt = json.loads(running.dialer(*upload))
        Path(receipt["rejects_file"] or tmp_path / "none").unlink(missing_ok=True)
        assert receipt["rows"] == 4807
        assert receipt["accepted"] + receipt["duplicates"] + sum(receipt["rejected"].values()) == 4807
        assert receipt["accepted"] > 4500
        again = json.loads(running.dialer(*upload))
        Path(again["rejects_file"] or tmp_path / "none").unlink(missing_ok=True)
        assert (again["accepted"], again["rejected"]) == (0, receipt["rejected"])
        assert len(rows(running, "SELECT 1 FROM lead")) == receipt["accepted"]

        players = Agents(running, "spring", 12, seed=1)
        since = running.floor("2026-11-17T00:00:00Z")["now"]
        running.do("campaign/verb", campaign="spring", verb="start")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            running.floor(since)
            time.sleep(0.5)
        running.do("campaign/verb", campaign="spring", verb="stop")
        deadline = time.monotonic() + 60
        while rows(running, "SELECT 1 FROM attempt WHERE state <> 'ended' OR disposition IS NULL"):
            assert time.monotonic() < deadline
            players.act([], 0)
            time.sleep(0.5)
        report = json.loads(running.dialer("report", "dispositions", "--campaign", "spring", "--json"))
        attempts, leads, agents = (
            [dict(row) for row in rows(running, f"SELECT * FROM {table}")] for table in ("attempt", "lead", "agent")
        )
        assert report["total"]["attempts"] == len(attempts) > 20
        assert sum(entry["attempts"] for entry in report["total"]["dispositions"]) == len(attempts)
        assert [check for check in audit(running.record(), attempts, leads, agents) if check.violations] == []
