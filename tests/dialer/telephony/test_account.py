"""One request to the carrier: what each answer means."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from dialer.telephony.account import ask
from dialer.telephony.carrier import CarrierError, CarrierRefusesUs

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
SID, TOKEN = "AC" + "0" * 32, "auth-token"


def call(queue_time, age):
    return {"queue_time": queue_time, "date_created": format_datetime(NOON - age)}


@pytest.fixture
def carrier():
    """A carrier with one answer; `asked` is what it was asked with."""

    class Handler(BaseHTTPRequestHandler):
        code, body, asked = 200, "", []

        def do_GET(self):
            self.asked.append((self.path, self.headers["Authorization"]))
            self.send_response_only(self.code)
            self.send_header("Date", format_datetime(NOON, usegmt=True))
            self.end_headers()
            self.wfile.write(self.body.encode())

        def log_message(self, *_words):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    Handler.url = f"http://127.0.0.1:{server.server_port}"
    yield Handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_accepted_account_gives_the_carriers_clock_and_the_last_hours_waits(carrier):
    calls = [call("0", timedelta()), call("2500", timedelta(minutes=59)), call("9000", timedelta(minutes=61))]
    carrier.body = json.dumps({"calls": calls})
    told = ask(SID, TOKEN, carrier.url + "/")
    assert (told.date, list(told.queued_seconds)) == (NOON, [0.0, 2.5])
    ((path, authorization),) = carrier.asked
    assert path.startswith(f"/2010-04-01/Accounts/{SID}/Calls.json?")
    assert authorization.startswith("Basic ")


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_account_is_told_with_the_carriers_reason_and_without_the_token(carrier, code):
    carrier.code, carrier.body = code, json.dumps({"code": 20003, "message": "Authenticate"})
    with pytest.raises(CarrierRefusesUs, match="20003 Authenticate") as caught:
        ask(SID, TOKEN, carrier.url)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (503, "<html>", "answers 503: Service Unavailable"),
        (302, "", "answers 302"),
        (200, "<html>hello</html>", "does not answer as a Twilio-compatible carrier"),
        (200, "[]", "does not answer as a Twilio-compatible carrier"),
        (200, '{"calls": [{"queue_time": "x", "date_created": "y"}]}', "does not answer as a Twilio-compatible"),
    ],
)
def test_an_odd_answer_says_nothing_about_the_account(carrier, code, body, words):
    carrier.code, carrier.body = code, body
    with pytest.raises(CarrierError, match=words) as caught:
        ask(SID, TOKEN, carrier.url)
    assert not isinstance(caught.value, CarrierRefusesUs)


def test_a_carrier_that_is_not_there_is_named():
    with pytest.raises(CarrierError, match=r"http://127.0.0.1:1 cannot be reached"):
        ask(SID, TOKEN, "http://127.0.0.1:1")
