"""What an agent sees of the own state and of the call."""

import pytest

from dialer.desk import desk
from dialer.seats import NotOnCall, UnknownAgent, call_of

pytestmark = pytest.mark.both_databases


def test_between_calls_there_is_no_call(build, database, clock):
    campaign = build.campaign()
    build.agent("anna", campaign, "ready")
    with database.read() as session:
        seen = desk(session, "anna", clock.now())
    assert (seen["state"], seen["call"]) == ("ready", None)
    assert seen["campaign"]


def test_on_a_call_the_lead_and_the_dispositions_are_there(build, database, clock):
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "connected", agent="anna", call_sid="CA1")
    build.agent("anna", campaign, "on-call", attempt_id=attempt)
    with database.read() as session:
        seen = desk(session, "anna", clock.now())
        assert call_of(session, "anna") == (attempt, "CA1")
    assert seen["call"]["attempt_id"] == attempt
    assert seen["call"]["number"].startswith("+1")
    assert "custom" in seen["call"]["lead"]
    assert seen["dispositions"]


def test_an_agent_without_a_call_has_nothing_to_hang_up(build, database):
    build.agent("anna", build.campaign(), "ready")
    with database.read() as session, pytest.raises(NotOnCall, match="is ready"):
        call_of(session, "anna")


def test_an_unknown_agent(build, database, clock):
    with database.read() as session, pytest.raises(UnknownAgent, match="nobody"):
        desk(session, "nobody", clock.now())
