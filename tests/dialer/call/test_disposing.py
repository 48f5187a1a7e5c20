"""What the call came to: for agents, for the lead, for a person who opts out."""

import pytest

from campaigns.dispositions import Outcome
from dialer.call import (
    CallState,
    IllegalEvent,
)
from dialer.commands import Recycle, Suppress
from dialer.events import (
    CustomerLeft,
    Disposed,
    Ended,
    KeyPressed,
    Placed,
)
from tests.dialer.call.stock import (
    COMPLETED,
    HUMAN,
    OPT_OUT,
    PICKED_UP,
    QUEUED,
    RELEASED,
    RINGING,
    SALE,
    SID,
    TIMED_OUT,
    TO_ANNA,
    TO_NOBODY,
    WRAP_UP,
    at,
    hear,
)


def test_a_sale_from_dial_to_recycling():
    call, commands = hear(Placed(SID), QUEUED)
    assert (call.state, call.call_sid, call.dialled_at, commands) == (CallState.DIALLED, SID, at(0), [])
    call, commands = hear(RINGING, call=call, seconds=1)
    assert (call.state, call.ringing_at, commands) == (CallState.RINGING, at(1), [])
    call, commands = hear(PICKED_UP, TO_ANNA, call=call, seconds=9)
    assert (call.state, call.agent, commands) == (CallState.CONNECTED, "anna", [])
    assert (call.answered_at, call.connected_at) == (at(9), at(9))
    call, commands = hear(HUMAN, call=call, seconds=11)
    assert (call.answered_by, call.detection_ms, commands) == ("human", 1200, [])
    call, commands = hear(CustomerLeft(on_line=False), COMPLETED, call=call, seconds=70)
    assert (call.state, call.ended_at, call.outcome) == (CallState.ENDED, at(70), Outcome.ANSWERED)
    assert call.sequence == 3
    assert commands == [WRAP_UP, WRAP_UP]
    call, commands = hear(SALE, call=call, seconds=80)
    assert (call.disposition, call.disposed_by, call.disposed_at) == ("sale", "agent", at(80))
    assert (commands, call.live_answer, call.abandoned) == ([Recycle("sale")], True, False)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.BUSY, "busy"),
        (Outcome.NO_ANSWER, "no-answer"),
        (Outcome.FAILED, "failed"),
        (Outcome.CANCELED, "canceled"),
    ],
)
def test_an_unanswered_call_is_disposed_of_by_the_dialer(outcome, code):
    call, commands = hear(Placed(SID), RINGING, Ended(outcome, SID, sip_code=487))
    assert (call.state, call.outcome, call.disposition, call.disposed_by) == (CallState.ENDED, outcome, code, "dialer")
    assert (call.sip_code, commands, call.live_answer) == (487, [Recycle(code)], False)


class TestDisposing:
    def test_on_the_call_it_makes_wrap_up_needless(self):
        call, commands = hear(TO_ANNA, SALE)
        assert commands == []
        _, commands = hear(CustomerLeft(on_line=False), COMPLETED, call=call)
        assert commands == [RELEASED, RELEASED, Recycle("sale")]

    def test_wrap_up_that_ran_out_before_the_last_callback_counts_too(self):
        call, commands = hear(TO_ANNA, CustomerLeft(on_line=False), TIMED_OUT, COMPLETED)
        assert (call.disposition, call.disposed_by) == ("no-disposition", "dialer")
        assert commands == [WRAP_UP, RELEASED, Recycle("no-disposition")]

    def test_a_promised_time_is_kept(self):
        call, commands = hear(TO_ANNA, COMPLETED, Disposed("callback", "agent", at(86_400)))
        assert (call.callback_at, commands[-1]) == (at(86_400), Recycle("callback"))

    def test_a_contradictory_last_word_leaves_it_to_the_agent(self):
        call, commands = hear(TO_ANNA, Ended(Outcome.BUSY, SID))
        assert (call.disposition, commands) == (None, [WRAP_UP])
        assert hear(SALE, call=call)[1] == [Recycle("sale")]

    def test_a_call_without_agent_is_not_for_agents(self):
        for events in ((RINGING,), (TO_NOBODY,), (Placed(SID), Ended(Outcome.BUSY, SID))):
            with pytest.raises(IllegalEvent, match="no agent"):
                hear(*events, SALE)

    def test_a_second_disposition_is_illegal(self):
        with pytest.raises(IllegalEvent, match="already disposed as sale"):
            hear(TO_ANNA, SALE, Disposed("callback", "agent"))


class TestOptOut:
    def test_the_key_suppresses_the_number_and_finishes_the_lead(self):
        call, commands = hear(TO_NOBODY, OPT_OUT, COMPLETED)
        assert (call.opted_out, call.abandoned, call.disposition) == (True, True, "opted-out")
        assert commands == [Suppress("key-press"), Recycle("opted-out")]

    def test_another_key_does_not(self):
        call, commands = hear(TO_NOBODY, KeyPressed("1"), KeyPressed(""))
        assert (call.opted_out, commands) == (False, [])

    def test_pressed_twice_it_is_one_opt_out(self):
        assert hear(TO_NOBODY, OPT_OUT, OPT_OUT)[1] == [Suppress("key-press")]

    def test_it_counts_even_when_it_is_heard_of_after_the_end(self):
        call, commands = hear(TO_NOBODY, COMPLETED, OPT_OUT, OPT_OUT)
        assert (call.opted_out, call.disposition, call.abandoned) == (True, "opted-out", True)
        assert commands == [Recycle("abandoned"), Suppress("key-press"), Recycle("opted-out")]

    def test_after_the_end_it_leaves_an_agents_disposition_alone(self):
        call, _ = hear(TO_ANNA, SALE, COMPLETED)
        call, commands = hear(OPT_OUT, call=call)
        assert (call.disposition, commands) == ("sale", [Suppress("key-press")])

    def test_it_is_the_disposition_when_the_agent_gives_none(self):
        """The carrier's fallback plays the message without our knowing that the agent is gone."""
        call, commands = hear(TO_ANNA, OPT_OUT, COMPLETED, TIMED_OUT)
        assert call.disposition == "opted-out"
        assert commands == [Suppress("key-press"), WRAP_UP, Recycle("opted-out")]

    def test_it_leaves_an_agent_the_last_word_on_the_talk(self):
        call, commands = hear(TO_ANNA, OPT_OUT, COMPLETED, SALE)
        assert (call.disposition, commands[-1]) == ("sale", Recycle("sale"))

    @pytest.mark.parametrize("ended_before", [False, True])
    def test_an_agent_may_be_asked_for_it(self, ended_before):
        asked = Disposed("do-not-call", "agent")
        _, commands = hear(TO_ANNA, *((COMPLETED, asked) if ended_before else (asked, COMPLETED)))
        assert commands.count(Suppress("agent")) == commands.count(Recycle("do-not-call")) == 1
