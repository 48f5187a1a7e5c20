"""How far new dialling gives way when something is slow, so that live calls and webhooks need not.

Each measure has a value up to which nothing is slowed and one from which nothing is dialled; between them the share of
the carrier's calls per second falls in a line. The measure that leaves least decides, and is named. What was lost is
given back little by little: a slow thing that is spared looks quick, and full rate at once would only make it swing.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

GIVEN_BACK = 0.1  # of the share, a second
LEAST = 0.01  # of the share; with less nothing is dialled
REMEMBERED_SECONDS = 10.0  # so far back go the means; also how long a refusal of everything stops the dialling


@dataclass(frozen=True, slots=True)
class Measure:
    """`easy` slows nothing, `limit` leaves nothing; `words` take the value."""

    easy: float
    limit: float
    words: str

    def share(self, value: float) -> float:
        return max(0.0, min(1.0, (self.limit - value) / (self.limit - self.easy)))


# Whoever picks up hears silence until the commit.
WRITES = Measure(0.15, 1.0, "the database takes {:.1f} s for a write")
INBOX = Measure(0.5, 2.0, "a write has waited for {:.1f} s")
TICKS = Measure(0.25, 2.0, "the loop is {:.1f} s late")
# Twilio accepts a call in about 0.1 s, and a clearance holds for seconds.
PLACING = Measure(1.0, 5.0, "the carrier takes {:.1f} s to accept a call")
REFUSED = Measure(0.05, 0.5, "the carrier refuses {:.0%} of the calls for now")
# Hours and agents were judged for a ring at once.
QUEUE = Measure(0.5, 2.0, "calls wait {:.1f} s in the carrier's queue")


@dataclass(frozen=True, slots=True)
class Strain:
    """What is slow, in seconds; 0 where nothing is known."""

    write_seconds: float = 0.0  # mean of those that ended lately
    oldest_write_seconds: float = 0.0  # under way
    late_seconds: float = 0.0  # of the tick
    placing_seconds: float = 0.0  # mean of requests for a call, those under way as old as they are
    refused: float = 0.0  # of those requests, a fraction
    queue_seconds: float = 0.0  # until the carrier has started what it has

    def measured(self) -> Sequence[tuple[Measure, float]]:
        return (
            (WRITES, self.write_seconds),
            (INBOX, self.oldest_write_seconds),
            (TICKS, self.late_seconds),
            (PLACING, self.placing_seconds),
            (REFUSED, self.refused),
            (QUEUE, self.queue_seconds),
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """`share` of the calls per second, 0 to 1, and `calls` that it leaves now; `reason` is empty when all is left."""

    share: float = 1.0
    calls: float = inf
    reason: str = ""

    def spent(self, calls: int) -> "Pace":
        return replace(self, calls=self.calls - calls)


def give_way(before: Pace, strain: Strain, calls_per_second: float, seconds: float) -> Pace:
    """The pace now, so many seconds after `before` was decided."""
    measure, value = min(strain.measured(), key=lambda measured: measured[0].share(measured[1]))
    wanted = measure.share(value)
    share = min(wanted, before.share + GIVEN_BACK * max(0.0, seconds))
    if share >= 1.0:
        return Pace()
    words = measure.words.format(value) if wanted < 1.0 else "it was slow a moment ago"
    if share < LEAST:
        return Pace(share, 0.0, f"no new calls, {words}")
    allowed = share * calls_per_second
    held = 0.0 if before.calls == inf else before.calls
    calls = min(max(1.0, allowed), held + allowed * max(0.0, seconds))
    return Pace(share, calls, f"slowed to {share:.0%} of the calls per second, {words}")


@dataclass
class Signs:
    """What writes and requests for calls tell of strain. Moments are seconds of one rising clock."""

    _writes: deque[tuple[float, float]] = field(default_factory=deque)  # ended at, seconds
    _placings: deque[tuple[float, float, bool]] = field(default_factory=deque)  # the same, refused for now
    _asking: dict[object, float] = field(default_factory=dict)  # since when
    _started_at: float = -inf  # when the carrier will have started what it has queued

    def written(self, seconds: float, now: float) -> None:
        """A write has been committed, or has failed."""
        self._writes.append((now, seconds))

    def ask(self, now: float) -> object:
        """The carrier is asked for a call; `answered` takes what this returns."""
        request = object()
        self._asking[request] = now
        return request

    def answered(self, request: object, now: float, *, refused: bool = False, queue_seconds: float = 0.0) -> None:
        """`refused`: for now, by its rate or its load. `queue_seconds`: how long it will wait before it dials."""
        self._placings.append((now, now - self._asking.pop(request), refused))
        self._started_at = max(self._started_at, now + queue_seconds)

    def strain(self, now: float, late_seconds: float, oldest_write_seconds: float) -> Strain:
        for kept in (self._writes, self._placings):
            while kept and kept[0][0] < now - REMEMBERED_SECONDS:
                kept.popleft()
        placings = [seconds for _at, seconds, _refused in self._placings]
        placings += [now - since for since in self._asking.values()]
        return Strain(
            _mean([seconds for _at, seconds in self._writes]),
            oldest_write_seconds,
            late_seconds,
            _mean(placings),
            _mean([float(refused) for _at, _seconds, refused in self._placings]),
            max(0.0, self._started_at - now),
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
