"""Twilio's API over real HTTP on the loopback: what each answer means, and that a create is sent once."""

import json
import socket
import threading
from collections import deque
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest

from campaigns.dispositions import Outcome
from compliance.facts import Facts
from compliance.gate import check
from dialer.events import Ended, Placed, Progress, Refused, Unsure
from dialer.telephony import twilio
from dialer.telephony.carrier import CarrierError, CarrierRefusesUs
from dialer.telephony.twilio import TwilioCarrier
from dialer.telephony.webhooks import UnknownValue

ACCOUNT, TOKEN, SID = "AC" + "0" * 32, "auth-token", "CA" + "1" * 32
CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
FACTS = Facts(
    number="+12125550101",
    kind="survey",
    jurisdictions=frozenset({"US", "US-NY"}),
    zones=frozenset({"America/New_York"}),
    ring_seconds=25,
    attempts_per_day=3,
    agent_reserved=True,
)
RESET, HANG = object(), object()  # what may happen instead of an answer


class Api:
    """Answers with what the script says, in order, and keeps every request."""

    def __init__(self):
        self.script = deque()
        self.requests = []
        self.connections = 0
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def say(self, code, body):
        self.script.append((code, body if isinstance(body, str) else json.dumps(body)))

    def fail(self, code, error):
        self.say(code, {"code": error, "message": "so it is", "more_info": "", "status": code})


def handler_of(api):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            api.connections += 1

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            api.requests.append((self.command, self.path, parse_qsl(body, keep_blank_values=True)))
            answer = api.script.popleft()
            if answer is HANG:
                api.over.wait()
            if answer in (RESET, HANG):
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            code, text = answer
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST

        def log_message(self, *args):
            pass

    return Handler


@pytest.fixture
def api():
    api = Api()
    yield api
    api.close()


@pytest.fixture
def carrier(api, clock):
    return TwilioCarrier(ACCOUNT, TOKEN, api.url, "https://dialer.example", clock)


@pytest.fixture
def place(carrier, clock, rules):
    cleared = check(FACTS, rules, clock.now())

    def place(detect=True):
        return carrier.place(cleared, "a1", "+12125550198", 20, detect)

    return place


def call(sid=SID, status="queued", created=None):
    date = format_datetime(created) if created else None
    return {"sid": sid, "status": status, "date_created": date, "to": "+12125550101", "account_sid": ACCOUNT}


@pytest.mark.parametrize(("told", "seconds"), [("2500", 2.5), ("0", 0.0), (None, 0.0), ("soon", 0.0)])
def test_the_carrier_tells_how_long_a_call_will_wait_in_its_queue(api, place, told, seconds):
    api.say(201, {**call(), "queue_time": told})
    assert place() == Placed(SID, seconds)


def test_a_create_on_the_wire(api, place):
    api.say(201, call())
    assert place() == Placed(SID)
    ((method, path, form),) = api.requests
    assert (method, path) == ("POST", f"{CALLS}.json")
    assert sorted(form) == sorted(
        [
            ("To", "+12125550101"),
            ("From", "+12125550198"),
            ("Url", "https://dialer.example/voice/answer?a=a1#ct=2000&rt=5000&rc=2&rp=ct,rt"),
            ("FallbackUrl", "https://dialer.example/voice/message?a=a1"),
            ("StatusCallback", "https://dialer.example/voice/progress?a=a1"),
            *(("StatusCallbackEvent", event) for event in ("initiated", "ringing", "answered", "completed")),
            ("Timeout", "20"),
            ("MachineDetection", "Enable"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", "https://dialer.example/voice/machine?a=a1"),
        ]
    )


def test_without_detection_none_is_asked_for(api, place):
    api.say(201, call())
    place(detect=False)
    assert not [name for name, _value in api.requests[0][2] if "Amd" in name or "Machine" in name]


def test_an_expired_clearance_sends_nothing(api, place, clock):
    clock.advance(5)
    refused = place()
    assert (refused.retry, refused.for_all, api.requests) == (True, False, [])


@pytest.mark.parametrize(
    ("status", "code", "retry", "for_all"),
    [
        (429, 20429, True, False),
        (400, 10004, True, False),
        (400, 22005, True, False),
        (400, 21211, False, False),
        (400, 21217, False, False),
        (401, 20003, True, True),
        (403, 20005, True, True),
        (400, 21210, True, True),
        (400, 21215, True, True),
    ],
)
def test_a_refusal_says_whether_to_try_again_and_whether_it_holds_for_all(api, place, status, code, retry, for_all):
    api.fail(status, code)
    refused = place()
    assert (type(refused), refused.retry, refused.for_all) == (Refused, retry, for_all)
    assert refused.problem.startswith(f"{code}: ")
    assert len(api.requests) == 1


def test_a_refusal_in_the_newer_form_of_errors_is_one(api, place):
    problem = {"type": "https://twilio.example/21211", "title": "Invalid number", "status": 400, "code": 21211}
    api.say(400, problem)
    api.say(429, problem | {"status": 429, "code": 20429})
    api.say(503, problem | {"status": 503, "code": 20500})
    assert [place() for _ in range(2)] == [
        *(Refused("21211: Invalid number", retry=False), Refused("20429: Invalid number", retry=True)),
    ]
    assert isinstance(place(), Unsure)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 307])
def test_after_an_answer_that_settles_nothing_the_call_may_exist_and_is_not_sent_again(api, place, status):
    api.fail(status, 20500)
    api.say(201, call())
    assert isinstance(place(), Unsure)
    assert len(api.requests) == 1


@pytest.mark.parametrize("text", ["", "<html>", "[]", "null", "{}", '{"sid": null}'])
def test_after_an_answer_that_cannot_be_read_the_call_may_exist_and_is_not_sent_again(api, place, text):
    api.say(201, text)
    api.say(201, call())
    assert isinstance(place(), Unsure)
    assert len(api.requests) == 1


def test_after_a_reset_the_call_may_exist_and_is_not_sent_again(api, place):
    api.script.extend([RESET, (201, json.dumps(call()))])
    assert isinstance(place(), Unsure)
    assert len(api.requests) == 1


def test_without_an_answer_in_time_the_call_may_exist_and_is_not_sent_again(api, place, monkeypatch):
    monkeypatch.setattr(twilio, "READ_SECONDS", 0.05)  # nobody waits half a minute for this
    api.script.extend([HANG, (201, json.dumps(call()))])
    assert isinstance(place(), Unsure)
    assert len(api.requests) == 1


def test_where_nobody_listens_nothing_was_sent(api, place):
    api.close()
    refused = place()
    assert (type(refused), refused.retry, refused.for_all) == (Refused, True, False)


def test_a_seat_is_rung_without_detection_and_reports_its_end(api, carrier):
    api.say(201, call())
    assert carrier.ring_seat("client:anna", "+12125550198", "t1").sid == SID
    form = dict(api.requests[0][2])
    assert form == {
        "To": "client:anna",
        "From": "+12125550198",
        "Url": "https://dialer.example/voice/seat?t=t1",
        "StatusCallback": "https://dialer.example/voice/seat-progress?t=t1",
        "StatusCallbackEvent": "completed",
        "Timeout": "30",
    }


def test_a_seat_that_cannot_be_rung_says_why_in_one_line_and_is_not_rung_again(api, carrier):
    api.fail(400, 21211)
    ring = carrier.ring_seat("client:anna", "+12125550198", "t1")
    assert (ring.sid, "21211" in ring.problem, ring.problem.count("\n")) == (None, True, 0)
    api.say(201, "<html>")
    assert carrier.ring_seat("client:anna", "+12125550198", "t1").sid is None
    assert len(api.requests) == 2


def test_hanging_up_ends_a_call_in_whatever_state(api, carrier):
    api.say(200, call())
    carrier.hang_up(SID)
    assert api.requests == [("POST", f"{CALLS}/{SID}.json", [("Status", "completed")])]


def test_stopping_a_ring_spares_a_call_that_was_picked_up(api, carrier):
    api.say(200, call())
    carrier.stop_ringing(SID)
    assert api.requests == [("POST", f"{CALLS}/{SID}.json", [("Status", "canceled")])]


def test_a_call_is_sent_to_the_message(api, carrier):
    api.say(200, call())
    carrier.play_message(SID, "a1")
    ((_method, path, form),) = api.requests
    assert (path, sorted(form)) == (
        *(f"{CALLS}/{SID}.json", [("Method", "POST"), ("Url", "https://dialer.example/voice/message?a=a1")]),
    )


@pytest.mark.parametrize(("status", "code"), [(400, 21220), (404, 20404)])
def test_an_order_for_a_call_that_is_over_is_none(api, carrier, status, code):
    for order in (
        lambda: carrier.hang_up(SID),
        lambda: carrier.stop_ringing(SID),
        lambda: carrier.play_message(SID, "a1"),
    ):
        api.fail(status, code)
        order()
    assert len(api.requests) == 3


@pytest.mark.parametrize(
    ("word", "news"),
    [
        ("queued", Progress(SID, ringing=False, queued=True)),
        ("ringing", Progress(SID, ringing=True)),
        ("in-progress", Progress(SID, ringing=True, picked_up=True)),
        ("completed", Ended(Outcome.ANSWERED, SID)),
        ("no-answer", Ended(Outcome.NO_ANSWER, SID)),
    ],
)
def test_a_look_up_tells_what_has_become_of_a_call(api, carrier, word, news):
    api.say(200, call(status=word))
    assert carrier.look_up(SID) == news
    assert api.requests[0][:2] == ("GET", f"{CALLS}/{SID}.json")


def test_a_call_the_carrier_does_not_know(api, carrier):
    api.fail(404, 20404)
    assert carrier.look_up(SID) is None


def test_a_word_the_carrier_never_used_before_is_no_news(api, carrier):
    api.say(200, call(status="parked"))
    with pytest.raises(UnknownValue, match="parked"):
        carrier.look_up(SID)


@pytest.mark.parametrize(
    ("answered", "left", "seat_ended", "met"),
    [
        (0, 5, 9, True),
        (0, 5, 2, True),
        (0, 5, 1, False),  # by a clock of whole seconds that may have been at once
        (10, 5, 8, False),
        (0, None, 8, False),  # still there: nobody knows since when
        (0, 5, None, False),
    ],
)
def test_whether_a_call_and_a_seat_have_met_is_told_by_the_carriers_clock(
    api, carrier, clock, answered, left, seat_ended, met
):
    def at(seconds):
        return None if seconds is None else format_datetime(clock.now() + timedelta(seconds=seconds))

    ended = None if left is None else answered + left
    api.say(200, {**call(), "end_time": at(ended), "duration": None if left is None else str(left)})
    api.say(200, {**call("CS1"), "end_time": at(seat_ended), "duration": "60"})
    assert carrier.met(SID, "CS1") is met
    assert [path for _method, path, _form in api.requests] == [f"{CALLS}/{SID}.json", f"{CALLS}/CS1.json"]


def test_a_call_that_the_carrier_does_not_know_has_met_nobody(api, carrier):
    api.fail(404, 20404)
    assert not carrier.met(SID, "CS1")


def test_the_calls_in_progress_are_listed(api, carrier):
    api.say(200, {"calls": [call("CA1", "in-progress"), call("CA2", "in-progress")], "page": 0})
    assert carrier.in_progress() == {"CA1", "CA2"}
    query = dict(parse_qsl(urlsplit(api.requests[0][1]).query))
    assert (query["Status"], query["PageSize"]) == ("in-progress", "1000")


def test_a_list_that_is_refused_is_an_error(api, carrier):
    for _try in range(4):
        api.fail(503, 20503)
    with pytest.raises(CarrierError):
        carrier.in_progress()


def test_a_call_is_found_by_number_the_newest_since_the_attempt(api, carrier, clock):
    now = clock.now()
    created = {"old": -3, "early": -2, "new": 5, "later": 4}  # a second is the carrier's resolution
    calls = [call(sid, "ringing", now + timedelta(seconds=seconds)) for sid, seconds in created.items()]
    api.say(200, {"calls": [*calls, call("undated", "queued")], "page": 0})
    assert carrier.find("+12125550101", now) == ("new", Progress("new", ringing=True))
    method, path, _form = api.requests[0]
    query = dict(parse_qsl(urlsplit(path).query))
    assert (method, urlsplit(path).path, query["To"]) == ("GET", f"{CALLS}.json", "+12125550101")
    api.say(200, {"calls": calls[:2], "page": 0})
    assert carrier.find("+12125550101", now) == ("early", Progress("early", ringing=True))
    api.say(200, {"calls": calls[:1], "page": 0})
    assert carrier.find("+12125550101", now) is None


@pytest.mark.parametrize("trouble", [(503, "{}"), (429, "{}"), (200, "<html>"), RESET])
def test_a_read_is_repeated(api, carrier, trouble):
    api.script.append(trouble)
    api.say(200, call(status="ringing"))
    assert carrier.look_up(SID) == Progress(SID, ringing=True)
    assert len(api.requests) == 2


def test_a_read_is_given_up_after_a_few_times(api, carrier):
    api.script.extend([(503, "{}")] * 9)
    with pytest.raises(CarrierError, match="503"):
        carrier.hang_up(SID)
    assert len(api.requests) == 4


def test_an_account_that_is_refused_is_told_at_once(api, carrier):
    for request in (carrier.check, lambda: carrier.look_up(SID)):
        api.fail(401, 20003)
        with pytest.raises(CarrierRefusesUs, match="20003"):
            request()
    assert len(api.requests) == 2


def test_a_carrier_that_answers_is_fit_for_calls(api, carrier):
    api.fail(404, 20404)
    carrier.check()
    assert len(api.requests) == 1


def test_an_error_is_one_line_even_on_a_terminal(api, carrier, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    api.script.extend([(400, json.dumps({"code": 21218, "message": "no"}))] * 4)
    with pytest.raises(CarrierError) as failed:
        carrier.look_up(SID)
    assert str(failed.value).splitlines() == [str(failed.value)]


def test_a_connection_that_has_been_idle_is_not_trusted_with_a_call(api, carrier, clock):
    """Its other end may be closing it: the create would be lost, and nobody could tell whether it had been heard."""
    for seconds, connections in ((0, 1), (1, 1), (4, 2)):
        clock.advance(seconds)
        api.say(200, {"sid": SID, "status": "ringing"})
        carrier.look_up(SID)
        assert api.connections == connections
