"""Public holidays of a country or state, from the `holidays` library, and the eves before them."""

from datetime import date, timedelta
from functools import lru_cache

ONE_DAY = timedelta(days=1)


class UnknownCalendar(ValueError):
    """No such country or state in the library."""


@lru_cache(maxsize=512)
def holidays_of(calendar: str, year: int) -> frozenset[date]:
    """The public holidays of "US" or "US-LA" in a year, the days that stand in for them included.

    Raises UnknownCalendar.
    """
    import holidays  # 0.2 s that no command should wait which asks for none

    country, _, subdivision = calendar.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    except NotImplementedError:
        raise UnknownCalendar(f"{calendar!r}: the holidays library knows no such country or state") from None
    return frozenset(found)


@lru_cache(maxsize=65_536)
def is_holiday(calendar: str, also: frozenset[str], day: date) -> bool:
    """Whether it is one of the calendar's holidays, or of the further dates (12-24, 2026-12-24)."""
    text = day.isoformat()
    return day in holidays_of(calendar, day.year) or text in also or text[5:] in also


def is_eve(calendar: str, also: frozenset[str], day: date) -> bool:
    """Whether the next day is a holiday."""
    return is_holiday(calendar, also, day + ONE_DAY)
