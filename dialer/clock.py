"""The only module that reads the time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Wall and monotonic time, shifted as a whole when a demonstration wants another hour of the day."""

    def __init__(self, offset_seconds: float = 0.0) -> None:
        self._offset = timedelta(seconds=offset_seconds)

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """Seconds that never go backwards, for measuring."""
        return time.monotonic()

    async def until(self, moment: float) -> None:
        """Wait for that moment of the monotonic time."""
        await asyncio.sleep(max(0.0, moment - self.monotonic()))
