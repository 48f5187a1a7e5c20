"""The TwiML the carrier gets. Every answer ends in an agent or in a spoken identification, never in silence."""

import re
from collections.abc import Sequence

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from campaigns.dispositions import Kind
from dialer.call import OPT_OUT_KEY

KEY_WAIT_SECONDS = 6  # after the message; most people press at once or never

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def _spoken(text: str) -> str:
    """Without what XML cannot hold: the carrier would refuse the answer, and the caller hear nothing."""
    return _NO_XML.sub(" ", text)


def connect(conference: str, left_url: str) -> str:
    """Put the called party into the agent's seat."""
    response = VoiceResponse()
    dial = Dial(action=left_url, method="POST")
    dial.conference(
        conference,
        start_conference_on_enter=True,
        end_conference_on_exit=False,
        beep="false",
        wait_url="",
        jitter_buffer_size="small",  # the default adds 300 to 1000 ms of delay
    )
    response.append(dial)
    return str(response)


def seat(conference: str) -> str:
    """Hold an agent in the seat; whoever talks to an agent that leaves is sent on, not left in silence."""
    response = VoiceResponse()
    dial = Dial()
    dial.conference(
        conference,
        start_conference_on_enter=True,
        end_conference_on_exit=True,
        beep="false",
        wait_url="",
        jitter_buffer_size="small",
        participant_label="agent",
    )
    response.append(dial)
    return str(response)


PURPOSES = {Kind.TELEMARKETING: "a telemarketing call", Kind.SURVEY: "a call for a survey"}


def message(kind: Kind, client: str, contact_number: str, key_url: str) -> str:
    """What the call was for, who called, how to reach them, how to opt out; a key is waited for.

    47 CFR 64.1200(a)(7)(i) wants these and allows nothing else.
    """
    response = VoiceResponse()
    spoken = " ".join(contact_number.removeprefix("+"))
    gather = Gather(num_digits=1, action=key_url, method="POST", timeout=KEY_WAIT_SECONDS)
    gather.say(
        f"Hello. This was {PURPOSES[kind]} from {_spoken(client)}. You can reach us at {spoken}. "
        f"To get no more calls from us, press {OPT_OUT_KEY} now."
    )
    response.append(gather)
    response.hangup()
    return str(response)


def receive(clients: Sequence[str], key_url: str) -> str:
    """Somebody calls one of our numbers back: whom they have reached, and how to get no more calls."""
    response = VoiceResponse()
    gather = Gather(num_digits=1, action=key_url, method="POST", timeout=KEY_WAIT_SECONDS)
    whom = f"for {_spoken(' and '.join(clients))} " if clients else ""
    gather.say(f"Hello. From this number we make calls {whom}only. To get no more of them, press {OPT_OUT_KEY} now.")
    response.append(gather)
    response.hangup()
    return str(response)


def confirm_opt_out() -> str:
    response = VoiceResponse()
    response.say("Thank you. Your number has been taken off our list.")
    response.hangup()
    return str(response)


def unknown_caller() -> str:
    response = VoiceResponse()
    response.say("We cannot see your number. Please call again without hiding it.")
    response.hangup()
    return str(response)


def hang_up() -> str:
    response = VoiceResponse()
    response.hangup()
    return str(response)
