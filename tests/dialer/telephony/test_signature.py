"""Signatures as Twilio's own validator computes them, against what the daemon accepts."""

from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from dialer.telephony.signature import MAX_FIELDS, MultiDict, Signatures, first_values, parse_form

TOKEN = "12345"
BASE = "https://dialer.example/prefix"
PATH = "/voice/answer?a=1&b=x%2By"
FORM = [("CallSid", "CA1"), ("To", "+12125550123"), ("CallStatus", "in-progress"), ("CallerName", "")]
SIGNATURES = Signatures([TOKEN], BASE)


def signed(url: str = BASE + PATH, form: list[tuple[str, str]] = FORM, token: str = TOKEN) -> str:
    parameters = MultiDict()
    for name, value in form:
        parameters.setdefault(name, []).append(value)
    return str(RequestValidator(token).compute_signature(url, parameters))


def test_the_carriers_signature_is_genuine():
    assert SIGNATURES.genuine(PATH, FORM, signed())


def test_the_algorithm_is_the_documented_one():
    """The signature was made with openssl: base64(HMAC-SHA1(token, URL + sorted names and values))."""
    form = [("Digits", "9"), ("CallSid", "CA1")]
    assert Signatures(["12345"], "https://dialer.example").genuine("/voice/key", form, "Z0VguK686bnN+tnKSj5w5qA1OjU=")


@pytest.mark.parametrize("signature", [None, "", "é", signed()[:-1], signed().swapcase(), signed(token="54321")])
def test_a_missing_or_wrong_signature_is_refused(signature):
    assert not SIGNATURES.genuine(PATH, FORM, signature)


@pytest.mark.parametrize(
    "form",
    [
        [*FORM[:2], ("CallStatus", "completed"), FORM[3]],
        [*FORM, ("Digits", "9")],
        FORM[:3],
        [],
    ],
)
def test_a_tampered_form_is_refused(form):
    assert not SIGNATURES.genuine(PATH, form, signed())


@pytest.mark.parametrize(
    "path",
    [
        "/voice/answer?a=2&b=x%2By",
        "/voice/answer?b=x%2By&a=1",
        "/voice/answer?a=1&b=x+y",
        "/voice/answer",
        "/voice/key",
    ],
)
def test_another_path_or_a_query_in_another_order_or_spelling_is_refused(path):
    assert not SIGNATURES.genuine(path, FORM, signed())


@pytest.mark.parametrize(
    "base", ["http://dialer.example/prefix", "https://dialer.example", "https://evil.example/prefix"]
)
def test_a_signature_for_another_base_is_refused(base):
    assert not SIGNATURES.genuine(PATH, FORM, signed(base + PATH))


def test_a_standard_port_may_be_signed_or_not():
    assert SIGNATURES.genuine(PATH, FORM, signed("https://dialer.example:443/prefix" + PATH))
    assert Signatures([TOKEN], "http://127.0.0.1:8080").genuine("/x", FORM, signed("http://127.0.0.1:8080/x"))


def test_repeated_and_blank_values_are_signed_too():
    form = [("Digit", "2"), ("Digit", "1"), ("Digit", "2"), ("Blank", "")]
    assert SIGNATURES.genuine(PATH, form, signed(form=form))
    assert not SIGNATURES.genuine(PATH, form[1:], signed(form=form[:1]))
    assert not SIGNATURES.genuine(PATH, form[:3], signed(form=form))


def test_a_form_survives_the_wire():
    form = [("To", "+12125550123"), ("CallerName", ""), ("SpeechResult", "né & sons=1"), ("Digit", "1"), ("Digit", "2")]
    assert parse_form(urlencode(form).encode()) == form


def test_an_odd_body_parses_without_raising_and_fits_no_signature():
    for body in (b"\xff\xfe=%ff", b"&".join(b"a=1" for _ in range(MAX_FIELDS + 1)), b"{}"):
        assert not SIGNATURES.genuine(PATH, parse_form(body), signed())


def test_the_first_of_repeated_values_is_read():
    assert first_values([("Digits", "9"), ("CallSid", "CA1"), ("Digits", "1")]) == {"Digits": "9", "CallSid": "CA1"}


def test_while_a_token_is_replaced_both_are_accepted_and_no_third():
    both = Signatures(["new-token", TOKEN], BASE)
    assert both.genuine(PATH, FORM, signed(token="new-token"))
    assert both.genuine(PATH, FORM, signed(token=TOKEN))
    assert not both.genuine(PATH, FORM, signed(token="new-tokeN"))
    assert not Signatures(["new-token"], BASE).genuine(PATH, FORM, signed(token=TOKEN))


def test_an_empty_token_would_let_anybody_sign():
    with pytest.raises(ValueError, match="empty"):
        Signatures([TOKEN, ""], BASE)


def test_a_nul_that_no_database_takes_is_replaced():
    assert first_values([("Digits\0", "9\0")]) == {"Digits\ufffd": "9\ufffd"}
