"""So many messages at once, whatever is told of them and in which order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.agentless import LONGEST_SECONDS, Agentless
from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    CallEnded,
    Connected,
    Dialled,
    Failed,
    Human,
    Machine,
    PickedUp,
)
from dialer.pacing.policy import Floor, ForeignState
from dialer.pacing.progressive import CLOSED_SECONDS

BEGINS = (PickedUp, Human)
ENDS = (Machine, Failed, Abandoned)


def floor(in_flight: int = 0, max_dials: int = 1000) -> Floor:
    return Floor(0, in_flight, max_dials, ())


def policy(*events, target: int = 10) -> Agentless:
    made = Agentless(target)
    for event in events:
        made.observe(event)
    return made


def test_it_dials_up_to_the_target_without_agents_or_budgets():
    decision = Agentless(10).decide(0.0, floor(4))
    assert (decision.dial, decision.reserve) == (6, False)
    assert decision.reason == "10 messages at a time: 0 playing, 4 in flight: dial 6"


def test_it_keeps_to_the_calls_that_may_start_now():
    decision = Agentless(10).decide(0.0, floor(max_dials=3))
    assert decision.dial == 3
    assert decision.reason.endswith("dial 3, as many as may start now")


@pytest.mark.parametrize("begin", [*BEGINS, lambda call, at: Connected(call, "", at)])
def test_an_answered_call_plays(begin):
    made = policy(Dialled("a", 0.0), begin("a", 5.0))
    assert made.decide(6.0, floor(2)).reason == "10 messages at a time: 1 playing, 2 in flight: dial 7"


def test_a_call_that_is_told_twice_plays_once():
    made = policy(PickedUp("a", 5.0), Human("a", 7.0))
    assert made.decide(8.0, floor()).dial == 9


@pytest.mark.parametrize("end", [*ENDS, lambda call, at: CallEnded(call, "", at)])
def test_a_call_that_ended_plays_no_more(end):
    made = policy(Dialled("a", 0.0), Dialled("b", 0.0), PickedUp("a", 5.0), PickedUp("b", 5.0), end("a", 9.0))
    assert made.decide(10.0, floor()).dial == 9


def test_what_agents_do_is_nothing_to_it():
    assert policy(AgentFree("ann", 1.0)).decide(2.0, floor()).dial == 10


def test_an_answer_that_was_not_told_dials_no_more():
    """The call is not in flight any more, so it plays."""
    made = policy(Dialled("a", 0.0), Dialled("b", 0.0))
    assert made.decide(6.0, floor(1)).dial == 8


def test_a_call_whose_end_was_not_told_is_forgotten():
    made = policy(PickedUp("a", 0.0))
    assert made.decide(LONGEST_SECONDS, floor()).dial == 9
    assert made.decide(LONGEST_SECONDS + 1, floor()).dial == 10


def test_a_clock_that_is_set_back_forgets_no_call():
    made = policy(PickedUp("a", 1000.0))
    made.decide(1001.0, floor())
    assert made.decide(5.0, floor()).dial == 9
    assert made.decide(5.0 + LONGEST_SECONDS, floor()).dial == 9
    assert made.decide(6.0 + LONGEST_SECONDS, floor()).dial == 10


calls = st.sampled_from("abcdefgh")
events = st.builds(lambda kind, call, at: kind(call, at), st.sampled_from((Dialled, *BEGINS, *ENDS)), calls, st.just(1))


@given(st.integers(1, 300), st.integers(0, 400), st.integers(0, 50), st.lists(events, max_size=30))
def test_no_limit_is_passed(target, in_flight, max_dials, seen):
    made = policy(*seen, target=target)
    decision = made.decide(2.0, floor(in_flight, max_dials))
    playing = len(made.state()["playing"])
    assert 0 <= decision.dial <= max_dials
    assert decision.dial == 0 or decision.dial + in_flight + playing <= target
    assert decision.give_up == ()


@pytest.mark.parametrize("target", [0, -1])
def test_a_target_that_makes_no_sense_is_refused(target):
    with pytest.raises(ValueError, match="at least 1 message"):
        Agentless(target)


def test_after_a_restart_the_calls_under_way_still_count():
    """By the clock of the new process."""
    before = policy(Dialled("a", 9000.0), PickedUp("b", 9000.0))
    after = Agentless.restored(json.loads(json.dumps(before.state())), 10, now=5.0)
    assert after.decide(6.0, floor(1)).reason == "10 messages at a time: 1 playing, 1 in flight: dial 8"
    after.observe(CallEnded("b", "", 7.0))
    assert after.decide(8.0, floor(1)).dial == 9
    assert after.decide(6.0 + LONGEST_SECONDS, floor()).dial == 10


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"format": "agentless-0"},
        {"format": "agentless-1"},
        {"format": "agentless-1", "ringing": 3, "playing": []},
        {"format": "agentless-1", "ringing": "abc", "playing": []},
        {"format": "agentless-1", "ringing": [], "playing": [1]},
        [],
        None,
        "agentless-1",
    ],
)
def test_a_state_that_cannot_be_read_is_refused(state):
    with pytest.raises(ForeignState, match="pacing state"):
        Agentless.restored(state, 10, now=0.0)


def test_nobody_is_dialled_once_nobody_may_be():
    assert Agentless(5).decide(0.0, Floor(0, 0, 100, (), closes_in=CLOSED_SECONDS - 1)).dial == 0
    assert Agentless(5).decide(0.0, Floor(0, 0, 100, (), closes_in=CLOSED_SECONDS)).dial == 5
