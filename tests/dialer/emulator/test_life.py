"""Every way a call can go, as the application is told of it."""

import pytest

from dialer.emulator.life import verdict_of
from dialer.emulator.parameters import Detection
from dialer.simulation.callees import Callee, Kind

HANGUP = "<Response><Hangup/></Response>"
PAUSE = "<Response><Pause length='1'/></Response>"


@pytest.mark.parametrize(
    ("script", "told", "sip_code"),
    [
        ("human", ["initiated", "ringing", "in-progress", "completed"], "200"),
        ("machine", ["initiated", "ringing", "in-progress", "completed"], "200"),
        ("fax", ["initiated", "ringing", "in-progress", "completed"], "200"),
        ("busy", ["initiated", "busy"], "486"),
        ("reject", ["initiated", "ringing", "busy"], "603"),
        ("failed", ["initiated", "failed"], "404"),
        ("no-answer", ["initiated", "ringing", "no-answer"], "487"),
        ("client:anna", ["initiated", "ringing", "in-progress", "completed"], "200"),
    ],
)
def test_each_outcome_is_told_in_order(emulator, application, script, told, sip_code):
    application.answers["/answer"] = HANGUP
    call = emulator.call(script, timeout=1)
    end = application.wait_end(call.sid)
    asked = application.got("/status", CallSid=call.sid)
    assert [each["CallStatus"] for each in asked] == told
    assert [each["SequenceNumber"] for each in asked] == [str(number) for number in range(len(told))]
    assert all(each.genuine and each["CallbackSource"] == "call-progress-events" for each in asked)
    assert end["SipResponseCode"] == sip_code
    assert {"CallDuration", "Timestamp", "To", "From", "AccountSid", "Direction"} <= end.form.keys()


def test_only_the_end_is_told_unless_asked_for_more(emulator, application):
    call = emulator.call("busy", status_callback_event=[])
    assert application.wait_end(call.sid)["SequenceNumber"] == "0"
    assert len(application.got("/status", CallSid=call.sid)) == 1


def test_space_joined_events_are_never_told(emulator, application):
    """Twilio accepts the joined form and then sends nothing (21626)."""
    silent = emulator.call("busy", status_callback_event=["initiated completed"])
    application.wait_end(emulator.call("reject").sid)
    assert emulator.client.calls(silent.sid).fetch().status == "busy"
    assert application.got("/status", CallSid=silent.sid) == []


def test_a_call_has_no_start_time_until_it_leaves_the_queue(another_emulator, application):
    emulator = another_emulator(calls_per_second=1.0)
    first, second = emulator.call("busy"), emulator.call("busy")
    assert (first.queue_time, first.status) == ("0", "queued")
    assert 500 < int(second.queue_time) <= 1000
    assert emulator.client.calls(second.sid).fetch().start_time is None
    first_begins = application.wait("/status", CallSid=first.sid, CallStatus="initiated")[0].at
    second_begins = application.wait("/status", CallSid=second.sid, CallStatus="initiated")[0].at
    assert second_begins - first_begins > 0.8


def test_a_call_cancelled_in_the_queue_never_rings(another_emulator, application):
    emulator = another_emulator(calls_per_second=1.0)
    emulator.call("busy")
    queued = emulator.call("human")
    assert emulator.client.calls(queued.sid).update(status="canceled").status == "canceled"
    end = application.wait_end(queued.sid)
    assert [each["CallStatus"] for each in application.got("/status", CallSid=queued.sid)] == ["canceled"]
    assert end["CallDuration"] == "0"
    assert emulator.record(queued.sid)["ringing"] is None


def test_a_ringing_call_that_is_completed_ends_cancelled(emulator, application):
    call = emulator.call("no-answer")
    application.wait("/status", CallSid=call.sid, CallStatus="ringing")
    assert emulator.client.calls(call.sid).update(status="completed").status == "canceled"


def test_an_answered_call_is_not_cancelled_but_can_be_completed(emulator, application):
    application.answers["/answer"] = PAUSE
    call = emulator.call("machine")
    application.wait("/answer", CallSid=call.sid)
    assert emulator.client.calls(call.sid).update(status="canceled").status == "in-progress"
    assert emulator.client.calls(call.sid).update(status="completed").status == "completed"
    assert emulator.record(call.sid)["ended_by"] == "api"


def test_the_time_limit_ends_a_call_which_then_has_a_length_and_a_price(emulator, application):
    application.answers["/answer"] = "<Response><Pause length='60'/></Response>"
    placed = emulator.call("client:anna", time_limit=1)
    assert application.wait_end(placed.sid)["CallDuration"] == "1"
    assert emulator.record(placed.sid)["ended_by"] == "carrier"
    call = emulator.client.calls(placed.sid).fetch()
    assert (call.status, call.duration, call.price, call.price_unit) == ("completed", "1", "-0.01400", "USD")
    assert call.start_time <= call.end_time


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("human", "human"),
        ("machine", "machine_start"),
        ("fax", "fax"),
        ("human-as-machine", "machine_start"),
        ("machine-as-human", "human"),
    ],
)
def test_asynchronous_detection_calls_back_while_the_call_goes_on(emulator, application, script, verdict):
    application.answers["/answer"] = "<Response><Pause length='5'/></Response>"
    callback = f"{application.url}/machine"
    call = emulator.call(script, machine_detection="Enable", async_amd="true", async_amd_status_callback=callback)
    told = application.wait("/machine", CallSid=call.sid)[0]
    assert told.genuine
    assert told.form == {
        "CallSid": call.sid,
        "AccountSid": call.account_sid,
        "AnsweredBy": verdict,
        "MachineDetectionDuration": "80",
    }
    assert "AnsweredBy" not in application.got("/answer", CallSid=call.sid)[0].form
    assert emulator.client.calls(call.sid).fetch().answered_by == verdict


def test_synchronous_detection_asks_for_the_document_after_the_verdict(emulator, application):
    application.answers["/answer"] = HANGUP
    call = emulator.call("machine", machine_detection="Enable")
    answered = application.wait("/status", CallSid=call.sid, CallStatus="in-progress")[0]
    asked = application.wait("/answer", CallSid=call.sid)[0]
    assert asked["AnsweredBy"] == "machine_start"
    assert asked.at - answered.at > 0.04


def test_no_verdict_on_an_agent(emulator, application):
    application.answers["/answer"] = HANGUP
    call = emulator.call("client:anna", machine_detection="Enable")
    assert "AnsweredBy" not in application.wait("/answer", CallSid=call.sid)[0].form


@pytest.mark.parametrize(
    ("kind", "verdict", "to_message_end", "limit", "expected"),
    [
        (Kind.MACHINE, "machine_start", False, 30.0, ("machine_start", 2.0)),
        (Kind.MACHINE, "machine_start", True, 30.0, ("machine_end_beep", 9.0)),
        (Kind.HUMAN, "machine_start", True, 30.0, ("machine_end_silence", 9.0)),
        (Kind.MACHINE, "machine_start", True, 5.0, ("unknown", 5.0)),
        (Kind.HUMAN, "human", True, 30.0, ("human", 2.0)),
    ],
)
def test_the_verdict_at_the_end_of_the_message(kind, verdict, to_message_end, limit, expected):
    callee = Callee(kind=kind, greeting_seconds=9.0, verdict=verdict, detection_seconds=2.0)
    assert verdict_of(callee, Detection(to_message_end, False, None, limit)) == expected
