"""What goes wrong says so in one line with the remedy, exits with 1 (a rule: 2), and leaves nothing half done."""

import os
import socket
import sqlite3
import subprocess
import sys

import pytest

CAMPAIGN = ("--client", "Acme", "--contact", "+12125550199", "--caller-id", "+12125550100")


@pytest.fixture
def dialer(tmp_path):
    """Run a command in an empty folder; exit code, output, complaint."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DIALER_", "TWILIO_"))}

    def run(*arguments, **settings):
        done = subprocess.run(
            [sys.executable, "-m", "dialer", *map(str, arguments)],
            cwd=tmp_path,
            env=clean | settings,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr.strip()

    return run


def complaint(result, *words, code=1):
    found, _output, error = result
    assert found == code, result
    assert error.startswith("dialer: ")
    assert len(error.splitlines()) == 1, error
    for word in words:
        assert word in error


def test_lead_files_that_cannot_be_loaded(dialer, tmp_path):
    assert dialer("campaign", "create", "spring", *CAMPAIGN)[0] == 0
    files = {
        "binary.csv": (b"\x00\x01\x02\xff" * 300, "binary"),
        "nophone.csv": (b"colour,size\nred,3\n", "phone"),
        "empty.csv": (b"", "empty"),
        "header.csv": (b"phone\n", "no lead"),
    }
    for name, (content, word) in files.items():
        (tmp_path / name).write_bytes(content)
        complaint(dialer("leads", "upload", name, "--campaign", "spring"), name, word)
    complaint(dialer("leads", "upload", "missing.csv", "--campaign", "spring"), "missing.csv")
    complaint(dialer("leads", "upload", tmp_path, "--campaign", "spring"), str(tmp_path), "directory")
    complaint(dialer("leads", "upload", "empty.csv", "--campaign", "nope"), "nope", "spring")
    with sqlite3.connect(tmp_path / "dialer.db") as connection:
        assert connection.execute("SELECT count(*) FROM lead_list").fetchone() == (0,)


def test_do_not_call_lists_lose_no_number_silently(dialer, tmp_path):
    assert dialer("db", "upgrade")[0] == 0
    (tmp_path / "list.csv").write_text("name;phone\nAnn;2125550101\nBob;nobody\n")
    code, output, error = dialer("dnc", "import", "list.csv")
    assert (code, output.strip()) == (0, "1 added, 0 known, 1 rejected")
    assert "list.csv:3: not a phone number" in error
    (tmp_path / "late.csv").write_bytes(b"+12125550102\n" * 20_000 + b"\0")
    complaint(dialer("dnc", "import", "late.csv"), "late.csv", "binary")
    complaint(dialer("dnc", "import", "list.csv", "--region", "XX"), "XX", "ISO 3166")
    complaint(dialer("dnc", "list", "--campaign", "spring"), "no campaign 'spring'")
    listed = dialer("dnc", "list", "--json")[1]
    assert ("+12125550101" in listed, "+12125550102" in listed) == (True, False)


def test_campaigns_that_cannot_be(dialer):
    complaint(dialer("campaign", "start", "spring"), "no campaign 'spring'", "dialer campaign create")
    complaint(
        dialer("campaign", "create", "x", "--client", "A", "--contact", "1", "--caller-id", "2", "--ring-seconds", "5"),
        "caller id",
        "contact number",
        "ring seconds 5: give 15",
    )
    assert dialer("campaign", "create", "spring", *CAMPAIGN)[0] == 0
    code, output, _ = dialer("campaign", "create", "spring", *CAMPAIGN)
    assert (code, "is there already" in output) == (0, True)
    complaint(dialer("campaign", "create", "spring", *CAMPAIGN, "--ring-seconds", "30"), "another", "ring_seconds")
    complaint(dialer("campaign", "resume", "spring"), "spring", "use start")
    assert dialer("campaign", "stop", "spring")[0] == 0
    assert dialer("campaign", "create", "spring")[0] == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ("TWILIO_ACCOUNT_SID",)),
        ({"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "x"}, ("DIALER_PUBLIC_URL",)),
        ({"DIALER_PORT": "http"}, ("port", "DIALER_PORT")),
        ({"DIALER_DATABASE_URL": "mysql://x/y"}, ("mysql",)),
    ],
)
def test_a_daemon_that_cannot_run_says_what_it_lacks(dialer, settings, words):
    if "DIALER_DATABASE_URL" in settings:
        settings = settings | {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "x", "DIALER_PUBLIC_URL": "http://x"}
    complaint(dialer("run", **settings), *words)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--script", "+12125550101=dance", "choose"),
        ("--script", "anna=busy", "is no number"),
        ("--port", "99999", "65535"),
        ("--calls-per-second", "0", "greater"),
    ],
)
def test_an_emulator_that_is_told_nonsense(dialer, option, value, words):
    settings = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "x"}
    code, _output, error = dialer("emulator", option, value, **settings)
    assert (code, words in error, "Traceback" in error) == (2, True, False)


def test_a_port_in_use(dialer):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings = {
            "TWILIO_ACCOUNT_SID": "AC1",
            "TWILIO_AUTH_TOKEN": "x",
            "DIALER_TWILIO_BASE_URL": "http://127.0.0.1:9",
        }
        complaint(dialer("run", DIALER_PORT=port, **settings), port, "in use", "DIALER_PORT")


@pytest.mark.parametrize("command", ["run", "compliance rules", "why +12125550123"])
def test_a_rule_that_cannot_be_used(dialer, tmp_path, command):
    (tmp_path / "own.toml").write_text('client = "Acme"\nversion = 2026-11-23\n[[hours]]\nid = "x"\n')
    account = {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "t",
        "DIALER_PUBLIC_URL": "https://example.org",
    }
    result = dialer(*command.split(), DIALER_PORT="18097", DIALER_RULES_DIRECTORY=str(tmp_path), **account)
    complaint(result, f"{tmp_path / 'own.toml'}: rule x: jurisdiction: ", code=2)


def test_databases_of_another_version_or_kind(dialer, tmp_path):
    assert "made" in dialer("db", "upgrade")[1]
    with sqlite3.connect(tmp_path / "dialer.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    complaint(dialer("campaign", "list"), "9999", "newer dialer")
    complaint(dialer("campaign", "start", "x"), "9999")
    complaint(dialer("db", "upgrade"), "9999")
    (tmp_path / "text.db").write_text("not a database, but long enough to be looked at\n" * 10)
    complaint(dialer("campaign", "list", DIALER_DATABASE_URL="sqlite:///text.db"), "text.db", "no SQLite database")
    complaint(dialer("campaign", "list", DIALER_DATABASE_URL="sqlite:///none.db"), "none.db", "dialer db upgrade")
    assert not (tmp_path / "none.db").exists()


def test_a_database_that_another_command_is_writing(dialer, tmp_path):
    from dialer.db.sqlite import take_lock

    dialer("db", "upgrade")
    handle = take_lock(tmp_path / "dialer.db")
    complaint(dialer("campaign", "create", "spring", *CAMPAIGN), "another process", "try again")
    os.close(handle)


def test_wrong_credentials(dialer, tmp_path, offset):
    from dialer.demonstration.processes import stage

    folder = tmp_path / "stage"
    folder.mkdir()
    with stage(folder, offset) as running:
        environment = dict(running.environment) | {"TWILIO_AUTH_TOKEN": "wrong", "DIALER_PORT": "18098"}
        environment["DIALER_DATABASE_URL"] = "sqlite:///other.db"
        complaint(dialer("run", **environment), "20003", "TWILIO_AUTH_TOKEN")
