"""Operation and security of the real processes: the guide's commands, secrets, tokens, hostile clients, logs."""

import json
import os
import platform
import re
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests
from twilio.request_validator import RequestValidator

from dialer.demonstration.processes import (
    AUTH_TOKEN,
    end,
    environment_for,
    free_ports,
    stage,
    start,
    wait_for_answer,
    wait_for_token,
)
from dialer.web.guard import FAILURES, WEBHOOK_BYTES
from dialer.web.patience import HEAD_SECONDS
from tests.journeys.conftest import TUESDAY_NOON

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "deploy" / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.S | re.M)
    for line in block.splitlines()
    if line.startswith("dialer ")
]
MOST_OF_A_HEAP = 32 * 2**20  # a thread's own heap puts 64 MB aside
PREVIOUS, API_TOKEN = "hush-the-old-auth-token", "hush-a-token-of-the-api"


@pytest.fixture
def machine(tmp_path, offset):
    """An emulator, and an environment in which every secret is a file."""
    emulator_port, daemon_port = free_ports(2)
    environment = environment_for(tmp_path, emulator_port, daemon_port, offset)
    options = ("--port", str(emulator_port), "--fast", f"--clock-offset-seconds={offset!r}")
    emulator = start(tmp_path, environment, "emulator", *options)
    wait_for_answer(f"http://127.0.0.1:{emulator_port}/emulator/health", emulator, tmp_path / "emulator.log")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    token = environment.pop("TWILIO_AUTH_TOKEN")
    files = {"twilio_auth_token": token, "twilio_auth_token_previous": PREVIOUS, "dialer_api_token": API_TOKEN}
    for name, secret in files.items():
        (secrets / name).write_text(f"{secret}\n")
    environment["DIALER_SECRETS_DIRECTORY"] = str(secrets)
    processes = [emulator]

    def run(*words, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "dialer", *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def daemon(own=None):
        found = start(tmp_path, environment | (own or {}), "run")
        processes.append(found)
        wait_for_token(found, tmp_path)
        return found, f"http://127.0.0.1:{daemon_port}"

    yield run, daemon
    for process in reversed(processes):
        end(process)


def webhook(url, token, **more):
    form, path = {"CallSid": "CA1", "CallStatus": "ringing"}, "/voice/progress?a=nobody"
    signature = RequestValidator(token).compute_signature(f"{url}{path}", form)
    return requests.post(f"{url}{path}", data=form, headers={"X-Twilio-Signature": signature}, timeout=10, **more)


def test_the_guides_commands_run_in_their_order(machine, tmp_path):
    run, _daemon = machine
    told = {line: run(*line.split()[1:]) for line in dict.fromkeys(COMMANDS)}
    assert set(told) >= {
        "dialer db upgrade",
        "dialer check",
        "dialer db backup nightly.db",
        "dialer db restore nightly.db",
    }
    assert (tmp_path / "before-the-upgrade.db").exists()


def test_secrets_are_seen_nowhere_and_both_tokens_are_accepted(machine, tmp_path):
    run, daemon = machine
    run("db", "upgrade")
    process, url = daemon()
    assert [webhook(url, token).status_code for token in (AUTH_TOKEN, PREVIOUS, "another")] == [204, 204, 403]
    assert requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {API_TOKEN}"}, timeout=10).ok
    checked = run("check")
    assert "public URL: ok" in checked
    (tmp_path / "secrets" / "twilio_auth_token").write_text("hush-a-wrong-token")
    wrong = run("check", code=1)
    assert "account: the carrier refuses the account" in wrong
    refused = run("run", code=1)
    command_line = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
    end(process)
    logged = (tmp_path / "run.log").read_text()
    assert "daemon_stopped" in logged
    for text in (command_line, checked, wrong, refused, logged):
        assert "hush" not in text
    assert (tmp_path / "dialer.db.lock").stat().st_mode & 0o077 == 0


def test_a_password_on_the_command_line_is_refused(machine):
    run, _daemon = machine
    told = run("run", "--database-url", "postgresql://dialer:hush@127.0.0.1/dialer", code=2)
    assert "DIALER_DATABASE_URL" in told
    assert "hush" not in told


def test_clients_that_are_slow_large_or_wrong_are_got_rid_of(machine, tmp_path):
    run, daemon = machine
    run("db", "upgrade")
    _process, url = daemon()
    host, port = url.removeprefix("http://").split(":")
    began = time.monotonic()
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /voice/answer HTTP/1.1\r\nHost: x\r\n")
        with socket.create_connection((host, int(port))) as large:
            large.sendall(b"POST /voice/answer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            answer = sent_until_answered(large, b"1000\r\n" + b"x" * 4096 + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 413")
        answers = [
            requests.post(f"{url}/voice/answer", data={"CallSid": "CA1"}, timeout=10) for _ in range(FAILURES + 5)
        ]
        assert [answer.status_code for answer in answers][-5:] == [429] * 5
        assert webhook(url, AUTH_TOKEN).status_code == 204
        slow.settimeout(HEAD_SECONDS + 10)
        assert slow.recv(1000) == b""
    assert time.monotonic() - began > HEAD_SECONDS - 1
    refused = [line for line in (tmp_path / "run.log").read_text().splitlines() if "request_refused" in line]
    assert len(refused) <= FAILURES


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps by thread are glibc's")
@pytest.mark.parametrize(("own", "heaps_by_thread"), [(None, False), ("8", True)])
def test_the_daemons_threads_share_one_heap(machine, own, heaps_by_thread):
    run, daemon = machine
    run("db", "upgrade")
    process, url = daemon({} if own is None else {"MALLOC_ARENA_MAX": own})
    assert requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {API_TOKEN}"}, timeout=10).ok
    assert (largest_reserve(process.pid) > MOST_OF_A_HEAP) == heaps_by_thread


def largest_reserve(pid: int) -> int:
    """Bytes of the largest range that is put aside, with no file behind it and not yet used."""
    reserved = re.findall(r"^(\w+)-(\w+) ---p \S+ \S+ 0\s*$", Path(f"/proc/{pid}/maps").read_text(), re.M)
    return max((int(end, 16) - int(begin, 16) for begin, end in reserved), default=0)


def sent_until_answered(line: socket.socket, chunk: bytes) -> bytes:
    line.settimeout(0.05)
    for _ in range(10 * WEBHOOK_BYTES // len(chunk)):
        line.sendall(chunk)
        try:
            return line.recv(1000)
        except TimeoutError:
            continue
    pytest.fail("a body without end was taken")


def test_each_attempts_log_lines_go_from_placing_to_end_with_the_carriers_id(tmp_path, offset, prepare, until):
    """From the request to the carrier, whose record has the attempt's id in its addresses, to the last webhook."""
    numbers = "phone,state\n" + "".join(f"+121255501{n:02},NY\n" for n in range(20, 32))
    with stage(tmp_path, offset, ("--fast",), {"DIALER_CALLS_PER_SECOND": "5"}) as on_stage:
        prepare(on_stage, numbers, 3)
        on_stage.do("campaign/verb", campaign="spring", verb="start")
        until(lambda: log_of(tmp_path).count("attempt_ended") >= 4, "four attempts to end")
        on_stage.do("campaign/verb", campaign="spring", verb="stop-now")
        until(lambda: all(call["outcome"] for call in customers(on_stage)), "every call to end")
        until(lambda: not running(on_stage), "the campaign to stop")
        calls = customers(on_stage)
    lines = [json.loads(line) for line in log_of(tmp_path).splitlines() if line.startswith("{")]
    ids = {(line["attempt_id"], line["call_sid"]) for line in lines if line["event"] == "attempt_placed"}
    assert len(ids) >= 4
    assert {(line["attempt_id"], line["call_sid"]) for line in lines if line["event"] == "attempt_ended"} <= ids
    assert {sid for _attempt, sid in ids} == {call["sid"] for call in calls}
    assert all(not re.search(r"\+1212555\d{4}", line) for line in log_of(tmp_path).splitlines())


def log_of(folder: Path) -> str:
    return (folder / "run.log").read_text()


def customers(on_stage):
    return [call for call in on_stage.record()["calls"] if call["leg"] == "customer"]


def running(on_stage):
    (campaign,) = on_stage.floor(TUESDAY_NOON.isoformat())["campaigns"]
    return campaign["state"] != "stopped"


def test_the_audit_finds_a_fault_none_or_says_that_it_could_not_ask(tmp_path):
    """pip-audit itself, with an advisory database of one entry on loopback."""
    faults = {}

    class Database(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(faults.get(asked["package"]["name"], {})).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words):
            pass

    lock = tmp_path / "some.lock"
    lock.write_text(f"rich==15.0.0 \\\n    --hash=sha256:{'0' * 64}\n")
    server = HTTPServer(("127.0.0.1", 0), Database)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def audited():
        options = f"--osv-url http://127.0.0.1:{server.server_port}/v1/query --cache-dir {tmp_path / str(len(faults))}"
        done = subprocess.run(
            [sys.executable, str(ROOT / ".ci" / "audit"), str(lock)],
            env=os.environ | {"PIP_AUDIT_OPTIONS": options},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    assert audited() == (0, "dependencies: 1 checked, 0 known faults\n")
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]
    affected = [{"package": {"name": "rich", "ecosystem": "PyPI"}, "ranges": ranges}]
    faults["rich"] = {"vulns": [{"id": "X-1", "aliases": [], "details": "", "affected": affected}]}
    code, told = audited()
    assert (code, told.splitlines()[0]) == (1, "rich 15.0.0: X-1: first mended in 99")
    server.shutdown()
    server.server_close()
    faults["other"] = {}
    code, told = audited()
    assert (code, told.startswith("dependencies: NOT CHECKED: ")) == (3, True)
