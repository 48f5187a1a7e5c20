"""`dialer simulate --from-campaign`: a campaign's log in, an answer for each team out."""

import json
from datetime import timedelta
from random import Random
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from dialer.cli import app
from tests.conftest import NOON

LEADS, DIALS = 900, 400


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIALER_DATABASE_URL", f"sqlite:///{tmp_path}/dialer.db")

    def run(*words: str, code: int = 0) -> tuple[str, str]:
        done = CliRunner().invoke(app, ["simulate", *words], terminal_width=200)
        assert done.exit_code == code, done.output
        return done.stdout, done.stderr

    return run


@pytest.fixture
def spring(build):
    """Two hours of three agents: of 400 dials every fourth is answered by a person, every eighth by a machine."""
    return logged(build, mode="progressive", drop_rate_ceiling=0.025)


def logged(build, detection_ms=2000, **values):
    campaign = build.campaign(**values)
    build.leads(campaign, [f"+1212{5550000 + number}" for number in range(LEADS)])
    lead = build.rows("lead")[0]["id"]
    log(build, campaign, lead, DIALS, detection_ms)
    return campaign


def log(build, campaign, lead, dials, detection_ms):
    chance = Random(5)
    phone = build.row("phone", lead_id=lead)
    whose = {"campaign_id": campaign, "list_id": 1, "lead_id": lead, "phone_id": phone["id"], "number": "+12125550000"}
    line = {"caller_id": "+12125550198", "ring_seconds": 20, "state": "ended", "agent_reserved": True, "sequence": 1}
    calls, changes = [], []
    for number in range(dials):
        begun = NOON + timedelta(seconds=18 * number)

        def at(seconds, begun=begun):
            return begun + timedelta(seconds=seconds)

        call = {**whose, **line, "id": f"a{number}", "last_event_at": begun, "placing_at": begun, "dialled_at": begun}
        nobody = {"ringing_at": at(1), "outcome": "no-answer", "disposition": "no-answer", "ended_at": at(22)}
        blank = dict.fromkeys(("answered_at", "connected_at", "agent", "answered_by", "detection_ms"))
        call |= {**blank, "abandoned": False, "opted_out": False, **nobody}
        if number % 8 in (0, 1, 2):
            ring, talk = chance.uniform(4, 14), chance.uniform(20, 60)
            agent = f"agent-{number % 8}"
            met = {"answered_at": at(ring), "connected_at": at(ring), "agent": agent, "detection_ms": detection_ms}
            call |= {**met, "outcome": "answered", "answered_by": "human", "disposition": "not-interested"}
            if number % 8 == 2:
                talk = 2.0
                call |= {"outcome": "machine", "answered_by": "machine_start", "disposition": "machine"}
            call["ended_at"] = at(ring + talk)
            states = [(ring, "on-call", call["id"]), (ring + talk, "ready", None)]
            if number % 8 != 2:
                states.insert(1, (ring + talk, "wrap-up", call["id"]))
                states[-1] = (ring + talk + 10, "ready", None)
            changes += [
                {"agent": agent, "at": at(seconds), "state": state, "reason": "", "attempt_id": attempt}
                for seconds, state, attempt in states
            ]
        calls.append(call)
    build.add_all("attempt", calls)
    build.add_all("agent_change", changes)


def test_an_answer_for_each_team(run, spring):
    out, err = run("--from-campaign", "spring", "--what-if", "4,1,2,4", "--seed", "3", "--json")
    told = json.loads(out)
    assert (told["campaign"], told["policy"], told["days"], told["seed"]) == ("spring", "progressive", 1, 3)
    assert told["leads_left"] == LEADS
    assert LEADS < told["dials_left"] < 4 * LEADS  # every fourth dial is final
    fitted = {figure["name"]: figure for figure in told["fit"]}
    assert fitted["a person answers"]["value"] == pytest.approx(0.25)
    assert fitted["a machine answers"]["value"] == pytest.approx(0.125)
    assert (fitted["wrap-up"]["value"], fitted["wrap-up"]["calls"]) == (10, 100)
    assert fitted["machine detection, beside the agent"]["value"] == pytest.approx(2)
    assert fitted["talk"]["value"] == pytest.approx(40, abs=4)
    assert [one["agents"] for one in told["answers"]] == [1, 2, 4]
    hours = [one["hours_until_done"] for one in told["answers"]]
    assert hours == sorted(hours, reverse=True)
    for one in told["answers"]:
        assert one["hours_until_done"] == pytest.approx(told["dials_left"] / one["dials_per_hour"])
        assert one["cost"] is None
    assert err == ""


@pytest.mark.parametrize(("lines", "policy"), [(1.0, "ratio:1"), (3.5, "ratio:3.5")])
def test_a_campaign_of_mode_ratio_is_played_with_its_own_lines_for_each_agent(run, build, lines, policy):
    logged(build, mode="ratio", lines_per_agent=lines)
    asked = ("--from-campaign", "spring", "--agents", "4", "--json")
    own, named = (json.loads(run(*asked, *more)[0]) for more in ((), ("--policy", policy)))
    assert own == named
    assert own["policy"] == policy


@pytest.mark.parametrize(("region", "abandons"), [("US", True), ("GB", False)])
def test_the_detectors_mistakes_count_as_the_law_of_the_region_has_it(run, build, region, abandons):
    """Half of the machines were persons, and an agent had met each: in Great Britain that is all that may be lost."""
    logged(build, detection_ms=4000, region=region, machine_error=0.5)
    out, _ = run("--from-campaign", "spring", "--agents", "4", "--policy", "predictive", "--json")
    (one,) = json.loads(out)["answers"]
    assert (one["drop_rate"] > 0.005) == abandons, one


def test_costs_and_the_picture(run, spring, tmp_path):
    costs = ("--cost-per-agent-hour", "18", "--cost-per-minute", "0.01")
    out, _ = run("--from-campaign", "spring", "--agents", "2", "--plot", "team.svg", *costs, "--json")
    told = json.loads(out)
    minutes = next(figure["value"] for figure in told["fit"] if figure["unit"] == "min")
    (one,) = told["answers"]
    assert one["cost"] == pytest.approx(one["hours_until_done"] * 2 * 18 + told["dials_left"] * minutes * 0.01)
    picture = ElementTree.fromstring((tmp_path / "team.svg").read_text(encoding="utf-8"))
    assert len([part for part in picture.iter() if part.tag.endswith("circle")]) == 2


def test_the_table_begins_with_what_was_fitted(run, spring):
    out, _ = run("--from-campaign", "spring", "--cost-per-agent-hour", "18", "--cost-per-minute", "0")
    for words in ("fitted to its own log", "a person answers", "2.50%", "progressive, 900 leads left", "cost"):
        assert words in out


def test_a_thin_log_is_refused_with_the_reason(run, build):
    build.campaign("empty")
    _, err = run("--from-campaign", "empty", code=1)
    assert "campaign 'empty' has 0 ended calls and 0 talks: a fit needs at least 100 calls and 30 talks" in err
    assert err.count("\n") == 1
    _, err = run("--from-campaign", "autumn", code=1)
    assert "there is: empty" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--from-campaign"),
        (("default", "--from-campaign", "spring"), "give one of them"),
        (("default", "--what-if", "8,10"), "add --from-campaign"),
        (("default", "--plot", "team.svg"), "add --from-campaign"),
        (("default", "--cost-per-minute", "1"), "add --from-campaign"),
        (("--from-campaign", "spring", "--what-if", "8,ten"), "as in 8,10,12"),
        (("--from-campaign", "spring", "--what-if", ""), "as in 8,10,12"),
        (("--from-campaign", "spring", "--what-if", "8,0"), "team.agents"),
        (("--from-campaign", "spring", "--days", "0"), "team.days"),
        (("--from-campaign", "spring", "--seed", "-1"), "give 0 or more"),
        (("--from-campaign", "spring", "--policy", "magic"), "choose from predictive"),
        (("--from-campaign", "spring", "--plot", "none/team.svg"), "no folder none"),
        (("--from-campaign", "spring", "--plot", "."), "cannot be written, name another file"),
        (("--from-campaign", "spring", "--cost-per-minute", "1"), "need both"),
        (("--from-campaign", "spring", "--cost-per-minute", "1", "--cost-per-agent-hour", "-1"), "0 or more"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_exit_2(run, words, said):
    out, err = run(*words, code=2)
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
