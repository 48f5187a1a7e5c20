"""The statements of the hot paths."""

from datetime import timedelta

import pytest

from dialer import store
from dialer.agent import AgentEvent, AgentState, ImpossibleForAgent
from dialer.call import Call, CallState

pytestmark = pytest.mark.both_databases


@pytest.fixture
def write(database):
    """Run a statement function on the writing thread."""

    def write(work, *args, **named):
        return database.write(lambda session: work(session.connection(), *args, **named))

    return write


def test_an_attempt_comes_with_its_campaign_and_becomes_a_call(build, write):
    attempt = build.attempt(build.lead(build.campaign()), "ringing", sequence=2)
    row = write(store.load_attempt, attempt)
    assert (row["campaign_name"], row["campaign_client"], row["campaign_wrap_up_seconds"]) == ("spring", "Acme", 30)
    call = store.as_call(row, 2.0)
    assert (call.state, call.sequence, call.call_sid, call.connect_seconds) == (
        *(CallState.RINGING, 2, f"CA-{attempt}", 2.0),
    )


def test_an_attempt_nobody_made_is_unknown(write):
    with pytest.raises(store.UnknownAttempt, match="'x'"):
        write(store.load_attempt, "x")


def test_a_saved_call_reads_back_as_it_was(build, write, clock):
    attempt = build.attempt(build.lead(build.campaign()))
    before = store.as_call(write(store.load_attempt, attempt), 2.0)
    now = clock.advance(3)
    after = Call(CallState.ENDED, 2.0, call_sid=before.call_sid, dialled_at=before.dialled_at, outcome="busy")
    write(store.save_call, attempt, before, after, now)
    row = write(store.load_attempt, attempt)
    assert store.as_call(row, 2.0) == after
    assert row["last_event_at"] == now


def test_an_event_that_changes_nothing_still_breaks_the_silence(build, write, clock):
    attempt = build.attempt(build.lead(build.campaign()))
    call = store.as_call(write(store.load_attempt, attempt), 2.0)
    write(store.save_call, attempt, call, call, clock.advance(3))
    assert build.row("attempt")["last_event_at"] == clock.now()


def test_a_webhook_is_new_once_and_its_repeats_get_the_first_answer(build, write, clock):
    form = {"CallSid": "CA1", "CallStatus": "ringing"}
    assert write(store.remember_event, "key", "answer", "a1", form, clock.now()) is None
    write(store.settle_event, "key", answer="<Response/>", problem="odd")
    assert write(store.remember_event, "key", "answer", "a1", {}, clock.advance(1)) == "<Response/>"
    row = build.row("carrier_event")
    assert (row["parameters"], row["attempt_id"], row["problem"]) == (form, "a1", "odd")


def test_the_agent_who_has_waited_longest_gets_the_call(build, write, clock):
    campaign, other = build.campaign(), build.campaign("autumn")
    now = clock.now()
    build.agent("late", campaign, since=now - timedelta(seconds=5))
    build.agent("early", campaign, since=now - timedelta(seconds=9))
    build.agent("elsewhere", other, since=now - timedelta(seconds=99))
    for state in ("paused", "on-call", "wrap-up", "joining", "logged-out"):
        build.agent(state, campaign, state, since=now - timedelta(seconds=99))
    first, second, third = (write(store.load_attempt, build.attempt(build.lead(campaign))) for _ in range(3))
    assert write(store.claim_agent, first, now) == ("early", "seat-of-early")
    assert write(store.claim_agent, second, now) == ("late", "seat-of-late")
    assert write(store.claim_agent, third, now) == (None, None)
    early = build.row("agent", name="early")
    assert (early["state"], early["attempt_id"], early["since"]) == ("on-call", first["id"], now)
    assert [(row["agent"], row["state"]) for row in build.rows("agent_change")] == [
        *(("early", "on-call"), ("late", "on-call")),
    ]
    assert write(store.seat_of, first["id"]) == "seat-of-early"
    assert write(store.seat_of, third["id"]) is None


def test_an_agent_is_released_into_wrap_up_or_straight_back(build, write, clock):
    campaign = build.campaign()
    build.agent("anna", campaign, "on-call", attempt_id="a1")
    build.agent("bert", campaign, "on-call", attempt_id="a2")
    now = clock.advance(60)
    assert write(store.release_agent, "a1", True, 30, now) == "anna"
    assert write(store.release_agent, "a2", False, 30, now) == "bert"
    anna, bert = build.row("agent", name="anna"), build.row("agent", name="bert")
    assert (anna["state"], anna["attempt_id"], anna["wrap_up_until"]) == (
        *("wrap-up", "a1", now + timedelta(seconds=30)),
    )
    assert (bert["state"], bert["attempt_id"], bert["since"]) == ("ready", None, now)


def test_a_talk_ends_once(build, write, clock):
    build.agent("anna", build.campaign(), "wrap-up", attempt_id="a1")
    assert write(store.release_agent, "a1", False, 30, clock.now()) is None
    assert build.row("agent")["state"] == "wrap-up"


@pytest.fixture
def move(build, database, clock):
    def move(name, event, **how):
        agent = build.row("agent", name=name)
        return database.write(lambda session: store.move_agent(session.connection(), agent, event, clock.now(), **how))

    return move


def test_a_move_is_kept_with_its_reason_and_logged(build, move, clock):
    build.agent("anna", build.campaign())
    clock.advance(10)
    assert move("anna", AgentEvent.PAUSE, reason="lunch") is AgentState.PAUSED
    assert (build.row("agent")["state"], build.row("agent")["reason"], build.row("agent")["since"]) == (
        *("paused", "lunch", clock.now()),
    )
    change = build.row("agent_change")
    assert (change["agent"], change["state"], change["reason"], change["at"]) == (
        *("anna", "paused", "lunch", clock.now()),
    )


def test_another_reason_for_the_same_state_does_not_reset_its_time(build, move, clock):
    """An agent who says `ready` again keeps the place in the queue, and one on a call its duration."""
    build.agent("anna", build.campaign(), "on-call", attempt_id="a1")
    build.agent("bert", build.row("campaign")["id"])
    began = clock.now()
    clock.advance(10)
    move("anna", AgentEvent.PAUSE, reason="lunch")
    move("bert", AgentEvent.GET_READY, reason="back")
    assert [row["since"] for row in build.rows("agent")] == [began, began]


def test_an_impossible_move_leaves_the_agent_as_it_was(build, move):
    build.agent("anna", build.campaign(), "paused", reason="lunch")
    before = build.row("agent")
    with pytest.raises(ImpossibleForAgent):
        move("anna", AgentEvent.TALK_OVER)
    assert (build.row("agent"), build.rows("agent_change")) == (before, [])


def test_the_reason_of_a_pause_wished_during_a_call_holds_when_the_pause_begins(build, move):
    build.agent("anna", build.campaign(), "on-call", attempt_id="a1")
    move("anna", AgentEvent.PAUSE, reason="lunch")
    move("anna", AgentEvent.TALK_OVER)
    assert move("anna", AgentEvent.WRAPPED_UP) is AgentState.PAUSED
    assert build.row("agent")["reason"] == "lunch"
    assert [(row["state"], row["reason"]) for row in build.rows("agent_change")] == [
        *(("on-call", "lunch"), ("wrap-up", "lunch"), ("paused", "lunch")),
    ]


def test_a_reason_ends_with_its_pause(build, move):
    build.agent("anna", build.campaign(), "paused", reason="lunch")
    move("anna", AgentEvent.GET_READY)
    assert build.row("agent")["reason"] == ""


def test_a_wrap_up_goes_on_for_as_long_as_it_would_have_when_the_clock_is_set_back(build, write, clock):
    hour, half = timedelta(hours=1), timedelta(seconds=30)
    build.agent("anna", build.campaign(), "wrap-up", since=clock.now() + hour, wrap_up_until=clock.now() + hour + half)
    build.agent("bert", build.row("campaign")["id"], "wrap-up", since=clock.now(), wrap_up_until=clock.now() + half)
    assert write(store.redate, clock.now()) == 1
    assert {agent["name"]: (agent["since"], agent["wrap_up_until"]) for agent in build.rows("agent")} == dict.fromkeys(
        ("anna", "bert"), (clock.now(), clock.now() + half)
    )


def test_what_another_nodes_clock_noted_a_moment_ahead_stays(build, write, clock):
    build.attempt(build.lead(build.campaign()), "ringing", last_event_at=clock.now() + store.CLOCK_TOLERANCE)
    assert write(store.redate, clock.now()) == 0
