from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.dispositions import CATALOGUE, Outcome, UnknownDisposition
from campaigns.lead import Priority
from campaigns.recycling import RETRIES, Again, Ending, Finished, recycle, retires_phone, uses_try

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CODES = st.sampled_from(sorted(CATALOGUE))
RETRIED = sorted(code for code, entry in CATALOGUE.items() if not entry.final)


def after(
    code,
    *,
    tries_of_it=1,
    attempts=1,
    attempts_per_lead=10,
    phones_left=True,
    callback_at=None,
    now=NOON,
):
    return recycle(
        code,
        tries_of_it=tries_of_it,
        attempts=attempts,
        attempts_per_lead=attempts_per_lead,
        phones_left=phones_left,
        callback_at=callback_at,
        now=now,
    )


def wait(code, tries_of_it=1):
    again = after(code, tries_of_it=tries_of_it)
    assert isinstance(again, Again)
    return again.due_at - NOON


def test_every_disposition_is_either_final_or_has_a_retry():
    assert sorted(RETRIES) == RETRIED


def test_every_network_outcome_but_an_answer_has_a_retry():
    assert {outcome.value for outcome in Outcome} - {"answered"} <= set(RETRIES)


@pytest.mark.parametrize("code", RETRIED)
def test_a_number_that_can_be_retired_has_a_limit_of_tries(code):
    assert not CATALOGUE[code].retire_phone or RETRIES[code].tries is not None


@given(
    code=CODES,
    tries_of_it=st.integers(1, 30),
    attempts=st.integers(0, 12),
    limit=st.integers(1, 12),
    phones_left=st.booleans(),
    callback=st.none() | st.timedeltas(timedelta(days=-3), timedelta(days=30)),
)
def test_never_due_before_the_attempt_and_never_beyond_the_limit(
    code, tries_of_it, attempts, limit, phones_left, callback
):
    result = after(
        code,
        tries_of_it=tries_of_it,
        attempts=attempts,
        attempts_per_lead=limit,
        phones_left=phones_left,
        callback_at=None if callback is None else NOON + callback,
    )
    if isinstance(result, Again):
        assert result.due_at >= NOON
        assert attempts < limit
        assert phones_left
        assert not CATALOGUE[code].final


@given(st.lists(CODES, max_size=60), st.integers(1, 6))
def test_a_lead_is_never_dialled_more_often_than_the_campaign_allows(codes, limit):
    """Played through attempt by attempt, as the dialer would."""
    used, tries = 0, dict.fromkeys(CATALOGUE, 0)
    for code in codes:
        tries[code] += 1
        used += uses_try(code)
        if isinstance(after(code, tries_of_it=tries[code], attempts=used, attempts_per_lead=limit), Finished):
            break
    assert used <= limit


@pytest.mark.parametrize("code", sorted(set(CATALOGUE) - set(RETRIED)))
def test_a_final_disposition_finishes_the_lead_even_with_a_promised_time(code):
    assert after(code, callback_at=NOON + timedelta(hours=1)) == Finished(Ending.DISPOSITION)


@pytest.mark.parametrize("code", ["sale", "complete", "do-not-call", "opted-out"])
def test_final_ones(code):
    assert after(code) == Finished(Ending.DISPOSITION)


def test_a_promised_time_is_kept_with_priority():
    promised = NOON + timedelta(days=9)
    assert after("callback", tries_of_it=7, callback_at=promised) == Again(promised, Priority.CALLBACK)


def test_a_promised_time_that_has_passed_is_due_at_once():
    assert after("callback", callback_at=NOON - timedelta(minutes=1)) == Again(NOON, Priority.CALLBACK)


def test_a_promised_time_is_ignored_for_what_is_no_callback():
    assert after("busy", callback_at=NOON + timedelta(days=9)) == Again(NOON + timedelta(minutes=15), Priority.RECYCLED)


def test_a_callback_without_a_time_waits_some_hours():
    assert after("callback") == Again(NOON + timedelta(hours=4), Priority.CALLBACK)


def test_an_abandoned_person_is_left_in_peace_for_three_days():
    assert wait("abandoned") == timedelta(hours=72)


@given(st.integers(1, 20))
def test_a_lost_attempt_waits_at_least_a_day(tries_of_it):
    assert wait("lost", tries_of_it) >= timedelta(days=1)


def test_a_busy_line_is_tried_soon_and_then_more_slowly():
    minutes = [wait("busy", tries_of_it) / timedelta(minutes=1) for tries_of_it in range(1, 6)]
    assert minutes == [15, 15, 15, 240, 240]


@given(st.integers(1, 8))
def test_a_machine_is_tried_on_another_day_at_another_time_of_day(tries_of_it):
    hours = wait("machine", tries_of_it) / timedelta(hours=1)
    assert hours >= 18
    assert 4 <= hours % 24 <= 20


@pytest.mark.parametrize("code", ["not-placed", "canceled"])
def test_what_the_called_party_never_noticed_uses_up_no_try(code):
    assert not uses_try(code)
    assert isinstance(after(code, tries_of_it=50, attempts=0, attempts_per_lead=1), Again)


def test_everything_else_uses_up_a_try():
    assert {code for code in CATALOGUE if not uses_try(code)} == {"not-placed", "canceled"}


def test_a_lost_attempt_counts():
    assert after("lost", attempts=3, attempts_per_lead=3) == Finished(Ending.ATTEMPTS)


def test_a_lead_without_phones_is_finished():
    assert after("wrong-number", phones_left=False) == Finished(Ending.PHONES)


@pytest.mark.parametrize("code", ["wrong-number", "not-in-service", "rejected"])
def test_a_bad_number_is_retired_at_once_and_the_next_phone_is_due(code):
    assert retires_phone(code, 1)
    assert after(code) == Again(NOON, Priority.RECYCLED)


@pytest.mark.parametrize("code", ["failed", "fax"])
def test_a_doubtful_number_is_retired_after_two_dials_on_two_days(code):
    assert not retires_phone(code, 1)
    assert wait(code) == timedelta(days=1)
    assert retires_phone(code, 2)


@pytest.mark.parametrize("code", ["busy", "no-answer", "machine", "abandoned", "sale", "hung-up"])
def test_a_number_that_works_is_never_retired(code):
    assert not retires_phone(code, 100)


def test_who_hangs_up_twice_is_not_called_again():
    assert wait("hung-up") == timedelta(days=1)
    assert after("hung-up", tries_of_it=2) == Finished(Ending.TRIES)


def test_a_soft_refusal_rests_for_a_week_and_is_tried_once_more():
    assert wait("soft-refusal") == timedelta(days=7)
    assert after("soft-refusal", tries_of_it=2) == Finished(Ending.TRIES)


def test_an_unknown_disposition_is_refused():
    with pytest.raises(UnknownDisposition):
        after("nonsense")
