"""Commands never write behind a running daemon's back: they go through it, or say why nothing was done."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import requests
from sqlmodel import select
from typer.testing import CliRunner

from compliance.tables import DoNotCallEntry
from config import Settings
from dialer.cli import access, app
from dialer.db.database import Database
from dialer.db.sqlite import SqliteFile
from dialer.web.proof import proof

DAEMON = """
import sys
from dialer.db.database import Database
database = Database.open(sys.argv[1])
print("writes", flush=True)
sys.stdin.read()
"""


def forbid(code: int) -> str:
    done = CliRunner().invoke(app, ["dnc", "add", "+12125550101"], terminal_width=200)
    assert done.exit_code == code, done.output
    return done.output


def numbers(path) -> list[str]:
    database = Database.open_to_read(f"sqlite:///{path}")
    with database.read() as session:
        found = list(session.exec(select(DoNotCallEntry.number)))
    database.close()
    return found


class Daemon(BaseHTTPRequestHandler):
    """Answers as the daemon's interface does, and keeps what it was asked."""

    asked: list[tuple[str, str | None]]

    def do_POST(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"added": 1, "known": 0}')

    def log_message(self, *_args: object) -> None:
        pass


def test_without_a_daemon_a_command_writes_itself(path):
    forbid(code=0)
    assert numbers(path) == ["+12125550101"]


@pytest.mark.parametrize("name", ["dialer.db", "link.db"])
def test_beside_another_writing_process_nothing_is_written(path, tmp_path, monkeypatch, name):
    """A real second process, and a second name for its file."""
    (tmp_path / "link.db").symlink_to(path)
    monkeypatch.setenv("DIALER_DATABASE_URL", f"sqlite:///{tmp_path / name}")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", DAEMON, f"sqlite:///{path}"], **pipes) as other:
        assert other.stdout.readline() == b"writes\n"
        said = forbid(code=1)
        other.stdin.close()
    assert "try again in a moment" in said
    assert len(said.splitlines()) == 1
    assert numbers(path) == []
    forbid(code=0)
    assert numbers(path) == ["+12125550101"]


def test_with_a_daemon_the_write_is_the_daemons(path):
    asked: list[tuple[str, str | None]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Answering", (Daemon,), {"asked": asked}))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    daemon = Database.open(f"sqlite:///{path}")
    daemon.announce(
        json.dumps({"node": "one", "pid": 1, "url": f"http://127.0.0.1:{server.server_port}", "token": "secret"})
    )
    forbid(code=0)
    server.shutdown()
    thread.join()
    server.server_close()
    daemon.close()
    assert asked == [("/api/do/dnc/add", "Bearer secret")]
    assert numbers(path) == []


def test_a_daemon_that_does_not_answer_is_not_gone_round(path):
    daemon = Database.open(f"sqlite:///{path}")
    daemon.announce(json.dumps({"node": "one", "pid": 1, "url": "http://127.0.0.1:1", "token": "secret"}))
    said = forbid(code=1)
    daemon.close()
    assert "the daemon at http://127.0.0.1:1 does not answer" in said
    assert numbers(path) == []


def test_of_several_nodes_one_is_asked_that_proves_to_be_itself(monkeypatch, path):
    """A node of another machine may have told an address that is another's here."""
    announced = [
        {"node": name, "url": f"http://{name}", "token": f"of {name}"} for name in ("away", "stopped", "here", "last")
    ]
    monkeypatch.setattr(SqliteFile, "announced", lambda _place: [json.dumps(told) for told in announced])

    def get(_session, url, params, **_rest):
        if "stopped" in url:
            raise requests.ConnectTimeout
        answer = requests.Response()
        answer._content = json.dumps({"proof": proof("of here", params["nonce"])}).encode()
        return answer

    monkeypatch.setattr(requests.Session, "get", get)
    daemon = access.running_daemon(Settings(database_url=f"sqlite:///{path}"))
    assert daemon is not None
    assert daemon.node == "here"
