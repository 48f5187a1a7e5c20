"""Delivery of webhooks: order, failures, limits."""

import threading


def test_callbacks_keep_their_order_when_the_application_is_slow(emulator, application):
    """The next callback of a call waits until the one before it is answered."""
    first = threading.Event()

    def slow(asked) -> int:
        if asked["CallStatus"] == "initiated":
            first.wait(0.2)
        return 204

    application.answers["/status"] = slow
    call = emulator.call("reject")
    application.wait_end(call.sid)
    told = [each["CallStatus"] for each in application.got("/status", CallSid=call.sid)]
    assert told == ["initiated", "ringing", "busy"]


def test_failed_callbacks_are_kept_in_the_record(emulator, application):
    application.answers["/status"] = 500
    call = emulator.call("busy")
    application.wait_end(call.sid)
    probe = emulator.call("busy", status_callback=f"{application.url}/probe")
    application.wait("/probe", count=2, CallSid=probe.sid)
    failures = [each for each in emulator.whole_record()["webhook_failures"] if each["call_sid"] == call.sid]
    assert [(each["code"], each["problem"]) for each in failures] == [(11200, "answered 500")] * 2
    assert failures[0]["url"] == f"{application.url}/status"
