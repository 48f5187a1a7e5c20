"""Whatever the carrier's forms hold: no failure, unknown values are kept, whoever is on the line gets valid TwiML."""

from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from dialer.dial_loop import Budget, DialLoop
from dialer.telephony.signature import MultiDict, Signatures, parse_form
from dialer.telephony.webhooks import TERMINAL
from dialer.web.app import make_app
from tests.fuzz.conftest import fuzzed, hostile

pytestmark = pytest.mark.both_databases

BASE, TOKEN = "https://dialer.example", "auth-token"
KINDS = ("answer", "progress", "machine", "key", "left", "message", "seat", "seat-progress", "inbound", "inbound-key")
SPOKEN = frozenset({"answer", "key", "left", "message", "seat", "inbound", "inbound-key"})
VERBS = {"Response", "Say", "Hangup", "Gather", "Dial", "Conference"}
NAMES = (
    *("CallSid", "CallStatus", "AnsweredBy", "Digits", "From", "To", "SequenceNumber", "SipResponseCode"),
    *("MachineDetectionDuration", "ErrorUrl", "ErrorCode", "CallbackSource"),
)
KNOWN = ("in-progress", "ringing", "completed", "human", "machine_start", "9", "0", "+12125550101", "CA1", *TERMINAL)
form = st.lists(
    st.tuples(st.one_of(st.sampled_from(NAMES), hostile), st.one_of(st.sampled_from(KNOWN), hostile)), max_size=12
)
body = st.one_of(
    form.map(lambda pairs: urlencode(pairs, errors="surrogatepass").encode()), st.binary(max_size=300), st.just(b"")
)


@pytest.fixture
async def post(exchange):
    """A webhook that the carrier has signed, as bytes."""
    loop = DialLoop(exchange, Budget(1.0))
    signatures = Signatures([TOKEN], BASE)
    app = make_app(exchange, signatures, loop, "api-token", draining=lambda: False, tick_seconds=1.0)

    async def post(path, content):
        parameters = MultiDict()
        for name, value in parse_form(content):
            parameters.setdefault(name, []).append(value)
        signature = RequestValidator(TOKEN).compute_signature(f"{BASE}{path}", parameters)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return await client.post(path, content=content, headers=headers)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        yield post
        await exchange.drain()


def attempt_of(build) -> str:
    """A dialled attempt of a campaign and a lead of its own; more than the builder has numbers for."""
    count = len(build.rows("campaign"))
    return build.attempt(build.lead(build.campaign(f"c{count}"), f"+121255{count:05}"))


@fuzzed
@given(kind=st.sampled_from(KINDS), content=body, known=st.booleans())
async def test_any_form_is_answered_and_never_with_a_failure(build, post, exchange, kind, content, known):
    attempt = attempt_of(build) if known else "nobody"
    answer = await post(f"/voice/{kind}?a={attempt}&t=seat", content)
    assert answer.status_code in ((200,) if kind in SPOKEN else (200, 204)), answer.text
    assert exchange.counts["webhook_errors"] == 0
    if kind in SPOKEN:
        root = ElementTree.fromstring(answer.text)
        assert {element.tag for element in root.iter()} <= VERBS
        assert len(root)


@fuzzed
@example(word="a\x00b")
@given(word=hostile.filter(lambda word: word not in TERMINAL and not word.isspace()))
async def test_an_unheard_of_status_is_kept_and_changes_nothing(build, post, word):
    attempt = attempt_of(build)
    before = build.row("attempt", id=attempt)
    told = urlencode({"CallSid": f"CA-{attempt}", "CallStatus": word}, errors="replace")
    assert (await post(f"/voice/progress?a={attempt}", told.encode())).status_code == 204
    (event,) = build.rows("carrier_event", attempt_id=attempt)
    assert event["problem"]
    assert build.row("attempt", id=attempt) == before
