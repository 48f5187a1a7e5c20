"""What the called party hears, how it reacts, and how long it was left in silence."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from math import isfinite

from dialer.emulator.line import By, Line
from dialer.simulation.callees import Callee, Kind


class Hears(StrEnum):
    SILENCE = "silence"  # neither a person nor a message: dead air, ringback, waiting music
    MESSAGE = "message"
    PERSON = "person"


class Hearing:
    """Times in seconds from the answer, None until it happens. Silence is counted for people only."""

    def __init__(self, callee: Callee, line: Line) -> None:
        self.silence_seconds = 0.0
        self.longest_silence_seconds = 0.0
        self.message_seconds = 0.0
        self.message_after_seconds: float | None = None
        self.person_after_seconds: float | None = None
        self.keys: list[str] = []
        self.changed: Callable[[], None] = lambda: None
        self._callee = callee
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._answered_at = 0.0
        self._since = 0.0
        self._hears: Hears | None = None
        self._reactions: list[asyncio.TimerHandle] = []
        self._leaving: asyncio.TimerHandle | None = None

    def answer(self) -> None:
        if isfinite(self._callee.stay_seconds):
            self._leaving = self._loop.call_later(self._callee.stay_seconds, self._line.hang_up, By.CALLEE)
        self.change(Hears.SILENCE)
        self._answered_at = self._since

    def change(self, hears: Hears) -> None:
        """From now on the called party hears this."""
        if hears is self._hears:
            return
        self._account()
        self._hears = hears
        after = self._since - self._answered_at
        match hears:
            case Hears.SILENCE:
                self._react(self._callee.patience_seconds)
            case Hears.MESSAGE:
                if self.message_after_seconds is None:
                    self.message_after_seconds = after
                self._react(self._callee.listen_seconds)
                if self._callee.key is not None and not self.keys:
                    press = self._loop.call_later(self._callee.key_seconds, self._press, self._callee.key)
                    self._reactions.append(press)
            case Hears.PERSON:
                if self.person_after_seconds is None:
                    self.person_after_seconds = after
                self._react(self._callee.talk_seconds)
        self.changed()

    def end(self) -> None:
        self._account()
        self._hears = None
        if self._leaving is not None:
            self._leaving.cancel()

    def _account(self) -> None:
        now = self._loop.time()
        if self._hears is Hears.SILENCE and self._callee.kind is Kind.HUMAN:
            self.silence_seconds += now - self._since
            self.longest_silence_seconds = max(self.longest_silence_seconds, now - self._since)
        if self._hears is Hears.MESSAGE:
            self.message_seconds += now - self._since
        self._since = now
        for reaction in self._reactions:
            reaction.cancel()
        self._reactions.clear()

    def _react(self, hang_up_seconds: float) -> None:
        if isfinite(hang_up_seconds):
            self._reactions.append(self._loop.call_later(hang_up_seconds, self._line.hang_up, By.CALLEE))

    def _press(self, key: str) -> None:
        self.keys.append(key)
        self.changed()
        self._line.press(key)
