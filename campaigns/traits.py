"""What tells whether a lead answers now: named features of it, of its earlier attempts and of the hour there."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta

MOST_ATTEMPTS = 6  # told apart
AREA_DIGITS = 4  # of the number: an area code with its 1, elsewhere the country with the first digits after it
PARTS_OF_DAY = (12, 17)  # o'clock: morning, afternoon and evening
WEEKEND = 5  # the first day of it
HOURS_SINCE = (1, 6, 20, 30, 100)  # since the last attempt, told apart


def traits(
    number: str,
    local: datetime,
    *,
    attempts: int = 0,
    last: str | None = None,
    last_at: datetime | None = None,
    answered_at: Iterable[datetime] = (),
) -> tuple[str, ...]:
    """Features at a moment, each at most once.

    `local` is that moment in the called party's zone; `attempts` those made before and `last` the disposition of the
    last one; `answered_at` when a person answered before, at any number.
    """
    weekend = local.weekday() >= WEEKEND
    part = _part(local)
    attempt = f"attempt {min(attempts + 1, MOST_ATTEMPTS)}"
    found = [
        f"area {number[1 : 1 + AREA_DIGITS]}",
        f"hour {local.hour}",
        f"hour {local.hour} {'weekend' if weekend else 'weekday'}",
        attempt,
    ]
    if weekend:
        found.append("weekend")
    if last is not None and last_at is not None:
        hours = (local - last_at) / timedelta(hours=1)
        same = "same" if _part(last_at.astimezone(local.tzinfo)) == part else "other"
        found += [
            f"last {last}",
            f"{attempt} last {last}",
            f"last {last} in the {same} part of the day",
            f"last {last} since {bisect_right(HOURS_SINCE, hours)}",
        ]
    parts = {_part(moment.astimezone(local.tzinfo)) for moment in answered_at}
    if parts:
        found.append("answered before in this part of the day" if part in parts else "answered before")
    return tuple(found)


def _part(local: datetime) -> int:
    return bisect_right(PARTS_OF_DAY, local.hour)
