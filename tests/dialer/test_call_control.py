"""One event of one call, with everything that it changes in the database."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.dispositions import Outcome
from campaigns.prospects import Question
from campaigns.search import look
from campaigns.tables import Campaign
from compliance.facts import OWN_MEASURE
from dialer import call_control, store
from dialer.call import IllegalEvent
from dialer.call_control import Urls, observations
from dialer.commands import HangUp, PlayMessage
from dialer.counts import drop_counts
from dialer.events import (
    AgentLeft,
    CustomerLeft,
    Detected,
    Disposed,
    Ended,
    KeyPressed,
    NeverHeardOf,
    Placed,
    Progress,
    Refused,
    Unsure,
)
from dialer.pacing import events as observed
from dialer.store import UnknownAttempt

pytestmark = pytest.mark.both_databases

URLS = Urls("https://dialer.example")
CONNECT_SECONDS = 2.0


@pytest.fixture
def take(database, clock):
    def take(attempt_id, event):
        now = clock.now()
        return database.write(lambda session: call_control.take(session, attempt_id, event, CONNECT_SECONDS, now))

    return take


@pytest.fixture
def answer(database, build, clock):
    """The carrier asks what to do with the call; the TwiML, and what was taken."""

    def answer(attempt_id, may_wait=False, **form):
        sid, now = build.row("attempt", id=attempt_id)["call_sid"], clock.now()
        form = {"CallSid": sid or f"CA-{attempt_id}", "CallStatus": "in-progress"} | form
        return database.write(
            lambda session: call_control.answer(
                session, attempt_id, form, URLS, CONNECT_SECONDS, now, may_wait=may_wait
            )
        )

    return answer


def drops(build):
    counts = [(row["live_answers"], row["abandoned"]) for row in build.rows("call_count")]
    return [count for count in counts if count != (0, 0)]


def test_an_answer_goes_to_the_agent_who_waited_longest(build, answer, clock):
    campaign = build.campaign()
    build.agent("late", campaign)
    build.agent("early", campaign, since=clock.now() - timedelta(seconds=30))
    attempt = build.attempt(build.lead(campaign), "ringing")
    text, taken = answer(attempt)
    assert ">seat-seat-of-early</Conference>" in text
    assert f"https://dialer.example/voice/left?a={attempt}" in text
    row = build.row("attempt")
    assert (row["state"], row["agent"], row["connected_at"], row["abandoned"]) == (
        *("connected", "early", clock.now(), False),
    )
    assert (build.row("agent", name="early")["state"], build.row("agent", name="late")["state"]) == (
        *("on-call", "ready"),
    )
    assert taken.orders == ()


def test_two_answers_never_get_the_same_agent(build, answer):
    campaign = build.campaign()
    for name in ("anna", "bert"):
        build.agent(name, campaign)
    attempts = [build.attempt(build.lead(campaign)) for _ in range(3)]
    for attempt in attempts:
        answer(attempt)
    assert [row["agent"] for row in build.rows("attempt")] == ["anna", "bert", None]
    assert [row["attempt_id"] for row in build.rows("agent")] == attempts[:2]
    assert [row["state"] for row in build.rows("attempt")] == ["connected", "connected", "message"]


def test_an_agent_reserved_for_a_call_that_still_rings_is_not_given_to_another(build, answer):
    """The gate let it be dialled because it cannot be abandoned."""
    campaign = build.campaign()
    for name in ("anna", "bert"):
        build.agent(name, campaign)
    ringing = build.attempt(build.lead(campaign), "ringing", agent_reserved=True)
    for state in ("connected", "ended", "message"):
        build.attempt(build.lead(campaign), state, agent_reserved=True)
    one, two = (build.attempt(build.lead(campaign), "ringing", agent_reserved=False) for _ in range(2))
    for attempt in (one, two, ringing):
        answer(attempt)
    assert [build.row("attempt", id=attempt)["agent"] for attempt in (one, two, ringing)] == ["anna", None, "bert"]


def test_an_answer_without_an_agent_hears_who_called_and_counts_as_abandoned(build, answer, clock):
    attempt = build.attempt(build.lead(build.campaign()))
    text, _taken = answer(attempt)
    assert "from Acme" in text
    assert f"https://dialer.example/voice/key?a={attempt}" in text
    row = build.row("attempt")
    assert (row["state"], row["abandoned"], row["message_at"]) == ("message", True, clock.now())
    assert drops(build) == [(1, 1)]


@pytest.mark.parametrize("detection", [True, False])
def test_an_answer_that_may_wait_is_told_to_pacing_as_one_that_wants_an_agent(build, answer, detection):
    campaign = build.campaign(machine_detection=detection)
    attempt = build.attempt(build.lead(campaign))
    text, taken = answer(attempt, may_wait=True)
    assert (text, build.row("attempt")["state"], drops(build)) == ("", "waiting", [])
    assert observations(taken, 0.0) == [observed.PickedUp(attempt, 0.0), observed.Human(attempt, 0.0)]
    text, taken = answer(attempt, may_wait=True)
    assert (text, observations(taken, 0.0)) == ("", [])
    build.agent("anna", campaign)
    text, taken = answer(attempt, may_wait=True)
    assert "seat-seat-of-anna" in text
    assert observations(taken, 0.0) == [observed.Connected(attempt, "anna", 0.0)]
    assert build.row("attempt")["abandoned"] is False


def test_the_free_agents_of_a_campaign_and_those_held_for_lines_of_it_are_counted(build, answer, database):
    campaign, other = build.campaign(), build.campaign("autumn")
    for name, state, where in (("anna", "ready", campaign), ("bert", "wrap-up", campaign), ("cora", "ready", other)):
        build.agent(name, where, state)
    for state, reserved in (("ringing", True), ("waiting", True), ("ringing", False), ("ended", True)):
        build.attempt(build.lead(campaign), state, agent_reserved=reserved)
    with database.read() as session:
        counts = [store.agents_free(session.connection(), one) for one in (campaign, other)]
    assert counts == [(1, 2), (1, 0)]


def test_an_agent_of_another_campaign_is_no_agent(build, answer):
    build.agent("anna", build.campaign("autumn"))
    answer(build.attempt(build.lead(build.campaign())))
    assert (build.row("agent")["state"], build.row("attempt")["state"]) == ("ready", "message")


def test_asked_again_the_carrier_gets_the_same_agent(build, answer):
    campaign = build.campaign()
    for name in ("anna", "bert"):
        build.agent(name, campaign)
    attempt = build.attempt(build.lead(campaign))
    assert answer(attempt)[0] == answer(attempt)[0]
    assert [row["state"] for row in build.rows("agent")] == ["on-call", "ready"]


def test_a_machines_answer_takes_no_agent(build, answer, clock):
    build.agent("anna", build.campaign(), since=clock.now() - timedelta(seconds=9))
    before = build.row("agent")
    attempt = build.attempt(build.lead(build.row("campaign")["id"]))
    text, taken = answer(attempt, AnsweredBy="machine_start")
    assert "<Hangup" in text
    assert taken.orders == (HangUp(f"CA-{attempt}"),)
    assert (build.row("agent"), drops(build)) == (before, [])


def test_a_verdict_that_overtakes_the_answer_takes_no_agent(build, take, answer, clock):
    """The agent keeps the place in the queue, too."""
    build.agent("anna", build.campaign())
    before = build.row("agent")
    attempt = build.attempt(build.lead(build.row("campaign")["id"]))
    take(attempt, Detected(f"CA-{attempt}", "machine_start"))
    clock.advance(1)
    answer(attempt)
    assert build.row("agent") == before
    take(attempt, Ended(Outcome.ANSWERED, f"CA-{attempt}"))
    assert build.row("attempt")["disposition"] == "machine"
    assert drops(build) == []


def test_a_machine_sets_its_agent_free_at_once_and_corrects_the_drop_count(build, take, answer, clock):
    campaign = build.campaign()
    build.agent("anna", campaign)
    connected, unlucky = build.attempt(build.lead(campaign)), build.attempt(build.lead(campaign))
    answer(connected)
    answer(unlucky)
    assert drops(build) == [(1, 1)]
    clock.advance(4)
    for attempt in (connected, unlucky):
        assert take(attempt, Detected(f"CA-{attempt}", "machine_start", 3900)).orders == (HangUp(f"CA-{attempt}"),)
    agent = build.row("agent")
    assert (agent["state"], agent["attempt_id"], agent["since"]) == ("ready", None, clock.now())
    assert drops(build) == []
    for attempt in (connected, unlucky):
        take(attempt, Ended(Outcome.ANSWERED, f"CA-{attempt}"))
    assert [(row["outcome"], row["disposition"]) for row in build.rows("attempt")] == [("machine", "machine")] * 2


def test_a_person_confirmed_counts_as_a_live_answer(build, take, answer):
    campaign = build.campaign()
    build.agent("anna", campaign)
    attempt = build.attempt(build.lead(campaign))
    answer(attempt)
    assert drops(build) == []
    take(attempt, Detected(f"CA-{attempt}", "human", 1200))
    assert drops(build) == [(1, 0)]


def test_an_opt_out_holds_for_the_next_call_of_every_campaign(build, database, take, answer, clock, rules):
    spring, autumn = build.campaign(), build.campaign("autumn")
    attempt = build.attempt(build.lead(spring, "+12125550101"))
    build.lead(autumn, "+12125550101")
    other = build.lead(autumn, "+12125550102")
    answer(attempt)
    take(attempt, KeyPressed("9"))
    entry = build.row("do_not_call")
    assert (entry["number"], entry["scope"], entry["source"]) == ("+12125550101", "*", "key-press")
    with database.read() as session:
        question = Question(session.get_one(Campaign, autumn), (), True)
        found = look(session, question, 10, rules, clock.now(), {})
    assert [one.candidate.lead_id for one in found.others] == [other]
    take(attempt, Ended(Outcome.ANSWERED, f"CA-{attempt}"))
    assert build.row("attempt")["disposition"] == "opted-out"
    assert [row["standing"] for row in build.rows("lead")] == ["finished", "finished", "open"]


def test_any_other_key_changes_nothing(build, take, answer):
    attempt = build.attempt(build.lead(build.campaign()))
    answer(attempt)
    take(attempt, KeyPressed("1"))
    assert (build.rows("do_not_call"), build.row("attempt")["opted_out"]) == ([], False)


def test_the_end_of_a_talk_begins_wrap_up(build, take, answer, clock):
    campaign = build.campaign(wrap_up_seconds=45)
    build.agent("anna", campaign)
    lead = build.lead(campaign)
    attempt = build.attempt(lead)
    answer(attempt)
    clock.advance(90)
    take(attempt, Ended(Outcome.ANSWERED, f"CA-{attempt}"))
    agent = build.row("agent")
    assert (agent["state"], agent["attempt_id"]) == ("wrap-up", attempt)
    assert agent["wrap_up_until"] == clock.now() + timedelta(seconds=45)
    assert build.row("lead")["standing"] == "dialling"
    take(attempt, Disposed("sale", "agent"))
    assert (build.row("lead")["standing"], build.row("lead")["disposition"]) == ("finished", "sale")


@pytest.mark.parametrize(
    ("outcome", "standing", "wait"),
    [
        (Outcome.BUSY, "open", timedelta(minutes=15)),
        (Outcome.NO_ANSWER, "open", timedelta(hours=4)),
        (Outcome.FAILED, "open", timedelta(days=1)),
        (Outcome.CANCELED, "open", timedelta(hours=1)),
    ],
)
def test_a_call_nobody_answered_is_disposed_of_and_its_lead_recycled(build, take, clock, outcome, standing, wait):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    clock.advance(20)
    take(attempt, Ended(outcome, f"CA-{attempt}", sip_code=486, sequence=3))
    row, lead = build.row("attempt"), build.row("lead")
    assert (row["state"], row["outcome"], row["disposition"], row["disposed_by"], row["sip_code"]) == (
        *("ended", outcome, outcome, "dialer", 486),
    )
    assert (lead["standing"], lead["due_at"] - row["placing_at"]) == (standing, wait)
    assert drops(build) == []


def test_the_agents_do_not_call_is_in_force_at_once(build, take, answer):
    build.agent("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"], "+12125550101"))
    answer(attempt)
    take(attempt, Disposed("do-not-call", "agent"))
    assert (build.row("do_not_call")["number"], build.row("phone")["retired"]) == ("+12125550101", "do-not-call")


def test_an_agent_who_leaves_in_time_to_be_counted_leaves_the_message_and_an_abandoned_call(build, take, answer, clock):
    build.agent("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]))
    answer(attempt)
    clock.advance(CONNECT_SECONDS)
    assert take(attempt, AgentLeft()).orders == (PlayMessage(f"CA-{attempt}"),)
    assert (build.row("attempt")["state"], build.row("attempt")["abandoned"], drops(build)) == (
        *("message", True, [(1, 1)]),
    )


def test_an_event_that_makes_no_sense_changes_nothing(build, take):
    attempt = build.attempt(build.lead(build.campaign()))
    before = build.row("attempt")
    with pytest.raises(IllegalEvent):
        take(attempt, Progress("CA-other", ringing=True))
    assert build.row("attempt") == before


def test_an_event_of_an_attempt_nobody_made_is_refused(take):
    with pytest.raises(UnknownAttempt):
        take("nobody", Unsure("x"))


def test_pacing_learns_what_happened_to_a_call(build, take, answer):
    campaign = build.campaign()
    build.agent("anna", campaign)
    one, two, three = (build.attempt(build.lead(campaign)) for _ in range(3))
    assert observations(answer(one)[1], 5.0) == [observed.PickedUp(one, 5.0), observed.Connected(one, "anna", 5.0)]
    assert observations(take(one, Detected(f"CA-{one}", "machine_start")), 6.0) == [observed.Machine(one, 6.0)]
    build.change("agent", build.row("agent")["id"], state="paused")
    assert observations(answer(two)[1], 7.0) == [observed.PickedUp(two, 7.0), observed.Abandoned(two, 7.0)]
    assert observations(take(two, Detected(f"CA-{two}", "human")), 8.0) == [observed.Human(two, 8.0)]
    assert observed.Failed(three, 9.0) in observations(take(three, Ended(Outcome.BUSY, f"CA-{three}")), 9.0)
    assert observations(take(three, Ended(Outcome.BUSY, f"CA-{three}")), 9.0) == []


@pytest.mark.parametrize(("code", "live"), [("sale", True), ("machine", False)])
def test_pacing_learns_from_the_agent_whether_it_was_a_person(build, take, answer, code, live):
    campaign = build.campaign()
    build.agent("anna", campaign)
    attempt = build.attempt(build.lead(campaign))
    answer(attempt)
    assert observations(take(attempt, Disposed(code, "agent")), 9.0) == [observed.Disposed(attempt, live, 9.0)]


def test_without_machine_detection_every_answer_is_a_person(build, answer):
    attempt = build.attempt(build.lead(build.campaign(machine_detection=False)))
    assert observed.Human(attempt, 5.0) in observations(answer(attempt)[1], 5.0)


EVENTS = {
    "placed": Placed,
    "ringing": lambda sid: Progress(sid, ringing=True, sequence=1),
    "picked-up": lambda sid: Progress(sid, ringing=True, picked_up=True, sequence=2),
    "human": lambda sid: Detected(sid, "human"),
    "machine": lambda sid: Detected(sid, "machine_start"),
    "key": lambda _sid: KeyPressed("9"),
    "left": lambda _sid: CustomerLeft(on_line=False),
    "torn": lambda _sid: CustomerLeft(on_line=True),
    "agent-left": lambda _sid: AgentLeft(),
    "completed": lambda sid: Ended(Outcome.ANSWERED, sid, sequence=3),
    "busy": lambda sid: Ended(Outcome.BUSY, sid, sequence=3),
    "unsure": lambda _sid: Unsure("timed out"),
    "refused": lambda _sid: Refused("429", retry=True),
    "lost": lambda _sid: NeverHeardOf(),
    "disposed": lambda _sid: Disposed("machine", "agent"),
}
STEPS = ["answer", "second", "minute", *EVENTS]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(STEPS)), max_size=14))
def test_after_any_events_counts_agents_and_leads_agree_with_the_attempts(build, database, answer, take, clock, steps):
    """The drop count equals a recount, no agent is left on a call that is over, no lead without a live attempt."""
    campaign = build.campaign(f"campaign-{len(build.rows('campaign'))}", attempts_per_lead=99)
    agents = [build.agent(f"{name}-{campaign}", campaign) for name in ("anna", "bert")]
    attempts = [build.attempt(build.lead(campaign, f"+1212555010{n}"), "placing") for n in range(2)]
    for which, step in steps:
        attempt = attempts[which]
        if step in ("second", "minute"):
            clock.advance({"second": 1, "minute": 60}[step])
            continue
        with suppress(IllegalEvent):
            answer(attempt) if step == "answer" else take(attempt, EVENTS[step](f"CA-{attempt}"))
    with database.read() as session:
        calls = [load_call(session, attempt) for attempt in attempts]
        row = session.get_one(Campaign, campaign)
        (counted,) = drop_counts(session.connection(), row, (OWN_MEASURE,), clock.now())
    assert (counted.calls, counted.abandoned) == (
        sum(call.live_answer for call in calls),
        sum(call.abandoned for call in calls),
    )
    rows = {attempt: build.row("attempt", id=attempt) for attempt in attempts}
    busy = [build.row("agent", id=agent) for agent in agents]
    assert all(rows[agent["attempt_id"]]["state"] != "ended" for agent in busy if agent["state"] == "on-call")
    settled = [row["lead_id"] for row in rows.values() if row["state"] == "ended" and row["disposition"] is not None]
    assert all(build.row("lead", id=lead)["standing"] != "dialling" for lead in settled)


def load_call(session, attempt):
    return store.as_call(store.load_attempt(session.connection(), attempt), CONNECT_SECONDS)
