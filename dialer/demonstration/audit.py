"""What must always hold, checked after a run: our attempts against the carrier's own record of every call."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from phonenumbers import parse
from phonenumbers.timezone import time_zones_for_number

Row = Mapping[str, Any]

FIRST_HOUR, LAST_HOUR = (
    8,
    21,
)  # local, 47 CFR 64.1200(c)(1); written down here a second time so that the audit is its own
CONNECT_SECONDS = 2.0  # 16 CFR 310.4(b)(4)(iii)
OPT_OUT_KEY = "9"
WORDS = {  # the carrier's last word on a call, and what our attempt must then say
    "completed": {"answered", "machine", "fax"},
    "busy": {"busy"},
    "no-answer": {"no-answer", "canceled"},
    "failed": {"failed"},
    "canceled": {"canceled", "no-answer", "not-placed"},
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold, and every case in which it did not."""

    name: str
    checked: int
    violations: tuple[str, ...]


def audit(record: Row, attempts: Sequence[Row], leads: Sequence[Row], agents: Sequence[Row]) -> list[Check]:
    """All checks. `record` is the emulator's, the rest are rows of our tables after the last call has ended."""
    calls = [call for call in record["calls"] if call["leg"] == "customer"]
    by_sid = {attempt["call_sid"]: attempt for attempt in attempts if attempt["call_sid"]}
    people = [call for call in calls if call["callee"] == "human" and call["answered"]]
    return [
        Check("no number dialled twice by mistake", len(calls), tuple(_dialled_twice(calls, attempts))),
        Check("every call accounted for", len(calls), tuple(_unaccounted(calls, by_sid))),
        Check("no attempt left open", len(attempts), _all(attempts, lambda row: row["state"] != "ended", "id")),
        Check("no lead stuck", len(leads), _all(leads, lambda row: row["standing"] == "dialling", "id")),
        Check("no agent stuck", len(agents), _all(agents, lambda row: row["state"] in ("on-call", "joining"), "name")),
        Check("nobody kept in silence", len(people), _all(people, _silent, "sid")),
        Check("no call outside calling hours", len(calls), _all(calls, _outside_hours, "sid")),
        Check("no call after an opt-out", len(calls), tuple(_after_opt_out(calls))),
        Check("every abandoned call heard who called", *_unheard(people, by_sid)),
    ]


def _all(rows: Iterable[Row], wrong: Any, key: str) -> tuple[str, ...]:
    return tuple(str(row[key]) for row in rows if wrong(row))


def _dialled_twice(calls: Sequence[Row], attempts: Sequence[Row]) -> Iterable[str]:
    meant = Counter(attempt["number"] for attempt in attempts)
    for number, dialled in Counter(call["to"] for call in calls).items():
        if dialled > meant[number]:
            yield f"{dialled} calls for {meant[number]} attempts"
    by_number: dict[str, list[Row]] = {}
    for call in sorted(calls, key=lambda call: str(call["created"])):
        by_number.setdefault(call["to"], []).append(call)
    for same in by_number.values():
        for first, second in pairwise(same):
            if first["ended"] is None or second["created"] < first["ended"]:
                yield f"{second['sid']} while {first['sid']} went on"


def _unaccounted(calls: Sequence[Row], by_sid: Mapping[str, Row]) -> Iterable[str]:
    for call in calls:
        attempt = by_sid.get(call["sid"])
        if attempt is None:
            yield f"{call['sid']}: no attempt"
        elif call["outcome"] is None or attempt["outcome"] not in WORDS[call["outcome"]]:
            yield f"{call['sid']}: {call['outcome']} at the carrier, {attempt['outcome']} here"
    placed = {call["sid"] for call in calls}
    yield from (f"{sid}: unknown to the carrier" for sid in by_sid if sid not in placed)


def _silent(call: Row) -> bool:
    heard = [seconds for seconds in (call["seconds_to_agent"], call["seconds_to_message"]) if seconds is not None]
    lasted = (datetime.fromisoformat(call["ended"]) - datetime.fromisoformat(call["answered"])).total_seconds()
    return min(heard, default=lasted) > CONNECT_SECONDS


def _outside_hours(call: Row) -> bool:
    zones = time_zones_for_number(parse(call["to"]))
    moments = [datetime.fromisoformat(call[key]) for key in ("created", "answered", "ended") if call[key]][:2]
    return any(
        not FIRST_HOUR <= moment.astimezone(ZoneInfo(zone)).hour < LAST_HOUR for moment in moments for zone in zones
    )


def _after_opt_out(calls: Sequence[Row]) -> Iterable[str]:
    left = {call["to"]: call["ended"] for call in calls if OPT_OUT_KEY in call["keys"]}
    yield from (call["sid"] for call in calls if call["to"] in left and call["created"] > left[call["to"]])


def _unheard(people: Sequence[Row], by_sid: Mapping[str, Row]) -> tuple[int, tuple[str, ...]]:
    abandoned = [call for call in people if call["sid"] in by_sid and by_sid[call["sid"]]["abandoned"]]
    return len(abandoned), tuple(call["sid"] for call in abandoned if not call["heard_message"])
