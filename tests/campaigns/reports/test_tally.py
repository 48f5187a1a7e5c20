import pytest

from campaigns.dispositions import UnknownDisposition
from campaigns.reports.tally import Cell, Ratio, tally


def cell(disposition, attempts, *, answered=False, abandoned=False, live=False):
    return Cell(key=None, live=live, disposition=disposition, answered=answered, abandoned=abandoned, attempts=attempts)


def test_a_ratio_without_a_denominator_is_undefined():
    assert Ratio(0, 0).value is None
    assert Ratio(0, 4).value == 0
    assert Ratio(1, 4).value == 0.25


def test_no_attempts_leave_every_rate_undefined():
    nothing = tally([])
    assert nothing.attempts == 0
    rates = (nothing.drop_rate, nothing.answer_rate, nothing.contact_rate, nothing.conversion)
    assert [rate.value for rate in rates] == [None] * 4


def test_attempts_are_the_sum_of_dispositions_undisposed_and_live():
    counted = tally([cell("busy", 3), cell("busy", 2), cell(None, 4, answered=True), cell("sale", 1, live=True)])
    assert (counted.attempts, counted.live, counted.undisposed, counted.dispositions) == (10, 1, 4, {"busy": 5})


def test_the_drop_rate_is_abandoned_calls_over_answers_by_persons():
    counted = tally(
        [
            cell("sale", 90, answered=True),
            cell("abandoned", 3, answered=True, abandoned=True),
            cell("opted-out", 1, answered=True, abandoned=True),
            cell(None, 6, answered=True),
            cell("machine", 50),
            cell("no-answer", 200),
        ]
    )
    assert counted.drop_rate == Ratio(4, 100)


def test_what_the_agent_heard_to_be_a_machine_is_no_live_answer():
    assert tally([cell("machine", 7, answered=True), cell("sale", 1, answered=True)]).drop_rate == Ratio(0, 1)


def test_a_call_on_the_line_counts_in_the_drop_rate_and_in_no_other():
    counted = tally([cell(None, 2, answered=True, live=True), cell("sale", 1, answered=True, live=True)])
    assert counted.drop_rate == Ratio(0, 3)
    assert counted.answer_rate == counted.contact_rate == Ratio(0, 0)
    assert counted.conversion == Ratio(0, 0)


def test_what_the_carrier_never_placed_was_not_dialled():
    counted = tally([cell("not-placed", 5), cell("rejected", 5), cell("lost", 1), cell("sale", 1, answered=True)])
    assert counted.dialled == 2
    assert counted.answer_rate == Ratio(1, 2)


def test_contacts_and_conversion_follow_the_flags():
    counted = tally(
        [
            cell("sale", 2, answered=True),
            cell("not-interested", 6, answered=True),
            cell("wrong-number", 5, answered=True),
            cell("no-answer", 7),
        ]
    )
    assert counted.contact_rate == Ratio(8, 20)
    assert counted.conversion == Ratio(2, 8)


def test_a_completed_interview_converts():
    assert tally([cell("complete", 1, answered=True), cell("refusal", 3, answered=True)]).conversion == Ratio(1, 4)


def test_a_disposition_that_is_in_no_catalogue_is_not_counted_silently():
    with pytest.raises(UnknownDisposition):
        _ = tally([cell("nonsense", 1)]).contacts
