"""TwiML as steps: a document in, what to do out. Strict where Twilio is lenient: what is not understood raises.

Durations are estimates, for nothing is really spoken: speech by its length, recordings by a fixed one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from dialer.emulator.errors import TwimlError

SPEECH_CHARACTERS_PER_SECOND = 15.0  # about 150 words a minute
RECORDING_SECONDS = 5.0  # a <Play>, whose file is never fetched
MAX_DOCUMENT_BYTES = 64 * 1024  # Twilio's limit (error 11750)
PARSE_FAILURE = 12100
INVALID_DOCUMENT = 12200


@dataclass(frozen=True, slots=True)
class Sound:
    """<Say> and <Play>: something is heard."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Gather:
    """Wait for keys; `action` empty: ask the current URL again."""

    prompts: tuple[Sound | Pause, ...]
    action: str = ""
    method: str = "POST"
    digits: int | None = None
    timeout_seconds: float = 5.0
    finish_key: str = "#"
    action_on_empty: bool = False


@dataclass(frozen=True, slots=True)
class Party:
    """A leg to dial: an E.164 number, `client:…` or `sip:…`."""

    address: str


@dataclass(frozen=True, slots=True)
class Room:
    """How to enter a conference. `events`: start, end, join, leave, mute, hold, modify."""

    name: str
    start_on_enter: bool = True
    end_on_exit: bool = False
    muted: bool = False
    label: str = ""
    max_participants: int = 250
    callback: str = ""
    callback_method: str = "POST"
    events: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dial:
    target: Party | Room
    action: str = ""
    method: str = "POST"
    ring_seconds: float = 30.0
    limit_seconds: float | None = None
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


@dataclass(frozen=True, slots=True)
class Reject:
    """Declines an incoming call; ours are outgoing, so it hangs up."""


Step = Sound | Pause | Gather | Dial | Redirect | Hangup | Reject


def parse(document: str) -> tuple[Step, ...]:
    """The steps of a document. Raises TwimlError with Twilio's code (12100 not XML, 12200 not TwiML)."""
    if len(document.encode()) > MAX_DOCUMENT_BYTES:
        raise TwimlError(11750, f"TwiML response body too large: more than {MAX_DOCUMENT_BYTES} bytes")
    if "<!DOCTYPE" in document or "<!ENTITY" in document:
        raise TwimlError(PARSE_FAILURE, "Document parse failure: document type declarations are not taken")
    try:
        root = ElementTree.fromstring(document.strip())
    except ElementTree.ParseError as error:
        raise TwimlError(PARSE_FAILURE, f"Document parse failure: {error}") from error
    if root.tag != "Response":
        raise TwimlError(INVALID_DOCUMENT, f"Root element must be <Response>, not <{root.tag}>")
    return tuple(_step(element) for element in root)


def _step(element: Element) -> Step:
    reader = _READERS.get(element.tag)
    if reader is None:
        raise TwimlError(INVALID_DOCUMENT, f"Unknown verb <{element.tag}>")
    return reader(element)


def _say(element: Element) -> Sound:
    text = "".join(element.itertext()).strip()
    return Sound(text, _repeats(element) * len(text) / SPEECH_CHARACTERS_PER_SECOND)


def _play(element: Element) -> Sound:
    return Sound((element.text or "").strip(), _repeats(element) * RECORDING_SECONDS)


def _repeats(element: Element) -> float:
    return _number(element, "loop", 1) or inf


def _pause(element: Element) -> Pause:
    return Pause(_number(element, "length", 1))


def _gather(element: Element) -> Gather:
    prompts: list[Sound | Pause] = []
    for child in element:
        step = _step(child)
        if not isinstance(step, Sound | Pause):
            raise TwimlError(INVALID_DOCUMENT, f"<{child.tag}> is not allowed in <Gather>")
        prompts.append(step)
    return Gather(
        prompts=tuple(prompts),
        action=element.get("action", ""),
        method=_method(element, "method"),
        digits=int(_number(element, "numDigits", 0)) or None,
        timeout_seconds=_number(element, "timeout", 5),
        finish_key=element.get("finishOnKey", "#"),
        action_on_empty=_flag(element, "actionOnEmptyResult", False),
    )


def _dial(element: Element) -> Dial:
    return Dial(
        target=_target(element),
        action=element.get("action", ""),
        method=_method(element, "method"),
        ring_seconds=_number(element, "timeout", 30),
        limit_seconds=_number(element, "timeLimit", 0) or None,
        caller_id=element.get("callerId", ""),
    )


def _target(element: Element) -> Party | Room:
    nouns = list(element)
    if not nouns:
        return Party(_content(element))
    if len(nouns) > 1:
        raise TwimlError(INVALID_DOCUMENT, "<Dial> with several nouns: this emulator dials one")
    match nouns[0].tag:
        case "Number":
            return Party(_content(nouns[0]))
        case "Sip":
            address = _content(nouns[0])
            return Party(address if address.startswith("sip:") else f"sip:{address}")
        case "Client":
            identity = nouns[0].find("Identity")
            return Party(f"client:{_content(nouns[0] if identity is None else identity)}")
        case "Conference":
            return _room(nouns[0])
    raise TwimlError(INVALID_DOCUMENT, f"Unknown noun <{nouns[0].tag}> in <Dial>")


def _room(element: Element) -> Room:
    return Room(
        name=_content(element),
        start_on_enter=_flag(element, "startConferenceOnEnter", True),
        end_on_exit=_flag(element, "endConferenceOnExit", False),
        muted=_flag(element, "muted", False),
        label=element.get("participantLabel", ""),
        max_participants=int(_number(element, "maxParticipants", 250)),
        callback=element.get("statusCallback", ""),
        callback_method=_method(element, "statusCallbackMethod"),
        events=frozenset(element.get("statusCallbackEvent", "").split()),
    )


def _redirect(element: Element) -> Redirect:
    return Redirect(_content(element), _method(element, "method"))


def _hangup(element: Element) -> Hangup:
    return Hangup()


def _reject(element: Element) -> Reject:
    reason = element.get("reason", "rejected")
    if reason not in ("rejected", "busy"):
        raise TwimlError(INVALID_DOCUMENT, f"Invalid reason {reason!r} in <Reject>")
    return Reject()


_READERS: dict[str, Callable[[Element], Step]] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Gather": _gather,
    "Dial": _dial,
    "Redirect": _redirect,
    "Hangup": _hangup,
    "Reject": _reject,
}


def _content(element: Element) -> str:
    text = (element.text or "").strip()
    if not text:
        raise TwimlError(INVALID_DOCUMENT, f"<{element.tag}> is empty")
    return text


def _number(element: Element, name: str, default: float) -> float:
    text = element.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise TwimlError(INVALID_DOCUMENT, f"Invalid {name} {text!r} in <{element.tag}>: give a whole number")
    return float(text)


def _flag(element: Element, name: str, default: bool) -> bool:
    text = element.get(name)
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise TwimlError(INVALID_DOCUMENT, f"Invalid {name} {text!r} in <{element.tag}>: give true or false")
    return text.lower() == "true"


def _method(element: Element, name: str) -> str:
    text = element.get(name, "POST").upper()
    if text not in ("GET", "POST"):
        raise TwimlError(INVALID_DOCUMENT, f"Invalid {name} {text!r} in <{element.tag}>: give GET or POST")
    return text
