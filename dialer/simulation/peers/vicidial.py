"""VICIdial's adaptive dial level: after its own behaviour, described without its code.

Every 2.5 s it fills up to level x agents lines; every 15 s the level follows the share of agents who wait; a share of
dropped calls above the target, counted since midnight, pushes it back. It knows no answer rate, ring or talk times.
Left out: latencies of its database and an operator who turns its knobs.
"""

from collections import deque
from enum import StrEnum

from dialer.pacing.events import Abandoned, Dialled, Event, Human
from dialer.pacing.policy import Decision, Floor, Saved
from dialer.simulation.peers.counts import Counts

DIAL_SECONDS = 2.5
SAMPLE_SECONDS = 1.0
ADAPT_SECONDS = 15.0
REFRESH_SECONDS = 60.0
SAMPLES = 15
MOST_LEVEL = 3.0  # its default, as is the target
TARGET = 0.03
ENOUGH_CALLS = 50  # in a day, before the share of dropped calls works
BURST_CALLS, BURST_SHARE = 20, 0.5  # in the last minute: the level is halved
LATEST_HHMM = 2100  # tapering's default end of calling
SHIFT_BEGINS = 13 * 3600.0  # time of day at the clock's zero: a shift of 8 hours ends then; only tapering asks
DAY = 86400.0


class Method(StrEnum):
    AVERAGE = "average"
    HARD_LIMIT = "hard-limit"
    TAPERED = "tapered"


class Vicidial:
    def __init__(self, method: Method = Method.AVERAGE) -> None:
        self._method = method
        self._counts = Counts()
        self.level = 1.0
        self._differences: deque[int] = deque(maxlen=SAMPLES)  # agents ready, less callers waiting
        self._agents: deque[int] = deque(maxlen=SAMPLES)
        self._owed = 0  # calls that the carrier's calls per second put off
        self._day = -1.0
        self._dialled = self._answers = self._dropped = 0  # today
        self._dropped_share = 0.0  # today, as last refreshed
        self._minute: deque[tuple[float, bool]] = deque()  # answers (False) and drops (True) of the last minute
        self._next_dial = self._next_sample = self._next_adapt = self._next_refresh = float("-inf")

    def observe(self, event: Event) -> None:
        match event:
            case Dialled():
                self._dialled += 1
            case Human(at=at) if self._counts.rings(event):
                self._answers += 1
                self._minute.append((at, False))
            case Abandoned(at=at):
                self._dropped += 1
                self._minute.append((at, True))
        self._counts.observe(event)

    def decide(self, now: float, floor: Floor) -> Decision:
        if now // DAY != self._day:
            self._begin_day(now)
        if now >= self._next_sample:
            self._next_sample = now + SAMPLE_SECONDS
            self._differences.append(floor.free_agents - len(self._counts.waiting))
            self._agents.append(len(self._counts.present))
        if now >= self._next_refresh:
            self._next_refresh += REFRESH_SECONDS
            self._dropped_share = self._dropped / self._answers if self._answers else 0.0
        if now >= self._next_adapt:
            self._next_adapt += ADAPT_SECONDS
            self._adapt(now)
        if now >= self._next_dial:
            self._next_dial += DIAL_SECONDS
            self._owed = self._missing(floor)
        dial = min(self._owed, floor.max_dials)
        self._owed -= dial
        return Decision(dial, reserve=False, reason=f"level {self.level:.2f}: dial {dial}, {self._owed} to follow")

    def _begin_day(self, now: float) -> None:
        self._day = now // DAY
        self._dialled = self._answers = self._dropped = 0
        self._dropped_share = 0.0
        self._next_dial = self._next_sample = now
        self._next_adapt, self._next_refresh = now + ADAPT_SECONDS, now + REFRESH_SECONDS

    def _missing(self, floor: Floor) -> int:
        talking = len(self._counts.talking)
        goal = round(self.level * (floor.free_agents + talking))
        return max(0, goal - floor.in_flight - talking)

    def _adapt(self, now: float) -> None:
        agents = sum(self._agents)
        level = self.level * (1 + sum(self._differences) / agents) if agents else self.level
        level = max(1.0, min(MOST_LEVEL, level))
        if self._burst(now):
            level /= 2
        if self._dialled > ENOUGH_CALLS and self._dropped_share > TARGET:
            level = self._reduced(level, now)
        self.level = max(1.0, min(MOST_LEVEL, level))

    def _burst(self, now: float) -> bool:
        while self._minute and self._minute[0][0] < now - 60:
            self._minute.popleft()
        dropped = sum(drop for _, drop in self._minute)
        answers = len(self._minute) - dropped
        return answers > BURST_CALLS and dropped > BURST_SHARE * answers

    def _reduced(self, level: float, now: float) -> float:
        match self._method:
            case Method.HARD_LIMIT:
                return 1.0
            case Method.AVERAGE:
                return level / 2
        clock = (SHIFT_BEGINS + now) % DAY
        hhmm = int(clock // 3600) * 100 + int(clock % 3600 // 60)
        return level * min(1.0, (LATEST_HHMM - hhmm) / 1000)

    def state(self) -> Saved:
        return {}
