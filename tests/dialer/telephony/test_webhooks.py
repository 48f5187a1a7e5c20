"""Twilio's webhooks, with the parameters its documents name, read into events."""

import pytest

from campaigns.dispositions import Outcome
from dialer.events import VERDICTS, Answered, CustomerLeft, Detected, Ended, KeyPressed, Progress
from dialer.telephony.webhooks import (
    UnknownValue,
    answered,
    call_event,
    customer_left,
    detected,
    event_key,
    key_pressed,
    sent_on,
)

SID = "CA0123456789abcdef0123456789abcdef"


def form(**parameters: str) -> dict[str, str]:
    return {"CallSid": SID, "AccountSid": "AC1", "To": "+12125550123", "CallStatus": "in-progress", **parameters}


def status(word: str, **parameters: str) -> dict[str, str]:
    return form(CallStatus=word, CallbackSource="call-progress-events", **parameters)


@pytest.mark.parametrize(
    ("word", "event"),
    [
        ("queued", Progress(SID, ringing=False, queued=True)),
        ("initiated", Progress(SID, ringing=False)),
        ("ringing", Progress(SID, ringing=True)),
        ("in-progress", Progress(SID, ringing=True, picked_up=True)),
        ("answered", Progress(SID, ringing=True, picked_up=True)),
        ("completed", Ended(Outcome.ANSWERED, SID)),
        ("busy", Ended(Outcome.BUSY, SID)),
        ("no-answer", Ended(Outcome.NO_ANSWER, SID)),
        ("failed", Ended(Outcome.FAILED, SID)),
        ("canceled", Ended(Outcome.CANCELED, SID)),
    ],
)
def test_each_call_status_is_one_event(word, event):
    assert call_event(status(word)) == event


@pytest.mark.parametrize("word", ["", "Completed", "on-hold"])
def test_an_unheard_of_call_status_raises(word):
    with pytest.raises(UnknownValue, match="CallStatus"):
        call_event(status(word))


def test_sequence_numbers_count_from_zero_and_a_look_up_has_none():
    assert [call_event(status("ringing", SequenceNumber=n)).sequence for n in ("0", "12")] == [0, 12]
    assert call_event(status("ringing")).sequence == call_event(status("ringing", SequenceNumber="")).sequence == -1


def test_the_sip_code_of_the_end_is_kept():
    ended = call_event(status("failed", SipResponseCode="603", SequenceNumber="2"))
    assert ended == Ended(Outcome.FAILED, SID, sip_code=603, sequence=2)
    assert call_event(status("failed", SipResponseCode="")).sip_code is None


@pytest.mark.parametrize("word", ["two", "-3", "1.5", "²"])
def test_a_number_that_is_none_raises(word):
    with pytest.raises(UnknownValue, match="SequenceNumber"):
        call_event(status("ringing", SequenceNumber=word))
    with pytest.raises(UnknownValue, match="SipResponseCode"):
        call_event(status("busy", SipResponseCode=word))
    with pytest.raises(UnknownValue, match="MachineDetectionDuration"):
        detected(form(AnsweredBy="human", MachineDetectionDuration=word))


@pytest.mark.parametrize("verdict", sorted(VERDICTS))
def test_each_verdict_is_understood_before_and_after_the_answer(verdict):
    assert answered(form(AnsweredBy=verdict), None) == Answered(SID, None, verdict)
    assert detected(form(AnsweredBy=verdict, MachineDetectionDuration="3280")) == Detected(SID, verdict, 3280)
    assert detected(form(AnsweredBy=verdict)) == Detected(SID, verdict, None)


def test_an_unheard_of_verdict_raises():
    for read in (lambda given: answered(given, "anna"), detected):
        with pytest.raises(UnknownValue, match="AnsweredBy 'machine_with_tea'"):
            read(form(AnsweredBy="machine_with_tea"))


def test_without_detection_the_answer_has_no_verdict():
    assert answered(form(), "anna") == answered(form(AnsweredBy=""), "anna") == Answered(SID, "anna", None)


def test_the_pressed_key_is_told_and_none_is_an_empty_one():
    assert key_pressed(form(Digits="9")) == KeyPressed("9")
    assert key_pressed(form()) == KeyPressed("")


def test_whoever_leaves_the_conference_may_still_be_on_the_line():
    assert customer_left(form(CallStatus="in-progress")) == CustomerLeft(on_line=True)
    assert customer_left(form(CallStatus="completed")) == CustomerLeft(on_line=False)
    with pytest.raises(UnknownValue, match="CallStatus"):
        customer_left(form(CallStatus="on-hold"))


def test_repeats_of_a_webhook_have_one_key():
    first = status("ringing", SequenceNumber="1", Timestamp="Mon, 23 Nov 2026 17:00:00 +0000")
    again = dict(reversed(first.items()))
    assert event_key("progress", first) == event_key("progress", again)


DIFFERENT = {
    "initiated": ("progress", status("initiated", SequenceNumber="0")),
    "ringing": ("progress", status("ringing", SequenceNumber="1")),
    "ringing again": ("progress", status("ringing", SequenceNumber="2")),
    "completed": ("progress", status("completed", SequenceNumber="3")),
    "another call's": ("progress", status("completed", SequenceNumber="3") | {"CallSid": "CA2"}),
    "answer": ("answer", form()),
    "answer with a verdict": ("answer", form(AnsweredBy="human")),
    "verdict": ("machine", form(AnsweredBy="human")),
    "other verdict": ("machine", form(AnsweredBy="machine_start")),
    "left": ("left", form()),
    "left for good": ("left", form(CallStatus="completed")),
    "key 1": ("key", form(Digits="1")),
    "key 9": ("key", form(Digits="9")),
}


def test_different_webhooks_of_one_call_have_different_keys():
    keys = {event_key(kind, parameters) for kind, parameters in DIFFERENT.values()}
    assert len(keys) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("more", "never_met"),
    [
        ({}, False),
        ({"ErrorUrl": "https://dialer.example/prefix/voice/answer?a=1"}, True),
        ({"ErrorUrl": "https://dialer.example/voice/left?a=1"}, False),
    ],
)
def test_who_is_sent_on_instead_of_an_answer_met_no_agent(more, never_met):
    assert sent_on(form(**more)) == CustomerLeft(on_line=True, never_met=never_met)


@pytest.mark.parametrize("digits", ["1234567890", "9" * 5000, "٣", "-1", "1.5"])
def test_a_number_that_no_column_holds_raises(digits):
    with pytest.raises(UnknownValue, match="SequenceNumber"):
        call_event(status("ringing", SequenceNumber=digits))


def test_an_error_url_that_is_none_is_not_our_answers():
    assert sent_on(form(ErrorUrl="http://[x/voice/answer")) == CustomerLeft(on_line=True, never_met=False)
