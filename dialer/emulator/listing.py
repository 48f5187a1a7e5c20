"""Lists of Twilio's API: filters, and pages that stay in step while new calls come in at the front."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from dialer.emulator.calls import Call
from dialer.emulator.conferences import Conference
from dialer.emulator.errors import invalid
from dialer.emulator.parameters import Form

Item = TypeVar("Item")

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
PAGING = ("Page", "PageSize", "PageToken")


def select_calls(calls: Iterable[Call], given: Mapping[str, str]) -> list[Call]:
    """Those that match every filter. A call that was not yet dialled has no start time and matches no filter on it."""
    words: dict[str, Callable[[Call], str]] = {
        "To": lambda call: call.request.to,
        "From": lambda call: call.request.from_,
        "Status": lambda call: call.status,
        "ParentCallSid": lambda call: call.parent.sid if call.parent else "",
    }
    for name, read in words.items():
        if name in given:
            calls = [call for call in calls if read(call) == given[name]]
    calls = _between(calls, given, "StartTime", lambda call: call.begun_at)
    return _between(calls, given, "EndTime", lambda call: call.ended_at)


def select_conferences(conferences: Iterable[Conference], given: Mapping[str, str]) -> list[Conference]:
    words: dict[str, Callable[[Conference], str]] = {
        "FriendlyName": lambda conference: conference.name,
        "Status": lambda conference: conference.status,
    }
    for name, read in words.items():
        if name in given:
            conferences = [conference for conference in conferences if read(conference) == given[name]]
    conferences = _between(conferences, given, "DateCreated", lambda conference: conference.created_at)
    return _between(conferences, given, "DateUpdated", lambda conference: conference.updated_at)


def page_of(items: Sequence[Item], sid: Callable[[Item], str], query: Form, path: str) -> dict[str, Any]:
    """A page under Twilio's keys, its items under `items`. The token names the last item of the page before."""
    given = dict(query)
    size = _whole(given, "PageSize", DEFAULT_PAGE_SIZE)
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise invalid("PageSize", str(size), f"give 1 to {MAX_PAGE_SIZE}")
    number = _whole(given, "Page", 0)
    token = given.get("PageToken")
    start = number * size if token is None else _after(items, sid, token)
    shown = items[start : start + size]
    filters = [(name, value) for name, value in query if name not in PAGING]

    def uri(page: int, *more: tuple[str, str]) -> str:
        return f"{path}?{urlencode([*filters, ('PageSize', str(size)), ('Page', str(page)), *more])}"

    more = start + size < len(items)
    return {
        "items": shown,
        "page": number,
        "page_size": size,
        "start": start,
        "end": start + max(0, len(shown) - 1),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1, ("PageToken", f"PA{sid(shown[-1])}")) if more else None,
        "previous_page_uri": uri(number - 1) if number else None,
    }


def _after(items: Sequence[Item], sid: Callable[[Item], str], token: str) -> int:
    for index, item in enumerate(items):
        if f"PA{sid(item)}" == token:
            return index + 1
    raise invalid("PageToken", token, "no such page")


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise invalid(name, text, "give a whole number")
    return int(text)


def _between(
    items: Iterable[Item], given: Mapping[str, str], name: str, read: Callable[[Item], datetime | None]
) -> list[Item]:
    kept = list(items)
    for suffix in ("", "<", ">"):
        text = given.get(f"{name}{suffix}")
        if text is None:
            continue
        first, last = _span(name, text)
        kept = [item for item in kept if _fits(read(item), suffix, first, last)]
    return kept


def _fits(moment: datetime | None, suffix: str, first: datetime, last: datetime) -> bool:
    if moment is None:
        return False
    match suffix:
        case "<":
            return moment <= last
        case ">":
            return moment >= first
    return first <= moment <= last


def _span(name: str, text: str) -> tuple[datetime, datetime]:
    """The first and last moment that a date (UTC) or a date and time means."""
    try:
        if len(text) == len("2026-01-31"):
            day = datetime.combine(date.fromisoformat(text), time(tzinfo=UTC))
            return day, day + timedelta(days=1) - timedelta(microseconds=1)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(name, text, "give YYYY-MM-DD or an ISO 8601 date and time") from error
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return moment, moment
