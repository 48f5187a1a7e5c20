"""What a decision about a call asks for. The first three are carried out in the transaction that records the event."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReleaseAgent:
    """The agent's part in the call is over; `wrap_up` when a disposition is still to come."""

    wrap_up: bool


@dataclass(frozen=True, slots=True)
class Suppress:
    """Never call the number again in this campaign's scope."""

    source: str


@dataclass(frozen=True, slots=True)
class Recycle:
    """The attempt is over and its disposition known: say when, if ever, the lead is tried again."""

    code: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call at the carrier."""

    sid: str


@dataclass(frozen=True, slots=True)
class StopRinging:
    """End the call at the carrier unless somebody has picked up meanwhile."""

    sid: str


@dataclass(frozen=True, slots=True)
class PlayMessage:
    """Take the called party out of the conference and play the abandoned-call message."""

    sid: str


CallCommand = ReleaseAgent | Suppress | Recycle | HangUp | PlayMessage
