"""Caps on how often one number is called: so many placed attempts in any window of a given length."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta


def next_allowed(attempt_times: Sequence[datetime], cap: int, window: timedelta, now: datetime) -> datetime:
    """The first moment, `now` or later, at which one more attempt stays within the cap.

    An attempt counts from its own moment up to, and not including, one window later. Raises ValueError for a cap
    below 1, which no waiting could satisfy.
    """
    if cap < 1:
        raise ValueError(f"cap of {cap} attempts: at least 1, or take the lead out of the campaign")
    if len(attempt_times) < cap:
        return now
    latest_that_counts = sorted(attempt_times, key=datetime.timestamp)[-cap]
    return max(now, latest_that_counts.astimezone(UTC) + window)  # in UTC: elsewhere a sum is one of wall clocks
