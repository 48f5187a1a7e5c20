"""The emulator's own account."""

import pytest


def test_an_abandoned_call_that_hears_the_message(emulator, application):
    application.answers["/answer"] = "<Response><Say>Sorry</Say><Hangup/></Response>"
    call = emulator.call("opt-out")
    application.wait_end(call.sid)
    record = emulator.record(call.sid)
    assert record["heard_message"] is True
    assert record["seconds_to_message"] < 0.2
    assert record["seconds_to_agent"] is None
    assert record["keys"] == "9"
    assert 0 < record["seconds_to_document"] < record["seconds_to_message"] + 0.2
    assert (record["to"], record["callee"], record["leg"]) == ("+12125550102", "human", "customer")
    assert (record["outcome"], record["answered_by"]) == ("completed", None)
    assert 0.02 < record["ring_seconds"] < 0.2
    assert record["created"] <= record["begun"] <= record["ringing"] <= record["answered"] <= record["ended"]


def test_dead_air_counts_as_silence_for_people_only(emulator, application):
    application.answers["/answer"] = "<Response><Pause length='1'/></Response>"
    person, machine = emulator.call("human"), emulator.call("machine")
    for call in (person, machine):
        application.wait_end(call.sid)
    record = emulator.record(person.sid)
    assert record["silence_seconds"] == pytest.approx(0.4, abs=0.1)
    assert record["longest_silence_seconds"] == record["silence_seconds"]
    assert record["ended_by"] == "callee"
    assert emulator.record(machine.sid)["silence_seconds"] == 0


def test_dials_are_counted_by_number(another_emulator, application):
    emulator = another_emulator()
    for script in ("busy", "busy", "failed"):
        application.wait_end(emulator.call(script).sid)
    record = emulator.whole_record()
    assert record["dials"] == {"+12125550106": 2, "+12125550109": 1}
    assert record["live"] == 0
    assert record["webhooks_sent"] >= 5
