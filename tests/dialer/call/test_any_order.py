"""The call's state machine under any events in any order."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.dispositions import CATALOGUE, Outcome
from dialer.call import (
    GIVEN_UP,
    Call,
    CallState,
    IllegalEvent,
    receive,
)
from dialer.commands import Recycle, ReleaseAgent, Suppress
from dialer.events import (
    VERDICTS,
    AgentLeft,
    Answered,
    CallEvent,
    CustomerLeft,
    Detected,
    Disposed,
    Ended,
    HadMet,
    KeyPressed,
    NeverHeardOf,
    Placed,
    Progress,
    Refused,
    Unsure,
)
from tests.dialer.call.stock import (
    COMPLETED,
    HUMAN,
    MACHINE,
    NEW,
    NOON,
    PICKED_UP,
    QUEUED,
    RELEASED,
    RINGING,
    SID,
    TIMED_OUT,
    TO_ANNA,
    TO_NOBODY,
    hear,
)


def test_the_end_absorbs_the_carriers_events():
    call, _ = hear(TO_ANNA, COMPLETED)
    carriers = (Placed(SID), QUEUED, RINGING, PICKED_UP, TO_NOBODY, MACHINE, COMPLETED, Ended(Outcome.BUSY, SID))
    assert hear(*carriers, Unsure("late"), NeverHeardOf(), call=call, seconds=99) == (call, [])


WITHOUT_AGENT = {CallState.PLACING, CallState.UNKNOWN, CallState.DIALLED, CallState.RINGING, CallState.WAITING}
LAST_WORDS = [Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED, Outcome.CANCELED, Outcome.LOST]
ANY_SID = st.sampled_from([SID] * 9 + ["CA2"])
EVENTS = st.one_of(
    st.builds(Placed, ANY_SID),
    st.builds(Refused, st.just("no"), st.booleans()),
    st.just(Unsure("time-out")),
    st.builds(Progress, ANY_SID, st.booleans(), st.booleans(), st.integers(-1, 4)),
    st.builds(
        *(Answered, ANY_SID, st.sampled_from([None, "anna"]), st.sampled_from([None, None, *sorted(VERDICTS)])),
        st.booleans(),
    ),
    st.builds(Detected, ANY_SID, st.sampled_from([*sorted(VERDICTS), "martian"])),
    st.builds(KeyPressed, st.sampled_from("19")),
    st.builds(CustomerLeft, st.booleans(), st.booleans()),
    st.builds(AgentLeft, st.booleans()),
    st.just(HadMet()),
    st.builds(Ended, st.sampled_from(LAST_WORDS), ANY_SID, st.none(), st.integers(-1, 4)),
    st.just(NeverHeardOf()),
    st.builds(Disposed, st.sampled_from(["sale", "do-not-call", "machine", "no-disposition"]), st.just("agent")),
)
TIMED_EVENTS = st.lists(st.tuples(st.floats(0, 3), EVENTS), max_size=14)


def as_claimed(call: Call, event: CallEvent) -> CallEvent:
    """An agent is only ever claimed for a call that has none yet."""
    if isinstance(event, Answered) and call.state not in WITHOUT_AGENT:
        return replace(event, agent=None)
    return event


@given(TIMED_EVENTS)
@example([(0, Answered(SID, "anna")), (3, AgentLeft(found=True)), (0, COMPLETED), (0, HadMet())])
def test_any_events_in_any_order_keep_what_must_hold(timed_events):
    call, commands, now = NEW, [], NOON
    for seconds, raw in [*timed_events, (1.0, None)]:
        now += timedelta(seconds=seconds)
        event = as_claimed(call, raw or Ended(Outcome.ANSWERED, call.call_sid or SID))
        before = call
        try:
            call, step = receive(before, event, now)
        except IllegalEvent:
            continue
        commands += step
        if isinstance(event, Answered) and event.agent is not None:
            assert call.agent == event.agent or RELEASED in step, "the agent is neither on the call nor free"
        if before.state is CallState.ENDED:
            assert call.state is CallState.ENDED
            if before.outcome not in GIVEN_UP or before.answered_at is not None:
                assert call.outcome == before.outcome
                assert call.abandoned == before.abandoned or (isinstance(event, HadMet) and before.abandoned)
        assert not (call.abandoned and (call.answered_at is None or call.by_machine))
        if call.state is CallState.WAITING and isinstance(event, Answered) and not call.by_machine:
            assert (event.may_wait, event.agent) == (True, None)
            continue  # asked again it may have waited long enough
        try:
            again, repeated = receive(call, as_claimed(call, event), now + timedelta(seconds=1))
        except IllegalEvent:
            continue
        assert again == call, "a doubled event changed something more"
        assert not [command for command in repeated if isinstance(command, Suppress | Recycle)]
    assert call.state is CallState.ENDED
    assert call.abandoned or call.connected_at is not None or not call.live_answer
    assert (call.connected_at is not None) <= any(isinstance(command, ReleaseAgent) for command in commands)
    if call.disposition is None:
        assert call.agent is not None
        call, step = receive(call, TIMED_OUT, now)
        commands += step
    recycled = [command.code for command in commands if isinstance(command, Recycle)]
    assert len(recycled) == 1 or (len(recycled) == 2 and recycled[1] == "opted-out")
    assert CATALOGUE[recycled[-1]].final or not call.opted_out or call.disposed_by == "agent"
    assert commands.count(Suppress("key-press")) == call.opted_out
    assert commands.count(Suppress("agent")) == (call.disposition == "do-not-call")


@given(st.permutations([QUEUED, RINGING, PICKED_UP, TO_ANNA, HUMAN, CustomerLeft(on_line=False), COMPLETED]))
def test_a_talk_reported_in_any_order_is_one_live_answer(events):
    call, _ = hear(Placed(SID), *(as_claimed(hear(Placed(SID), *events[:n])[0], e) for n, e in enumerate(events)))
    assert (call.state, call.outcome, call.live_answer) == (CallState.ENDED, Outcome.ANSWERED, True)
    talked = events.index(TO_ANNA) < events.index(COMPLETED)
    assert (call.agent, call.abandoned) == (("anna", False) if talked else (None, True))
