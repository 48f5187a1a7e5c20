"""`dialer why`, `evidence`, `consent`, `emergency` and states' lists, on a database of their own."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from dialer.cli import app
from dialer.db.database import Database
from tests.conftest import Build

NEW_YORK, FLORIDA, JAMAICA = "+12125550120", "+13055550121", "+18765550124"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIALER_DATABASE_URL", f"sqlite:///{tmp_path}/dialer.db")

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, [*words], terminal_width=200)
        assert done.exit_code == code, done.output
        return done.output

    (tmp_path / "leads.csv").write_text(f"phone,state\n{NEW_YORK},NY\n{FLORIDA},FL\n{JAMAICA},\n")
    (tmp_path / "list.txt").write_text("+12125550190\n")
    campaign = ("--client", "Acme", "--contact", "+12125550199", "--caller-id", "+12125550100")
    run("campaign", "create", "spring", *campaign)
    run("leads", "upload", "leads.csv", "--campaign", "spring")
    return run


def why(run, who):
    (told,) = json.loads(run("why", who, "--json"))
    return told, {question["question"]: question["passed"] for question in told["questions"]}


def test_every_question_is_answered_for_a_lead(run):
    told, passed = why(run, FLORIDA)
    assert (told["verdict"], told["reason"]) == ("blocked", "do-not-call")
    assert (passed["do-not-call"], passed["consent"], passed["emergency"]) == (False, False, True)
    assert {rule["id"] for question in told["questions"] for rule in question["rules"]} >= {
        *("us.do-not-call.national", "us-fl.do-not-call.state", "us-fl.consent.telemarketing"),
    }
    assert "REFUSED do-not-call" in run("why", str(told["lead"]))
    run("why", "999", code=1)
    for misuse in ("nobody", "+nobody", "+1212555077", "+999123456789"):
        run("why", misuse, code=2)


STRANGER = "+13055550777"


def test_a_number_of_no_lead_is_judged_with_what_is_known_of_it(run):
    told, passed = why(run, STRANGER)
    assert (told["lead"], told["number"], told["kind"]) == (None, STRANGER, "telemarketing")
    assert (told["verdict"], told["reason"]) == ("blocked", "do-not-call")  # there is no copy of the national list
    assert (passed["consent"], passed["emergency"]) == (False, True)
    assert (told["do_not_call"], told["lists"], told["attempts"], told["decided"]) == ([], [], [], [])
    run("dnc", "import", "list.txt", "--list", "national", "--as-of", _today())
    run("dnc", "import", "list.txt", "--list", "state:FL", "--as-of", _today())
    assert why(run, STRANGER)[1]["do-not-call"] is True
    run("dnc", "add", STRANGER, "--campaign", "spring", "--note", "asked by letter")
    told, passed = why(run, STRANGER)
    assert (passed["do-not-call"], told["reason"]) == (False, "do-not-call")  # nobody knows which campaign is meant
    (entry,) = told["do_not_call"]
    assert (entry["scope"], entry["source"], entry["note"]) == ("campaign:spring", "cli", "asked by letter")
    text = run("why", STRANGER)
    assert f"{STRANGER}, of no lead, as a telemarketing call: blocked: do-not-call" in text
    assert "on our do-not-call list for campaign:spring since" in text
    assert "on the list national:US" in run("why", "+12125550190")


def test_what_was_tried_on_a_number_binds_and_is_told_when_no_lead_has_it_any_more(run, tmp_path):
    now = datetime.now(UTC)
    database = Database.open(f"sqlite:///{tmp_path}/dialer.db")
    build = Build(database)
    lead = build.row("phone", number=FLORIDA)["lead_id"]  # whose number was another one then
    for hours in (1, 2, 3):
        at = now - timedelta(hours=hours)
        times = dict.fromkeys(("placing_at", "ringing_at", "ended_at", "last_event_at"), at)
        build.attempt(lead, "ended", number=STRANGER, outcome="no-answer", **times)
    database.close()
    told, passed = why(run, STRANGER)
    assert (told["lead"], len(told["attempts"]), passed["cap"]) == (None, 3, False)
    assert told["attempts"][0] == {
        **{"at": (now - timedelta(hours=1)).isoformat(), "state": "ended"},
        **{"outcome": "no-answer", "disposition": None, "turn": None, "chance": None, "traits": []},
    }
    assert run("why", STRANGER).count(": no-answer\n") == 3


def test_it_says_why_a_lead_was_next_when_it_was_dialled(run, tmp_path):
    database = Database.open(f"sqlite:///{tmp_path}/dialer.db")
    build = Build(database)
    lead, chosen = build.row("phone", number=NEW_YORK)["lead_id"], {"turn": "chance", "chance": 0.314}
    build.attempt(lead, "ended", outcome="busy", traits=["attempt 1", "hour 12"], **chosen)
    database.close()
    (attempt,) = why(run, NEW_YORK)[0]["attempts"]
    assert (attempt["turn"], attempt["chance"], attempt["traits"]) == ("chance", 0.314, ["attempt 1", "hour 12"])
    reason = "(next because it was the likeliest to answer of those looked at; chance to answer 31%)"
    assert f": busy {reason}\n" in run("why", str(lead))


def test_lists_of_the_state_open_what_they_do_not_name(run, tmp_path):
    run("dnc", "import", "list.txt", "--list", "national", code=2)
    run("dnc", "import", "list.txt", "--list", "national", "--as-of", "2999-01-01", code=1)
    run("dnc", "import", "list.txt", "--as-of", "2026-11-20", code=2)
    assert "state:US-TX" in run("dnc", "import", "list.txt", "--list", "state:ZZ", "--as-of", _today(), code=2)
    assert why(run, NEW_YORK)[1]["do-not-call"] is False
    run("dnc", "import", "list.txt", "--list", "national", "--as-of", _today())
    assert why(run, NEW_YORK)[1]["do-not-call"] is True
    assert why(run, FLORIDA)[1]["do-not-call"] is False
    run("dnc", "import", "list.txt", "--list", "state:FL", "--as-of", _today())
    assert why(run, FLORIDA)[1]["do-not-call"] is True
    assert {row["list"]: row["numbers"] for row in json.loads(run("dnc", "copies", "--json"))} == {
        "national:US": 1,
        "state:US-FL": 1,
    }
    (tmp_path / "next.txt").write_text(f"{NEW_YORK}\n")
    run("dnc", "import", "next.txt", "--list", "national", "--as-of", _today())
    assert why(run, NEW_YORK)[1]["do-not-call"] is False


def test_the_gates_answers_are_told_of_a_lead_that_is_given_up_too(run):
    run("dnc", "add", NEW_YORK)
    told, passed = why(run, NEW_YORK)
    assert (told["standing"], told["verdict"], told["reason"]) == ("finished", "blocked", "do-not-call")
    assert (passed["do-not-call"], passed["emergency"]) == (False, True)
    assert "do-not-call:*" in run("why", NEW_YORK)


def test_consents_lift_and_their_revocation_binds_again(run, tmp_path):
    (tmp_path / "c.csv").write_text(f"phone,kind,given_at\n{FLORIDA},written,2026-01-01T00:00:00Z\n{NEW_YORK},oral,\n")
    told = run("consent", "import", "c.csv", "--source", "web")
    assert "c.csv:3: no given_at" in told
    assert "1 added, 0 known, 1 rejected" in told
    assert why(run, FLORIDA)[1]["consent"] is True
    (consent,) = json.loads(run("consent", "show", FLORIDA, "--json"))
    assert (consent["kind"], consent["source"]) == ("written", "web")
    assert "1 revoked" in run("consent", "revoke", FLORIDA)
    assert why(run, FLORIDA)[1]["consent"] is False


def test_an_emergency_stops_a_place_until_it_is_lifted(run):
    run("emergency", "declare", "US-FL", "--note", "hurricane")
    assert [why(run, number)[1]["emergency"] for number in (FLORIDA, NEW_YORK)] == [False, True]
    run("emergency", "lift", "US-FL")
    assert why(run, FLORIDA)[1]["emergency"] is True
    assert [row["note"] for row in json.loads(run("emergency", "list", "--json"))] == ["hurricane"]
    for nowhere in ("Florida", "US-ZZ", "LA"):  # nobody would be spared
        run("emergency", "declare", nowhere, code=1)
    assert len(json.loads(run("emergency", "list", "--json"))) == 1


def test_a_hopeless_campaign_starts_only_with_force_and_a_note(run):
    found = json.loads(run("campaign", "preflight", "spring", "--json"))
    assert (found["leads"], found["dialable"]) == (3, 0)
    assert found["never"] == {"do-not-call": 2, "no-rules": 1}
    assert "preflight" in run("campaign", "start", "spring", code=1)
    run("campaign", "start", "spring", "--force", code=2)
    run("campaign", "start", "spring", "--force", "--note", "a test")
    assert "running" in run("campaign", "list")


def test_what_changes_for_a_campaigns_leads_when_a_date_passes(run, tmp_path):
    (tmp_path / "more.csv").write_text("phone,state\n+12155550125,PA\n+12155550126,PA\n")
    days = ("--from", "2026-10-01", "--to", "2026-10-31", "--campaign", "spring", "--json")
    assert json.loads(run("compliance", "diff", *days)) == []
    run("leads", "upload", "more.csv", "--campaign", "spring")
    changes = json.loads(run("compliance", "diff", *days))
    assert [(change["change"], change["leads"]) for change in changes] == [("ends", 2), ("begins", 2)]
    run("compliance", "diff", *days[:4], "--campaign", "autumn", code=1)


def test_evidence_is_unbroken_until_somebody_touches_it(run, tmp_path):
    run("evidence", FLORIDA, "--out", "e.json")
    assert "evidence_13055550121.json: 0 decisions" in run("evidence", FLORIDA)
    assert "unbroken" in run("evidence", "verify", "evidence_13055550121.json")
    assert json.loads(run("evidence", JAMAICA, "--json"))["number"] == JAMAICA
    assert [file.name for file in tmp_path.glob("evidence_*")] == ["evidence_13055550121.json"]
    run("evidence", "+nobody", code=2)
    assert "unbroken" in run("evidence", "verify", "e.json")
    text = (tmp_path / "e.json").read_text()
    assert '"FL"' in text
    (tmp_path / "e.json").write_text(text.replace('"FL"', '"GA"'))
    told = json.loads(run("evidence", "verify", "e.json", "--json", code=1))
    assert (told["unbroken"], len(told["problems"])) == (False, 1)
    (tmp_path / "e.json").write_text("{")
    run("evidence", "verify", "e.json", code=1)
    assert "unbroken" in run("evidence", "ledger")


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_a_person_is_exported_and_forgotten(run, tmp_path):
    (tmp_path / "c.csv").write_text(f"phone,kind,given_at\n{FLORIDA},written,{_today()}T00:00:00Z\n")
    run("consent", "import", "c.csv", "--source", "web")
    assert json.loads(run("privacy", "export", FLORIDA))["leads"][0]["state"] == "FL"
    both = json.loads(run("privacy", "export", FLORIDA, "--json", "--out", "p.json"))
    assert both == json.loads((tmp_path / "p.json").read_text())
    assert "1 leads" in run("privacy", "export", FLORIDA, "--out", "p.json")
    told = run("privacy", "erase", FLORIDA)
    assert "erased: 1 phones, 1 leads" in told
    assert f"kept: 1 consents until {int(_today()[:4]) + 5}" in told
    assert "by us.retention.telemarketing" in told
    assert json.loads(run("privacy", "export", FLORIDA))["leads"] == []
    (entry,) = json.loads(run("dnc", "list", "--json"))
    assert (entry["number"], entry["source"]) == (FLORIDA, "erased")
    run("privacy", "erase", "+12125550777", code=1)
