"""The application as the carrier reaches it."""

import httpx
import pytest
from twilio.request_validator import RequestValidator

from dialer.dial_loop import DialLoop
from dialer.events import Progress
from dialer.leases import Leases
from dialer.telephony.signature import Signatures
from dialer.web.app import make_app
from tests.dialer.web.voice.stock import BASE, TOKEN


@pytest.fixture
async def client(exchange):
    loop = DialLoop(exchange, Leases("one"), 1.0)
    app = make_app(exchange, Signatures([TOKEN], BASE), loop, "api-token", draining=lambda: False, tick_seconds=1.0)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.7:8080") as client:
        yield client
        await exchange.drain()


@pytest.fixture
def post(client):
    """Send a webhook as the carrier does, to whatever address the proxy has for us."""

    async def post(path, form, token=TOKEN, signature=None):
        signature = signature or RequestValidator(token).compute_signature(f"{BASE}{path}", form)
        return await client.post(path, data=form, headers={"X-Twilio-Signature": signature})

    return post


@pytest.fixture
def send(post):
    """A webhook about an attempt's call."""

    async def send(kind, attempt, **form):
        sid = {"CallSid": f"CA-{attempt}", "CallStatus": "in-progress"}
        return await post(f"/voice/{kind}?a={attempt}", sid | form)

    return send


@pytest.fixture
def seated(build, carrier):
    """An agent whose seat the carrier has: every answer is followed by a look at it, now or in a moment."""

    def seated(name, campaign):
        carrier.add(f"CS-{name}", f"client:{name}", Progress(f"CS-{name}", ringing=True, picked_up=True))
        return build.agent(name, campaign)

    return seated
