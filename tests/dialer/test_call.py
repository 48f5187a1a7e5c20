"""The call's state machine, as transcripts of what the carrier, agents and the sweep say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.dispositions import CATALOGUE, Outcome
from dialer.call import (
    GIVEN_UP,
    MESSAGE_LIMIT,
    OPT_OUT_KEY,
    QUEUE_LIMIT,
    Call,
    CallState,
    IllegalEvent,
    receive,
)
from dialer.commands import CallCommand, HangUp, PlayMessage, Recycle, ReleaseAgent, Suppress
from dialer.counts import placed
from dialer.events import (
    MACHINES,
    VERDICTS,
    AgentLeft,
    Answered,
    CallEvent,
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

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
LIMIT = 2.0
NEW = Call(CallState.PLACING, connect_seconds=LIMIT)
SID = "CA1"

QUEUED = Progress(SID, ringing=False, sequence=0)
RINGING = Progress(SID, ringing=True, sequence=1)
PICKED_UP = Progress(SID, ringing=True, picked_up=True, sequence=2)
TO_ANNA = Answered(SID, "anna")
TO_NOBODY = Answered(SID, None)
HUMAN = Detected(SID, "human", 1200)
MACHINE = Detected(SID, "machine_start", 3100)
FORGOTTEN = Ended(Outcome.LOST, SID)  # the carrier knows nothing of it any more
COMPLETED = Ended(Outcome.ANSWERED, SID, sequence=3)
SALE = Disposed("sale", "agent")
TIMED_OUT = Disposed("no-disposition", "dialer")
OPT_OUT = KeyPressed(OPT_OUT_KEY)
SEAT_LOST = AgentLeft()

RELEASED = ReleaseAgent(wrap_up=False)
WRAP_UP = ReleaseAgent(wrap_up=True)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def hear(*events: CallEvent, call: Call = NEW, seconds: float = 0.0) -> tuple[Call, list[CallCommand]]:
    """The call after the events, all at one moment, and every command on the way."""
    commands: list[CallCommand] = []
    for event in events:
        call, more = receive(call, event, at(seconds))
        commands += more
    return call, commands


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


class TestPlacing:
    def test_a_callback_before_the_carriers_reply_tells_the_sid(self):
        call, _ = hear(QUEUED, Unsure("time-out"), Placed(SID))
        assert (call.state, call.call_sid, call.error) == (CallState.DIALLED, SID, None)

    def test_an_unsure_request_counts_as_live_until_something_is_heard(self):
        call, commands = hear(Unsure("read time-out"))
        assert (call.state, call.error, commands) == (CallState.UNKNOWN, "read time-out", [])
        call, _ = hear(RINGING, call=call)
        assert (call.state, call.call_sid, call.error) == (CallState.RINGING, SID, None)

    def test_an_unknown_call_may_be_answered_first_of_all(self):
        call, _ = hear(Unsure("reset"), TO_ANNA)
        assert (call.state, call.agent) == (CallState.CONNECTED, "anna")

    @pytest.mark.parametrize(
        ("retry", "outcome", "code"),
        [(True, Outcome.NOT_PLACED, "not-placed"), (False, Outcome.REJECTED, "rejected")],
    )
    def test_a_refused_request_ends_without_a_call(self, retry, outcome, code):
        call, commands = hear(Refused("21211: no such number", retry))
        assert (call.state, call.outcome, call.error) == (CallState.ENDED, outcome, "21211: no such number")
        assert commands == [Recycle(code)]

    def test_a_call_nobody_knows_is_lost(self):
        call, commands = hear(Unsure("reset"), NeverHeardOf())
        assert (call.state, call.outcome, commands) == (CallState.ENDED, Outcome.LOST, [Recycle("lost")])

    @pytest.mark.parametrize("event", [Refused("no", retry=True), NeverHeardOf()])
    def test_a_call_with_a_sid_can_neither_be_refused_nor_lost(self, event):
        with pytest.raises(IllegalEvent, match=SID):
            hear(QUEUED, event)

    @pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.BUSY])
    def test_the_last_word_may_be_the_first(self, outcome):
        call, _ = hear(Unsure("reset"), Ended(outcome, SID))
        assert (call.state, call.call_sid, call.outcome) == (CallState.ENDED, SID, outcome)

    @pytest.mark.parametrize(
        "event",
        [
            Placed("CA2"),
            Progress("CA2", ringing=True),
            Answered("CA2", "anna"),
            Detected("CA2", "human"),
            Ended(Outcome.BUSY, "CA2"),
        ],
    )
    def test_an_event_of_another_call_is_illegal(self, event):
        with pytest.raises(IllegalEvent, match="CA2"):
            hear(Placed(SID), event)


class TestProgress:
    def test_late_progress_does_not_lead_back(self):
        call, _ = hear(PICKED_UP, RINGING, QUEUED)
        assert (call.state, call.answered_at, call.sequence) == (CallState.RINGING, at(0), 2)

    def test_progress_with_an_old_sequence_number_changes_nothing(self):
        call, _ = hear(Placed(SID), replace(QUEUED, sequence=5))
        assert hear(RINGING, call=call) == (call, [])

    def test_a_look_up_has_no_sequence_number_and_is_believed(self):
        call, _ = hear(Placed(SID), replace(QUEUED, sequence=5), replace(RINGING, sequence=-1))
        assert (call.state, call.sequence) == (CallState.RINGING, 5)

    def test_the_answer_is_timed_by_the_first_that_tells_of_it(self):
        call, _ = hear(PICKED_UP)
        call, _ = hear(TO_ANNA, call=call, seconds=1)
        assert (call.answered_at, call.connected_at) == (at(0), at(1))


class TestWithoutAgent:
    def test_a_live_answer_without_agent_is_abandoned_and_hears_the_message(self):
        call, commands = hear(RINGING, TO_NOBODY)
        assert (call.state, call.message_at, call.abandoned, commands) == (CallState.MESSAGE, at(0), True, [])
        call, commands = hear(HUMAN, COMPLETED, call=call)
        assert (call.disposition, call.abandoned, commands) == ("abandoned", True, [Recycle("abandoned")])

    def test_it_is_no_abandoned_call_when_a_machine_heard_the_message(self):
        call, commands = hear(TO_NOBODY, MACHINE)
        assert (call.abandoned, commands) == (False, [HangUp(SID)])
        call, commands = hear(COMPLETED, call=call)
        assert (call.outcome, call.live_answer, commands) == (Outcome.MACHINE, False, [Recycle("machine")])

    def test_asked_again_the_answer_stays(self):
        call, _ = hear(TO_NOBODY)
        assert hear(TO_ANNA, call=call, seconds=1) == (call, [])

    @pytest.mark.parametrize("last_word", [Outcome.ANSWERED, Outcome.FAILED, Outcome.NO_ANSWER])
    def test_picked_up_and_never_connected_is_abandoned_whatever_the_last_word(self, last_word):
        call, commands = hear(PICKED_UP, Ended(last_word, SID))
        assert (call.abandoned, call.live_answer, commands) == (True, True, [Recycle("abandoned")])
        assert "answer webhook" in (call.error or "")

    def test_a_completed_call_of_which_nothing_else_was_heard_is_abandoned(self):
        call, _ = hear(Placed(SID), COMPLETED, seconds=3)
        assert (call.abandoned, call.answered_at) == (True, at(3))

    def test_an_agent_who_comes_too_late_does_not_undo_the_abandonment(self):
        """The carrier may ask late what to do, and the person has waited in silence meanwhile."""
        rung, _ = hear(PICKED_UP)
        in_time, _ = hear(TO_ANNA, call=rung, seconds=LIMIT)
        late, _ = hear(TO_ANNA, call=rung, seconds=LIMIT + 0.1)
        assert (in_time.abandoned, late.abandoned) == (False, True)
        assert (late.state, late.agent) == (CallState.CONNECTED, "anna")
        late, _ = hear(COMPLETED, SALE, call=late, seconds=60)
        assert (late.abandoned, late.live_answer) == (True, True)


class TestAgentGone:
    @pytest.mark.parametrize(
        ("seconds", "abandoned", "code"), [(LIMIT, True, "abandoned"), (LIMIT + 0.1, False, "no-disposition")]
    )
    def test_the_called_party_hears_the_message_and_counts_as_abandoned_within_the_limit(
        self, seconds, abandoned, code
    ):
        call, _ = hear(TO_ANNA)
        call, commands = hear(SEAT_LOST, call=call, seconds=seconds)
        assert (call.state, call.message_at, call.abandoned) == (CallState.MESSAGE, at(seconds), abandoned)
        assert commands == [PlayMessage(SID)]
        call, commands = hear(COMPLETED, call=call, seconds=20)
        assert (call.disposition, call.disposed_by, call.live_answer) == (code, "dialer", True)
        assert commands == [RELEASED, Recycle(code)]

    @pytest.mark.parametrize(("seconds", "abandoned"), [(LIMIT + 5, True), (LIMIT + 40, False)])
    def test_a_seat_found_gone_soon_after_the_connection_counts_as_never_met(self, seconds, abandoned):
        """Nobody has told when it went: the person may have heard nothing but silence."""
        call, _ = hear(TO_ANNA)
        call, commands = hear(AgentLeft(found=True), call=call, seconds=seconds)
        assert (call.state, call.abandoned, commands) == (CallState.MESSAGE, abandoned, [PlayMessage(SID)])

    def test_a_late_connection_stays_abandoned_when_the_agent_leaves(self):
        call, _ = hear(PICKED_UP)
        call, _ = hear(TO_ANNA, SEAT_LOST, call=call, seconds=LIMIT + 5)
        assert call.abandoned

    def test_a_conference_that_ended_under_the_called_party_leads_to_the_message(self):
        call, commands = hear(TO_ANNA, CustomerLeft(on_line=True))
        assert (call.state, call.abandoned, commands) == (CallState.MESSAGE, True, [])

    def test_who_never_met_the_agent_was_abandoned_however_late_it_is_known(self):
        call, _ = hear(TO_ANNA)
        call, commands = hear(CustomerLeft(on_line=True, never_met=True), call=call, seconds=LIMIT + 5)
        assert (call.state, call.abandoned, commands) == (CallState.MESSAGE, True, [RELEASED])

    def test_a_listener_to_the_message_who_stays_far_too_long_is_hung_up(self):
        """The order to play it may have been lost: then there is only silence."""
        call, _ = hear(TO_NOBODY)
        news = replace(PICKED_UP, sequence=-1)
        limit = MESSAGE_LIMIT.total_seconds()
        assert hear(news, call=call, seconds=limit)[1] == []
        assert hear(news, call=call, seconds=limit + 1)[1] == [HangUp(SID)]

    def test_before_the_connection_and_after_it_there_is_nobody_to_leave(self):
        for events in ((RINGING,), (TO_NOBODY,), (TO_ANNA, COMPLETED)):
            call, _ = hear(*events)
            for event in (SEAT_LOST, CustomerLeft(on_line=True), CustomerLeft(on_line=False)):
                assert hear(event, call=call) == (call, [])


def test_a_call_that_the_carrier_keeps_in_its_queue_is_taken_back():
    """It could ring hours later, when nobody is free and it is night."""
    call, _ = hear(Placed(SID))
    queued, limit = replace(QUEUED, sequence=-1), QUEUE_LIMIT.total_seconds()
    assert hear(queued, call=call, seconds=limit)[1] == []
    assert hear(queued, call=call, seconds=limit + 1)[1] == [HangUp(SID)]
    ringing, _ = hear(RINGING, call=call, seconds=3)
    assert hear(queued, call=ringing, seconds=limit + 1) == (ringing, [])


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ([Progress(SID, ringing=False, queued=True)], Outcome.NOT_PLACED),
        ([Progress(SID, ringing=False, queued=True), Progress(SID, ringing=True, sequence=1)], Outcome.CANCELED),
        ([Progress(SID, ringing=False)], Outcome.CANCELED),
    ],
)
def test_a_call_taken_out_of_the_queue_was_none_unless_it_may_have_rung(told, outcome):
    call, _ = hear(Placed(SID))
    late = QUEUE_LIMIT.total_seconds() + 1
    call, _ = hear(*told, Ended(Outcome.CANCELED, SID, sequence=2), call=call, seconds=late)
    assert (call.state, call.outcome) == (CallState.ENDED, outcome)


class TestMachine:
    @pytest.mark.parametrize(
        ("verdict", "outcome", "code"), [("machine_start", Outcome.MACHINE, "machine"), ("fax", Outcome.FAX, "fax")]
    )
    def test_an_agent_with_a_machine_is_freed_without_wrap_up(self, verdict, outcome, code):
        call, commands = hear(TO_ANNA, Detected(SID, verdict))
        assert commands == [HangUp(SID), RELEASED]
        call, commands = hear(CustomerLeft(on_line=False), COMPLETED, call=call)
        assert (call.outcome, call.disposition, call.disposed_by) == (outcome, code, "dialer")
        assert (commands, call.live_answer) == ([RELEASED, Recycle(code)], False)

    def test_no_message_is_played_to_a_machine_whose_agent_leaves(self):
        call, _ = hear(TO_ANNA, MACHINE)
        assert hear(SEAT_LOST, CustomerLeft(on_line=True), call=call) == (call, [])

    def test_with_detection_before_the_answer_no_agent_is_given(self):
        call, commands = hear(Answered(SID, None, "machine_start"))
        assert (call.by_machine, call.agent, commands) == (True, None, [HangUp(SID)])

    def test_an_agent_claimed_for_what_turned_out_a_machine_is_let_go(self):
        """The verdict may be here before the request that claims the agent."""
        call, commands = hear(MACHINE, TO_ANNA)
        assert (call.agent, commands) == (None, [HangUp(SID), HangUp(SID), RELEASED])

    def test_a_verdict_alone_tells_which_call_to_hang_up(self):
        call, commands = hear(Unsure("time-out"), MACHINE)
        assert (call.call_sid, call.answered_at, commands) == (SID, at(0), [HangUp(SID)])

    def test_a_machine_still_on_the_line_is_hung_up_again(self):
        call, _ = hear(TO_ANNA, MACHINE)
        assert hear(replace(PICKED_UP, sequence=-1), call=call)[1] == [HangUp(SID)]

    def test_the_first_verdict_stands(self):
        for first, second in ((HUMAN, MACHINE), (MACHINE, HUMAN)):
            call, _ = hear(TO_ANNA, first)
            assert hear(second, call=call) == (call, [])

    @pytest.mark.parametrize("verdict", sorted(VERDICTS - MACHINES))
    def test_a_doubtful_verdict_is_a_person(self, verdict):
        call, commands = hear(TO_NOBODY, Detected(SID, verdict))
        assert (call.abandoned, call.live_answer, commands) == (True, True, [])

    def test_an_unheard_of_verdict_is_illegal(self):
        with pytest.raises(IllegalEvent, match="martian"):
            hear(TO_ANNA, Detected(SID, "martian"))

    def test_a_pick_up_without_verdict_counts_as_live_only_once_it_is_over(self):
        call, _ = hear(TO_ANNA)
        assert not call.live_answer
        assert hear(COMPLETED, call=call)[0].live_answer
        assert hear(HUMAN, call=call)[0].live_answer

    def test_the_agents_word_outweighs_the_detectors(self):
        call, _ = hear(TO_ANNA, HUMAN, COMPLETED, Disposed("machine", "agent"))
        assert not call.live_answer


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


class TestGivenUp:
    """A call that was given up, lost or never placed as it seemed, may come back all the same."""

    @pytest.fixture(
        params=[
            (Unsure("reset"), NeverHeardOf()),
            (RINGING, FORGOTTEN),
            (Refused("429: slow down", retry=True),),
            (Refused("no", retry=False),),
        ]
    )
    def given_up(self, request: pytest.FixtureRequest) -> Call:
        return hear(*request.param)[0]

    @pytest.mark.parametrize("event", [Placed(SID), QUEUED, RINGING])
    def test_before_it_is_answered_it_is_hung_up(self, given_up, event):
        call, commands = hear(event, call=given_up)
        assert (call.state, call.outcome, call.call_sid) == (CallState.ENDED, given_up.outcome, SID)
        assert commands == [HangUp(SID)]

    @pytest.mark.parametrize("event", [Placed(SID), Progress(SID, ringing=True), Ended(Outcome.BUSY, SID)])
    def test_it_was_dialled_after_all_and_counts_as_placed(self, given_up, event):
        call, _commands = hear(event, call=given_up)
        assert call.dialled_at is not None
        assert placed(call)

    def test_a_person_who_answers_hears_the_message_and_was_abandoned(self, given_up):
        call, commands = hear(TO_NOBODY, call=given_up, seconds=300)
        assert (call.state, call.outcome, call.disposition) == (CallState.ENDED, Outcome.ANSWERED, "abandoned")
        assert (call.abandoned, call.live_answer, call.answered_at) == (True, True, at(300))
        assert (call.message_at, commands) == (at(300), [])

    @pytest.mark.parametrize("event", [PICKED_UP, HUMAN])
    def test_a_person_of_whom_only_a_callback_tells_is_sent_the_message(self, given_up, event):
        call, commands = hear(event, call=given_up, seconds=300)
        assert (call.abandoned, call.answered_at, commands) == (True, at(300), [PlayMessage(SID)])
        assert hear(TO_NOBODY, PICKED_UP, COMPLETED, call=call, seconds=301) == (call, [])

    @pytest.mark.parametrize("event", [MACHINE, Answered(SID, None, "machine_start")])
    def test_a_machine_is_hung_up(self, given_up, event):
        call, commands = hear(event, call=given_up)
        assert (call.outcome, call.disposition, call.abandoned) == (Outcome.MACHINE, "machine", False)
        assert (call.live_answer, commands) == (False, [HangUp(SID)])

    @pytest.mark.parametrize(
        ("outcome", "code", "abandoned"),
        [(Outcome.NO_ANSWER, "no-answer", False), (Outcome.ANSWERED, "abandoned", True)],
    )
    def test_the_carriers_last_word_replaces_ours_without_a_second_recycling(self, given_up, outcome, code, abandoned):
        call, commands = hear(Placed(SID), Ended(outcome, SID), call=given_up)
        assert (call.outcome, call.disposition, call.abandoned) == (outcome, code, abandoned)
        assert (call.message_at, commands) == (None, [HangUp(SID)])

    def test_a_talk_of_which_the_carrier_forgot_the_end_stays_the_agents(self):
        call, commands = hear(TO_ANNA, FORGOTTEN)
        assert (call.disposition, call.abandoned, commands) == (None, False, [WRAP_UP])
        late = (PICKED_UP, TO_NOBODY, MACHINE, Placed(SID), COMPLETED)
        assert hear(*late, call=call, seconds=99) == (call, [])
        assert hear(SALE, call=call)[1] == [Recycle("sale")]

    def test_its_opt_out_counts(self, given_up):
        call, commands = hear(TO_NOBODY, OPT_OUT, call=given_up)
        assert (call.disposition, commands) == ("opted-out", [Suppress("key-press"), Recycle("opted-out")])

    def test_another_calls_return_is_illegal(self, given_up):
        call, _ = hear(Placed(SID), call=given_up)
        with pytest.raises(IllegalEvent, match="CA2"):
            hear(Answered("CA2", None), call=call)


def test_the_end_absorbs_the_carriers_events():
    call, _ = hear(TO_ANNA, COMPLETED)
    carriers = (Placed(SID), QUEUED, RINGING, PICKED_UP, TO_NOBODY, MACHINE, COMPLETED, Ended(Outcome.BUSY, SID))
    assert hear(*carriers, Unsure("late"), NeverHeardOf(), call=call, seconds=99) == (call, [])


BEFORE_ANSWER = {CallState.PLACING, CallState.UNKNOWN, CallState.DIALLED, CallState.RINGING}
LAST_WORDS = [Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED, Outcome.CANCELED, Outcome.LOST]
ANY_SID = st.sampled_from([SID] * 9 + ["CA2"])
EVENTS = st.one_of(
    st.builds(Placed, ANY_SID),
    st.builds(Refused, st.just("no"), st.booleans()),
    st.just(Unsure("time-out")),
    st.builds(Progress, ANY_SID, st.booleans(), st.booleans(), st.integers(-1, 4)),
    st.builds(Answered, ANY_SID, st.sampled_from([None, "anna"]), st.sampled_from([None, None, *sorted(VERDICTS)])),
    st.builds(Detected, ANY_SID, st.sampled_from([*sorted(VERDICTS), "martian"])),
    st.builds(KeyPressed, st.sampled_from("19")),
    st.builds(CustomerLeft, st.booleans()),
    st.builds(AgentLeft, st.booleans()),
    st.builds(Ended, st.sampled_from(LAST_WORDS), ANY_SID, st.none(), st.integers(-1, 4)),
    st.just(NeverHeardOf()),
    st.builds(Disposed, st.sampled_from(["sale", "do-not-call", "machine", "no-disposition"]), st.just("agent")),
)
TIMED_EVENTS = st.lists(st.tuples(st.floats(0, 3), EVENTS), max_size=14)


def as_claimed(call: Call, event: CallEvent) -> CallEvent:
    """An agent is only ever claimed for a call that has none yet."""
    if isinstance(event, Answered) and call.state not in BEFORE_ANSWER:
        return replace(event, agent=None)
    return event


@given(TIMED_EVENTS)
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
                assert call.abandoned == before.abandoned
        assert not (call.abandoned and (call.answered_at is None or call.by_machine))
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
