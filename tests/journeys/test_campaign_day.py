"""A campaign from upload to report: every kind of called party, each with the disposition that fits."""

import json

import pytest

from dialer.demonstration.audit import audit
from dialer.demonstration.processes import stage

SCRIPTS = {
    "+12125550110": "human",
    "+12125550111": "busy",
    "+12125550112": "failed",
    "+12125550113": "machine",
    "+12125550114": "no-answer",
    "+12125550115": "fax",
    "+12125550116": "opt-out",
}


SCRIPTED = [text for number, script in SCRIPTS.items() for text in ("--script", f"{number}={script}")]


@pytest.fixture
def on_stage(tmp_path, offset):
    with stage(tmp_path, offset, ("--fast", *SCRIPTED)) as running:
        yield running


@pytest.fixture
def unhurried(tmp_path, offset):
    """Where people talk for a minute: a command on a busy machine takes some seconds."""
    with stage(tmp_path, offset, tuple(SCRIPTED)) as running:
        yield running


def by_number(rows, on_stage):
    return {row["number"]: row for row in rows(on_stage, "SELECT * FROM attempt")}


def test_every_called_party_gets_the_disposition_that_fits(on_stage, prepare, rows, until):
    leads = "phone,state\n" + "".join(f"{number},NY\n" for number in [*SCRIPTS, "+18085550101"][:6])
    prepare(on_stage, leads + "+18085550101,HI\n", 1, "--mode", "progressive")
    on_stage.dialer("campaign", "start", "spring")
    until(lambda: rows(on_stage, "SELECT 1 FROM agent WHERE state = 'wrap-up'"), "the human's call is over")
    on_stage.dialer("agent", "dispose", "agent0", "sale")
    until(
        lambda: len([row for row in by_number(rows, on_stage).values() if row["disposition"]]) == 6,
        "all six have a disposition",
        90,
    )
    found = {number: row["disposition"] for number, row in by_number(rows, on_stage).items()}
    assert found == {
        "+12125550110": "sale",
        "+12125550111": "busy",
        "+12125550112": "failed",
        "+12125550113": "machine",
        "+12125550114": "no-answer",
        "+12125550115": "fax",
    }
    asleep = rows(on_stage, "SELECT * FROM lead WHERE state = 'HI'")[0]
    assert (asleep["held_reason"], asleep["attempts"]) == ("hours", 0)
    assert asleep["due_at"].startswith("2026-11-17 18:00")  # eight in Honolulu
    report = json.loads(on_stage.dialer("report", "dispositions", "--campaign", "spring", "--json"))
    assert report["total"]["attempts"] == 6
    assert {entry["code"]: entry["attempts"] for entry in report["total"]["dispositions"]} == dict.fromkeys(
        found.values(), 1
    )
    shown = json.loads(on_stage.dialer("campaign", "show", "spring", "--json"))["now"]
    assert (shown["daemon"], "one line for each free agent" in shown["decision"]) == ("runs", True)
    assert report["total"]["rates"]["conversion"] == {"numerator": 1, "denominator": 1, "value": 1.0}
    sold = rows(on_stage, "SELECT * FROM lead WHERE id = ?", by_number(rows, on_stage)["+12125550110"]["lead_id"])[0]
    assert sold["standing"] == "finished"


def test_who_opts_out_by_key_is_never_called_again(on_stage, prepare, rows, until):
    """The only agent is taken away while the phone rings, so the called party hears the message and presses 9."""
    prepare(on_stage, "phone\n+12125550116\n", 1, "--mode", "progressive")
    on_stage.dialer("campaign", "start", "spring")
    until(lambda: rows(on_stage, "SELECT 1 FROM attempt"), "the call is placed")
    on_stage.do("agent/pause", agent="agent0", reason="break")
    until(lambda: rows(on_stage, "SELECT 1 FROM attempt WHERE state = 'ended'"), "the call ends")
    attempt = rows(on_stage, "SELECT * FROM attempt")[0]
    assert (attempt["abandoned"], attempt["opted_out"], attempt["disposition"]) == (1, 1, "opted-out")
    listed = json.loads(on_stage.dialer("dnc", "list", "--json"))
    assert [(entry["number"], entry["source"]) for entry in listed] == [("+12125550116", "key-press")]
    on_stage.dialer(
        "campaign", "create", "autumn", "--client", "B", "--contact", "+12125550198", "--caller-id", "+12125550100"
    )
    file = on_stage.folder / "leads.csv"
    on_stage.dialer("leads", "upload", str(file), "--campaign", "autumn")
    on_stage.do("agent/logout", agent="agent0")
    until(lambda: rows(on_stage, "SELECT 1 FROM agent WHERE seat_sid IS NULL AND state = 'logged-out'"), "logged out")
    on_stage.do("agent/login", agent="agent0", campaign="autumn")
    on_stage.do("agent/ready", agent="agent0")
    on_stage.dialer("campaign", "start", "autumn", "--force", "--note", "its only lead must not be called")
    until(
        lambda: rows(on_stage, "SELECT 1 FROM lead WHERE held_reason = 'do-not-call'"), "the other campaign is refused"
    )
    assert len(rows(on_stage, "SELECT 1 FROM attempt")) == 1
    call = next(call for call in on_stage.record()["calls"] if call["leg"] == "customer")
    assert call["heard_message"]
    assert call["seconds_to_message"] < 2


def test_stop_now_ends_live_calls_and_stop_lets_them_go_on(unhurried, prepare, rows, until):
    on_stage = unhurried
    prepare(on_stage, "phone\n+12125550110\n+12125550114\n", 2, "--mode", "progressive")
    on_stage.dialer("campaign", "start", "spring")
    until(lambda: rows(on_stage, "SELECT 1 FROM attempt WHERE state = 'connected'"), "somebody talks")
    assert "stopping" in on_stage.dialer("campaign", "stop", "spring")
    assert rows(on_stage, "SELECT 1 FROM attempt WHERE state = 'connected'")
    assert "stopping" in on_stage.dialer("campaign", "stop", "spring", "--now")
    until(lambda: not rows(on_stage, "SELECT 1 FROM attempt WHERE state <> 'ended'"), "no call is left", 8)
    assert "stopped" in on_stage.dialer("campaign", "stop", "spring")
    assert len(rows(on_stage, "SELECT 1 FROM attempt")) == 2


def test_a_seat_that_is_lost_leaves_nobody_in_silence(on_stage, prepare, rows, until):
    prepare(on_stage, "phone\n+12125550110\n", 1, "--mode", "progressive")
    on_stage.dialer("campaign", "start", "spring")
    until(lambda: rows(on_stage, "SELECT 1 FROM attempt WHERE state = 'connected'"), "somebody talks")
    on_stage._json("POST", f"{on_stage.emulator_url}/emulator/agents/client:agent0/drop")
    until(lambda: rows(on_stage, "SELECT 1 FROM agent WHERE state = 'logged-out'"), "the agent is unavailable", 5)
    until(lambda: rows(on_stage, "SELECT 1 FROM attempt WHERE state = 'ended'"), "the call ends")
    call = next(call for call in on_stage.record()["calls"] if call["leg"] == "customer")
    assert call["heard_message"]
    assert call["silence_seconds"] < 2
    tables = ("SELECT * FROM attempt", "SELECT * FROM lead", "SELECT * FROM agent")
    checks = audit(on_stage.record(), *(rows(on_stage, table) for table in tables))
    assert [check for check in checks if check.violations] == []
