"""The requests and answers of the API, with Twilio's own client."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from twilio.base.exceptions import TwilioRestException

HOLD = "<Response><Pause length='30'/></Response>"


@pytest.fixture
def refused(emulator):
    """The error of a call that is not accepted."""

    def place(**parameters) -> TwilioRestException:
        with pytest.raises(TwilioRestException) as error:
            emulator.call("human", **parameters)
        return error.value

    return place


def test_a_new_call_as_the_client_reads_it(emulator, application):
    call = emulator.call("human")
    assert call.sid.startswith("CA")
    assert (call.status, call.direction, call.queue_time) == ("queued", "outbound-api", "0")
    assert (call.start_time, call.end_time, call.duration, call.price) == (None, None, None, None)
    assert (call.to_formatted, call.api_version) == ("(212) 555-0101", "2010-04-01")
    assert abs(call.date_created - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"to": ""}, 21201),
        ({"to": "5550101"}, 21211),
        ({"from_": ""}, 21213),
        ({"from_": "nobody"}, 21212),
        ({"url": "ftp://127.0.0.1/"}, 21205),
        ({"url": None}, 21205),
        ({"timeout": 601}, 21208),
        ({"timeout": "soon"}, 21208),
        ({"status_callback_event": ["answerd"]}, 21626),
        ({"machine_detection": "Perhaps"}, 20001),
        ({"async_amd": True, "machine_detection": "Enable"}, 20001),
        ({"method": "PUT"}, 20001),
        ({"url": None, "twiml": "x" * 4001}, 20001),
    ],
)
def test_wrong_parameters_are_refused_with_twilios_codes(refused, parameters, code):
    error = refused(**parameters)
    assert (error.status, error.code) == (400, code)


def test_unknown_parameters_are_refused(emulator):
    answer = requests.post(
        f"{emulator.url}/2010-04-01/Accounts/{emulator.client.account_sid}/Calls.json",
        data={"To": "+12125550101", "From": "+12125550199", "Url": "http://127.0.0.1/", "TimeOut": "20"},
        auth=(emulator.client.username, emulator.client.password),
        timeout=5,
    )
    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert "TimeOut" in answer.json()["message"]


@pytest.mark.parametrize(("account", "token"), [("AC" + "e" * 32, "wrong"), ("AC" + "f" * 32, "emulator-token")])
def test_wrong_credentials_are_refused(emulator, account, token):
    with pytest.raises(TwilioRestException) as error:
        emulator.client_as(account, token).calls("CA" + "0" * 32).fetch()
    assert (error.value.status, error.value.code) == (401, 20003)


def test_errors_have_twilios_body_and_a_request_id(emulator):
    answer = requests.get(f"{emulator.url}/2010-04-01/Accounts/AC1/Calls/CA1.json", timeout=5)
    assert answer.status_code == 401
    assert answer.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }
    assert answer.headers["Twilio-Request-Id"].startswith("RQ")


def test_what_does_not_exist_is_not_found(emulator):
    for ask in (
        emulator.client.calls("CA" + "0" * 32).fetch,
        emulator.client.conferences("CF" + "0" * 32).fetch,
        emulator.client.queues.list,
    ):
        with pytest.raises(Exception, match="not found") as error:
            ask()
        assert getattr(error.value, "code", 20404) == 20404


def test_an_ended_call_takes_no_update(emulator, application):
    call = emulator.call("busy")
    application.wait_end(call.sid)
    for change in ({"status": "completed"}, {"twiml": "<Response/>"}):
        with pytest.raises(TwilioRestException) as error:
            emulator.client.calls(call.sid).update(**change)
        assert error.value.code == 21220


def test_a_ringing_call_takes_no_document(emulator, application):
    call = emulator.call("no-answer")
    application.wait("/status", CallSid=call.sid, CallStatus="ringing")
    with pytest.raises(TwilioRestException) as error:
        emulator.client.calls(call.sid).update(twiml="<Response/>")
    assert error.value.code == 21220
    emulator.client.calls(call.sid).update(status="canceled")


def test_lists_are_filtered(emulator, application):
    application.answers["/answer"] = HOLD
    busy, live = emulator.call("busy", to="+12125550106"), emulator.call("client:filtered")
    application.wait_end(busy.sid)
    application.wait("/answer", CallSid=live.sid)
    calls = emulator.client.calls
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    assert busy.sid in [call.sid for call in calls.list(to="+12125550106", status="busy")]
    assert [call.sid for call in calls.list(to="client:filtered", status="in-progress")] == [live.sid]
    assert calls.list(to="client:filtered", start_time_after=now + hour) == []
    assert [call.sid for call in calls.list(to="client:filtered", start_time_after=now - hour)] == [live.sid]
    assert calls.list(to="client:filtered", start_time_before=now - hour) == []
    assert [call.sid for call in calls.list(to="client:filtered", start_time=now.date().isoformat())] == [live.sid]
    assert calls.list(to="client:filtered", end_time_before=now + hour) == []
    emulator.client.calls(live.sid).update(status="completed")


def test_queued_calls_are_blind_to_start_time_filters(another_emulator, application):
    emulator = another_emulator(calls_per_second=0.5)
    application.wait_end(emulator.call("busy").sid)
    queued = emulator.call("human")
    since = datetime.now(UTC) - timedelta(hours=1)
    assert emulator.client.calls.list(to=queued.to, start_time_after=since) == []
    assert [call.sid for call in emulator.client.calls.list(status="queued")] == [queued.sid]


def test_pages_follow_each_other_newest_first(another_emulator, application):
    emulator = another_emulator()
    placed = [emulator.call("busy").sid for _ in range(5)]
    first = emulator.client.calls.page(page_size=2)
    rows = [call.sid for call in first]
    emulator.call("busy")
    second = first.next_page()
    rows += [call.sid for call in second]
    third = second.next_page()
    rows += [call.sid for call in third]
    assert rows == placed[::-1]
    assert third.next_page() is None
    assert len(emulator.client.calls.list(page_size=2)) == 6


def test_dates_are_shifted_but_time_passes_as_ever(another_emulator):
    emulator = another_emulator(clock_offset_seconds=86_400.0)
    created = emulator.call("busy").date_created
    assert timedelta(hours=23) < created - datetime.now(UTC) < timedelta(hours=25)


def test_numbers_of_agents_answer_as_agents(another_emulator, application):
    application.answers["/answer"] = HOLD
    emulator = another_emulator(agent_numbers=frozenset({"+12125550150"}))
    call = emulator.call("+12125550150")
    application.wait("/answer", CallSid=call.sid)
    assert emulator.record(call.sid)["leg"] == "agent"
