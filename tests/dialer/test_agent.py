"""The agent's state machine: a table, and the wishes a busy agent may have."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.agent import TABLE, AgentEvent, AgentState, ImpossibleForAgent, move

LOGGED_OUT, JOINING, PAUSED, READY, ON_CALL, WRAP_UP = AgentState
HELD = (PAUSED, READY, ON_CALL, WRAP_UP)
E = AgentEvent

POSSIBLE = {
    LOGGED_OUT: {E.LOG_IN, E.LOG_OUT, E.SEAT_LOST},
    JOINING: {E.LOG_IN, E.LOG_OUT, E.SEAT_LOST, E.SEAT_JOINED, E.GET_READY, E.PAUSE},
    PAUSED: {E.LOG_IN, E.LOG_OUT, E.SEAT_LOST, E.SEAT_JOINED, E.GET_READY, E.PAUSE},
    READY: {E.LOG_IN, E.LOG_OUT, E.SEAT_LOST, E.SEAT_JOINED, E.GET_READY, E.PAUSE, E.CALL_ASSIGNED},
    ON_CALL: {E.LOG_IN, E.LOG_OUT, E.SEAT_LOST, E.SEAT_JOINED, E.GET_READY, E.PAUSE, E.TALK_OVER, E.CALL_VOID},
    WRAP_UP: {E.LOG_IN, E.LOG_OUT, E.SEAT_LOST, E.SEAT_JOINED, E.GET_READY, E.PAUSE, E.WRAPPED_UP},
}


def live(*events: AgentEvent, state: AgentState = LOGGED_OUT, afterwards: AgentState = READY) -> AgentState:
    for event in events:
        state, afterwards = move(state, afterwards, event)
    return state


@pytest.mark.parametrize(("state", "event"), list(product(AgentState, AgentEvent)))
def test_every_event_is_either_possible_or_refused_with_its_reason(state, event):
    if event in POSSIBLE[state]:
        assert (state, event) in TABLE
        assert move(state, READY, event)
    else:
        with pytest.raises(ImpossibleForAgent, match=f"^is {state} and cannot {event}$"):
            move(state, READY, event)


def test_a_shift_from_log_in_to_log_out():
    shift = (E.LOG_IN, JOINING), (E.SEAT_JOINED, PAUSED), (E.GET_READY, READY), (E.CALL_ASSIGNED, ON_CALL)
    evening = (E.TALK_OVER, WRAP_UP), (E.WRAPPED_UP, READY), (E.PAUSE, PAUSED), (E.LOG_OUT, LOGGED_OUT)
    state, afterwards = LOGGED_OUT, READY
    for event, expected in (*shift, *evening):
        state, afterwards = move(state, afterwards, event)
        assert state is expected


def test_only_a_ready_agent_gets_a_call():
    takers = [state for state in AgentState if (state, E.CALL_ASSIGNED) in TABLE]
    assert takers == [READY]


@pytest.mark.parametrize("state", AgentState)
def test_without_the_seat_an_agent_is_unavailable_at_once(state):
    assert live(E.SEAT_LOST, state=state) is LOGGED_OUT


def test_after_a_machine_there_is_nothing_to_wrap_up():
    assert live(E.CALL_VOID, state=ON_CALL) is READY


@pytest.mark.parametrize(("wish", "then"), [(E.PAUSE, PAUSED), (E.LOG_OUT, LOGGED_OUT), (E.GET_READY, READY)])
@pytest.mark.parametrize(
    ("state", "way_out"),
    [(ON_CALL, (E.TALK_OVER, E.WRAPPED_UP)), (ON_CALL, (E.CALL_VOID,)), (WRAP_UP, (E.WRAPPED_UP,))],
)
def test_a_busy_agents_wish_waits_for_the_end_of_the_call(wish, then, state, way_out):
    assert live(wish, state=state) is state
    assert live(wish, *way_out, state=state) is then


def test_the_last_wish_counts():
    assert live(E.LOG_OUT, E.PAUSE, E.CALL_VOID, state=ON_CALL) is PAUSED
    assert live(E.PAUSE, E.GET_READY, E.CALL_VOID, state=ON_CALL) is READY


def test_logging_in_again_takes_back_the_wish_to_log_out_and_no_other():
    assert live(E.LOG_OUT, E.LOG_IN, E.CALL_VOID, state=ON_CALL) is PAUSED
    assert live(E.LOG_IN, E.CALL_VOID, state=ON_CALL) is READY


def test_a_wish_holds_for_one_call_only():
    state, afterwards = move(*move(ON_CALL, READY, E.PAUSE), E.CALL_VOID)
    assert (state, afterwards) == (PAUSED, READY)
    assert live(E.GET_READY, E.CALL_ASSIGNED, E.CALL_VOID, state=state, afterwards=afterwards) is READY


def test_a_wish_of_a_former_log_in_is_forgotten():
    state, afterwards = move(*move(ON_CALL, READY, E.LOG_OUT), E.SEAT_LOST)
    assert live(E.LOG_IN, E.SEAT_JOINED, state=state, afterwards=afterwards) is PAUSED


def test_who_asks_for_calls_while_the_seat_is_rung_gets_them():
    assert live(E.LOG_IN, E.GET_READY, E.SEAT_JOINED) is READY
    assert live(E.LOG_IN, E.GET_READY, E.PAUSE, E.SEAT_JOINED) is PAUSED


@pytest.mark.parametrize("state", HELD)
def test_a_repeated_seat_joined_changes_nothing(state):
    assert live(E.SEAT_JOINED, state=state) is state


@given(st.lists(st.sampled_from(AgentEvent)))
def test_a_seatless_agent_is_never_given_a_call(events):
    """Whatever happens: from the loss of the seat until it is joined again, no call can be assigned."""
    state, afterwards, seated = LOGGED_OUT, READY, False
    for event in events:
        try:
            state, afterwards = move(state, afterwards, event)
        except ImpossibleForAgent:
            continue
        seated = (seated or event is E.SEAT_JOINED) and state not in (LOGGED_OUT, JOINING)
        assert seated == (state in HELD)
        assert afterwards in (READY, PAUSED, LOGGED_OUT)
