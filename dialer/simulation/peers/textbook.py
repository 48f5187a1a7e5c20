"""Textbook pacing: dial for the agents that are free or will be within a window, over the share of dials that answer.

Samuelson, Predictive Dialing for Outbound Telephone Call Centers, Interfaces 29(5), 1999; US patent 5,640,445. Their
window is ours to fill in: it is reviewed every 30 answers, and shrinks when more than allowed of these or of all were
abandoned. The chance that a busy agent will be free is read from the last calls that lasted at least as long.
"""

from bisect import bisect_right
from collections import deque

from dialer.pacing.events import Abandoned, AgentFree, AgentGone, Connected, Event, Failed, Human, Machine
from dialer.pacing.policy import Decision, Floor, Saved
from dialer.pacing.progressive import one_to_one
from dialer.simulation.peers.counts import Counts

FIRST_WINDOW = 1.0  # seconds; much more, and a large floor overshoots before the first review
LONGEST_WINDOW = 120.0
REVIEW_ANSWERS = 30
KEPT = 500  # handling times
ENOUGH = 30  # handling times, and answers
MEMORY = 2000  # dials


class Textbook:
    def __init__(self) -> None:
        self._counts = Counts()
        self._window = FIRST_WINDOW
        self._busy: dict[str, float] = {}  # agent -> since, wrap-up included
        self._handled: deque[float] = deque(maxlen=KEPT)
        self._sorted: list[float] = []
        self._dials = self._answers = 0.0  # of dials that no longer ring; the older count less
        self._all_answers = self._all_abandoned = 0
        self._abandoned_before = 0  # at the last review
        self._ceiling = 0.03

    def observe(self, event: Event) -> None:
        match event:
            case Failed() | Machine() if self._counts.rings(event):
                self._ended()
            case Human() if self._counts.rings(event):
                self._ended()
                self._answers += 1
                self._all_answers += 1
                if self._all_answers % REVIEW_ANSWERS == 0:
                    self._review()
            case Abandoned():
                self._all_abandoned += 1
            case Connected(agent=agent, at=at):
                self._busy[agent] = at
            case AgentFree(agent, at) | AgentGone(agent, at) if agent in self._busy:
                self._handled.append(at - self._busy.pop(agent))
        self._counts.observe(event)

    def _ended(self) -> None:
        self._dials += 1
        if self._dials > MEMORY:
            self._dials, self._answers = self._dials / 2, self._answers / 2

    def _review(self) -> None:
        self._sorted = sorted(self._handled)
        lately = (self._all_abandoned - self._abandoned_before) / REVIEW_ANSWERS
        self._abandoned_before = self._all_abandoned
        if max(lately, self._all_abandoned / self._all_answers) > self._ceiling:
            self._window = max(0.0, self._window * 0.9 - 0.3)
        else:
            self._window = min(LONGEST_WINDOW, self._window * 1.05 + 0.2)

    def decide(self, now: float, floor: Floor) -> Decision:
        self._ceiling = min((budget.ceiling for budget in floor.budgets), default=0.0)
        if self._answers < ENOUGH or not self._sorted:
            return one_to_one(floor, "learning")
        if self._window <= 0:
            return one_to_one(floor, "too many abandoned")
        rate = self._answers / self._dials
        soon = sum(self._ends_within(now - since) for since in self._busy.values())
        idle = floor.free_agents - len(self._counts.waiting)
        dial = int((idle + soon) / rate - len(self._counts.ringing))
        dial = max(0, min(dial, floor.max_dials))
        return Decision(dial, reserve=False, reason=f"{soon:.1f} free within {self._window:.1f} s: dial {dial}")

    def _ends_within(self, elapsed: float) -> float:
        """Of the calls that lasted so long, the share that ended within the window."""
        known = self._sorted
        reached = bisect_right(known, elapsed)
        if reached == len(known):
            return 1.0
        return (bisect_right(known, elapsed + self._window) - reached) / (len(known) - reached)

    def state(self) -> Saved:
        return {}
