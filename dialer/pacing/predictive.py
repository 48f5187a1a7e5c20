"""Dials ahead: so many lines that the answers meet the agents who will be free by then."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil, exp, inf, isfinite
from typing import Any, NamedTuple

import numpy as np

from dialer.pacing.agents import Agents
from dialer.pacing.ages import RING_AGES
from dialer.pacing.budget import Left, Price, tightest
from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    AgentGone,
    CallEnded,
    Connected,
    Dialled,
    Disposed,
    Event,
    Failed,
    Human,
    Machine,
    PickedUp,
)
from dialer.pacing.grid import HORIZON, Array
from dialer.pacing.hazard import MOST_CALLS, amounts, numbers
from dialer.pacing.lines import Lines
from dialer.pacing.policy import Decision, Floor, ForeignState, Saved
from dialer.pacing.progressive import NOBODY_NEW, closed, one_to_one
from dialer.pacing.rate import Rate
from dialer.pacing.shortfall import Flow, at_most_once, candidates, of_fewer_lines, of_more_lines

LEARNING_CALLS = 40  # answered, and as many served
REMINDED_CALLS = 10  # the same, where an earlier campaign's chances are known
DETECTION_SECONDS = 22.0  # after the ring time-out all is known of the first lines dialled
SETTLE_SECONDS = 10.0
BACKWARDS_SECONDS = 0.5  # that a clock may be set back without notice
CLOSING_SECONDS, CLOSING_PRICE = 240.0, 3.0  # fewer answers than usual can still make up for an abandoned call
SPARED = 0.25  # of the price, when lines are hung up: fewer dials to come could make room as well
# Of the abandoned calls that answers allow, what counts for the lines that bring them. Lines dialled later could bring
# the same answers; counted whole, no price keeps the abandoned calls below what is allowed.
EARNED = 1 / 3
# What all lines in flight may lose at most, were all to answer as at best again: of the budget left, and for each agent
RISKED, AT_ONCE = 0.5, 0.2
NARROW = 6  # hardly ever is more than one wanted of so many lines that there is room for: then all are looked at
# Of the best chance of an answer: below it a dead route is as likely as dead numbers, and all may be back at once. The
# best one in the long run is the usual one, and fades; so does that of lately, which is better where good times and bad
# ones take turns: the bad ones take most of the dials, and so most of the long run.
RARELY, USUAL_SECONDS, LATELY_SECONDS = 1 / 3, 10800.0, 2400.0
RETURNING, RETURNED = 1.2, 0.7  # level from which a dead route is taken to be back; of the usual chance, until it is
TAUGHT = 0.3  # of what another line teaches of the long run, by one dialled while few answer: a dead route is no list
LEAST_CHANCE = 1e-6  # an hour of a dead route leaves more
FORMAT = "predictive-5"  # of the saved state


class _Outlook(NamedTuple):
    """What is known of the next half minute without any line more."""

    idle: int  # agents; below 0, calls that wait
    freed: Flow  # agents
    answers: Flow
    line: Array  # answers that one line more brings
    patience: float  # seconds that an answered call may wait
    chance: float  # of a line to be answered
    back: float  # times as many answers, were all to answer as at best again

    @property
    def spare(self) -> float:
        """Agents."""
        return max(0.0, self.idle + float(self.freed.due.sum() - self.answers.due.sum()))


class _Compared(NamedTuple):
    """For each number of lines the calls lost, and the cost in agent-seconds."""

    numbers: Array
    lost: Array
    cost: Array
    bound: int  # more lines risk too much

    @property
    def at_the_edge(self) -> bool:
        return bool(np.argmin(self.cost) == len(self.cost) - 1)


class Predictive:
    """Learns when lines answer and agents become free, and dials while one more line saves more than it costs.

    One to one with reserved agents until it has seen enough, and whenever the drop-rate budget is used up.
    """

    def __init__(self) -> None:
        self._lines, self._agents, self._price = Lines(), Agents(), Price()
        self._now = self._settled = float("-inf")
        self._first_dial = float("inf")
        self._learned, self._needed = False, LEARNING_CALLS
        self._usual = self._lately = 0.0  # chance of a line to be answered
        self._answering = Rate()
        self._rare_until = float("-inf")  # until the lines that rang while few answered have shown what they are
        self._priced = 0.0  # abandoned calls
        self._committed = 0.0  # calls to be lost without any line more, as of the last decision
        # Of the last decision: lines not dialled yet; for each, calls lost, and allowed where that teaches something;
        # whether a limit decided
        self._foreseen: tuple[int, float, float | None, bool] = (0, 0.0, None, False)
        self._reserving = False  # what was decided last
        self._given_up: set[str] = set()
        lines, agents = self._lines, self._agents
        self._handlers: dict[type, Callable[[Any], None]] = {
            Dialled: self._dialled,
            PickedUp: lambda event: lines.picked_up(event.call, event.at),
            Human: lambda event: lines.asked(event.call, event.at),
            Machine: lambda event: lines.machine(event.call, event.at),
            Failed: self._failed,
            Connected: self._connected,
            Abandoned: lambda event: lines.lost(event.call, event.at),
            CallEnded: lambda event: agents.ended(event.call, event.agent, event.at),
            Disposed: lambda event: lines.disposed(event.call, event.live),
            AgentFree: lambda event: agents.freed(event.agent, event.at),
            AgentGone: lambda event: agents.gone(event.agent, event.at),
        }

    def observe(self, event: Event) -> None:
        """Learn from an event. What was not seen to begin is not seen to end."""
        self._handlers[type(event)](event)

    def _dialled(self, event: Dialled) -> None:
        self._first_dial = min(self._first_dial, event.at)
        teaches = TAUGHT if event.at < self._rare_until else 1.0
        self._lines.dialled(event.call, event.at, event.chance, self._reserving, teaches)
        lines, lost, allowed, limited = self._foreseen
        if lines:  # what is decided and not done teaches nothing
            self._price.foresee(lost, allowed, limited=limited)
            self._foreseen = lines - 1, lost, allowed, limited

    def _connected(self, event: Connected) -> None:
        self._lines.connected(event.call, event.at)
        self._agents.connected(event.call, event.agent, event.at)

    def _failed(self, event: Failed) -> None:
        if event.call in self._given_up:
            self._given_up.discard(event.call)
            self._lines.given_up(event.call, event.at)
        else:
            self._lines.failed(event.call, event.at)

    def decide(self, now: float, floor: Floor) -> Decision:
        decision = self._decided(now, floor)
        self._reserving = decision.reserve
        return decision

    def _decided(self, now: float, floor: Floor) -> Decision:
        """Settle what was learned, then spend or save the tightest budget."""
        if now < self._now - BACKWARDS_SECONDS:
            return self._start_over(now, floor)
        before, self._now = self._now, now
        self._foreseen = 0, 0.0, None, False
        self._settle(now, floor)
        lines, agents = self._lines, self._agents
        agents.look(now)
        cohort = min(floor.ring_seconds, RING_AGES[-1]) + DETECTION_SECONDS
        if not self._learned:
            seen = min(lines.answers, agents.served)
            if seen < self._needed:
                return one_to_one(floor, f"learning, {seen} of {self._needed} answered calls seen")
            if now - self._first_dial < cohort:
                return one_to_one(floor, "learning, until the first lines have rung out")
            self._learned = True
            lines.learned()
        chance = lines.answer_chance
        passed = max(0.0, now - before) if isfinite(before) else 0.0
        self._usual = max(lines.long_run_chance, self._usual * exp(-passed / USUAL_SECONDS))
        self._lately = max(chance, self._lately * exp(-passed / LATELY_SECONDS))
        if chance < RARELY * self._best_chance:
            self._rare_until = now + cohort
            self._answering = Rate()  # how many are to come is not known any more
        self._answering.look(now, lines.answers)
        left = tightest(floor.budgets, chance, *lines.live_shares)
        self._price.abandoned(lines.abandoned - self._priced)
        self._priced = lines.abandoned
        if left.calls < 1.0:
            return one_to_one(floor, f"drop-rate budget used up, {left.calls:.1f} abandoned calls left")
        if closed(floor):
            return NOBODY_NEW
        ends_in = min(floor.closes_in, floor.day_ends_in)
        answers = self._answering.per_second * ends_in if isfinite(ends_in) else inf
        price = self._price.now(left, self._committed, self._team(floor), left.ceiling * answers)
        if floor.closes_in < CLOSING_SECONDS:
            price *= CLOSING_PRICE
        return self._best(now, floor, price * lines.live_share, chance, left)

    def _team(self, floor: Floor) -> int:
        """Agents; after a restart nothing is known yet of those who talk, but what the floor tells."""
        return floor.free_agents + (self._agents.busy if floor.busy_agents is None else floor.busy_agents)

    def expected(self, now: float) -> Array:
        """Answers in each 2 s from now on that will want an agent, those that wait already in the first."""
        answers = self._lines.expected_answers(now)
        answers[0] += len(self._lines.waiting)
        return answers

    def _best(self, now: float, floor: Floor, price: float, chance: float, left: Left) -> Decision:
        ahead = self._outlook(now, floor, chance)
        room = int(1.5 * ahead.spare / max(ahead.chance, 0.01)) + 2
        most = min(max(0, floor.max_dials) + 1, room)
        risked = min(RISKED * left.calls, max(1.0, AT_ONCE * self._team(floor)))
        found = self._compared(ahead, price, left.ceiling, risked, min(most, room // NARROW + 2))
        if found.at_the_edge and found.numbers[-1] < candidates(most)[-1]:
            found = self._compared(ahead, price, left.ceiling, risked, most)
        numbers, lost = found.numbers, found.lost
        self._committed = float(lost[0])
        best = _lowest(numbers, found.cost)
        wanted = min(best, found.bound)
        dial = max(0, min(wanted, floor.max_dials))
        held_back = best > found.bound  # not by the price
        limited = wanted > dial or (most < room and wanted == numbers[-1])
        untold_by_price = held_back or floor.closes_in < CLOSING_SECONDS or ahead.chance > chance
        if ahead.spare >= 1.0 and floor.max_dials > 0 and not (limited or untold_by_price):
            self._price.held_back()
        if dial < floor.free_agents:
            safe = self._without_risk(floor, price)
            if dial < safe.dial:
                return safe
        if dial:
            each = float(np.interp(dial, numbers, lost) - lost[0]) / dial
            self._foreseen = dial, each, None if untold_by_price else left.ceiling * chance, limited
        give_up: tuple[str, ...] = ()
        if dial == 0 and floor.give_up_seconds < floor.ring_seconds:
            give_up = self._late(now, floor, ahead, SPARED * price * left.ceiling, SPARED * price)
        reason = _in_words(floor, ahead, chance, left, price) + f": dial {dial}"
        reason += ", as many as may start now" if wanted > dial else ""
        reason += ", no more while so few answer: all may answer again" if held_back else ""
        reason += ", no wrap-up ends: nobody is expected until one does" if self._agents.stand_still else ""
        return Decision(dial, reserve=False, reason=reason, give_up=give_up)

    def _without_risk(self, floor: Floor, price: float) -> Decision:
        """One to one costs no call, at any price; without it, a price that forbids every line would never fall again.

        Campaigns that share agents count on those who are free: so that it goes on, one line at a time does.
        """
        why = f"no risk is taken, one is worth {price:.0f} s of waiting"
        in_flight = max(floor.in_flight, len(self._lines))
        most = 1 - in_flight if any(floor.others) else floor.max_dials
        return one_to_one(replace(floor, in_flight=in_flight, max_dials=min(floor.max_dials, most)), why)

    def _outlook(self, now: float, floor: Floor, chance: float) -> _Outlook:
        lines, agents, patience = self._lines, self._agents, floor.connect_seconds
        told = lines.held
        answers = at_most_once(lines.expected_answers(now), len(lines) - len(lines.waiting) - told)
        line = lines.line_answers * lines.level.cautious
        if self._returning(chance):
            back = self._usual / max(chance, LEAST_CHANCE)
            answers, line, chance = answers.times(back), line * back, self._usual
        if len(floor.others):
            answers = answers.plus(np.array(floor.others))
        busy = agents.busy if floor.busy_agents is None else min(agents.busy, floor.busy_agents)
        freed = at_most_once(agents.freed_by_step(now, patience, busy), busy)
        freed = freed.plus(agents.freed_after(answers.due, patience))
        held = max(told, floor.reserved)
        untold = max(0, floor.in_flight - len(lines) - (held - told))  # lines whose start was not told
        idle = max(0, floor.free_agents - held) - len(lines.waiting) - ceil(chance * untold)
        more = self._best_chance / max(chance, LEAST_CHANCE) if now < self._rare_until else 1.0
        return _Outlook(idle, freed, answers, line, patience, chance, more)

    @property
    def _best_chance(self) -> float:
        return max(self._usual, self._lately)

    def _returning(self, chance: float) -> bool:
        """Many more answer than lately, not yet as many as usual: all may be back, long before that is learned."""
        return self._lines.level.value > RETURNING and chance < RETURNED * self._usual

    def _compared(self, ahead: _Outlook, price: float, ceiling: float, risked: float, most: int) -> _Compared:
        """So many lines more, up to `most`; with `back`, bound to those by which `risked` calls could be lost."""
        numbers = np.array(candidates(most), dtype=np.float64)
        idle, freed, answers, line, patience, chance, back = ahead
        lost, idled = of_more_lines(idle, freed, answers, self._agents.freed_after(line, patience), line, most)
        cost = price * (lost - EARNED * ceiling * chance * numbers) + idled
        bound = int(numbers[-1])
        if back > 1.0:
            usual = answers.times(back)
            taken = self._agents.freed_after(line * back, patience)
            worst = of_more_lines(idle, freed, usual, taken, line * back, most).lost
            bound = int(np.interp(risked, worst, numbers)) if worst[0] < risked else 0
        return _Compared(numbers, lost, cost, bound)

    def _late(self, now: float, floor: Floor, ahead: _Outlook, earned: float, price: float) -> tuple[str, ...]:
        """Lines that have rung so long that they are more likely to be abandoned than useful."""
        old = self._lines.oldest(now, floor.give_up_seconds)
        if not old:
            return ()
        rows = np.array([np.zeros_like(ahead.answers.due), *np.cumsum([row for _, row, _ in old], axis=0)])
        ever = np.array([0.0, *np.cumsum([total for _, _, total in old])])
        freed = ahead.freed.without(self._agents.freed_after(rows, ahead.patience))
        lost, idled = of_fewer_lines(ahead.idle, freed, ahead.answers.without(rows))
        names = tuple(name for name, _, _ in old[: int(np.argmin(price * lost + earned * ever + idled))])
        self._given_up.update(names)
        return names

    def _settle(self, now: float, floor: Floor) -> None:
        if now - self._settled >= SETTLE_SECONDS:
            self._lines.forget_overdue(now, floor.ring_seconds)
            self._lines.settle(now, floor.ring_seconds)
            self._agents.settle(now)
            self._given_up &= self._lines.ringing.keys()
            self._settled = now

    def _start_over(self, now: float, floor: Floor) -> Decision:
        """Ages by two clocks say nothing: forget what is running, keep what was learned."""
        self._now = self._settled = now
        self._rare_until = float("-inf")
        self._lines.forget_running()
        self._agents.forget_running()
        return one_to_one(floor, "the clock was set back")

    def state(self) -> Saved:
        return {
            "format": FORMAT,
            "lines": self._lines.state(),
            "agents": self._agents.state(),
            "price": self._price.state(),
            "learned": self._learned,
            "usual": self._usual,
        }

    @classmethod
    def restored(cls, state: Saved, *, another: bool = False) -> "Predictive":
        """Goes on from a saved state; for `another` campaign of the client it is where learning starts from.

        Raises ForeignState.
        """
        found = state.get("format") if isinstance(state, Mapping) else state
        if found != FORMAT:
            raise ForeignState(f"pacing state {found!r:.40} is not {FORMAT}: learning starts anew")
        policy = cls()
        try:
            policy._lines.restore(state["lines"], another)
            policy._agents.restore(state["agents"], another)
            amounts(state["price"]["forecast"], 2, MOST_CALLS)
            policy._price.restore(state["price"])
            if not isinstance(state["learned"], bool):
                raise ValueError("neither learned nor not")
            policy._learned = state["learned"] and not another
            (usual,) = numbers([state["usual"]], 1)
            seen = min(policy._lines.answers, policy._agents.served)
            if not 0 <= usual <= 1 or (policy._learned and seen < REMINDED_CALLS):
                raise ValueError(f"a usual chance of {usual:g}, learned of {seen} answers")
            policy._usual = 0.0 if another else usual
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ForeignState(f"pacing state is damaged, {error!r}: learning starts anew") from None
        policy._priced = policy._lines.abandoned
        if another and state["learned"]:
            policy._needed = REMINDED_CALLS
        return policy


def _in_words(floor: Floor, ahead: _Outlook, chance: float, left: Left, price: float) -> str:
    """What a decision is taken on."""
    return (
        f"{floor.free_agents} free, {ahead.freed.due.sum():.0f} more within {HORIZON} s, answer rate {chance:.0%}, "
        f"{floor.in_flight} in flight, {left.calls:.1f} abandoned calls left, "
        f"one is worth {price:.0f} s of waiting"
    )


def _lowest(numbers: Array, cost: Array) -> int:
    """Where the cost is lowest; between candidates that lie apart, where a parabola through three of them is."""
    best = int(np.argmin(cost))
    if best in (0, len(numbers) - 1) or numbers[best + 1] - numbers[best - 1] <= 2:
        return int(numbers[best])
    left, middle, right = numbers[best - 1 : best + 2]
    low, mid, high = cost[best - 1 : best + 2]
    falls, rises = (mid - low) / (middle - left), (high - mid) / (right - middle)
    bend = (rises - falls) / ((right - left) / 2)
    return round(min(right, max(left, (left + middle) / 2 - falls / bend))) if bend > 0 else int(middle)
