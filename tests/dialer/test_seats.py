"""What happens to an agent when the held leg comes, goes or is wished away."""

from datetime import timedelta

import pytest

from campaigns.dispositions import UnknownDisposition
from campaigns.store import UnknownCampaign
from dialer import seats
from dialer.agent import AgentEvent, AgentState, ImpossibleForAgent
from dialer.call import IllegalEvent
from dialer.commands import PlayMessage

pytestmark = pytest.mark.both_databases

CONNECT_SECONDS = 2.0


@pytest.fixture
def do(database):
    def do(work, *args):
        return database.write(lambda session: work(session, *args))

    return do


@pytest.fixture
def ring(do, clock):
    """Ring whoever waits, with the given tokens."""

    def ring(*tokens):
        return do(seats.seats_to_ring, list(tokens), clock.now())

    return ring


@pytest.fixture
def talk(build):
    """An agent on a call that was answered `seconds` ago."""

    def talk(clock, seconds=0.0, name="anna", campaign=None):
        campaign = campaign or build.campaign()
        answered = {"answered_at": clock.now() - timedelta(seconds=seconds)}
        attempt = build.attempt(build.lead(campaign), "connected", agent=name, **answered, connected_at=clock.now())
        build.agent(name, campaign, "on-call", attempt_id=attempt)
        return attempt

    return talk


def state(build, name="anna"):
    return build.row("agent", name=name)["state"]


@pytest.mark.parametrize("address", ["client:anna", "sip:anna@example.org", "+12125550123"])
def test_an_address_the_carrier_can_ring(address):
    assert seats.checked_address(address) == address


@pytest.mark.parametrize(
    "address", ["", "anna", "client:", "client:an na", "sip:anna", "12125550123", "+1212555x", "tel:1"]
)
def test_an_address_the_carrier_cannot_ring(address):
    with pytest.raises(seats.BadAddress, match="client:anna"):
        seats.checked_address(address)


def test_an_agent_is_added_once(build, do, clock):
    assert do(seats.add_agent, "anna", "client:anna", clock.now())
    assert not do(seats.add_agent, "anna", "client:anna", clock.now())
    with pytest.raises(seats.AgentExists, match="client:anna"):
        do(seats.add_agent, "anna", "client:other", clock.now())
    assert (state(build), build.row("agent")["address"]) == ("logged-out", "client:anna")


def test_an_unknown_agent_is_answered_with_the_command_that_adds_one(do, clock):
    with pytest.raises(seats.UnknownAgent, match="dialer agent add anna"):
        do(seats.log_in, "anna", "spring", clock.now())


def test_nobody_logs_in_to_a_campaign_that_is_not_there(build, do, clock):
    build.agent("anna", state="logged-out")
    with pytest.raises(UnknownCampaign):
        do(seats.log_in, "anna", "spring", clock.now())
    assert state(build) == "logged-out"


def test_logging_in_rings_the_seat_once_and_leads_to_a_pause(build, do, ring, clock):
    build.campaign()
    build.agent("anna", state="logged-out")
    assert do(seats.log_in, "anna", "spring", clock.now()) is AgentState.JOINING
    assert do(seats.agents_without_seat) == 1
    assert ring("t1", "t2") == [{"address": "client:anna", "caller_id": "+12125550198", "seat_token": "t1"}]
    assert do(seats.log_in, "anna", "spring", clock.now()) is AgentState.JOINING
    assert (do(seats.agents_without_seat), ring("t3")) == (0, [])
    do(seats.seat_rung, "t1", "CS1", "", clock.now())
    assert do(seats.seat_joined, "t1", "CS1", clock.advance(5))
    agent = build.row("agent")
    assert (agent["state"], agent["seat_sid"], agent["since"]) == ("paused", "CS1", clock.now())


def test_ready_said_while_joining_holds_once_the_seat_is_there(build, do, ring, clock):
    build.campaign()
    build.agent("anna", state="logged-out")
    do(seats.log_in, "anna", "spring", clock.now())
    do(seats.wish, "anna", AgentEvent.GET_READY, "", clock.now())
    ring("t1")
    do(seats.seat_joined, "t1", "CS1", clock.now())
    assert state(build) == "ready"


@pytest.mark.parametrize(("sid", "problem"), [("CS1", ""), (None, "20503: Service is unavailable")])
def test_a_seat_answered_before_the_carriers_word_is_known(build, do, ring, clock, sid, problem):
    """The callback overtakes the answer to the request, which then changes nothing: an error after the carrier has rung
    would leave a line open that nobody knows of.
    """
    build.agent("anna", build.campaign(), "joining", seat_token=None, seat_sid=None)
    ring("t1")
    do(seats.seat_joined, "t1", "CS1", clock.now())
    do(seats.seat_rung, "t1", sid, problem, clock.now())
    assert (build.row("agent")["state"], build.row("agent")["seat_sid"]) == ("ready", "CS1")


def test_a_seat_that_cannot_be_rung_logs_out_with_the_reason(build, do, ring, clock):
    build.agent("anna", build.campaign(), "joining", seat_token=None, seat_sid=None)
    ring("t1")
    do(seats.seat_rung, "t1", None, "21211: invalid", clock.now())
    assert (state(build), build.row("agent")["reason"]) == ("logged-out", "seat could not be rung: 21211: invalid")
    assert build.row("agent")["seat_token"] is None


def test_each_waiting_agent_gets_a_token_of_its_own_as_far_as_they_go(build, ring):
    campaign = build.campaign()
    for name in ("anna", "bert", "cleo"):
        build.agent(name, campaign, "joining", seat_token=None, seat_sid=None)
    assert [rung["seat_token"] for rung in ring("t1", "t2")] == ["t1", "t2"]
    assert [rung["address"] for rung in ring("t3", "t4")] == ["client:cleo"]


def test_an_agent_changes_campaigns_only_by_logging_out(build, do, clock):
    build.campaign("autumn")
    build.agent("anna", build.campaign())
    with pytest.raises(ImpossibleForAgent, match="log out first"):
        do(seats.log_in, "anna", "autumn", clock.now())


def test_no_new_seat_while_the_old_one_hangs(build, do, clock):
    build.agent("anna", build.campaign(), "logged-out", seat_token="t1", seat_sid="CS1")
    with pytest.raises(ImpossibleForAgent, match="try again"):
        do(seats.log_in, "anna", "spring", clock.now())


def test_an_impossible_wish_names_the_agent(build, do, clock):
    build.agent("anna", build.campaign(), "logged-out")
    with pytest.raises(ImpossibleForAgent, match="agent 'anna' is logged-out and cannot get ready"):
        do(seats.wish, "anna", AgentEvent.GET_READY, "", clock.now())


def lose(do, clock, token="seat-of-anna"):
    return do(seats.seat_lost, token, "seat lost: completed", CONNECT_SECONDS, clock.now())


@pytest.mark.parametrize("before", ["joining", "paused", "ready"])
def test_without_the_seat_an_agent_is_gone_at_once(build, do, clock, before):
    build.agent("anna", build.campaign(), before)
    assert lose(do, clock) is None
    agent = build.row("agent")
    assert (agent["state"], agent["reason"], agent["seat_sid"], agent["seat_token"]) == (
        *("logged-out", "seat lost: completed", None, None),
    )


@pytest.mark.parametrize(("seconds", "abandoned"), [(1.9, True), (60, False)])
def test_a_called_party_at_a_lost_seat_hears_who_called(build, do, talk, clock, seconds, abandoned):
    attempt = talk(clock, seconds)
    assert lose(do, clock).orders == (PlayMessage(f"CA-{attempt}"),)
    assert (state(build), build.row("agent")["attempt_id"]) == ("logged-out", None)
    assert (build.row("attempt")["state"], build.row("attempt")["abandoned"]) == ("message", abandoned)


def test_a_seat_lost_in_wrap_up_leaves_the_call_without_a_disposition(build, do, clock):
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "ended", agent="anna", outcome="answered")
    build.change("lead", build.row("lead")["id"], standing="dialling", attempts=1)
    build.agent("anna", campaign, "wrap-up", attempt_id=attempt)
    lose(do, clock)
    assert (state(build), build.row("attempt")["disposition"], build.row("attempt")["disposed_by"]) == (
        *("logged-out", "no-disposition", "dialer"),
    )
    assert build.row("lead")["standing"] == "open"


def test_a_late_word_of_an_old_seat_changes_nothing(build, do, ring, clock):
    build.agent("anna", build.campaign(), "logged-out", seat_token="old")
    do(seats.log_in, "anna", "spring", clock.now())
    ring("new")
    before = build.row("agent")
    assert lose(do, clock, "old") is None
    assert not do(seats.seat_joined, "old", "CS-old", clock.now())
    do(seats.seat_rung, "old", None, "late", clock.now())
    assert build.row("agent") == before


def test_an_agent_who_logged_out_meanwhile_is_not_seated(build, do, clock):
    build.agent("anna", build.campaign(), "logged-out", seat_token="t1")
    assert not do(seats.seat_joined, "t1", "CS1", clock.now())
    assert state(build) == "logged-out"


def test_a_seat_rung_for_an_agent_who_logged_out_meanwhile_is_hung_up(build, do, clock):
    build.agent("anna", build.campaign(), "logged-out", seat_token="t1")
    do(seats.seat_rung, "t1", "CS1", "", clock.now())
    assert [agent["seat_sid"] for agent in do(seats.seats_to_hang_up)] == ["CS1"]


def test_logging_out_during_a_call_waits_for_its_end(build, do, talk, clock):
    attempt = talk(clock)
    assert do(seats.wish, "anna", AgentEvent.LOG_OUT, "", clock.now()) is AgentState.ON_CALL
    assert do(seats.seats_to_hang_up) == []
    build.change("attempt", attempt, state="ended", outcome="answered")
    build.change("agent", build.row("agent")["id"], state="wrap-up", wrap_up_until=clock.now())
    do(seats.dispose, "anna", "sale", None, CONNECT_SECONDS, clock.now())
    assert state(build) == "logged-out"
    assert [agent["seat_token"] for agent in do(seats.seats_to_hang_up)] == ["seat-of-anna"]


def test_a_disposition_ends_wrap_up_and_settles_the_lead(build, do, clock):
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "ended", agent="anna", outcome="answered")
    build.agent("anna", campaign, "wrap-up", attempt_id=attempt, wrap_up_until=clock.now())
    promised = clock.now() + timedelta(hours=3)
    do(seats.dispose, "anna", "callback", promised, CONNECT_SECONDS, clock.now())
    assert (state(build), build.row("agent")["attempt_id"]) == ("ready", None)
    assert (build.row("attempt")["disposition"], build.row("attempt")["disposed_by"]) == ("callback", "agent")
    assert (build.row("lead")["due_at"], build.row("lead")["priority"]) == (promised, 0)


def test_a_disposition_given_during_the_talk_leaves_the_agent_on_the_call(build, do, talk, clock):
    talk(clock)
    do(seats.dispose, "anna", "sale", None, CONNECT_SECONDS, clock.now())
    assert (state(build), build.row("attempt")["disposition"]) == ("on-call", "sale")


def refusal(do, clock, code, callback_at=None):
    return lambda: do(seats.dispose, "anna", code, callback_at, CONNECT_SECONDS, clock.now())


def test_a_disposition_that_cannot_be_is_refused(build, do, talk, clock):
    build.agent("idle", build.campaign("autumn"))
    with pytest.raises(seats.WrongDisposition, match="no call"):
        do(seats.dispose, "idle", "sale", None, CONNECT_SECONDS, clock.now())
    talk(clock)
    with pytest.raises(UnknownDisposition, match="salad"):
        refusal(do, clock, "salad")()
    with pytest.raises(seats.WrongDisposition, match="'complete' is none of campaign 'spring'"):
        refusal(do, clock, "complete")()
    with pytest.raises(seats.WrongDisposition, match="past"):
        refusal(do, clock, "callback", clock.now())()
    with pytest.raises(seats.WrongDisposition, match="'sale' promises no call"):
        refusal(do, clock, "sale", clock.now() + timedelta(hours=1))()
    do(seats.dispose, "anna", "sale", None, CONNECT_SECONDS, clock.now())
    with pytest.raises(IllegalEvent, match="already disposed as sale"):
        refusal(do, clock, "machine")()
    assert build.row("attempt")["disposition"] == "sale"


def test_wrap_up_ends_by_time(build, do, clock):
    campaign = build.campaign()
    attempts = [
        build.attempt(build.lead(campaign), "ended", agent=name, outcome="answered") for name in ("anna", "bert")
    ]
    until = clock.now() + timedelta(seconds=30)
    for name, attempt, late in zip(("anna", "bert"), attempts, (0, 1), strict=True):
        build.agent(name, campaign, "wrap-up", attempt_id=attempt, wrap_up_until=until + timedelta(seconds=late))
    clock.time = until
    assert do(seats.end_wrap_up, CONNECT_SECONDS, clock.now()) == 1
    assert (state(build), state(build, "bert")) == ("ready", "wrap-up")
    annas, berts = (build.row("attempt", id=attempt) for attempt in attempts)
    assert (annas["disposition"], berts["disposition"]) == ("no-disposition", None)
    assert build.rows("lead")[0]["due_at"] == annas["placing_at"] + timedelta(days=1)


def test_wrap_up_that_runs_out_keeps_the_disposition_given_in_the_talk(build, do, clock):
    campaign = build.campaign()
    given = {"disposition": "sale", "disposed_by": "agent", "outcome": "answered"}
    attempt = build.attempt(build.lead(campaign), "ended", agent="anna", **given)
    build.agent("anna", campaign, "wrap-up", attempt_id=attempt, wrap_up_until=clock.now())
    do(seats.end_wrap_up, CONNECT_SECONDS, clock.now())
    assert (state(build), build.row("attempt")["disposition"]) == ("ready", "sale")


def test_wrap_up_may_run_out_before_the_carriers_last_word(build, do, clock):
    """The called party has left the conference, the end of the call is not reported yet."""
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "connected", agent="anna", answered_at=clock.now())
    build.agent("anna", campaign, "wrap-up", attempt_id=attempt, wrap_up_until=clock.now())
    do(seats.end_wrap_up, CONNECT_SECONDS, clock.now())
    assert (state(build), build.row("attempt")["disposition"]) == ("ready", "no-disposition")
    assert build.row("lead")["standing"] == "dialling"


def test_a_ring_that_nobody_answers_is_given_up_in_time(build, do, clock):
    build.agent("anna", build.campaign(), "joining")
    clock.advance(seats.JOIN_LIMIT.total_seconds() - 1)
    assert do(seats.seats_unanswered, clock.now()) == []
    clock.advance(1)
    assert [agent["name"] for agent in do(seats.seats_unanswered, clock.now())] == ["anna"]


def test_who_waited_long_to_be_rung_has_as_long_to_answer(build, do, ring, clock):
    """A whole floor logs in at once, and the carrier starts one call a second."""
    build.agent("anna", build.campaign(), "joining", seat_token=None, seat_sid=None)
    clock.advance(seats.JOIN_LIMIT.total_seconds())
    ring("token")
    clock.advance(seats.JOIN_LIMIT.total_seconds() - 1)
    assert do(seats.seats_unanswered, clock.now()) == []
    clock.advance(1)
    assert [agent["name"] for agent in do(seats.seats_unanswered, clock.now())] == ["anna"]


def test_an_agent_who_says_ready_while_joining_does_not_ring_for_longer(build, do, clock):
    build.agent("anna", build.campaign(), "joining")
    clock.advance(seats.JOIN_LIMIT.total_seconds())
    do(seats.wish, "anna", AgentEvent.GET_READY, "here", clock.now())
    assert [agent["name"] for agent in do(seats.seats_unanswered, clock.now())] == ["anna"]


def test_seats_held_are_those_of_agents_who_are_in(build, do):
    campaign = build.campaign()
    for name in ("joining", "ready", "on-call", "logged-out"):
        build.agent(name, campaign, name)
    assert {agent["name"] for agent in do(seats.seats_held)} == {"joining", "ready", "on-call"}
