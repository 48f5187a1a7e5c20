"""What an answered call does with its documents."""

import pytest

HANGUP = "<Response><Hangup/></Response>"
MESSAGE = """<Response>
  <Gather numDigits="1" action="/keys?a=1" timeout="1"><Say>Press 9 to opt out.</Say></Gather><Hangup/>
</Response>"""


def test_the_answer_url_is_asked_with_the_query_but_without_the_fragment(emulator, application):
    application.answers["/answer"] = HANGUP
    call = emulator.call("human", url=f"{application.url}/answer?a=1%2B2&b=#rc=2&ct=800")
    asked = application.wait("/answer", CallSid=call.sid)[0]
    assert asked.genuine
    assert asked.query["a"] == "1+2"
    assert asked["CallStatus"] == "in-progress"


def test_a_get_is_signed_over_its_whole_url(emulator, application):
    application.answers["/answer"] = HANGUP
    call = emulator.call("human", url=f"{application.url}/answer?a=1", method="GET")
    application.wait_end(call.sid)
    asked = application.got("/answer")[-1]
    assert asked.genuine
    assert (asked.query["a"], asked.query["CallSid"], dict(asked.form)) == ("1", call.sid, {})


def test_a_key_during_the_message_goes_to_the_action(emulator, application):
    application.answers["/answer"] = MESSAGE
    application.answers["/keys"] = "<Response><Say>Done.</Say></Response>"
    call = emulator.call("opt-out")
    pressed = application.wait("/keys", CallSid=call.sid)[0]
    assert (pressed["Digits"], pressed.query["a"], pressed.genuine) == ("9", "1", True)
    application.wait_end(call.sid)
    record = emulator.record(call.sid)
    assert (record["keys"], record["heard_message"], record["ended_by"]) == ("9", True, "document")


def test_without_a_key_the_document_goes_on_after_the_gather(emulator, application):
    application.answers["/answer"] = (
        "<Response><Gather numDigits='1' timeout='0'><Say>Hi</Say></Gather><Redirect>/next?b=2</Redirect></Response>"
    )
    application.answers["/next"] = HANGUP
    call = emulator.call("human")
    assert application.wait("/next", CallSid=call.sid)[0].query == {"b": "2"}
    application.wait_end(call.sid)
    assert emulator.record(call.sid)["keys"] == ""


def test_a_key_before_the_gather_does_not_count(emulator, application):
    application.answers["/answer"] = (
        "<Response><Say>Hello.</Say><Gather numDigits='1' timeout='0' action='/keys'/></Response>"
    )
    call = emulator.call("opt-out")
    application.wait_end(call.sid)
    assert emulator.record(call.sid)["keys"] == "9"
    assert application.got("/keys", CallSid=call.sid) == []


def test_a_gather_for_several_keys_waits_for_more_and_then_reports_what_it_has(emulator, application):
    application.answers["/answer"] = (
        "<Response><Gather numDigits='2' timeout='0' action='/keys'><Say>Press nine now.</Say></Gather></Response>"
    )
    application.answers["/keys"] = HANGUP
    call = emulator.call("opt-out")
    assert application.wait("/keys", CallSid=call.sid)[0]["Digits"] == "9"


def test_an_empty_result_goes_to_the_action_when_asked_for(emulator, application):
    application.answers["/answer"] = (
        "<Response><Gather action='/keys' timeout='0' actionOnEmptyResult='true'/></Response>"
    )
    application.answers["/keys"] = HANGUP
    call = emulator.call("human")
    assert application.wait("/keys", CallSid=call.sid)[0]["Digits"] == ""


@pytest.mark.parametrize("verb", ["<Hangup/>", "<Reject/>", ""])
def test_hangup_reject_and_the_end_of_the_document_end_the_call(emulator, application, verb):
    application.answers["/answer"] = f"<Response>{verb}</Response>"
    call = emulator.call("human")
    assert application.wait_end(call.sid)["CallStatus"] == "completed"
    assert emulator.record(call.sid)["ended_by"] == "document"


def test_inline_twiml_is_followed(emulator, application):
    call = emulator.call("opt-out", url=None, twiml=MESSAGE.replace("/keys", f"{application.url}/keys"))
    assert application.wait("/keys", CallSid=call.sid)[0]["Digits"] == "9"


def test_a_live_call_is_sent_to_another_document(emulator, application):
    application.answers["/answer"] = "<Response><Pause length='30'/></Response>"
    application.answers["/other"] = HANGUP
    call = emulator.call("client:anna")
    application.wait("/answer", CallSid=call.sid)
    emulator.client.calls(call.sid).update(url=f"{application.url}/other")
    application.wait("/other", CallSid=call.sid)
    application.wait_end(call.sid)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (500, "11200"),
        (302, "11200"),
        ("<Response><Hangup>", "12100"),
        ("not TwiML", "12100"),
        ("", "12100"),
        ("<Response><Sya>Hi</Sya></Response>", "12200"),
    ],
)
def test_the_fallback_is_asked_when_the_answer_is_of_no_use(emulator, application, answer, code):
    application.answers["/answer"] = answer
    application.answers["/fallback"] = HANGUP
    call = emulator.call("human", fallback_url=f"{application.url}/fallback")
    asked = application.wait("/fallback", CallSid=call.sid)[0]
    assert (asked["ErrorCode"], asked["ErrorUrl"], asked.genuine) == (code, f"{application.url}/answer", True)
    application.wait_end(call.sid)
    assert [each["code"] for each in emulator.whole_record()["twiml_errors"] if each["call_sid"] == call.sid] == [
        int(code)
    ]


def test_without_a_fallback_the_call_is_ended_and_the_reason_kept(emulator, application):
    application.answers["/answer"] = "<Response><Dance/></Response>"
    call = emulator.call("human")
    application.wait_end(call.sid)
    assert emulator.record(call.sid)["problem"] == "12200: Unknown verb <Dance>"


def test_a_failing_fallback_is_not_asked_again(emulator, application):
    application.answers.update({"/answer": 500, "/fallback": 500})
    call = emulator.call("human", fallback_url=f"{application.url}/fallback")
    application.wait_end(call.sid)
    assert len(application.got("/fallback", CallSid=call.sid)) == 1


def test_an_application_that_is_not_there_is_a_failed_webhook(emulator, application):
    call = emulator.call("human", url="http://127.0.0.1:9/answer")
    application.wait_end(call.sid)
    assert emulator.record(call.sid)["problem"].startswith("11205")


def test_dialling_an_agent_bridges_until_the_called_party_has_talked(emulator, application):
    application.answers["/answer"] = "<Response><Dial action='/after'><Client>anna</Client></Dial></Response>"
    call = emulator.call("human")
    after = application.wait("/after", CallSid=call.sid)[0]
    assert (after["DialCallStatus"], after["CallStatus"]) == ("completed", "completed")
    legs = emulator.client.calls.list(parent_call_sid=call.sid)
    assert [(leg.to, leg.direction) for leg in legs] == [("client:anna", "outbound-dial")]
    record = emulator.record(call.sid)
    assert record["ended_by"] == "callee"
    assert 0.2 <= record["seconds_to_agent"] < 0.4


@pytest.mark.parametrize(
    ("number", "outcome"), [("+12125550106", "busy"), ("+12125550109", "failed"), ("+12125550107", "busy")]
)
def test_the_action_hears_how_a_dialled_leg_failed(emulator, application, number, outcome):
    application.answers["/answer"] = f"<Response><Dial action='/after'>{number}</Dial></Response>"
    application.answers["/after"] = HANGUP
    call = emulator.call("client:anna")
    after = application.wait("/after", CallSid=call.sid)[0]
    assert (after["DialCallStatus"], after["DialBridged"]) == (outcome, "false")


def test_a_dialled_leg_is_hung_up_with_its_parent(emulator, application):
    application.answers["/answer"] = "<Response><Dial><Number>+12125550108</Number></Dial></Response>"
    call = emulator.call("hangs-up")
    application.wait_end(call.sid)
    (leg,) = emulator.client.calls.list(parent_call_sid=call.sid)
    assert leg.status == "canceled"


def test_the_ringing_of_another_leg_is_silence_to_the_called_party(emulator, application):
    application.answers["/answer"] = "<Response><Say>Hi</Say><Dial>+12125550108</Dial></Response>"
    call = emulator.call("human")
    application.wait_end(call.sid)
    record = emulator.record(call.sid)
    assert record["message_seconds"] < 0.3
    assert record["longest_silence_seconds"] >= 0.39
