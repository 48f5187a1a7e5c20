"""`dialer compliance`: asked on the command line, answered as people and programs read it."""

import json

import pytest
from typer.testing import CliRunner

from dialer.cli import app

REASONS = {
    *("hours", "holiday", "do-not-call", "consent", "cap", "cool-down", "line-type", "drop-rate", "unknown-zone"),
    *("no-rules", "emergency"),
}


def ask(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["compliance", *words], terminal_width=200)
    return done.exit_code, done.output


def verdict(*words: str) -> dict:
    code, text = ask("check", *words, "--json")
    assert code == 0
    told = json.loads(text)
    assert told["verdict"] in ("cleared", "blocked")
    assert told["reason"] is None or told["reason"] in REASONS
    return told


FLORIDA = ("--to", "+13055550123", "--state", "FL", "--postal", "33101")
MIAMI = ("--to", "+13055550123", "--state", "FL")  # the state has another clock too, the number has not
DALLAS = ("--to", "+12145550123", "--state", "TX")
AT = "--at", "2026-11-23T20:30:00-05:00"


@pytest.mark.parametrize(
    ("words", "reason", "until"),
    [
        ((*FLORIDA, *AT), "consent", None),
        ((*FLORIDA, *AT, "--consent", "written"), "hours", "2026-11-24T13:00:00+00:00"),
        ((*MIAMI, *AT, "--consent", "written", "--kind", "telemarketing"), "hours", "2026-11-24T13:00:00+00:00"),
        ((*DALLAS, "--at", "2026-11-24T20:59:00-06:00", "--consent", "written"), None, None),
        ((*DALLAS, "--at", "2026-11-24T21:00:00-06:00", "--consent", "written"), "hours", "2026-11-25T15:00:00+00:00"),
        ((*FLORIDA, "--at", "2026-11-23T19:59:34-05:00", "--consent", "written"), None, None),
        ((*FLORIDA, "--at", "2026-11-23T19:59:35-05:00", "--consent", "written"), "hours", "2026-11-24T13:00:00+00:00"),
        (
            (*FLORIDA, "--at", "2026-11-23T19:59:35-05:00", "--consent", "written", "--ring-seconds", "20"),
            None,
            None,
        ),
        ((*FLORIDA, *AT, "--kind", "survey"), None, None),
        (("--to", "+12155550123", "--at", "2026-11-26T12:00:00-05:00"), "holiday", "2026-11-28T14:00:00+00:00"),
        (("--to", "+16025550123", "--at", "2026-11-23T12:00:00-07:00"), "line-type", None),
        (("--to", "+16025550123", "--at", "2026-11-23T12:00:00-07:00", "--line-type", "landline"), None, None),
        (("--to", "+18005550123", *AT), "unknown-zone", None),
        (("--to", "+18765550123", *AT), "no-rules", None),
        (("--to", "+442079460123", "--at", "2026-11-22T12:00:00+00:00"), "hours", "2026-11-23T08:00:00+00:00"),
    ],
)
def test_the_verdict_its_reason_and_the_next_moment(words, reason, until):
    told = verdict(*words)
    assert (told["verdict"], told["reason"], told["until"]) == ("blocked" if reason else "cleared", reason, until)


def test_places_zones_and_rules_are_told():
    told = verdict("--to", "+19155550123", "--state", "TX", "--postal", "79901", *AT, "--consent", "written")
    assert (told["jurisdictions"], told["zones"]) == (["US", "US-TX"], ["America/Denver"])
    assert {rule["id"] for rule in told["rules"]} >= {"us-tx.hours.telemarketing", "us.hours.telemarketing"}
    assert all(rule["citation"] and rule["effect"] for rule in told["rules"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--to", "3055550123"), "is no number"),
        (("--to", "+999123456"), "country code"),
        ((*FLORIDA, "--at", "2026-11-23T20:30:00"), "has no offset"),
        ((*FLORIDA, "--at", "yesterday"), "is no moment"),
        (("--to", "+13055550123", "--state", "Westeros"), "state 'Westeros'"),
        (("--to", "+13055550123", "--postal", "12"), "postal code '12'"),
        ((*FLORIDA, "--zone", "EST"), "time zone 'EST'"),
        ((*FLORIDA, "--kind", "begging"), "begging"),
    ],
)
def test_misuse_is_told_in_one_line(words, says):
    code, text = ask("check", *words)
    assert code == 2
    assert says in text


def test_rules_of_a_state_come_with_its_countrys():
    code, text = ask("rules", "--jurisdiction", "US-PA", "--on", "2026-10-18", "--json")
    ids = {rule["id"] for rule in json.loads(text)}
    assert code == 0
    assert {"us-pa.hours.telemarketing.2026-10-18", "us.hours.telemarketing"} <= ids
    assert not ids & {"us-pa.hours.telemarketing", "us-fl.hours.telemarketing"}
    for unknown in ("XX", "US-ZZ", "DE-XX"):  # a country's rules alone would look like the whole answer
        assert ask("rules", "--jurisdiction", unknown)[0] == 2
    assert ask("rules", "--jurisdiction", "us-pa", "--on", "2026-10-18", "--json") == (0, text)
    assert ask("rules", "--jurisdiction", "US-VT")[0] == 0


def test_what_changes_when_a_date_passes():
    code, text = ask("diff", "--from", "2026-10-01", "--to", "2026-10-31", "--json")
    assert code == 0
    assert [(row["on"], row["change"], row["id"]) for row in json.loads(text)] == [
        ("2026-10-17", "ends", "us-pa.hours.telemarketing"),
        ("2026-10-18", "begins", "us-pa.hours.telemarketing.2026-10-18"),
    ]
    assert ask("diff", "--from", "2026-10-31", "--to", "2026-10-01")[0] == 2


def test_a_faulty_rule_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "own.toml").write_text('client = "Acme"\nversion = 2026-11-23\n[[hours]]\nid = "x"\n')
    monkeypatch.setenv("DIALER_RULES_DIRECTORY", str(tmp_path))
    done = CliRunner().invoke(app, ["compliance", "rules"])
    assert done.exit_code == 2
    assert done.output == f"dialer: {tmp_path / 'own.toml'}: rule x: jurisdiction: Field required\n"


@pytest.mark.parametrize("at", ["9999-12-31T23:00:00-05:00", "0001-01-01T00:00:00+05:00"])
def test_a_moment_that_no_calendar_knows_is_misuse(at):
    code, text = ask("check", "--to", "+13055550123", "--at", at)
    assert code == 2
    assert "is not in the years" in text
