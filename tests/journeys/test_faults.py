"""What must always hold while the carrier misbehaves and the daemon is killed, judged by the carrier's own record."""

import contextlib
import signal
import time

import pytest
import requests

from dialer.demonstration.agents import Agents
from dialer.demonstration.audit import audit
from dialer.demonstration.processes import end, stage, start, wait_for_token
from dialer.demonstration.sample import sample_file

QUICK = {"DIALER_QUIET_SECONDS": "2", "DIALER_LOST_SECONDS": "8"}
FAULTS = {
    "too_many_requests": 0.15,
    "error_before_placing": 0.05,
    "error_after_placing": 0.12,
    "reset_after_placing": 0.12,
    "callback_before_create": 0.2,
    "callback_lost": 0.1,
    "callback_late": 0.1,
    "late_seconds": 2.0,
    "callback_doubled": 0.1,
    "callback_reordered": 0.1,
    "list_lag_seconds": 0.5,
}


def play(on_stage, players, since, seconds):
    """Let the agents work for a while; a daemon that is down is waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            players.act(on_stage.floor(since)["agents"], time.monotonic())
        time.sleep(0.25)


def settle(on_stage, players, since, rows, seconds=90):
    deadline = time.monotonic() + seconds
    busy = "SELECT 1 FROM agent WHERE state IN ('on-call', 'wrap-up')"
    while rows(on_stage, "SELECT 1 FROM attempt WHERE state <> 'ended'") or rows(on_stage, busy):
        assert time.monotonic() < deadline, "attempts or agents stay stuck"
        play(on_stage, players, since, 1)


def violations(on_stage, rows):
    tables = ("SELECT * FROM attempt", "SELECT * FROM lead", "SELECT * FROM agent")
    checks = audit(on_stage.record(), *([dict(row) for row in rows(on_stage, table)] for table in tables))
    return {check.name: check.violations for check in checks if check.violations}


@pytest.fixture
def on_stage(tmp_path, offset, prepare):
    with stage(tmp_path, offset, ("--fast", "--seed", "7"), QUICK) as running:
        prepare(running, sample_file(400), 0, "--wrap-up-seconds", "5")
        yield running


MUST_STRIKE = {"too_many_requests", "error_after_placing", "reset_after_placing", "callback_lost", "callback_doubled"}


def test_nothing_is_lost_or_dialled_twice_while_the_carrier_misbehaves(on_stage, rows):
    players = Agents(on_stage, "spring", 12, seed=3)
    faults = f"{on_stage.emulator_url}/emulator/faults"
    since = on_stage.floor("2026-11-17T00:00:00Z")["now"]
    play(on_stage, players, since, 3)
    requests.post(faults, json=FAULTS, timeout=10).raise_for_status()
    on_stage.do("campaign/verb", campaign="spring", verb="start")
    for _slice in range(15):
        play(on_stage, players, since, 5)
        if set(on_stage.record()["faults_struck"]) >= MUST_STRIKE:
            break
    assert set(on_stage.record()["faults_struck"]) >= MUST_STRIKE, "the run proves nothing about the others"
    on_stage.do("campaign/verb", campaign="spring", verb="stop")
    requests.post(faults, json={}, timeout=10).raise_for_status()
    settle(on_stage, players, since, rows)
    assert violations(on_stage, rows) == {}
    not_placed = rows(on_stage, "SELECT * FROM attempt WHERE outcome = 'not-placed'")
    assert len(not_placed) > 0
    assert {row["call_sid"] for row in not_placed} == {None}


def test_a_killed_daemon_goes_on_where_it_stopped(on_stage, rows):
    players = Agents(on_stage, "spring", 6, seed=3)
    since = on_stage.floor("2026-11-17T00:00:00Z")["now"]
    on_stage.do("campaign/verb", campaign="spring", verb="start")
    play(on_stage, players, since, 8)
    daemon, running = on_stage.daemon, on_stage
    for _kill in range(3):
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        daemon = start(running.folder, running.environment, "run")
        token = wait_for_token(daemon, running.folder)
        object.__setattr__(running, "token", token)
        play(running, players, since, 6)
    running.do("campaign/verb", campaign="spring", verb="stop")
    settle(running, players, since, rows)
    found = violations(running, rows)
    end(daemon)
    # Who answers while nobody is there to be asked is sent to the fallback, which is down as well: heard nothing.
    found.pop("nobody kept in silence", None)
    found.pop("every abandoned call heard who called", None)
    assert found == {}
    assert len(rows(running, "SELECT 1 FROM attempt")) > 20


def test_nobody_is_dialled_for_an_agent_whose_seat_was_lost_while_no_daemon_listened(on_stage, rows, until):
    Agents(on_stage, "spring", 1, seed=3)
    until(lambda: rows(on_stage, "SELECT 1 FROM agent WHERE state = 'ready'"), "a seat")
    on_stage.daemon.kill()
    on_stage.daemon.wait()
    requests.post(f"{on_stage.emulator_url}/emulator/agents/client:anna/drop", timeout=10).raise_for_status()
    on_stage.dialer("campaign", "start", "spring")
    daemon = start(on_stage.folder, on_stage.environment, "run")
    wait_for_token(daemon, on_stage.folder)
    until(lambda: rows(on_stage, "SELECT 1 FROM agent WHERE state = 'logged-out'"), "the loss of the seat")
    time.sleep(1.5)  # a tick
    end(daemon)
    assert rows(on_stage, "SELECT * FROM attempt") == []


def test_a_daemon_told_to_end_dials_no_more_and_stays_for_those_who_pick_up(on_stage, rows):
    """Otherwise a deploy in calling hours would be a silent call for everybody whose phone rings."""
    players = Agents(on_stage, "spring", 8, seed=5)
    since = on_stage.floor("2026-11-17T00:00:00Z")["now"]
    on_stage.do("campaign/verb", campaign="spring", verb="start")
    play(on_stage, players, since, 8)
    ringing = "SELECT id FROM attempt WHERE state IN ('placing', 'dialled', 'ringing')"
    deadline = time.monotonic() + 20
    while not rows(on_stage, ringing):
        assert time.monotonic() < deadline, "nothing rings: the run proves nothing"
        play(on_stage, players, since, 0.3)
    on_stage.daemon.terminate()
    time.sleep(2)  # the tick under way
    attempts = len(rows(on_stage, "SELECT 1 FROM attempt"))
    on_stage.daemon.wait(60)
    assert len(rows(on_stage, "SELECT 1 FROM attempt")) == attempts
    assert rows(on_stage, ringing) == []
    while any(call["leg"] == "customer" and call["ended"] is None for call in on_stage.record()["calls"]):
        assert time.monotonic() < deadline + 60, "a talk does not end"
        time.sleep(0.5)
    open_talks = {"no attempt left open", "no lead stuck", "no agent stuck", "every call accounted for"}
    assert violations(on_stage, rows).keys() <= open_talks
    assert "Traceback" not in (on_stage.folder / "run.log").read_text()
