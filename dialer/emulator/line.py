"""Where a call waits. Whatever reaches a call from outside (a hang-up, new instructions, a key) comes in here."""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from dialer.emulator.parameters import Source

Result = TypeVar("Result")


class By(StrEnum):
    """Who ended a call."""

    CALLEE = "callee"
    API = "api"  # the application, by request
    DOCUMENT = "document"  # the application, by TwiML
    CARRIER = "carrier"  # time limit, or a leg whose parent is gone


class HungUp(Exception):
    """The call is over; raised out of whatever it was waiting for."""

    def __init__(self, by: By) -> None:
        super().__init__(by)
        self.by = by


class Redirected(Exception):
    """The call goes on with another document; raised out of whatever it was waiting for."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source


class Line:
    """One call's waiting place. The first hang-up counts and stays; the last redirection counts and is taken once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parked: asyncio.Future[None] | None = None
        self._hung_up: HungUp | None = None
        self._redirected: Redirected | None = None
        self._keys: deque[str] = deque()

    def hang_up(self, by: By) -> None:
        self._hung_up = self._hung_up or HungUp(by)
        self._wake()

    def redirect(self, source: Source) -> None:
        self._redirected = Redirected(source)
        self._wake()

    def press(self, key: str) -> None:
        self._keys.append(key)
        self._wake()

    async def wait(self, seconds: float | None) -> None:
        """Let time pass; None: until interrupted. Raises HungUp or Redirected."""
        await self._until(lambda: False, seconds)

    async def wait_for_key(self, seconds: float) -> str | None:
        """The next key, or None when the time is up. Raises HungUp or Redirected."""
        await self._until(lambda: bool(self._keys), seconds)
        return self._keys.popleft() if self._keys else None

    def forget_keys(self) -> None:
        self._keys.clear()

    async def watch(self, future: "asyncio.Future[Result]", seconds: float | None = None) -> Result | None:
        """The future's result, or None when the time is up. An interruption leaves the future to itself."""
        future.add_done_callback(self._look)
        await self._until(future.done, seconds)
        return future.result() if future.done() else None

    def _look(self, future: "asyncio.Future[Result]") -> None:
        if not future.cancelled():
            future.exception()  # taken, so that nobody complains when the call is gone
        self._wake()

    async def _until(self, ready: Callable[[], bool], seconds: float | None) -> None:
        deadline = None if seconds is None or seconds == float("inf") else self._loop.time() + seconds
        while True:
            self._raise_interruption()
            if ready() or (deadline is not None and self._loop.time() >= deadline):
                return
            await self._park(deadline)

    async def _park(self, deadline: float | None) -> None:
        self._parked = self._loop.create_future()
        timer = None if deadline is None else self._loop.call_at(deadline, self._wake)
        try:
            await self._parked
        finally:
            self._parked = None
            if timer is not None:
                timer.cancel()

    def _raise_interruption(self) -> None:
        if self._hung_up is not None:
            raise self._hung_up
        if self._redirected is not None:
            redirected, self._redirected = self._redirected, None
            raise redirected

    def _wake(self) -> None:
        if self._parked is not None and not self._parked.done():
            self._parked.set_result(None)
