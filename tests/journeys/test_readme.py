"""The README's commands, run as they stand there, in their order; the carrier is the emulator."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from dialer.demonstration.processes import end, environment_for, free_ports, start, wait_for_answer, wait_for_token

README = Path(__file__).parents[2] / "README.md"
LINES = [
    line.strip()
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", README.read_text(), re.S | re.M)
    for line in block.splitlines()
]


@pytest.fixture
def shell(tmp_path, offset):
    emulator_port, daemon_port = free_ports(2)
    environment = environment_for(tmp_path, emulator_port, daemon_port, offset)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    options = ("--port", str(emulator_port), "--fast", f"--clock-offset-seconds={offset!r}")
    emulator = start(tmp_path, environment, "emulator", *options)
    processes = [emulator]
    wait_for_answer(f"http://127.0.0.1:{emulator_port}/emulator/health", emulator, tmp_path / "emulator.log")

    def run(line: str) -> str:
        if line == "dialer run":
            daemon = start(tmp_path, environment, "run")
            processes.append(daemon)
            wait_for_token(daemon, tmp_path)
            return ""
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout

    yield run
    for process in reversed(processes):
        end(process)


def test_the_set_up_as_written(shell, tmp_path, until):
    (tmp_path / "leads.csv").write_text("phone,state\n" + "".join(f"+121255501{n:02},NY\n" for n in range(20, 60)))
    (tmp_path / "do-not-call.csv").write_text("+12125550120\n")
    (tmp_path / "national.csv").write_text("+12125550121\n")
    (tmp_path / "consents.csv").write_text("phone\n+12125550122\n")
    ran = []
    for line in LINES:
        if line.startswith("dialer "):
            if line.startswith("dialer campaign stop"):
                until(lambda: '"attempts_in_24_hours": 0' not in shell("dialer campaign show spring --json"), "a dial")
            ran.append((line, shell(line)))
    assert len(ran) == 17
    assert "40 accepted" in dict(ran)["dialer leads upload leads.csv --campaign spring"]
    assert "1 added" in dict(ran)["dialer dnc import do-not-call.csv"]
    assert "until 2026-11-18T13:00" in next(told for line, told in ran if line.startswith("dialer compliance check"))
    assert "us-fl.cap.telemarketing" in dict(ran)["dialer compliance rules --jurisdiction US-FL"]
    assert json.loads(shell("dialer report dispositions --campaign spring --json"))["total"]["attempts"] > 0


def test_make_demo_shows_a_campaign_and_passes(tmp_path):
    """`make demo` is `dialer demo`; half a minute of it here."""
    done = subprocess.run(
        [sys.executable, "-m", "dialer", "demo", "--minutes", "0.5", "--keep", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    for words in (
        "600 accepted",
        "hours",
        "do-not-call",
        "All attempts",
        "no number dialled twice by mistake",
    ):
        assert words in done.stdout
    make = subprocess.run(["make", "-n", "demo"], cwd=README.parent, capture_output=True, text=True, check=True)
    assert ".venv/bin/dialer demo" in make.stdout.splitlines()


def test_the_daemon_answers_only_signed_webhooks_and_its_own_token(shell, tmp_path):
    shell("dialer db upgrade")
    shell("dialer run")
    told = json.loads((tmp_path / "dialer.db.lock").read_text())
    unsigned = requests.post(f"{told['url']}/voice/answer?a=x", data={"CallSid": "CA1"}, timeout=10)
    assert unsigned.status_code == 403
    forged = requests.post(
        f"{told['url']}/voice/progress?a=x", data={"CallSid": "CA1"}, headers={"X-Twilio-Signature": "x"}, timeout=10
    )
    assert forged.status_code == 403
    assert requests.get(f"{told['url']}/api/floor", timeout=10).status_code == 401
    assert requests.get(f"{told['url']}/healthz", timeout=10).json() == {"alive": "yes"}
