"""An answered call: with an agent, without one, and by a machine."""

from dataclasses import replace

import pytest

from campaigns.dispositions import Outcome
from dialer.call import (
    MESSAGE_LIMIT,
    CallState,
    IllegalEvent,
)
from dialer.commands import HangUp, PlayMessage, Recycle
from dialer.events import (
    MACHINES,
    VERDICTS,
    AgentLeft,
    Answered,
    CustomerLeft,
    Detected,
    Disposed,
    Ended,
    HadMet,
    Placed,
    Unsure,
)
from tests.dialer.call.stock import (
    COMPLETED,
    HUMAN,
    LIMIT,
    MACHINE,
    NOBODY_YET,
    PICKED_UP,
    RELEASED,
    RINGING,
    SALE,
    SEAT_LOST,
    SID,
    TO_ANNA,
    TO_NOBODY,
    at,
    hear,
)


class TestWaiting:
    """For an agent to become free, for half of the time that the law gives."""

    def test_whoever_may_wait_hears_nothing_yet_and_is_not_abandoned(self):
        call, commands = hear(RINGING, NOBODY_YET)
        assert (call.state, call.answered_at, call.abandoned, commands) == (CallState.WAITING, at(0), False, [])
        assert hear(NOBODY_YET, PICKED_UP, call=call, seconds=LIMIT / 2 - 0.01)[0].state is CallState.WAITING

    def test_an_agent_who_becomes_free_meanwhile_has_met_them_in_time(self):
        call, _ = hear(NOBODY_YET)
        call, commands = hear(TO_ANNA, call=call, seconds=LIMIT / 2)
        assert (call.state, call.agent, call.abandoned, commands) == (CallState.CONNECTED, "anna", False, [])

    @pytest.mark.parametrize(("asked", "seconds"), [(TO_NOBODY, 0.5), (NOBODY_YET, LIMIT / 2), (NOBODY_YET, -60)])
    def test_in_the_end_the_message_is_heard_also_when_the_clock_was_set_back(self, asked, seconds):
        call, _ = hear(NOBODY_YET)
        call, _ = hear(asked, call=call, seconds=seconds)
        assert (call.state, call.message_at, call.abandoned) == (CallState.MESSAGE, at(seconds), True)

    def test_the_time_before_the_carrier_asked_counts(self):
        call, _ = hear(PICKED_UP)
        assert hear(NOBODY_YET, call=call, seconds=LIMIT / 2)[0].state is CallState.MESSAGE

    def test_who_hangs_up_meanwhile_was_abandoned_and_the_carrier_did_ask(self):
        call, commands = hear(NOBODY_YET, COMPLETED)
        assert (call.abandoned, call.error, commands) == (True, None, [Recycle("abandoned")])

    @pytest.mark.parametrize("never_met", [True, False])
    @pytest.mark.parametrize("seconds", [0, LIMIT + 1])
    def test_who_is_sent_to_the_fallback_meanwhile_hears_the_message_there(self, never_met, seconds):
        call, _ = hear(NOBODY_YET)
        call, _ = hear(CustomerLeft(on_line=True, never_met=never_met), call=call, seconds=seconds)
        assert (call.state, call.message_at, call.abandoned) == (CallState.MESSAGE, at(seconds), True)

    @pytest.mark.parametrize("before", [Placed(SID), RINGING, PICKED_UP])
    def test_nobody_is_given_an_agent_who_is_at_the_fallback_already(self, before):
        """The carrier asks one node after the other, and one that stood still takes its request afterwards."""
        call, _ = hear(before, CustomerLeft(on_line=True, never_met=True))
        assert (call.state, call.answered_at, call.abandoned) == (CallState.MESSAGE, at(0), True)
        assert hear(TO_ANNA, call=call, seconds=3) == (call, [])

    def test_a_machine_is_hung_up_and_gets_no_agent(self):
        call, commands = hear(NOBODY_YET, MACHINE)
        assert (call.abandoned, call.unmet_machine, commands) == (False, True, [HangUp(SID)])
        call, commands = hear(TO_ANNA, call=call, seconds=0.5)
        assert (call.agent, commands) == (None, [HangUp(SID), RELEASED])


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

    def test_a_machine_that_an_agent_left_before_the_verdict_was_not_met(self):
        call, _ = hear(TO_ANNA)
        call, _ = hear(SEAT_LOST, MACHINE, call=call, seconds=1)
        assert (call.abandoned, call.unmet_machine) == (False, True)

    @pytest.mark.parametrize(("seconds", "abandoned"), [(LIMIT + 5, True), (LIMIT + 40, False)])
    def test_a_seat_found_gone_soon_after_the_connection_counts_as_never_met(self, seconds, abandoned):
        """Nobody has told when it went: the person may have heard nothing but silence."""
        call, _ = hear(TO_ANNA)
        call, commands = hear(AgentLeft(found=True), call=call, seconds=seconds)
        assert (call.state, call.abandoned, commands) == (CallState.MESSAGE, abandoned, [PlayMessage(SID)])

    @pytest.mark.parametrize("ended", [False, True])
    def test_that_they_had_met_takes_it_back(self, ended):
        call, _ = hear(TO_ANNA)
        call, _ = hear(AgentLeft(found=True), call=call, seconds=LIMIT + 5)
        call, _ = hear(*[COMPLETED] * ended, call=call, seconds=LIMIT + 6)
        call, commands = hear(HadMet(), call=call, seconds=LIMIT + 7)
        assert (call.abandoned, commands) == (False, [])
        call, _ = hear(COMPLETED, call=call, seconds=LIMIT + 8)
        assert (call.disposition, call.abandoned) == ("no-disposition", False)

    @pytest.mark.parametrize(("answered", "left"), [(0.0, LIMIT), (-LIMIT - 1, LIMIT + 5)], ids=["at once", "late"])
    def test_whom_the_agent_left_at_once_or_met_late_stays_abandoned_though_they_had_met(self, answered, left):
        call, _ = hear(PICKED_UP, seconds=answered)
        call, _ = hear(TO_ANNA, call=call)
        call, _ = hear(AgentLeft(found=True), call=call, seconds=left)
        call, _ = hear(HadMet(), call=call, seconds=left + 1)
        assert call.abandoned

    def test_what_the_carrier_said_last_stays_the_outcome_when_they_had_met(self):
        lost = Ended(Outcome.FAILED, SID)
        found = AgentLeft(found=True)
        before, _ = hear(TO_ANNA)
        before, _ = hear(found, call=before, seconds=LIMIT + 5)
        told_first, _ = hear(HadMet(), lost, call=before, seconds=LIMIT + 6)
        told_last, _ = hear(lost, HadMet(), call=before, seconds=LIMIT + 6)
        assert (told_last.abandoned, told_last.disposition) == (False, told_first.disposition)

    def test_a_machine_is_not_abandoned_though_they_had_met(self):
        call, _ = hear(TO_ANNA, SEAT_LOST, MACHINE)
        assert hear(HadMet(), call=call) == (call, [])

    def test_a_clock_set_back_since_the_answer_does_not_make_the_end_of_a_talk_an_early_one(self):
        call, _ = hear(TO_ANNA)
        call, commands = hear(SEAT_LOST, call=call, seconds=-5400)
        assert (call.state, call.abandoned, commands) == (CallState.MESSAGE, False, [PlayMessage(SID)])

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

    def test_whom_the_agent_left_hears_the_message_when_the_order_for_it_was_lost(self):
        call, _ = hear(TO_ANNA, SEAT_LOST)
        looked_up = replace(PICKED_UP, sequence=-1)
        assert hear(looked_up, call=call, seconds=25)[1] == []
        assert hear(PICKED_UP, call=call, seconds=26)[1] == []
        assert hear(looked_up, call=call, seconds=26)[1] == [PlayMessage(SID)]
        limit = MESSAGE_LIMIT.total_seconds()
        assert hear(replace(PICKED_UP, sequence=-1), call=call, seconds=limit + 1)[1] == [HangUp(SID)]

    def test_before_the_connection_and_after_it_there_is_nobody_to_leave(self):
        for events in ((RINGING,), (TO_NOBODY,), (TO_ANNA, COMPLETED)):
            call, _ = hear(*events)
            for event in (SEAT_LOST, CustomerLeft(on_line=True), CustomerLeft(on_line=False)):
                assert hear(event, call=call) == (call, [])


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

    @pytest.mark.parametrize(
        ("answered", "to", "heard", "unmet"),
        [
            (0.0, TO_ANNA, 2001, False),
            (0.0, TO_ANNA, 2000, True),
            (0.0, TO_ANNA, None, True),
            (-LIMIT, TO_ANNA, 5000, False),
            (-LIMIT - 0.1, TO_ANNA, 5000, True),
            (0.0, TO_NOBODY, 5000, True),
        ],
    )
    def test_a_person_taken_for_one_was_abandoned_unless_an_agent_had_met_them(self, answered, to, heard, unmet):
        call, _ = hear(PICKED_UP, seconds=answered)
        call, _ = hear(to, Detected(SID, "machine_start", heard), COMPLETED, call=call)
        assert call.unmet_machine is unmet

    @pytest.mark.parametrize("known_at", ["before the verdict", "after it"])
    def test_who_never_met_the_agent_was_not_met_whenever_that_is_known(self, known_at):
        never_met = CustomerLeft(on_line=True, never_met=True)
        told = (never_met, MACHINE) if known_at == "before the verdict" else (MACHINE, never_met)
        call, _ = hear(TO_ANNA, *told, COMPLETED)
        assert call.unmet_machine

    def test_whom_the_detector_heard_as_a_person_is_no_machine(self):
        assert not hear(TO_NOBODY, HUMAN, COMPLETED)[0].unmet_machine

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
