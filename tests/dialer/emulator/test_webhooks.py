"""Delivery of webhooks: order, failures, limits."""

import asyncio


def test_the_next_callback_of_a_call_waits_until_the_one_before_is_answered(emulator, application):
    async def slow(asked) -> int:
        if asked["CallStatus"] == "initiated":
            await asyncio.sleep(0.15)
        return 204

    application.answers["/status"] = slow
    call = emulator.call("reject")
    application.wait_end(call.sid)
    initiated, ringing, busy = application.got("/status", CallSid=call.sid)
    assert [each["CallStatus"] for each in (initiated, ringing, busy)] == ["initiated", "ringing", "busy"]
    assert ringing.at - initiated.at >= 0.14


def test_failed_callbacks_are_kept_in_the_record(emulator, application):
    application.answers["/status"] = 500
    call = emulator.call("busy")
    application.wait_end(call.sid)
    probe = emulator.call("busy", status_callback=f"{application.url}/probe")
    application.wait("/probe", count=2, CallSid=probe.sid)
    failures = [each for each in emulator.whole_record()["webhook_failures"] if each["call_sid"] == call.sid]
    assert [(each["code"], each["problem"]) for each in failures] == [(11200, "answered 500")] * 2
    assert failures[0]["url"] == f"{application.url}/status"
