"""Twilio's webhooks as events: form parameters in, events out. Anything unheard of raises UnknownValue."""

from collections.abc import Mapping

from campaigns.dispositions import Outcome
from dialer.events import VERDICTS, Answered, CallEvent, CustomerLeft, Detected, Ended, KeyPressed, Progress

TERMINAL = {
    "completed": Outcome.ANSWERED,
    "busy": Outcome.BUSY,
    "no-answer": Outcome.NO_ANSWER,
    "failed": Outcome.FAILED,
    "canceled": Outcome.CANCELED,
}


class UnknownValue(Exception):
    """The carrier said something not in its documents; the event is kept, nothing is changed."""


def call_event(form: Mapping[str, str]) -> CallEvent:
    """The event in a status callback or a fetched call. Raises UnknownValue."""
    sid, word = form["CallSid"], form["CallStatus"]
    sequence = int(form.get("SequenceNumber") or -1)
    if word in TERMINAL:
        sip_code = int(form["SipResponseCode"]) if form.get("SipResponseCode") else None
        return Ended(TERMINAL[word], sid, sip_code, sequence)
    match word:
        case "queued" | "initiated":
            return Progress(sid, ringing=False, sequence=sequence)
        case "ringing":
            return Progress(sid, ringing=True, sequence=sequence)
        case "in-progress" | "answered":
            return Progress(sid, ringing=True, picked_up=True, sequence=sequence)
    raise UnknownValue(f"CallStatus {word!r}")


def answered(form: Mapping[str, str], agent: str | None) -> Answered:
    """The event in a request for what to do with a picked-up call."""
    return Answered(form["CallSid"], agent, _verdict(form["AnsweredBy"]) if form.get("AnsweredBy") else None)


def detected(form: Mapping[str, str]) -> Detected:
    """The event in an answering machine callback. Raises UnknownValue."""
    took = form.get("MachineDetectionDuration")
    return Detected(_verdict(form["AnsweredBy"]), int(took) if took else None)


def key_pressed(form: Mapping[str, str]) -> KeyPressed:
    """The event in the action of the message's Gather."""
    return KeyPressed(form.get("Digits", ""))


def customer_left(form: Mapping[str, str]) -> CustomerLeft:
    """The event in the action of the Dial that held the called party in the seat's conference."""
    return CustomerLeft(on_line=form["CallStatus"] not in TERMINAL)


def event_key(kind: str, form: Mapping[str, str]) -> str:
    """Equal for repeats of one webhook, different for different ones: Twilio's retries repeat all of these."""
    parts = [form.get(name, "") for name in ("CallSid", "CallStatus", "SequenceNumber", "AnsweredBy", "Digits")]
    return ":".join([kind, *parts])


def _verdict(word: str) -> str:
    if word not in VERDICTS:
        raise UnknownValue(f"AnsweredBy {word!r}")
    return word
