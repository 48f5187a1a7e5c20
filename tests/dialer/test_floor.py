"""The floor as supervisors see it."""

from datetime import timedelta

import pytest

from dialer.floor import floor

pytestmark = pytest.mark.both_databases


@pytest.fixture
def see(database, clock):
    def see(since=timedelta(days=1), reasons=None):
        with database.read() as session:
            return floor(session, clock.now() - since, clock.now(), reasons or {})

    return see


def test_an_empty_floor(see, clock):
    assert see() == {"now": clock.now().isoformat(), "agents": [], "campaigns": []}


def test_agents_come_by_name_with_what_they_do_and_for_how_long(build, see, clock):
    campaign = build.campaign()
    build.agent("bert", campaign, "paused", reason="lunch")
    build.agent("anna", campaign, "on-call", attempt_id="a1", since=clock.now() - timedelta(seconds=30))
    build.agent("cleo", None, "logged-out")
    clock.advance(10)
    anna, bert, cleo = see()["agents"]
    assert (anna["agent"], anna["state"], anna["seconds"], anna["attempt_id"]) == ("anna", "on-call", 40.0, "a1")
    assert (bert["agent"], bert["reason"], bert["seconds"]) == ("bert", "lunch", 10.0)
    assert (cleo["agent"], cleo["campaign_id"]) == ("cleo", None)


def test_a_campaign_with_its_agents_leads_calls_and_drop_rate(build, see):
    autumn, spring = build.campaign("autumn", intent="stop"), build.campaign("spring", drop_rate_ceiling=0.02)
    for name, state in (("anna", "ready"), ("bert", "ready"), ("cleo", "wrap-up")):
        build.agent(name, spring, state)
    build.agent("dora", autumn, "paused")
    build.attempt(build.lead(spring), "ringing")
    answered = {"outcome": "answered", "answered_at": build.row("campaign", id=spring)["created_at"]}
    for disposition, abandoned in (("sale", False), ("abandoned", True)):
        build.attempt(build.lead(spring), "ended", disposition=disposition, abandoned=abandoned, **answered)
    build.lead(spring, held_reason="hours")
    seen = {campaign["campaign"]: campaign for campaign in see(reasons={spring: "because"})["campaigns"]}
    assert list(seen) == ["autumn", "spring"]
    campaign = seen["spring"]
    assert (campaign["state"], campaign["decision"], campaign["drop_rate_ceiling"]) == ("running", "because", 0.02)
    assert campaign["agents"] == {"ready": 2, "wrap-up": 1}
    assert (campaign["live"], campaign["held"]) == ({"ringing": 1}, {"hours": 1})
    assert (campaign["attempts"], campaign["live_answers"], campaign["abandoned"]) == (3, 2, 1)
    assert (seen["autumn"]["state"], seen["autumn"]["agents"], seen["autumn"]["attempts"]) == (
        *("stopped", {"paused": 1}, 0),
    )


def test_attempts_count_from_the_moment_asked_for(build, see, clock):
    build.attempt(build.lead(build.campaign()), "ended", outcome="busy", disposition="busy")
    clock.advance(minutes=10)
    assert see(timedelta(minutes=10))["campaigns"][0]["attempts"] == 1
    assert see(timedelta(minutes=9))["campaigns"][0]["attempts"] == 0
