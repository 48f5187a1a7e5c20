"""Issabel's (Elastix's) predictor: free agents, and busy ones whose call is nearly sure to end while the next rings.

"Nearly sure" is the unconditional chance that a call is over after so long, so an agent counts only when the call has
lasted three and a half times the mean. Overcommit divides what is missing by the answer rate; it never looks at
abandoned calls.
"""

from collections import deque
from math import exp
from statistics import fmean

from dialer.pacing.events import CallEnded, Dialled, Event, Human
from dialer.pacing.policy import Decision, Floor, Saved
from dialer.simulation.peers.counts import Counts

EVERY_SECONDS = 5.0
SURE = 0.97
USUAL_ANSWER_SECONDS, ANSWERS_KEPT = 8.0, 20
SHORT_TALK_SECONDS, ENOUGH_TALKS = 10.0, 10
RATE_SECONDS, ENOUGH_DIALS, LOWEST_RATE = 1800.0, 10, 0.20


class Issabel:
    def __init__(self, overcommit: bool = False) -> None:
        self._overcommit = overcommit
        self._counts = Counts()
        self._answer_seconds: deque[float] = deque(maxlen=ANSWERS_KEPT)
        self._talks, self._talk_seconds = 0, 0.0
        self._dials: deque[float] = deque()
        self._answers: deque[float] = deque()
        self._owed = 0  # calls that the carrier's calls per second put off
        self._next = float("-inf")

    def observe(self, event: Event) -> None:
        match event:
            case Dialled(at=at):
                self._dials.append(at)
            case Human(call, at) if self._counts.rings(event):
                self._answers.append(at)
                self._answer_seconds.append(at - self._counts.ringing.get(call, at))
            case CallEnded(agent=agent, at=at):
                self._talked(at - self._counts.talking.get(agent, at))
        self._counts.observe(event)

    def _talked(self, seconds: float) -> None:
        if seconds > SHORT_TALK_SECONDS:
            self._talks += 1
            self._talk_seconds += seconds

    def decide(self, now: float, floor: Floor) -> Decision:
        if now >= self._next:
            self._next = now + EVERY_SECONDS
            self._owed = self._missing(now, floor)
        dial = min(self._owed, floor.max_dials)
        self._owed -= dial
        return Decision(dial, reserve=False, reason=f"dial {dial}, {self._owed} to follow")

    def _missing(self, now: float, floor: Floor) -> int:
        counts = self._counts
        missing: float = floor.free_agents + self._ending(now) - len(counts.waiting) - len(counts.ringing)
        if self._overcommit:
            missing /= self._rate(now)
        return max(0, int(missing))

    def _ending(self, now: float) -> int:
        if self._talks < ENOUGH_TALKS:
            return 0
        answer = fmean(self._answer_seconds) if self._answer_seconds else USUAL_ANSWER_SECONDS
        mean = self._talk_seconds / self._talks
        return sum(1 - exp(-(now - since + answer) / mean) >= SURE for since in self._counts.talking.values())

    def _rate(self, now: float) -> float:
        for times in (self._dials, self._answers):
            while times and times[0] < now - RATE_SECONDS:
                times.popleft()
        rate = len(self._answers) / len(self._dials) if len(self._dials) >= ENOUGH_DIALS else 1.0
        return max(LOWEST_RATE, rate)

    def state(self) -> Saved:
        return {}
