"""What the real loop came to, from the daemon's database and the carrier's own record."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from campaigns.store import LEAD, campaign_named
from dialer.demonstration.audit import Check, audit
from dialer.store import AGENT, AGENT_CHANGE, ATTEMPT
from dialer.tables import PacingState
from tests.benchmarks.loop.floor_time import Change, FloorTime, floor_time
from tests.benchmarks.loop.play import CAMPAIGN, MINUTES, RECORD, RUN, Run

WARM_UP_SECONDS = 240.0  # until some 40 answered calls have been served, one to one
WARM_UP_SHARE = 0.4  # of a short run


@dataclass(frozen=True)
class Delay:
    """Seconds."""

    count: int
    mean: float
    p99: float
    worst: float


@dataclass(frozen=True)
class Measured:
    """`delays` by name; `minutes` as `play` wrote them."""

    run: Run
    warm: FloorTime  # after the warm-up
    total: FloorTime
    dials: int
    answers: int  # live
    abandoned: int
    drop_rate_warm: float
    delays: Mapping[str, Delay]
    checks: Sequence[Check]
    learned: Mapping[str, Any]  # pacing's saved state, and when
    minutes: Sequence[Mapping[str, Any]]


def warm_from(minutes: float) -> float:
    """Seconds after the start."""
    return min(WARM_UP_SECONDS, WARM_UP_SHARE * minutes * 60)


def measure(session: Session, folder: Path) -> Measured:
    run = Run(**json.loads((folder / RUN).read_text()))
    record = json.loads((folder / RECORD).read_text())
    minutes = [json.loads(line) for line in (folder / MINUTES).read_text().splitlines()]
    attempts, leads, agents, changed = (_rows(session, table) for table in (ATTEMPT, LEAD, AGENT, AGENT_CHANGE))
    since, until = (datetime.fromisoformat(moment) for moment in (run.since, run.until))
    begun, over = since.timestamp(), until.timestamp()
    changes = [Change(row["agent"], row["at"].timestamp(), row["state"]) for row in changed]
    live = [row for row in attempts if _live(row)]
    warm = [row for row in live if row["answered_at"].timestamp() >= begun + warm_from(run.minutes)]
    abandoned = sum(row["abandoned"] for row in live)
    return Measured(
        run,
        floor_time(changes, begun + warm_from(run.minutes), over),
        floor_time(changes, begun, over),
        len(attempts),
        len(live),
        abandoned,
        sum(row["abandoned"] for row in warm) / max(1, len(warm)),
        _delays(attempts, record),
        audit(record, attempts, leads, agents),
        _learned(session),
        minutes,
    )


def _rows(session: Session, table: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in session.connection().execute(select(table)).mappings()]


def _live(row: Mapping[str, Any]) -> bool:
    return row["abandoned"] or (row["answered_at"] is not None and row["outcome"] == "answered")


def _learned(session: Session) -> dict[str, Any]:
    saved = session.get(PacingState, campaign_named(session, CAMPAIGN).id)
    if saved is None:
        return {}
    lines = saved.state["lines"]
    return {"saved_at": saved.saved_at.isoformat(), "learned": saved.state["learned"], "answers": lines["answers"]}


def _delays(attempts: Iterable[Mapping[str, Any]], record: Mapping[str, Any]) -> dict[str, Delay]:
    """By the carrier's clock and ours, which are the same machine's."""
    calls = {call["sid"]: call for call in record["calls"]}
    pairs = [(row, calls[row["call_sid"]]) for row in attempts if row["call_sid"] in calls]
    people = [call for _row, call in pairs if call["callee"] == "human" and call["answered"]]
    heard = [_first(call["seconds_to_agent"], call["seconds_to_message"]) for call in people]
    return {
        "attempt committed to accepted": _spread(_gap(row["placing_at"], row["dialled_at"]) for row, _ in pairs),
        **{f"{moment}, event to our row": _told(pairs, moment) for moment in ("ringing", "answered", "ended")},
        "answer to agent or message": _spread(heard),
    }


def _told(pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]], moment: str) -> Delay:
    return _spread(_gap(_moment(call[moment]), row[f"{moment}_at"]) for row, call in pairs)


def _first(*seconds: float | None) -> float | None:
    return min((one for one in seconds if one is not None), default=None)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _gap(first: datetime | None, second: datetime | None) -> float | None:
    return (second - first).total_seconds() if first and second else None


def _spread(seconds: Iterable[float | None]) -> Delay:
    known = sorted(one for one in seconds if one is not None)
    if not known:
        return Delay(0, 0.0, 0.0, 0.0)
    return Delay(len(known), sum(known) / len(known), known[ceil(0.99 * len(known)) - 1], known[-1])
