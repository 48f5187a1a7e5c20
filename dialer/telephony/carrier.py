"""The port to the carrier: what the dialer asks of it, whoever it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from compliance.gate import Cleared
from dialer.events import CallEvent, Placed, Refused, Unsure

Placement = Placed | Refused | Unsure


class CarrierError(Exception):
    """The carrier could not be asked; nothing is known and the question may be repeated."""


class CarrierRefusesUs(CarrierError):
    """Account, token or permissions are wrong: no call will go through until an operator acts."""


@dataclass(frozen=True, slots=True)
class SeatRing:
    """A ring of an agent's address: the carrier's call, or why there is none."""

    sid: str | None
    problem: str = ""


class Carrier(Protocol):
    """Blocking; called from worker threads. Only `place` can reach a called party, and only with a clearance."""

    def place(self, cleared: Cleared, attempt_id: str, caller_id: str, ring_seconds: int, detect: bool) -> Placement:
        """Start one call; an expired clearance is refused.

        Sent once and never repeated, for the carrier has no idempotency key.
        """

    def ring_seat(self, address: str, caller_id: str, token: str) -> SeatRing:
        """Ring an agent into the seat."""

    def hang_up(self, sid: str) -> None:
        """End a call, or take it from the carrier's queue; one that has ended already is left alone."""

    def stop_ringing(self, sid: str) -> None:
        """End a call that nobody has picked up; any other is left alone."""

    def play_message(self, sid: str, attempt_id: str) -> None:
        """Send a live call to the abandoned-call message."""

    def look_up(self, sid: str) -> CallEvent | None:
        """What has become of a call; None when the carrier does not know it."""

    def in_progress(self) -> frozenset[str]:
        """Sids of the calls that have been answered and have not ended; one that is new may be missing."""

    def met(self, sid: str, seat_sid: str) -> bool:
        """Whether a call that has ended surely had begun before that seat ended, by the carrier's own clock."""

    def find(self, number: str, since: datetime) -> tuple[str, CallEvent] | None:
        """Sid and news of the newest call to a number that was made after `since`."""

    def check(self) -> None:
        """Raises CarrierRefusesUs or CarrierError when calls could not be placed."""
