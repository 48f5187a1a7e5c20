"""Everything an operator or agent may change, by name."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, event

from campaigns.campaign import ImpossibleVerb
from campaigns.store import BadPlan, CampaignExists, UnknownCampaign
from compliance.packs import RuleError, read_pack
from compliance.rulebook import make_rulebook
from dialer.action import Context
from dialer.actions import ACTIONS, REFUSALS, BadName
from dialer.agent import ImpossibleForAgent
from dialer.seats import AgentExists, BadAddress, UnknownAgent, WrongDisposition
from tests.conftest import PLAIN_LAW

pytestmark = pytest.mark.both_databases

PLAN = {
    **{"name": "spring", "kind": "survey", "mode": "predictive", "client": "Acme", "region": "US"},
    **{"contact_number": "+12125550199", "caller_ids": ["+12125550198"], "ring_seconds": 20, "wrap_up_seconds": 30},
    **{"drop_rate_ceiling": None, "attempts_per_lead": 6, "attempts_per_day": 3, "machine_detection": True},
    **{"dispositions": []},
}


@pytest.fixture
def do(database, clock, rules):
    def do(action, **parameters):
        request_type, act = ACTIONS[action]
        request, now = request_type.model_validate(parameters), clock.now()
        return database.write(lambda session: act(Context(session, rules, now, 2.0), request))

    return do


def test_a_campaign_takes_what_it_leaves_open_from_the_law_and_the_catalogue(do, build):
    assert do("campaign/create", **PLAN) == {"campaign": "spring", "created": True}
    row = build.row("campaign")
    assert (row["drop_rate_ceiling"], row["intent"]) == (0.03, "stop")
    assert "complete" in row["dispositions"]
    assert "sale" not in row["dispositions"]
    assert do("campaign/create", **PLAN) == {"campaign": "spring", "created": False}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"ring_seconds": 14}, BadPlan),
        ({"drop_rate_ceiling": 0.031}, BadPlan),
        ({"kind": "begging"}, BadPlan),
        ({"lines_per_agent": 1.8}, BadPlan),
        ({"mode": "ratio", "lines_per_agent": 11}, BadPlan),
        ({"region": "GB"}, RuleError),
    ],
)
def test_a_campaign_beyond_the_law_is_refused(do, build, changes, refusal):
    with pytest.raises(refusal):
        do("campaign/create", **PLAN | changes)
    assert build.rows("campaign") == []
    assert issubclass(refusal, REFUSALS)


@pytest.mark.parametrize(("changes", "lines"), [({}, 1.5), ({"lines_per_agent": 1.8}, 1.8)])
def test_a_campaign_of_mode_ratio_has_its_lines_for_each_agent(do, build, changes, lines):
    for created in (True, False):
        assert do("campaign/create", **PLAN | {"mode": "ratio"} | changes)["created"] is created
    assert build.row("campaign")["lines_per_agent"] == lines
    with pytest.raises(CampaignExists, match="lines_per_agent"):
        do("campaign/create", **PLAN | {"mode": "ratio", "lines_per_agent": 2.5})


OWN = """
client = "Acme"
version = 2026-11-23
[[abandonment]]
id = "acme.abandonment"
jurisdiction = "US"
scope = ["survey"]
ceiling = 0.01
of = "live-answers"
window = "30-day-blocks"
across = "campaign"
counts_cut_off = false
basis = "custom"
citation = "the client's contract"
confidence = "high"
[[ring]]
id = "acme.ring"
jurisdiction = "*"
scope = ["survey"]
seconds_minimum = 30
basis = "custom"
citation = "the client's contract"
confidence = "high"
"""


def test_a_campaign_takes_its_limits_from_its_clients_own_rules_too(database, clock, build):
    book = make_rulebook([read_pack("us.toml", PLAIN_LAW), read_pack("acme.toml", OWN)])
    request_type, act = ACTIONS["campaign/create"]

    def create(**changes):
        request = request_type.model_validate(PLAN | changes)
        return database.write(lambda session: act(Context(session, book, clock.now(), 2.0), request))

    with pytest.raises(BadPlan, match="ring seconds 29: give 30 to"):
        create(ring_seconds=29)
    with pytest.raises(BadPlan, match=r"drop-rate ceiling 0.02: give a fraction above 0, at most 0.01"):
        create(ring_seconds=30, drop_rate_ceiling=0.02)
    create(ring_seconds=30)
    create(name="other", client="Other", ring_seconds=29)
    assert [row["drop_rate_ceiling"] for row in build.rows("campaign")] == [0.01, 0.03]


def test_another_campaign_of_the_name_is_refused(do):
    do("campaign/create", **PLAN)
    with pytest.raises(CampaignExists):
        do("campaign/create", **PLAN | {"client": "Other"})


def test_verbs_move_a_campaign_and_may_be_repeated(do, build):
    build.campaign(intent="stop")
    for verb, state in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("stop-now", "stopped")):
        for _ in range(2):
            assert do("campaign/verb", campaign="spring", verb=verb) == {"campaign": "spring", "state": state}
    with pytest.raises(ImpossibleVerb, match="use start"):
        do("campaign/verb", campaign="spring", verb="resume")
    with pytest.raises(UnknownCampaign):
        do("campaign/verb", campaign="sprang", verb="start")


def test_a_stopped_campaign_is_deleted_and_its_agents_stay(do, build, clock):
    campaign = build.campaign(intent="stop")
    build.attempt(build.lead(campaign), "ended")
    build.agent("anna", campaign, "logged-out")
    do("campaign/delete", campaign="spring")
    assert (build.row("campaign")["deleted_at"], build.row("agent")["campaign_id"]) == (clock.now(), None)


def test_a_campaign_with_agents_logged_in_is_not_deleted(do, build):
    build.agent("anna", build.campaign(intent="stop"), "paused")
    with pytest.raises(ImpossibleForAgent, match="anna: log them out first"):
        do("campaign/delete", campaign="spring")
    assert len(build.rows("campaign")) == 1


def test_a_running_campaign_is_not_deleted_and_keeps_its_agents(do, build):
    campaign = build.campaign()
    build.agent("anna", campaign, "logged-out")
    with pytest.raises(ImpossibleVerb):
        do("campaign/delete", campaign="spring")
    assert build.row("agent")["campaign_id"] == campaign


def test_an_agents_day(do, build, clock):
    campaign = build.campaign()
    assert do("agent/add", agent="anna", address="client:anna") == {"agent": "anna", "created": True}
    assert do("agent/add", agent="anna", address="client:anna") == {"agent": "anna", "created": False}
    assert do("agent/login", agent="anna", campaign="spring") == {"agent": "anna", "state": "joining"}
    build.change("agent", build.row("agent")["id"], state="paused")
    assert do("agent/ready", agent="anna")["state"] == "ready"
    assert do("agent/pause", agent="anna", reason="lunch")["state"] == "paused"
    assert build.row("agent")["reason"] == "lunch"
    attempt = build.attempt(build.lead(campaign), "ended", agent="anna", outcome="answered")
    build.change("agent", build.row("agent")["id"], state="wrap-up", attempt_id=attempt)
    promised = clock.now() + timedelta(hours=3)
    do("agent/dispose", agent="anna", disposition="callback", callback_at=promised.isoformat())
    assert (build.row("attempt")["disposition"], build.row("lead")["due_at"]) == ("callback", promised)
    assert do("agent/logout", agent="anna")["state"] == "logged-out"


@pytest.mark.parametrize(
    ("action", "parameters", "refusal"),
    [
        ("agent/add", {"agent": "anna", "address": "anna"}, BadAddress),
        *(
            ("agent/add", {"agent": name, "address": "client:a"}, BadName)
            for name in ("", " anna", "-a", "a/b", "a" * 81)
        ),
        ("agent/add", {"agent": "bert", "address": "client:other"}, AgentExists),
        ("agent/ready", {"agent": "nobody"}, UnknownAgent),
        ("agent/ready", {"agent": "bert"}, ImpossibleForAgent),
        ("agent/dispose", {"agent": "bert", "disposition": "sale"}, WrongDisposition),
    ],
)
def test_what_an_agent_cannot_do_is_refused(do, build, action, parameters, refusal):
    build.agent("bert", build.campaign(), "logged-out")
    before = build.rows("agent")
    with pytest.raises(refusal):
        do(action, **parameters)
    assert build.rows("agent") == before
    assert issubclass(refusal, REFUSALS)


def test_a_number_is_forbidden_everywhere_or_in_one_campaign(do, build):
    for name in ("spring", "autumn"):
        build.lead(build.campaign(name), "+12125550101")
    assert do("dnc/add", numbers=["+12125550101", "+12125550102"], campaign="spring") == {"added": 2, "known": 0}
    assert [row["standing"] for row in build.rows("lead")] == ["finished", "open"]
    assert do("dnc/add", numbers=["+12125550101"], note="asked") == {"added": 1, "known": 0}
    assert do("dnc/add", numbers=["+12125550101"]) == {"added": 0, "known": 1}
    assert [row["standing"] for row in build.rows("lead")] == ["finished", "finished"]
    entries = sorted((row["number"], row["scope"]) for row in build.rows("do_not_call", number="+12125550101"))
    assert entries == [
        *(("+12125550101", "*"), ("+12125550101", "campaign:spring")),
    ]


def test_a_batch_of_forbidden_numbers_takes_as_many_statements_as_one(do, build):
    """The writing thread, which answers calls too, must not be held for each number of a long list."""
    for line in range(30):
        build.lead(build.campaign(f"c{line}"), f"+121255501{line:02}")
    counts = []
    for numbers in (["+12125550100"], [f"+121255501{line:02}" for line in range(1, 30)]):
        said = []
        listener = partial(lambda said, *call: said.append(call[2]), said)
        event.listen(Engine, "before_cursor_execute", listener)
        try:
            assert do("dnc/add", numbers=numbers)["added"] == len(numbers)
        finally:
            event.remove(Engine, "before_cursor_execute", listener)
        counts.append(len(said))
    assert counts[0] == counts[1]
    assert {row["standing"] for row in build.rows("lead")} == {"finished"}


@pytest.mark.parametrize("number", ["2125550101", "+1 212 555 0101", "(212) 555-0101", "", "+12125550101\n"])
def test_a_number_that_would_never_match_is_refused(do, build, number):
    with pytest.raises(ValidationError):
        do("dnc/add", numbers=["+12125550102", number])
    assert build.rows("do_not_call") == []


def test_leads_come_in_batches_onto_a_list(do, build):
    build.campaign()
    list_id = do("leads/open", campaign="spring", name="more.csv")["list"]
    row = [1, None, "Ann", "Lee", "", "NY", "10001", "", "mobile", None, [["+12125550101", "phone"]], {"plan": "gold"}]
    assert do("leads/batch", list=list_id, rows=[row]) == {"accepted": 1, "duplicates": 0}
    assert do("leads/batch", list=list_id, rows=[row]) == {"accepted": 0, "duplicates": 1}
    do("leads/close", list=list_id, rejected={"bad-phone": 2})
    receipt = build.row("lead_list", id=list_id)
    assert (receipt["rows"], receipt["accepted"], receipt["duplicates"], receipt["rejected"]) == (
        *(4, 1, 1, {"bad-phone": 2}),
    )
    assert build.row("lead")["custom"] == {"plan": "gold"}


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("campaign/verb", {"campaign": "spring", "verb": "dance"}),
        ("campaign/delete", {"campaign": "spring", "force": True}),
        ("agent/login", {"agent": "anna"}),
        ("agent/dispose", {"agent": "anna", "disposition": "callback", "callback_at": "2026-11-24T10:00:00"}),
    ],
)
def test_parameters_that_are_wrong_missing_or_unknown_are_refused(action, parameters):
    request_type, _act = ACTIONS[action]
    with pytest.raises(ValidationError):
        request_type.model_validate(parameters)


def test_a_promised_time_is_kept_in_utc(do, build):
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "ended", agent="anna", outcome="answered")
    build.agent("anna", campaign, "wrap-up", attempt_id=attempt)
    do("agent/dispose", agent="anna", disposition="callback", callback_at="2026-11-24T10:00:00-05:00")
    assert build.row("attempt")["callback_at"] == datetime(2026, 11, 24, 15, tzinfo=UTC)
