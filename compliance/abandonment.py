"""The drop-rate budget: how many calls may still be lost before a ceiling is broken."""

from datetime import UTC, datetime, timedelta

from compliance.facts import DropCount

BLOCK, DAY = timedelta(days=30), timedelta(hours=24)


def allowance(count: DropCount, ceiling: float) -> float:
    """Abandoned calls that the calls so far still allow: ceiling x calls - abandoned; negative when over.

    Rounded to a billionth, so that 29 of 100 calls at 0.29 leave 0 and not a float's remainder.
    """
    return round(ceiling * count.calls - count.abandoned, 9)


def used_up(count: DropCount, ceiling: float) -> bool:
    """Whether one more abandoned call would break the ceiling over the calls so far.

    True for a window's first calls (at 3 % until the 34th): a campaign starts one to one, each call with an agent
    reserved, and so never has to hope that the rate comes right later.
    """
    return allowance(count, ceiling) < 1


def window(name: str, first_call: datetime | None, now: datetime) -> tuple[datetime, datetime | None]:
    """Beginning and end of the present window of a measure; the end is None where no fresh one follows.

    Blocks of 30 days begin with the campaign's first call (16 CFR 310.4(b)(4)(i) as the trade reads it) and the last is
    as short as the campaign makes it; months are those of UTC. Raises ValueError for an unknown name.
    """
    now = now.astimezone(UTC)
    first = min(first_call.astimezone(UTC), now) if first_call else now
    match name:
        case "30-day-blocks":
            begins = first + (now - first) // BLOCK * BLOCK
            return begins, begins + BLOCK
        case "calendar-month":
            begins = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            return begins, (begins + timedelta(days=31)).replace(day=1)
        case "24-hours":
            return now - DAY, None
        case "campaign":
            return first, None
    raise ValueError(f"window {name!r}: give 30-day-blocks, calendar-month, 24-hours or campaign")
