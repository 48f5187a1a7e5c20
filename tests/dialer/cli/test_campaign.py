"""`dialer campaign`: what is asked for is what is shown; what cannot be is one line."""

import json

import pytest
from typer.testing import CliRunner

from dialer.cli import app
from dialer.db import lease
from dialer.db.database import Database


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIALER_DATABASE_URL", f"sqlite:///{tmp_path}/dialer.db")

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["campaign", *words], terminal_width=200)
        assert done.exit_code == code, done.output
        return done.output

    return run


@pytest.fixture
def create(run):
    who = ("--client", "Acme", "--contact", "+12125550199", "--caller-id", "+12125550100")
    return lambda *words, code=0: run("create", "spring", *who, *words, code=code)


def shown(run) -> dict:
    return json.loads(run("show", "spring", "--json"))["settings"]


@pytest.mark.parametrize(("words", "lines"), [((), 1.5), (("--lines-per-agent", "1.8"), 1.8)])
def test_a_ratio_is_shown_as_it_was_asked_for(run, create, words, lines):
    create("--mode", "ratio", *words)
    assert "is there already, and the same" in create("--mode", "ratio", *words)
    assert (shown(run)["mode"], shown(run)["lines_per_agent"]) == ("ratio", lines)
    assert "lines per agent" in run("show", "spring")


def test_a_campaign_of_another_mode_shows_none(run, create):
    create()
    assert shown(run)["mode"] == "predictive"
    assert "lines_per_agent" not in shown(run)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--mode", "ratio", "--lines-per-agent", "0.9"), "lines per agent 0.9: give 1 to 10"),
        (("--mode", "ratio", "--lines-per-agent", "11"), "lines per agent 11: give 1 to 10"),
        (("--mode", "ratio", "--lines-per-agent", "nan"), "lines per agent nan: give 1 to 10"),
        (("--lines-per-agent", "1.8"), "lines per agent 1.8: only mode ratio has them, not predictive"),
        (
            ("--mode", "progressive", "--lines-per-agent", "1.5"),
            "lines per agent 1.5: only mode ratio has them, not progressive",
        ),
    ],
)
def test_lines_that_cannot_be_are_told_in_one_line(create, tmp_path, words, says):
    assert create(*words, code=2) == f"dialer: {says}\n"
    assert not (tmp_path / "dialer.db").exists()


@pytest.mark.parametrize("mode", ["preview", "agentless"])
def test_a_mode_that_is_not_there_yet_is_misuse(create, mode):
    create("--mode", mode, code=2)


def test_the_node_that_paces_it_is_shown_as_long_as_it_does(run, create, tmp_path):
    create()
    assert json.loads(run("show", "spring", "--json"))["now"]["paced_by"] == "no node"
    database = Database.open(f"sqlite:///{tmp_path}/dialer.db")
    database.write(lambda session: lease.take(session.connection(), ["campaign 1"], "east", 60.0))
    assert json.loads(run("show", "spring", "--json"))["now"]["paced_by"] == "east"
    database.write(lambda session: lease.take(session.connection(), ["campaign 1"], "east", -1.0))
    assert json.loads(run("show", "spring", "--json"))["now"]["paced_by"] == "no node"
    database.close()
