"""Documents as steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Dial as DialTwiml
from twilio.twiml.voice_response import Gather as GatherTwiml
from twilio.twiml.voice_response import VoiceResponse

from dialer.emulator.errors import TwimlError
from dialer.emulator.twiml import Dial, Gather, Hangup, Party, Pause, Redirect, Reject, Room, Sound, parse


def test_every_verb_as_the_sdk_writes_it():
    response = VoiceResponse()
    response.say("x" * 30, loop=2)
    response.play("https://example.com/a.mp3")
    response.pause(length=3)
    gather = GatherTwiml(num_digits=1, action="/keys", method="GET", timeout=7, finish_on_key="*")
    gather.say("Press 9")
    response.append(gather)
    dial = DialTwiml(action="/after", timeout=20, time_limit=60, caller_id="+12125550199")
    dial.conference(
        "seat",
        start_conference_on_enter=False,
        end_conference_on_exit=True,
        participant_label="agent",
        max_participants=2,
        status_callback="/room",
        status_callback_event="join leave",
        jitter_buffer_size="small",
        beep="false",
        wait_url="",
    )
    response.append(dial)
    response.redirect("/next", method="GET")
    response.reject(reason="busy")
    response.hangup()
    assert parse(str(response)) == (
        Sound("x" * 30, 4.0),
        Sound("https://example.com/a.mp3", 5.0),
        Pause(3.0),
        Gather((Sound("Press 9", 7 / 15),), "/keys", "GET", 1, 7.0, "*"),
        Dial(
            target=Room(
                name="seat",
                start_on_enter=False,
                end_on_exit=True,
                label="agent",
                max_participants=2,
                callback="/room",
                events=frozenset({"join", "leave"}),
            ),
            action="/after",
            ring_seconds=20.0,
            limit_seconds=60.0,
            caller_id="+12125550199",
        ),
        Redirect("/next", "GET"),
        Reject(),
        Hangup(),
    )


@pytest.mark.parametrize(
    ("noun", "address"),
    [
        ("+12125550101", "+12125550101"),
        ("<Number>+12125550101</Number>", "+12125550101"),
        ("<Client>anna</Client>", "client:anna"),
        ("<Client><Identity>anna</Identity></Client>", "client:anna"),
        ("<Sip>sip:anna@example.com</Sip>", "sip:anna@example.com"),
    ],
)
def test_whom_a_dial_dials(noun, address):
    assert parse(f"<Response><Dial>{noun}</Dial></Response>") == (Dial(Party(address)),)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", 12100),
        ("<Response>", 12100),
        ("<!DOCTYPE x [<!ENTITY a 'aa'>]><Response>&a;</Response>", 12100),
        ("<Answer/>", 12200),
        ("<Response><Sya/></Response>", 12200),
        ("<Response><Gather><Dial>+12125550101</Dial></Gather></Response>", 12200),
        ("<Response><Dial/></Response>", 12200),
        ("<Response><Dial><Number>+12125550101</Number><Client>a</Client></Dial></Response>", 12200),
        ("<Response><Dial><Queue>a</Queue></Dial></Response>", 12200),
        ("<Response><Dial method='PUT'>+12125550101</Dial></Response>", 12200),
        ("<Response><Dial><Conference muted='perhaps'>a</Conference></Dial></Response>", 12200),
        ("<Response><Pause length='long'/></Response>", 12200),
        ("<Response><Redirect/></Response>", 12200),
        ("<Response><Reject reason='rude'/></Response>", 12200),
        (f"<Response><Say>{'x' * 70_000}</Say></Response>", 11750),
    ],
)
def test_what_is_not_understood_raises(document, code):
    with pytest.raises(TwimlError) as error:
        parse(document)
    assert error.value.code == code


def test_a_loop_of_zero_never_ends():
    assert parse("<Response><Play loop='0'>a</Play></Response>") == (Sound("a", float("inf")),)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1))
def test_any_text_survives_the_sdks_escaping(text):
    response = VoiceResponse()
    response.say(text)
    (sound,) = parse(str(response))
    assert isinstance(sound, Sound)
    assert sound.text == text.strip()
