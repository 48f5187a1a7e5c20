"""The call until it is answered, and one that was given up and comes back all the same."""

from dataclasses import replace

import pytest

from campaigns.dispositions import Outcome
from dialer.call import (
    QUEUE_LIMIT,
    Call,
    CallState,
    IllegalEvent,
)
from dialer.commands import HangUp, PlayMessage, Recycle, Suppress
from dialer.counts import placed
from dialer.events import (
    Answered,
    Detected,
    Ended,
    NeverHeardOf,
    Placed,
    Progress,
    Refused,
    Unsure,
)
from tests.dialer.call.stock import (
    COMPLETED,
    FORGOTTEN,
    HUMAN,
    MACHINE,
    OPT_OUT,
    PICKED_UP,
    QUEUED,
    RINGING,
    SALE,
    SID,
    TO_ANNA,
    TO_NOBODY,
    WRAP_UP,
    at,
    hear,
)


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
