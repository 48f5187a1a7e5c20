"""Twilio's webhooks as events: form parameters in, events out. Anything unheard of raises UnknownValue."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from campaigns.dispositions import Outcome
from dialer.events import VERDICTS, Answered, CallEvent, CustomerLeft, Detected, Ended, KeyPressed, Progress

TERMINAL = {
    "completed": Outcome.ANSWERED,
    "busy": Outcome.BUSY,
    "no-answer": Outcome.NO_ANSWER,
    "failed": Outcome.FAILED,
    "canceled": Outcome.CANCELED,
}

DIGITS = 9  # of any number that the carrier tells; more may not fit a column


class UnknownValue(Exception):
    """The carrier said something not in its documents; the event is kept, nothing is changed."""


def call_event(form: Mapping[str, str]) -> CallEvent:
    """The event in a status callback or a fetched call. Raises UnknownValue."""
    sid, word = form["CallSid"], form["CallStatus"]
    number = _number(form, "SequenceNumber")
    sequence = -1 if number is None else number
    if word in TERMINAL:
        return Ended(TERMINAL[word], sid, _number(form, "SipResponseCode"), sequence)
    match word:
        case "queued" | "initiated":
            return Progress(sid, ringing=False, queued=word == "queued", sequence=sequence)
        case "ringing":
            return Progress(sid, ringing=True, sequence=sequence)
        case "in-progress" | "answered":
            return Progress(sid, ringing=True, picked_up=True, sequence=sequence)
    raise UnknownValue(f"CallStatus {word!r}")


def answered(form: Mapping[str, str], agent: str | None) -> Answered:
    """The event in a request for what to do with a picked-up call. Raises UnknownValue."""
    return Answered(form["CallSid"], agent, _verdict(form["AnsweredBy"]) if form.get("AnsweredBy") else None)


def detected(form: Mapping[str, str]) -> Detected:
    """The event in an answering machine callback. Raises UnknownValue."""
    return Detected(form["CallSid"], _verdict(form["AnsweredBy"]), _number(form, "MachineDetectionDuration"))


def key_pressed(form: Mapping[str, str]) -> KeyPressed:
    """The event in the action of the message's Gather."""
    return KeyPressed(form.get("Digits", ""))


def customer_left(form: Mapping[str, str]) -> CustomerLeft:
    """The event in the action of the Dial that held the called party in the seat's conference. Raises UnknownValue."""
    return CustomerLeft(on_line=not isinstance(call_event(form), Ended))


def sent_on(form: Mapping[str, str]) -> CustomerLeft:
    """The event in a request for the message: by our order, or as the fallback of the address in `ErrorUrl`."""
    try:
        failed = urlsplit(form.get("ErrorUrl", "")).path
    except ValueError:  # no address of ours
        failed = ""
    return CustomerLeft(on_line=True, never_met=failed.endswith("/voice/answer"))


def event_key(kind: str, form: Mapping[str, str]) -> str:
    """Equal for repeats of one webhook, different for different ones: Twilio's retries repeat all of these."""
    parts = [form.get(name, "") for name in ("CallSid", "CallStatus", "SequenceNumber", "AnsweredBy", "Digits")]
    return ":".join([kind, *parts])


def _verdict(word: str) -> str:
    if word not in VERDICTS:
        raise UnknownValue(f"AnsweredBy {word!r}")
    return word


def _number(form: Mapping[str, str], name: str) -> int | None:
    word = form.get(name)
    if not word:
        return None
    if not (word.isascii() and word.isdigit() and len(word) <= DIGITS):
        raise UnknownValue(f"{name} {word!r}")
    return int(word)
