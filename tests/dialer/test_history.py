"""What the log says of an attempt, in the seconds that a simulation wants."""

from datetime import timedelta

import pytest

from campaigns.tables import Campaign
from dialer.history import dials_left, past_attempts
from tests.conftest import NOON

pytestmark = pytest.mark.both_databases


def after(seconds):
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def campaign(build):
    return build.campaign()


@pytest.fixture
def ended(build, campaign):
    def ended(**changes) -> str:
        return build.attempt(build.lead(campaign), "ended", **{"outcome": "answered", "ended_at": after(60)} | changes)

    return ended


@pytest.fixture
def change(build):
    def change(agent, seconds, state, attempt=None, reason=""):
        row = {"agent": agent, "at": after(seconds), "state": state, "reason": reason, "attempt_id": attempt}
        build.add("agent_change", row)

    return change


@pytest.fixture
def past(database, campaign):
    def past():
        with database.read() as session:
            return past_attempts(session, campaign, 2.0)

    return past


TALK = {"ringing_at": after(1), "answered_at": after(9), "connected_at": after(10), "agent": "ada"}


def test_a_talk_takes_its_agents_time(ended, change, past):
    call = ended(**TALK, disposition="sale", answered_by="human", detection_ms=2500)
    change("ada", 10, "on-call", call)
    change("ada", 58, "wrap-up", call)
    change("ada", 59, "wrap-up", call, "lunch soon")
    change("ada", 75, "ready")
    (one,) = past()
    assert (one.at, one.ringing, one.answered, one.connected, one.ended) == (NOON.timestamp(), 1, 9, 10, 60)
    assert (one.talk, one.wrap_up, one.detection, one.agent) == (48, 17, 2.5, "ada")
    assert one.person
    assert not one.detected


def test_who_has_disposed_already_has_nothing_to_wrap_up(ended, change, past):
    call = ended(**TALK, disposition="sale")
    other = ended(**TALK | {"agent": "bob"}, disposition="sale")
    change("ada", 10, "on-call", call)
    change("bob", 10, "on-call", other)
    change("ada", 58, "on-call", "the next")
    assert sorted((one.talk, one.wrap_up) for one in past() if one.wrap_up is not None) == [(48, 0)]


def test_without_the_agents_changes_the_call_tells_the_talk(ended, past):
    ended(**TALK, disposition="sale")
    (one,) = past()
    assert (one.talk, one.wrap_up) == (50, None)


@pytest.mark.parametrize(
    ("changes", "person", "detected", "unmet"),
    [
        ({"answered_at": after(9), "answered_by": "machine_start", "outcome": "machine"}, False, True, True),
        ({**TALK, "answered_by": "machine_start", "detection_ms": 3000, "outcome": "machine"}, False, True, False),
        ({**TALK, "answered_by": "machine_start", "detection_ms": 1500, "outcome": "machine"}, False, True, True),
        ({**TALK, "disposition": "machine"}, False, False, False),
        ({**TALK, "disposition": "dead-air"}, False, False, False),
        ({"answered_at": after(9), "answered_by": "unknown", "disposition": "no-disposition"}, True, False, False),
        ({"answered_at": after(9), "abandoned": True, "disposition": "abandoned"}, True, False, False),
        ({"outcome": "busy", "disposition": "busy"}, False, False, False),
    ],
)
def test_who_answered(ended, past, changes, person, detected, unmet):
    ended(**changes)
    (one,) = past()
    assert (one.person, one.detected, one.unmet) == (person, detected, unmet)


def test_calls_under_way_and_other_campaigns_are_left_out(build, campaign, past):
    build.attempt(build.lead(campaign), "ringing")
    build.attempt(build.lead(build.campaign("autumn")), "ended", outcome="busy", ended_at=after(2))
    assert past() == []


def test_leads_are_dialled_until_one_dial_is_final_or_their_attempts_are_used_up(build, database):
    """One dial of four was final; one was no try."""
    campaign = build.campaign(attempts_per_lead=3)
    for code in ("no-answer", "busy", "machine", "sale", "not-placed"):
        build.attempt(build.lead(campaign, standing="finished"), "ended", disposition=code)
    build.lead(campaign)
    build.lead(campaign, attempts=1, standing="dialling")
    build.lead(campaign, attempts=5)
    with database.read() as session:
        leads, dials = dials_left(session, session.get_one(Campaign, campaign))
    assert leads == 3
    assert dials == pytest.approx((1 + 0.75 + 0.75**2) + (1 + 0.75) + 1)


def test_without_a_log_every_attempt_is_foreseen(build, database):
    campaign = build.campaign(attempts_per_lead=3)
    build.lead(campaign)
    with database.read() as session:
        assert dials_left(session, session.get_one(Campaign, campaign)) == (1, 3)
