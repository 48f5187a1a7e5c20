"""How a daemon ends and comes back; what happens under faults drawn by chance is in `test_faultlab`."""

import contextlib
import time

import pytest
import requests
from twilio.request_validator import RequestValidator

from dialer.demonstration.agents import Agents
from dialer.demonstration.audit import audit
from dialer.demonstration.processes import AUTH_TOKEN, end, stage, start, wait_for_token
from dialer.demonstration.sample import sample_file

QUICK = {"DIALER_QUIET_SECONDS": "2", "DIALER_LOST_SECONDS": "8"}


def play(on_stage, players, since, seconds):
    """Let the agents work for a while; a daemon that is down is waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            players.act(on_stage.floor(since)["agents"], time.monotonic())
        time.sleep(0.25)


def violations(on_stage, rows):
    tables = ("SELECT * FROM attempt", "SELECT * FROM lead", "SELECT * FROM agent")
    checks = audit(on_stage.record(), *([dict(row) for row in rows(on_stage, table)] for table in tables))
    return {check.name: check.violations for check in checks if check.violations}


def seated(on_stage, rows):
    """Ready, and the carrier has the answer that says so: a daemon killed between the two loses the leg."""
    legs = [call for call in on_stage.record()["calls"] if call["leg"] == "agent" and call["ended"] is None]
    ready = rows(on_stage, "SELECT 1 FROM agent WHERE state = 'ready'")
    return ready and any(leg["seconds_to_document"] is not None for leg in legs)


@pytest.fixture
def on_stage(tmp_path, offset, prepare):
    with stage(tmp_path, offset, ("--fast", "--seed", "7"), QUICK) as running:
        prepare(running, sample_file(400), 0, "--wrap-up-seconds", "5")
        yield running


def test_nobody_is_dialled_for_an_agent_whose_seat_was_lost_while_no_daemon_listened(on_stage, rows, until):
    Agents(on_stage, "spring", 1, seed=3)
    until(lambda: seated(on_stage, rows), "a seat")
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


def test_a_daemon_started_while_the_carriers_interface_is_down_answers_and_dials_once_it_is_back(on_stage, rows, until):
    """The voice side of a carrier goes on when its interface fails: people pick up, and would hear nothing."""
    Agents(on_stage, "spring", 1, seed=3)
    until(lambda: seated(on_stage, rows), "a seat")
    on_stage.daemon.kill()
    on_stage.daemon.wait()
    down = {"other_requests_fail": 1.0, "error_before_placing": 1.0}
    change_faults(on_stage, down)
    on_stage.dialer("campaign", "start", "spring")
    daemon, url = start(on_stage.folder, on_stage.environment, "run"), on_stage.daemon_url
    try:
        wait_for_token(daemon, on_stage.folder)
        until(lambda: "loop" not in told_by(f"{url}/readyz"), "a tick")
        form, path = {"CallSid": "CA1", "CallStatus": "in-progress"}, "/voice/answer?a=nobody"
        signed = {"X-Twilio-Signature": RequestValidator(AUTH_TOKEN).compute_signature(f"{url}{path}", form)}
        assert "<Response>" in requests.post(f"{url}{path}", data=form, headers=signed, timeout=10).text
        time.sleep(3)  # ticks
        assert "alive" in told_by(f"{url}/healthz")
        assert "carrier: it could not be asked" in told_by(f"{url}/readyz")
        assert (on_stage.folder / "run.log").read_text().count("started_without_carrier") == 1
        assert rows(on_stage, "SELECT * FROM attempt") == []
        change_faults(on_stage, dict.fromkeys(down, 0.0))
        until(lambda: rows(on_stage, "SELECT * FROM attempt WHERE dialled_at IS NOT NULL"), "a call")
        until(lambda: '"ready":true' in told_by(f"{url}/readyz"), "readiness")
    finally:
        end(daemon)


def change_faults(on_stage, faults):
    requests.post(f"{on_stage.emulator_url}/emulator/faults", json=faults, timeout=10).raise_for_status()


def told_by(url):
    return requests.get(url, timeout=10).text


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


@pytest.mark.parametrize("carrier", ["answers", "hangs"])
def test_a_daemon_told_twice_to_end_waits_for_nobody(on_stage, rows, carrier):
    players = Agents(on_stage, "spring", 8, seed=5)
    since = on_stage.floor("2026-11-17T00:00:00Z")["now"]
    on_stage.do("campaign/verb", campaign="spring", verb="start")
    live = "SELECT id FROM attempt WHERE state IN ('placing', 'dialled', 'ringing', 'message')"
    deadline = time.monotonic() + 30
    while not rows(on_stage, live):
        assert time.monotonic() < deadline, "nothing rings: the run proves nothing"
        play(on_stage, players, since, 0.3)
    if carrier == "hangs":
        change_faults(on_stage, {"slow_create": 1.0, "slow_seconds": 60.0})
        while not rows(on_stage, "SELECT 1 FROM attempt WHERE state = 'placing'"):
            assert time.monotonic() < deadline + 30, "no request hangs: the run proves nothing"
            play(on_stage, players, since, 0.3)
    on_stage.daemon.terminate()
    time.sleep(0.2)  # or the kernel makes one signal of two
    on_stage.daemon.terminate()
    on_stage.daemon.wait(10)
    assert rows(on_stage, live) != []
    assert on_stage.daemon.returncode == 0
    assert "Traceback" not in (on_stage.folder / "run.log").read_text()
