"""`dialer simulate`: a table or JSON on standard output, one line and exit 2 for what cannot be."""

import json

import pytest
from typer.testing import CliRunner

from dialer.cli import app


def run(*words: str, code: int = 0) -> tuple[str, str]:
    done = CliRunner().invoke(app, ["simulate", *words], terminal_width=200)
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr


def test_json_names_what_was_played_and_what_came_of_it():
    out, _ = run("cold-start", "--policy", "progressive", "--agents", "5", "--days", "2", "--seed", "3", "--json")
    told = json.loads(out)
    asked = {"scenario": "cold-start", "policy": "progressive", "agents": 5, "days": 2, "seed": 3}
    assert asked.items() <= told.items()
    assert 0.4 < told["utilisation"] < 0.8
    assert told["drop_rate"] < 0.01
    assert told["dials"] > told["live_answers"] > 100


def test_the_same_seed_is_the_same_run():
    words = ("cold-start", "--policy", "ratio:1.5", "--json")
    assert run(*words) == run(*words)
    assert run(*words) != run(*words, "--seed", "2")


def test_brackets_in_a_name_are_no_markup(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('name = "[/b]"\n[team]\nagents = 2\nhours = 0.1\n[[campaigns]]\nname = "[/x]"\n')
    out, _ = run(str(own), "--policy", "progressive")
    assert "[/b], progressive" in out


def test_the_table_says_the_same():
    out, err = run("cold-start", "--policy", "vicidial")
    assert "cold-start, vicidial" in out
    assert "10, 1, 1.5" in out
    assert "busy, talk and wrap-up" in out
    assert err == "", "progress is for terminals"


LIST = """
[team]
agents = 3
hours = 1
[leads]
number = 300
area_codes = ["212", "213"]
"""
SHARED = """
[team]
agents = 4
hours = 1
[[campaigns]]
name = "spring"
[[campaigns]]
name = "autumn"
drop_rate_ceiling = 0.01
"""


def test_a_list_is_accounted_for(tmp_path):
    (tmp_path / "mine.toml").write_text(LIST)
    words = (str(tmp_path / "mine.toml"), "--policy", "progressive")
    leads = json.loads(run(*words, "--json")[0])["leads"]
    assert leads["loaded"] == 300
    assert leads["reached"] > 10
    assert leads["refused"]["hours"] > 100, "it is too early in Los Angeles"
    out, _ = run(*words)
    for label, number in (
        ("leads reached", leads["reached"]),
        ("refused by the gate, hours", leads["refused"]["hours"]),
    ):
        assert any(label in line and str(number) in line for line in out.splitlines())


def test_campaigns_that_share_agents_are_told_apart(tmp_path):
    (tmp_path / "mine.toml").write_text(SHARED)
    words = (str(tmp_path / "mine.toml"), "--policy", "progressive")
    told = json.loads(run(*words, "--json")[0])
    assert set(told["campaigns"]) == {"spring", "autumn"}
    assert sum(one["live_answers"] for one in told["campaigns"].values()) == told["live_answers"] > 20
    out, _ = run(*words)
    assert "1.00% and 3.00%" in out
    assert all(any(name in line for line in out.splitlines()) for name in ("spring", "autumn"))


def test_a_file_of_ones_own_is_played(tmp_path):
    (tmp_path / "mine.toml").write_text("[team]\nagents = 2\nhours = 1\n")
    out, _ = run(str(tmp_path / "mine.toml"), "--policy", "progressive", "--json")
    assert json.loads(out)["scenario"] == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "choose from bursty-breaks"),
        (("none.toml",), "none.toml"),
        (("default", "--policy", "magic"), "choose from predictive"),
        (("default", "--policy", "ratio:0.5"), "give 1 to 10 lines"),
        (("default", "--agents", "0"), "team.agents"),
        (("default", "--days", "0"), "team.days"),
        (("default", "--seed", "-1"), "give 0 or more"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(words, said):
    out, err = run(*words, code=2)
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
