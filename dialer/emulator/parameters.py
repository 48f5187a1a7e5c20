"""Request parameters of Twilio's voice API, checked: a form in, values out, or an ApiError with Twilio's code.

Stricter than Twilio, to find mistakes early: an unknown name is refused, where Twilio ignores it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dialer.emulator.errors import ApiError, invalid
from dialer.emulator.names import CREATE_CALL, CREATE_PARTICIPANT, UPDATE_CALL
from dialer.emulator.twiml import Room

Form = Sequence[tuple[str, str]]

CALL_EVENTS = ("initiated", "ringing", "answered", "completed")
ROOM_EVENTS = frozenset({"start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"})

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_ADDRESS = re.compile(r"(client|sip):\S+")
MAX_TWIML_CHARACTERS = 4000
PLATFORM_LIMIT_SECONDS = 4 * 60 * 60  # Twilio's longest call unless asked otherwise


@dataclass(frozen=True, slots=True)
class Hook:
    """Where to ask or tell the application."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Fetch:
    """The next document is at the application; `extra` goes with the request."""

    hook: Hook
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Inline:
    """The next document is here."""

    twiml: str


Source = Fetch | Inline | Room


@dataclass(frozen=True, slots=True)
class Detection:
    """Machine detection. `to_message_end`: the verdict on a machine waits for its beep."""

    to_message_end: bool
    blocking: bool
    callback: Hook | None
    limit_seconds: float


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A leg to be dialled; `source` None for a leg that is bridged to its parent."""

    to: str
    from_: str
    source: Source | None
    fallback: Hook | None = None
    callback: Hook | None = None
    events: frozenset[str] = frozenset()
    ring_seconds: float = 60.0
    limit_seconds: float = PLATFORM_LIMIT_SECONDS
    detection: Detection | None = None


@dataclass(frozen=True, slots=True)
class CallUpdate:
    """What to do with a live call; None: leave as is."""

    end: str | None  # canceled | completed
    source: Source | None
    fallback: Hook | None
    callback: Hook | None


def known(form: Form, names: frozenset[str]) -> Mapping[str, str]:
    """The form as a mapping, last value of each name. Raises ApiError for a name that is none of the API's."""
    for name, value in form:
        if name not in names:
            raise invalid("parameter", f"{name}={value}", "this method has no such parameter")
    return dict(form)


def call_request(form: Form) -> CallRequest:
    """The body of a call's create. Raises ApiError."""
    given = known(form, CREATE_CALL)
    source = _source(given)
    if source is None:
        raise ApiError(400, 21205, "Url parameter is required")
    return CallRequest(
        to=_to(given),
        from_=_from(given),
        source=source,
        fallback=_hook(given, "FallbackUrl", "FallbackMethod"),
        callback=_hook(given, "StatusCallback", "StatusCallbackMethod"),
        events=_call_events([value for name, value in form if name == "StatusCallbackEvent"]),
        ring_seconds=_seconds(given, "Timeout", 60, (1, 600), 21208),
        limit_seconds=_seconds(given, "TimeLimit", PLATFORM_LIMIT_SECONDS, (1, 86_400), 20001),
        detection=_detection(given, blocking=not _flag(given, "AsyncAmd", False), prefix="Async"),
    )


def participant_request(form: Form, conference: str) -> CallRequest:
    """The body of a participant's create: a call that goes straight into the conference. Raises ApiError."""
    given = known(form, CREATE_PARTICIPANT)
    events = _words(form, "ConferenceStatusCallbackEvent")
    if events - ROOM_EVENTS:
        raise invalid("ConferenceStatusCallbackEvent", " ".join(sorted(events - ROOM_EVENTS)), "no such event")
    callback = _hook(given, "ConferenceStatusCallback", "ConferenceStatusCallbackMethod")
    room = Room(
        name=conference,
        start_on_enter=_flag(given, "StartConferenceOnEnter", True),
        end_on_exit=_flag(given, "EndConferenceOnExit", False),
        muted=_flag(given, "Muted", False),
        label=given.get("Label", ""),
        max_participants=int(_seconds(given, "MaxParticipants", 250, (2, 250), 20001)),
        callback=callback.url if callback else "",
        callback_method=callback.method if callback else "POST",
        events=frozenset(events),
    )
    return CallRequest(
        to=_to(given),
        from_=_from(given),
        source=room,
        callback=_hook(given, "StatusCallback", "StatusCallbackMethod"),
        events=_call_events(sorted(_words(form, "StatusCallbackEvent"))),
        ring_seconds=_seconds(given, "Timeout", 60, (5, 600), 21208),
        limit_seconds=_seconds(given, "TimeLimit", PLATFORM_LIMIT_SECONDS, (1, 86_400), 20001),
        detection=_detection(given, blocking=False, prefix=""),
    )


def call_update(form: Form) -> CallUpdate:
    """The body of a call's update. Raises ApiError."""
    given = known(form, UPDATE_CALL)
    end = given.get("Status")
    if end is not None and end not in ("canceled", "completed"):
        raise invalid("Status", end, "give canceled or completed")
    return CallUpdate(
        end=end,
        source=_source(given),
        fallback=_hook(given, "FallbackUrl", "FallbackMethod"),
        callback=_hook(given, "StatusCallback", "StatusCallbackMethod"),
    )


def flag(given: Mapping[str, str], name: str) -> bool | None:
    """`true` or `false` as the API writes them; None when absent. Raises ApiError for anything else."""
    text = given.get(name)
    if text is None:
        return None
    if text not in ("true", "false"):
        raise invalid(name, text, "give true or false, in small letters")
    return text == "true"


def _flag(given: Mapping[str, str], name: str, default: bool) -> bool:
    value = flag(given, name)
    return default if value is None else value


def _to(given: Mapping[str, str]) -> str:
    to = given.get("To", "")
    if not to:
        raise ApiError(400, 21201, "No 'To' number is specified")
    if not (_NUMBER.fullmatch(to) or _ADDRESS.fullmatch(to)):
        raise ApiError(400, 21211, f"The 'To' number {to} is not a valid phone number.")
    return to


def _from(given: Mapping[str, str]) -> str:
    from_ = given.get("From", "")
    if not from_:
        raise ApiError(400, 21213, "A 'From' phone number is required")
    if not (_NUMBER.fullmatch(from_) or _ADDRESS.fullmatch(from_)):
        raise ApiError(400, 21212, f"The 'From' number {from_} is not a valid phone number or shortcode.")
    return from_


def _source(given: Mapping[str, str]) -> Source | None:
    hook = _hook(given, "Url", "Method")
    if hook is not None:
        return Fetch(hook)
    twiml = given.get("Twiml")
    if twiml is None:
        return None
    if len(twiml) > MAX_TWIML_CHARACTERS:
        raise invalid("Twiml", f"{twiml[:20]}…", f"give at most {MAX_TWIML_CHARACTERS} characters")
    return Inline(twiml)


def _hook(given: Mapping[str, str], url_name: str, method_name: str) -> Hook | None:
    method = given.get(method_name, "POST").upper()
    if method not in ("GET", "POST"):
        raise invalid(method_name, method, "give GET or POST")
    url = given.get(url_name)
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(400, 21205, f"{url_name} is not a valid URL: {url}")
    return Hook(url, method)


def _call_events(values: Sequence[str]) -> frozenset[str]:
    if not values:
        return frozenset({"completed"})
    if any(" " in value for value in values):
        return frozenset()  # accepted, but nothing is ever sent: Twilio's warning 21626
    for value in values:
        if value not in CALL_EVENTS:
            raise ApiError(400, 21626, f"Invalid StatusCallbackEvent {value!r}: give {', '.join(CALL_EVENTS)}")
    return frozenset(values)


def _words(form: Form, name: str) -> set[str]:
    return {word for given, value in form if given == name for word in value.split()}


def _seconds(given: Mapping[str, str], name: str, default: float, bounds: tuple[int, int], code: int) -> float:
    text = given.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not bounds[0] <= int(text) <= bounds[1]:
        raise ApiError(400, code, f"Invalid {name} {text!r}: give a whole number from {bounds[0]} to {bounds[1]}")
    return float(text)


def _detection(given: Mapping[str, str], blocking: bool, prefix: str) -> Detection | None:
    mode = given.get("MachineDetection")
    if mode is None or given.get("SendDigits"):
        return None
    if mode not in ("Enable", "DetectMessageEnd"):
        raise invalid("MachineDetection", mode, "give Enable or DetectMessageEnd")
    for name, low, high in (("SpeechThreshold", 1000, 6000), ("SpeechEndThreshold", 500, 5000)):
        _seconds(given, f"MachineDetection{name}", low, (low, high), 20001)
    _seconds(given, "MachineDetectionSilenceTimeout", 5000, (2000, 10_000), 20001)
    return Detection(
        to_message_end=mode == "DetectMessageEnd",
        blocking=blocking,
        callback=_hook(given, f"{prefix}AmdStatusCallback", f"{prefix}AmdStatusCallbackMethod"),
        limit_seconds=_seconds(given, "MachineDetectionTimeout", 30, (3, 59), 20001),
    )
