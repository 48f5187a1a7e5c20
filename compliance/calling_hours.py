"""When may a phone ring? Windows of wall-clock time turned into stretches of real time, over several zones at once.

A window is half-open: [08:00, 21:00) is open at 08:00:00 and closed at 21:00:00. The wall clock decides, so on the days
on which the clocks change a window is as much shorter or longer as the law's words make it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400  # seconds of a day's wall clock
ONE_DAY = timedelta(days=1)
HORIZON = timedelta(days=400)  # a year with all its holidays and both clock changes; beyond it nothing new can open

Windows = tuple[tuple[int, int], ...]  # of one day: (opens, closes) in wall-clock seconds, ascending, not touching
Spans = tuple[tuple[int, int], ...]  # the same in epoch seconds
WindowsOn = Callable[[date], Windows]  # of a day by its clock
Schedule = Sequence[tuple[ZoneInfo, WindowsOn]]  # every clock that must be open, with its windows


def common(first: Windows, second: Windows) -> Windows:
    """The times that lie in both."""
    overlaps = ((max(a, c), min(b, d)) for a, b in first for c, d in second)
    return tuple(sorted((opens, closes) for opens, closes in overlaps if opens < closes))


@lru_cache(maxsize=4096)
def clocks(zones: frozenset[str]) -> tuple[ZoneInfo, ...]:
    """The zones' clocks, in order of their names."""
    return tuple(ZoneInfo(zone) for zone in sorted(zones))


def everywhere(windows_on: WindowsOn, zones: frozenset[str]) -> Schedule:
    """The same windows by the clock of every zone."""
    return tuple((clock, windows_on) for clock in clocks(zones))


def open_until(schedule: Schedule, at: datetime) -> datetime | None:
    """When the open stretch around `at` closes by the first of the clocks; None where one of them is closed at `at`.

    A stretch is followed over midnight once. Raises ValueError for a schedule without a clock.
    """
    moment = at.timestamp()
    closings = []
    for clock, windows_on in schedule:
        closes = _closes(windows_on, clock, moment)
        if closes is None:
            return None
        closings.append(closes)
    return _utc(min(closings))


def next_opening(schedule: Schedule, start: datetime, length: timedelta) -> datetime | None:
    """The first moment, `start` or later, from which `length` passes before any of the clocks closes.

    None when there is none within a year: the clocks lie too far apart, or the windows are too short.
    """
    moment, seconds = start.timestamp(), length.total_seconds()
    latest = moment + HORIZON.total_seconds()
    waiting = True
    while waiting:
        waiting = False
        for clock, windows_on in schedule:
            closes = _closes(windows_on, clock, moment)
            if closes is not None and moment + seconds < closes:
                continue
            waiting = True
            opens = _opens(windows_on, clock, moment, latest)
            if opens is None:
                return None
            moment = opens
    return start if moment == start.timestamp() else _utc(moment)


def _closes(windows_on: WindowsOn, clock: ZoneInfo, moment: float) -> int | None:
    day = datetime.fromtimestamp(moment, clock).date()
    windows = windows_on(day)
    for opens, closes in _spans(windows, clock, day):
        if opens <= moment < closes:
            if windows[-1][1] < DAY:
                return closes
            return next((end for begin, end in _tomorrow(windows_on, clock, day) if begin == closes), closes)
    return None


def _opens(windows_on: WindowsOn, clock: ZoneInfo, moment: float, latest: float) -> int | None:
    """The first opening after `moment`: whoever asks has found what is left of the present stretch too short."""
    day = datetime.fromtimestamp(moment, clock).date()
    end = datetime.fromtimestamp(latest, clock).date()
    while day <= end:
        for opens, _ in _spans(windows_on(day), clock, day):
            if opens > moment:
                return opens
        day += ONE_DAY
    return None


def _tomorrow(windows_on: WindowsOn, clock: ZoneInfo, day: date) -> Spans:
    return _spans(windows_on(day + ONE_DAY), clock, day + ONE_DAY)


@lru_cache(maxsize=65_536)
def _spans(windows: Windows, clock: ZoneInfo, day: date) -> Spans:
    """Exact for at most one change of the clock in the three days around `day`, which is all that zones do."""
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    first, last = midnight - DAY, midnight + 2 * DAY
    before, after = _offset(clock, first), _offset(clock, last)
    if before == after:
        return tuple((midnight + opens - before, midnight + closes - before) for opens, closes in windows)
    turn = _turn(clock, first, last)
    early = ((midnight + opens - before, min(midnight + closes - before, turn)) for opens, closes in windows)
    late = ((max(midnight + opens - after, turn), midnight + closes - after) for opens, closes in windows)
    return _joined((opens, closes) for opens, closes in (*early, *late) if opens < closes)


def _offset(clock: ZoneInfo, moment: int) -> int:
    return int(datetime.fromtimestamp(moment, clock).replace(tzinfo=UTC).timestamp()) - moment


def _turn(clock: ZoneInfo, before: int, after: int) -> int:
    """The first second of the new offset, which lies between the two."""
    old = _offset(clock, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(clock, middle) == old else (before, middle)
    return after


def _joined(spans: Iterable[tuple[int, int]]) -> Spans:
    joined: list[tuple[int, int]] = []
    for opens, closes in sorted(spans):
        if joined and joined[-1][1] == opens:
            joined[-1] = (joined[-1][0], closes)
        else:
            joined.append((opens, closes))
    return tuple(joined)


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
