"""Who is let in, how much may be sent, and how often one may fail."""

import asyncio
from collections import Counter

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from hypothesis import given
from hypothesis import strategies as st

from dialer.web import guard
from dialer.web.guard import FAILURE_SECONDS, FAILURES, PEERS, WEBHOOK_BYTES, Failures, Guard, peer_of

TOKEN = "a-long-enough-token"
PUBLIC = "https://dialer.example/prefix"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def counts():
    return Counter()


@pytest.fixture
def ask(clock, counts):
    """Requests to an application behind the guard; what of each body arrived stands in `read`."""
    app = FastAPI()

    @app.post("/voice/answer")
    async def webhook(request: Request):
        body = await request.body()
        if request.headers.get("X-Twilio-Signature") != "genuine":
            raise HTTPException(403)
        return {"read": len(body), "path": request.scope["raw_path"].decode()}

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def other(request: Request):
        return {"read": len(await request.body())}

    app.add_middleware(Guard, token=TOKEN, public_url=PUBLIC, monotonic=clock.monotonic, counts=counts)

    async def ask(method, path, peer="192.0.2.1", **rest):
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, **rest)

    return ask


@pytest.mark.parametrize("path", ["/api/floor", "/api", "/metrics"])
async def test_the_token_opens_what_is_closed(ask, path):
    for headers in ({}, {"Authorization": TOKEN}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Bearer "}):
        assert (await ask("GET", path, headers=headers)).status_code == 401
    assert (await ask("GET", path, headers=HEADERS)).status_code == 200


async def test_without_the_token_the_body_is_not_read(ask):
    async def body():
        raise AssertionError("read")
        yield b""

    assert (await ask("POST", "/api/do/x/y", content=body())).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "dialer.example"},
        {"Host": "Dialer.Example:443"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Host": "127.0.0.1:8080"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
)
@pytest.mark.parametrize("path", ["/api/floor", "/metrics", "/readyz"])
async def test_by_way_of_the_public_url_the_inner_paths_are_not_there(ask, path, headers):
    assert (await ask("GET", path, headers=HEADERS | headers)).status_code == 404
    assert (await ask("GET", f"/prefix{path}", headers=HEADERS)).status_code == 404
    assert (await ask("GET", "/healthz", headers=headers)).status_code == 200


async def test_a_proxy_may_leave_the_prefix_or_take_it(ask):
    for path in ("/voice/answer", "/prefix/voice/answer"):
        answer = await ask("POST", path, headers={"X-Twilio-Signature": "genuine", "X-Forwarded-For": "1.2.3.4"})
        assert answer.json() == {"read": 0, "path": "/voice/answer"}


async def test_a_public_url_may_end_in_one_of_our_own_paths(clock, counts):
    async def app(scope, _receive, _send):
        paths.append(scope["path"])

    paths = []
    behind = Guard(app, token=TOKEN, public_url="https://d.example/voice", monotonic=clock.monotonic, counts=counts)
    for path in ("/voice/answer", "/voice/voice/answer"):
        scope = {"type": "http", "path": path, "raw_path": path.encode(), "headers": [], "client": ("192.0.2.1", 1)}
        await behind(scope, None, None)
    assert paths == ["/voice/answer", "/voice/answer"]


async def test_a_body_is_read_up_to_the_limit_whatever_it_says_of_its_length(ask):
    async def chunks(count):
        for _ in range(count):
            sent.append(1)
            yield b"x" * 1024

    genuine, sent = {"X-Twilio-Signature": "genuine"}, []
    fits = WEBHOOK_BYTES // 1024
    assert (await ask("POST", "/voice/answer", content=chunks(fits), headers=genuine)).json()["read"] == WEBHOOK_BYTES
    assert (await ask("POST", "/voice/answer", content=b"x" * (WEBHOOK_BYTES + 1), headers=genuine)).status_code == 413
    sent.clear()
    answer = await ask("POST", "/voice/answer", content=chunks(10 * fits), headers=genuine)
    assert (answer.status_code, answer.headers["connection"], len(sent)) == (413, "close", fits + 1)


async def test_a_body_that_trickles_is_given_up(ask, monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.01)

    async def trickle():
        yield b"CallSid="
        await asyncio.Event().wait()

    answer = await ask("POST", "/voice/answer", content=trickle(), headers={"X-Twilio-Signature": "genuine"})
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")


async def test_who_fails_too_often_is_told_to_wait_and_nobody_else(ask, clock, counts):
    codes = [(await ask("POST", "/voice/answer")).status_code for _ in range(FAILURES + 3)]
    assert codes == [403] * FAILURES + [429] * 3
    assert counts["requests_limited"] == 3
    assert (await ask("GET", "/api/floor")).status_code == 429
    assert (await ask("POST", "/voice/answer", peer="192.0.2.2")).status_code == 403
    clock.advance(FAILURE_SECONDS - 10)
    assert (await ask("POST", "/voice/answer")).headers["retry-after"] == "11"
    clock.advance(10)
    assert (await ask("POST", "/voice/answer")).status_code == 403


async def test_a_genuine_request_is_never_limited(ask):
    """Behind a proxy the carrier and everybody else may have one address."""
    for _ in range(FAILURES + 5):
        await ask("POST", "/voice/answer")
    assert (await ask("POST", "/voice/answer", headers={"X-Twilio-Signature": "genuine"})).status_code == 200
    assert (await ask("GET", "/api/floor", headers=HEADERS)).status_code == 200


async def test_every_answer_has_the_headers_of_safety(ask):
    answers = [await ask("GET", "/healthz"), await ask("GET", "/api/floor"), await ask("GET", "/x/y", headers=HEADERS)]
    answers += [await ask("POST", "/voice/answer") for _ in range(FAILURES + 1)]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0, 40)), max_size=300))
def test_of_each_peer_so_many_failures_a_minute_go_through_and_no_more(steps):
    failures, now, through = Failures(), 0.0, []
    for peer, seconds in steps:
        now += seconds
        wait = failures.add(str(peer), now)
        assert 0 <= wait <= FAILURE_SECONDS
        if not wait:
            through.append((peer, now))
    for peer, at in through:
        window = [when for who, when in through if who == peer and at <= when < at + FAILURE_SECONDS]
        assert len(window) <= 2 * FAILURES  # a window may touch two minutes of the peer's


def test_memory_is_bounded():
    failures = Failures()
    for number in range(3 * PEERS):
        failures.add(str(number), 0.0)
    assert len(failures) == PEERS


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("2001:db8::1", 5), "2001:db8::/64"),
        (("2001:db8::ffff:2", 5), "2001:db8::/64"),
        (("anything\n", 0), "unknown"),
        (None, "unknown"),
    ],
)
def test_a_peer_is_an_address_or_a_network_of_one_customer(client, peer):
    assert peer_of({"client": client}) == peer


@given(st.binary(max_size=40), st.binary(max_size=40))
async def test_no_header_makes_it_fail(host, length):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent = []

    async def send(message):
        sent.append(message)

    tested = Guard(app, token=TOKEN, public_url=PUBLIC, monotonic=lambda: 0.0, counts=Counter())
    headers = [(b"host", host), (b"content-length", length), (b"authorization", host)]
    for path in ("/api/x", "/voice/answer"):
        scope = {"type": "http", "path": path, "raw_path": path.encode(), "headers": headers, "client": ("::1", 1)}
        await tested(scope, None, send)
    assert all(message.get("status", 200) in (200, 401, 404, 413) for message in sent)
