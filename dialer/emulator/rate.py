"""Calls per second: what comes faster waits in a queue, as at Twilio."""

from collections import deque


class CallRate:
    """Gives each new call the moment it may be dialled: at most `calls_per_second` of them in any one second."""

    def __init__(self, calls_per_second: float) -> None:
        """Raises ValueError unless the rate is above zero."""
        if calls_per_second <= 0:
            raise ValueError(f"calls per second must be above 0, not {calls_per_second}")
        self._at_once = max(1, int(calls_per_second))
        self._window_seconds = self._at_once / calls_per_second
        self._starts: deque[float] = deque(maxlen=self._at_once)

    def next_start(self, now: float) -> float:
        """The moment for one more call; seconds on the same scale as `now`."""
        start = now
        if len(self._starts) == self._at_once:
            start = max(now, self._starts[0] + self._window_seconds)
        self._starts.append(start)
        return start
