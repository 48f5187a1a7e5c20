"""Faults: seeded by themselves, and each one as the application meets it."""

import time
from collections.abc import Iterator

import pytest
import requests
from pydantic import ValidationError
from twilio.base.exceptions import TwilioRestException

from dialer.emulator.faults import Dice, Faults, Next

ONCE = {"next": 1}


def strikes(seed: int, chance: float, others: int = 0) -> list[bool]:
    dice = Dice(seed)
    dice.change(Faults(callback_lost=chance, callback_late=0.5))
    for _ in range(others):
        dice.strikes("callback_late")
    return [dice.strikes("callback_lost") for _ in range(1000)]


def test_the_same_seed_strikes_the_same_whatever_other_faults_do():
    assert strikes(1, 0.3) == strikes(1, 0.3, others=7)
    assert strikes(1, 0.3) != strikes(2, 0.3)


def test_a_chance_strikes_about_that_often():
    assert 250 < sum(strikes(1, 0.3)) < 350
    assert sum(strikes(1, 0.0)) == 0
    assert sum(strikes(1, 1.0)) == 1000


def test_a_count_strikes_exactly_so_often_and_is_counted():
    dice = Dice(1)
    dice.change(Faults(slow_create=Next(next=2)))
    assert [dice.strikes("slow_create") for _ in range(4)] == [True, True, False, False]
    assert dice.struck == {"slow_create": 2}


def test_a_change_leaves_the_faults_that_are_not_named():
    dice = Dice(1)
    dice.change(Faults(slow_create=1.0))
    dice.change(Faults(callback_lost=0.5))
    assert (dice.faults.slow_create, dice.faults.callback_lost) == (1.0, 0.5)


@pytest.mark.parametrize("faults", [{"slow": 1}, {"slow_create": 1.5}, {"slow_create": {"next": -1}}])
def test_nonsense_is_refused(emulator, faults):
    with pytest.raises(ValidationError):
        Faults.model_validate(faults)
    assert emulator.faults(**faults).status_code == 422


def placed(emulator, address: str) -> int:
    return emulator.whole_record()["dials"].get(address, 0)


@pytest.fixture
def own(emulator) -> Iterator:
    """An emulator whose faults end with the test."""
    yield emulator
    emulator.faults(**{name: 0 for name, field in Faults.model_fields.items() if field.default == 0})


def test_429_places_nothing(own):
    own.faults(too_many_requests=ONCE)
    with pytest.raises(TwilioRestException) as error:
        own.call("client:refused")
    assert (error.value.status, error.value.code) == (429, 20429)
    assert placed(own, "client:refused") == 0
    assert own.call("busy").sid


def test_an_error_before_placing_places_nothing_and_one_after_does(own):
    own.faults(error_before_placing=ONCE)
    with pytest.raises(TwilioRestException) as before:
        own.call("client:error")
    assert (before.value.status, placed(own, "client:error")) == (503, 0)
    own.faults(error_after_placing=ONCE)
    with pytest.raises(TwilioRestException) as after:
        own.call("client:error")
    assert (after.value.status, placed(own, "client:error")) == (503, 1)


def test_a_reset_connection_hides_a_call_that_lives(own, application):
    own.faults(reset_after_placing=ONCE)
    with pytest.raises(requests.ConnectionError):
        own.call("client:reset")
    (call,) = own.client.calls.list(to="client:reset")
    application.wait_end(call.sid)
    assert own.call("busy").sid


def test_a_slow_answer_comes_after_the_call_has_begun(own, application):
    own.faults(slow_create=ONCE, slow_seconds=0.3)
    start = time.monotonic()
    call = own.call("busy")
    assert time.monotonic() - start >= 0.3
    assert application.wait_end(call.sid).at - start < 0.3


def test_a_callback_can_come_before_the_answer(own, application):
    own.faults(callback_before_create=ONCE)
    call = own.call("no-answer")
    assert [each["CallStatus"] for each in application.got("/status", CallSid=call.sid)][:1] == ["initiated"]
    assert call.status == "queued"


def test_other_requests_fail_without_touching_creates(own):
    own.faults(other_requests_fail=ONCE)
    call = own.call("busy")
    with pytest.raises(TwilioRestException) as error:
        own.client.calls(call.sid).fetch()
    assert error.value.status == 503
    assert own.client.calls(call.sid).fetch().sid == call.sid


def test_a_list_lags_but_a_fetch_does_not(own):
    own.faults(list_lag_seconds=60)
    call = own.call("client:lag")
    assert own.client.calls.list(to=call.to) == []
    assert own.client.calls(call.sid).fetch().sid == call.sid
    own.faults(list_lag_seconds=0)
    assert [each.sid for each in own.client.calls.list(to=call.to)] == [call.sid]


def told(application, sid: str) -> list[str]:
    return [each["CallStatus"] for each in application.got("/status", CallSid=sid)]


def test_a_lost_callback_leaves_a_gap_in_the_sequence(own, application):
    own.faults(callback_lost=ONCE)
    call = own.call("busy")
    assert application.wait_end(call.sid)["SequenceNumber"] == "1"
    assert told(application, call.sid) == ["busy"]


def test_a_doubled_callback_is_the_same_twice(own, application):
    own.faults(callback_doubled=ONCE)
    call = own.call("busy")
    application.wait_end(call.sid)
    first, second = application.got("/status", CallSid=call.sid, CallStatus="initiated")
    assert first.form == second.form


@pytest.mark.parametrize(
    ("fault", "delay"), [("callback_late", "late_seconds"), ("callback_reordered", "reorder_seconds")]
)
def test_a_late_callback_is_overtaken(own, application, fault, delay):
    own.faults(**{fault: ONCE, delay: 0.3})
    call = own.call("busy")
    application.wait("/status", CallSid=call.sid, count=2)
    assert told(application, call.sid) == ["busy", "initiated"]
    assert own.whole_record()["faults_struck"][fault] == 1
