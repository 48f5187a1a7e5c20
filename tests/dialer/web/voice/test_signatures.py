"""What is not the carrier's, or too much, is refused before anything is done."""

from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from tests.dialer.web.voice.stock import BASE, TOKEN, everything


@pytest.mark.parametrize(
    "kind",
    ["answer", "progress", "machine", "key", "left", "message", "seat", "seat-progress", "inbound", "inbound-key"],
)
async def test_a_wrong_or_missing_signature_is_refused_and_nothing_changed(build, client, post, exchange, kind):
    build.agent("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]))
    before = everything(build)
    form = {"CallSid": f"CA-{attempt}", "CallStatus": "completed", "AnsweredBy": "human", "Digits": "9"}
    form |= {"From": "+12125550120", "To": "+12125550198"}
    path = f"/voice/{kind}?a={attempt}&t=seat-of-anna"
    genuine = RequestValidator(TOKEN).compute_signature(f"{BASE}{path}", form)
    refused = [
        await client.post(path, data=form),
        await post(path, form, token="another"),
        await post(path, form | {"CallStatus": "busy"}, signature=genuine),
        await post(path.replace(attempt, "other"), form, signature=genuine),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert (everything(build), exchange.counts["webhooks_refused"]) == (before, 4)


async def test_a_body_too_large_is_refused_before_it_has_been_read(client):
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 100:
            sent += 1
            yield b"x" * 10_000

    answer = await client.post("/voice/answer?a=a1", content=endless())
    assert (answer.status_code, sent < 20) == (413, True)


async def test_a_form_of_too_many_fields_is_refused(client):
    form = urlencode([(f"field-{n}", "x") for n in range(500)])
    answer = await client.post("/voice/answer?a=a1", content=form, headers={"X-Twilio-Signature": "x"})
    assert answer.status_code == 403


async def test_a_signature_fits_the_public_url_whatever_the_proxy_or_anybody_says(build, client):
    """What the request claims of itself is the sender's word."""
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    form, path = {"CallSid": f"CA-{attempt}", "CallStatus": "ringing"}, f"/voice/progress?a={attempt}"
    claimed = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example", "Host": "evil.example"}
    for base, code in ((BASE, 204), ("http://evil.example", 403), ("http://10.0.0.7:8080", 403)):
        signature = RequestValidator(TOKEN).compute_signature(f"{base}{path}", form)
        answer = await client.post(path, data=form, headers={"X-Twilio-Signature": signature, **claimed})
        assert answer.status_code == code


async def test_a_host_header_cannot_lend_one_paths_signature_to_another(build, client):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    form, signed = {"CallSid": f"CA-{attempt}", "Digits": "9"}, f"/voice/answer?a={attempt}"
    signature = RequestValidator(TOKEN).compute_signature(f"{BASE}{signed}", form)
    headers = {"X-Twilio-Signature": signature, "Host": f"x{signed}#"}
    assert (await client.post(f"/voice/key?a={attempt}", data=form, headers=headers)).status_code == 403
    assert not build.row("attempt")["opted_out"]


async def test_a_path_is_signed_as_it_is_spelt(build, client):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    form, path = {"CallSid": f"CA-{attempt}", "CallStatus": "ringing"}, f"/voice/progr%65ss?a={attempt}&b=%2B+x"
    signature = RequestValidator(TOKEN).compute_signature(f"{BASE}{path}", form)
    answer = await client.post(path, data=form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 204
