"""What is read off the running processes, from the outside."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PAGE_BYTES, TICKS_A_SECOND = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """Resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def processor_seconds(pid: int) -> float:
    """Used by the process since it began."""
    return _used(Path(f"/proc/{pid}/stat"))


def family_seconds(pids: Sequence[int]) -> float:
    """Used by a process, the first, with its children that have ended; and by its children that run, the others."""
    used = 0.0
    for place, pid in enumerate(pids):
        with suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            used += _used(Path(f"/proc/{pid}/stat"), with_ended=place == 0)
    return used


def thread_seconds(pid: int) -> dict[str, float]:
    """Processor seconds by thread."""
    return {task.name: _used(task / "stat") for task in Path(f"/proc/{pid}/task").iterdir()}


def _used(stat: Path, *, with_ended: bool = False) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if with_ended else 13])) / TICKS_A_SECOND


def series(text: str) -> dict[str, float]:
    """Prometheus' text as name with labels -> value."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _blank, value in lines}


def later_than(seconds: str, values: Mapping[str, float], histogram: str) -> int:
    """Observations of a histogram above one of its bounds."""
    return round(values[f"{histogram}_count"] - values[f'{histogram}_bucket{{le="{seconds}"}}'])


def bound_of(share: float, values: Mapping[str, float], histogram: str) -> float:
    """The least bound of a histogram that so large a share of its observations does not exceed."""
    start = f'{histogram}_bucket{{le="'
    buckets = sorted((float(name[len(start) : -2]), n) for name, n in values.items() if name.startswith(start))
    return next(bound for bound, count in buckets if count >= share * buckets[-1][1])


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Of the line with the least squares through (x, y); 0 for fewer than two."""
    known = list(points)
    if len(known) < 2:
        return 0.0
    middle_x, middle_y = (sum(axis) / len(known) for axis in zip(*known, strict=True))
    return sum((x - middle_x) * (y - middle_y) for x, y in known) / sum((x - middle_x) ** 2 for x, _y in known)
