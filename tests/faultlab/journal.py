"""The carrier's own account over all lives of the emulator, put together from its journal. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

VANISHED = "vanished"  # the outcome of a call that ended with the emulator


@dataclass(frozen=True, slots=True)
class Account:
    """`calls` in order of creation, as in the emulator's record; `struck` counts the carrier faults."""

    calls: Sequence[Mapping[str, Any]]
    struck: Mapping[str, int]


def read(lines: Iterable[str], killed: Sequence[datetime]) -> Account:
    """The last line of each call; one that was live when the emulator was killed has ended then."""
    calls: dict[str, dict[str, Any]] = {}
    struck = Counter[str]()
    for line in lines:
        if not line.endswith("\n"):  # cut off by the kill
            continue
        entry = json.loads(line)
        if "fault" in entry:
            struck[entry["fault"]] += 1
        else:
            calls[entry["call"]["sid"]] = entry["call"]
    return Account([_ended(call, killed) for call in calls.values()], struck)


def attempt_of(call: Mapping[str, Any]) -> str:
    """The attempt that the call was placed for, by the callback address it was given; empty when it has none."""
    return parse_qs(urlsplit(call["callback"] or "").query).get("a", [""])[0]


def _ended(call: dict[str, Any], killed: Sequence[datetime]) -> dict[str, Any]:
    if call["ended"] is not None:
        return call
    created = datetime.fromisoformat(call["created"])
    died = min((moment for moment in killed if moment >= created), default=None)
    return call if died is None else call | {"ended": died.isoformat(), "outcome": VANISHED}
