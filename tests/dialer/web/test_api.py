"""The control API: every action by name, refusals in words, the floor."""

from datetime import timedelta

import httpx
import pytest

from dialer.actions import ACTIONS
from dialer.dial_loop import Budget, DialLoop
from dialer.pacing.events import Disposed
from dialer.telephony.signature import Signatures
from dialer.web.app import make_app

TOKEN = "api-token"
PLAN = {
    **{"name": "spring", "kind": "telemarketing", "mode": "progressive", "client": "Acme", "region": "US"},
    **{"contact_number": "+12125550199", "caller_ids": ["+12125550198"], "ring_seconds": 20, "wrap_up_seconds": 30},
    **{"drop_rate_ceiling": 0.03, "attempts_per_lead": 6, "attempts_per_day": 3, "machine_detection": True},
    **{"dispositions": ["sale"]},
}

CONSENT = {"number": "+12125550101", "kind": "written", "source": "web", "given_at": "2026-11-01T12:00:00Z"}


@pytest.fixture
def loop(exchange):
    return DialLoop(exchange, Budget(1.0))


@pytest.fixture
async def client(exchange, loop):
    app = make_app(
        exchange,
        Signatures(["auth-token"], "https://dialer.example"),
        loop,
        TOKEN,
        draining=lambda: False,
        tick_seconds=1.0,
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", headers=headers) as client:
        yield client


@pytest.fixture
def do(client):
    async def do(action, parameters):
        return await client.post(f"/api/do/{action}", json=parameters)

    return do


@pytest.mark.parametrize("header", [None, "", "Bearer ", "Bearer other", TOKEN, b"Bearer \xe4pi-token"])
async def test_without_the_token_nothing_is_told_or_done(client, build, header):
    build.campaign()
    headers = {} if header is None else {"Authorization": header}
    if header is None:
        del client.headers["Authorization"]
    asked = await client.post("/api/do/campaign/verb", json={"campaign": "spring", "verb": "stop"}, headers=headers)
    assert (asked.status_code, (await client.get("/api/floor", headers=headers)).status_code) == (401, 401)
    assert "token" in asked.json()["detail"]
    assert build.row("campaign")["intent"] == "run"


async def test_nobody_is_told_what_the_interface_can_do(client):
    """The port faces the internet, for the carrier's webhooks."""
    paths = ("/docs", "/openapi.json", "/api/docs", "/api/openapi.json")
    assert [(await client.get(path)).status_code for path in paths] == [404] * len(paths)


async def test_each_action_is_reachable_by_its_name(do, build):
    """Nothing here is impossible, so each is answered with what came of it."""
    row = [1, None, "Ann", "Lee", "", "NY", "10001", "", "", None, [["+12125550101", "phone"]], {}]
    given = {
        "campaign/create": PLAN,
        "campaign/verb": {"campaign": "spring", "verb": "start"},
        "agent/add": {"agent": "anna", "address": "client:anna"},
        "agent/login": {"agent": "anna", "campaign": "spring"},
        "agent/ready": {"agent": "anna"},
        "agent/pause": {"agent": "anna", "reason": "lunch"},
        "dnc/add": {"numbers": ["+12125550102"]},
        "dnc/open-copy": {"list": "national:US", "as_of": "2026-11-20"},
        "dnc/fill-copy": {"copy_id": 1, "numbers": ["+12125550103"]},
        "dnc/use-copy": {"copy_id": 1},
        "consent/add": {"consents": [CONSENT]},
        "consent/revoke": {"number": "+12125550101", "by": "operator"},
        "emergency/declare": {"jurisdiction": "US-LA", "by": "operator"},
        "emergency/lift": {"jurisdiction": "US-LA", "by": "operator"},
        "leads/open": {"campaign": "spring", "name": "leads.csv"},
        "leads/batch": {"list": 1, "rows": [row]},
        "leads/close": {"list": 1, "rejected": {}},
        "agent/logout": {"agent": "anna"},
    }
    answers = {action: await do(action, parameters) for action, parameters in given.items()}
    assert {action: answer.status_code for action, answer in answers.items()} == dict.fromkeys(given, 200)
    assert answers["campaign/verb"].json() == {"campaign": "spring", "state": "running"}
    assert answers["leads/batch"].json() == {"accepted": 1, "duplicates": 0}
    talk = build.attempt(1, "connected", agent="anna", call_sid="CA1")
    build.change("agent", 1, state="on-call", attempt_id=talk)
    assert (await do("agent/hangup", {"agent": "anna"})).json() == {"agent": "anna", "attempt_id": talk}
    build.change("attempt", talk, state="ended")
    attempt = build.attempt(1, "ended", agent="anna", outcome="answered")
    build.change("agent", 1, state="wrap-up", attempt_id=attempt)
    assert (await do("agent/dispose", {"agent": "anna", "disposition": "sale"})).status_code == 200
    build.change("agent", 1, state="logged-out")
    await do("campaign/verb", {"campaign": "spring", "verb": "stop"})
    assert (await do("campaign/delete", {"campaign": "spring"})).json()["state"] == "deleted"
    assert (await do("privacy/erase", {"person": "+12125550101"})).status_code == 200
    assert {*given, "agent/dispose", "agent/hangup", "campaign/delete", "privacy/erase"} == set(ACTIONS)


@pytest.mark.parametrize(
    ("action", "parameters", "words"),
    [
        ("campaign/verb", {"campaign": "sprang", "verb": "start"}, "no campaign 'sprang'; there is: spring"),
        ("campaign/verb", {"campaign": "spring", "verb": "start"}, "campaign 'spring' is paused: use resume"),
        ("campaign/create", PLAN | {"ring_seconds": 3}, "ring seconds 3: give 15 to"),
        ("campaign/create", PLAN | {"region": "GB"}, "no abandonment rule"),
        ("campaign/delete", {"campaign": "spring"}, "stop it first"),
        ("agent/login", {"agent": "anna", "campaign": "spring"}, "dialer agent add anna"),
        ("agent/add", {"agent": "anna", "address": "x"}, "client:anna"),
    ],
)
async def test_a_refusal_is_told_in_words_and_changes_nothing(do, build, action, parameters, words):
    build.campaign(intent="pause")
    before = build.rows("campaign"), build.rows("agent")
    answer = await do(action, parameters)
    assert answer.status_code == 409
    assert words in answer.json()["detail"]
    assert (build.rows("campaign"), build.rows("agent")) == before


@pytest.mark.parametrize(
    ("action", "parameters", "where"),
    [
        ("campaign/verb", {"campaign": "spring"}, "verb"),
        ("campaign/verb", {"campaign": "spring", "verb": "dance"}, "verb"),
        ("campaign/delete", {"campaign": "spring", "force": True}, "force"),
        ("dnc/add", {"numbers": ["212 555 0101"]}, "numbers"),
        ("agent/dispose", {"agent": "a", "disposition": "callback", "callback_at": "2026-11-24T10:00"}, "callback_at"),
    ],
)
async def test_wrong_parameters_are_named(do, action, parameters, where):
    answer = await do(action, parameters)
    assert (answer.status_code, answer.json()["detail"][0]["loc"][0]) == (422, where)


async def test_parameters_that_are_no_object_are_refused(client):
    for body in (b"[]", b"{", b""):
        answer = await client.post("/api/do/campaign/verb", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422


async def test_an_unknown_action_is_answered_with_those_there_are(do):
    answer = await do("campaign/explode", {})
    assert (answer.status_code, "campaign/create" in answer.json()["detail"]) == (404, True)


async def test_pacing_hears_what_agents_say_of_their_calls(do, build, seen, clock):
    """Without that it would take all answers for machines, of which it hears from the detector."""
    campaign = build.campaign()
    call = build.attempt(build.lead(campaign), "connected", answered_at=clock.now(), agent="anna")
    build.agent("anna", campaign, "on-call", attempt_id=call)
    assert (await do("agent/dispose", {"agent": "anna", "disposition": "sale"})).status_code == 200
    assert [(event.call, event.live) for event in seen if isinstance(event, Disposed)] == [(call, True)]


async def test_the_floor_is_told_as_it_is(client, build, loop, exchange, clock):
    campaign = build.campaign(note="odd")
    build.agent("anna", campaign)
    lead = build.lead(campaign)
    build.attempt(lead, "ended", placing_at=clock.now() - timedelta(hours=25), outcome="busy", disposition="busy")
    build.attempt(lead, "ended", placing_at=clock.now() - timedelta(hours=23), outcome="busy", disposition="busy")
    loop.reasons[campaign] = "because"
    exchange.counts["webhook_riddles"] += 2
    exchange.ticks.add(10.0, 10.25)
    clock.advance(5)
    floor = (await client.get("/api/floor")).json()
    assert floor["counts"] == {"webhook_riddles": 2}
    assert floor["ticks"]["lasted"] == {"ticks": 1, "mean": 0.25, "p99": 0.25, "worst": 0.25}
    assert [(agent["agent"], agent["state"], agent["seconds"]) for agent in floor["agents"]] == [("anna", "ready", 5.0)]
    (spring,) = floor["campaigns"]
    assert (spring["campaign"], spring["decision"], spring["note"], spring["attempts"]) == (
        *("spring", "because", "odd", 1),
    )
    since = (clock.now() - timedelta(days=2)).isoformat()
    floor = (await client.get("/api/floor", params={"since": since})).json()
    assert floor["campaigns"][0]["attempts"] == 2


async def test_a_moment_without_a_zone_is_no_moment(client):
    assert (await client.get("/api/floor", params={"since": "2026-11-23T10:00:00"})).status_code == 422
