"""Who of a simulated list is next: the daemon's order, gate and recycling, at virtual time and without its database."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from campaigns.dispositions import came_to, lookup
from campaigns.hopper import held_until
from campaigns.prospects import RING_MARGIN_SECONDS
from campaigns.recycling import Again, recycle, retires_phone, uses_try
from campaigns.search import LOOK_LIMIT
from campaigns.turns import BY_CHANCE
from compliance import rulebook
from compliance.facts import OWN_MEASURE, DropCount, Facts, Past
from compliance.gate import Blocked, Reason, check
from compliance.rulebook import Rulebook
from dialer.simulation.figures import Figures, ListFigures
from dialer.simulation.lead_list import Lead, Population
from dialer.simulation.likely import Likely
from dialer.simulation.queue import Queue
from dialer.simulation.scenario import Scenario

REGION = "US"  # whose area codes the leads have


class Turn(NamedTuple):
    """A lead that was taken to be dialled."""

    lead: Lead
    chance: float = 1.0  # over that of the campaign's average lead
    features: tuple[str, ...] = ()


class Hopper:
    """The list of one campaign. `now` is in seconds since the first shift began.

    The drop rate is counted over the whole run, whatever the law's window.
    """

    def __init__(self, scenario: Scenario, figures: Figures, seed: int, campaign: int) -> None:
        assert scenario.leads is not None
        self._scenario, self.leads, self._figures = scenario, scenario.leads, figures
        self._begins = scenario.begins.astimezone(UTC)
        self._rulebook = _shipped_rules()
        self._rng = np.random.default_rng((seed, 0, 5, campaign))
        self._population = Population(self.leads, seed, campaign)
        drawn = self._population.drawn(self.leads.number, self._begins)
        for more in self.leads.later:
            loaded_at = self._begins + timedelta(hours=more.at_hours)
            drawn += self._population.drawn(more.number, loaded_at, more.odds)
        self.figures = figures.leads = ListFigures(loaded=len(drawn))
        self._queue = Queue(drawn)
        self._likely = Likely(self._queue) if self.leads.lead_aware else None
        law = self._rulebook.limits(REGION, self.leads.kind, self._begins.date())
        self.ceilings = tuple(sorted({scenario.drop_rate_ceiling, *(rule.ceiling for rule in law.drop_rates)}))

    def wall(self, now: float) -> datetime:
        return self._begins + timedelta(seconds=now)

    def due(self, now: float) -> int:
        """Leads that may be looked at now."""
        return self._queue.due(self.wall(now))

    def take(self, wanted: int, reserved: bool, now: float) -> list[Turn]:
        """Up to `wanted` leads that the gate has cleared, in order; those refused on the way are put away."""
        turns = self._cleared(wanted, reserved, self.wall(now))
        if self._likely is not None:
            self._likely.looked(_by_chance(turns))
        return turns

    def _cleared(self, wanted: int, reserved: bool, at: datetime) -> list[Turn]:
        facts = self._facts(reserved, at)
        turns: list[Turn] = []
        looked = 0
        while len(turns) < wanted and looked < LOOK_LIMIT and (chosen := self._choose(wanted, turns, at)):
            looked += len(chosen)
            for turn in chosen:
                verdict = check(facts(turn.lead), self._rulebook, at)
                if not isinstance(verdict, Blocked):
                    self._queue.remove(turn.lead)
                    turn.lead.attempts += 1
                    turns.append(turn)
                    continue
                self._hold(turn.lead, verdict, at)
                if verdict.reason is Reason.DROP_RATE:
                    return turns  # the budget is the campaign's: the next lead would be refused too
        return turns

    def _choose(self, wanted: int, before: list[Turn], at: datetime) -> list[Turn]:
        """The daemon's order, by chances where they are learned; `before`: those cleared in this look."""
        left = wanted - len(before)
        if self._likely is not None:
            return [Turn(*one) for one in self._likely.choose(left, at, _by_chance(before))]
        return [Turn(lead) for lead in self._queue.first(left)]

    def _hold(self, lead: Lead, verdict: Blocked, at: datetime) -> None:
        self.figures.refused[str(verdict.reason)] += 1
        self._queue.remove(lead)
        lead.due_at = held_until(verdict, at)
        self._queue.put(lead)

    def _facts(self, reserved: bool, at: datetime) -> Callable[[Lead], Facts]:
        leads, scenario, figures = self.leads, self._scenario, self._figures
        copies = _copies(self._rulebook, at.toordinal())
        drops = tuple(
            DropCount(measure, figures.answers if measure.of == OWN_MEASURE.of else figures.dials, figures.abandoned)
            for measure in self._rulebook.measures
        )

        def facts(lead: Lead) -> Facts:
            return Facts(
                number=lead.number,
                kind=leads.kind,
                campaign=scenario.name,
                jurisdictions=lead.place.jurisdictions,
                zones=lead.place.zones,
                line_type=lead.place.line_type,
                ring_seconds=round(scenario.ring_seconds) + RING_MARGIN_SECONDS,
                copies=copies,
                consent=leads.consent,
                attempts=lead.past,
                attempts_per_day=leads.attempts_per_day,
                drops=drops,
                drop_ceiling=scenario.drop_rate_ceiling,
                agent_reserved=reserved,
            )

        return facts

    def human(self, lead: Lead, mean: float, now: float) -> float:
        """Chance that a person answers, where all leads together answer in the share `mean`."""
        return self._population.human(lead, mean, self.wall(now))

    def talked(self, turn: Turn, placed: float, now: float) -> None:
        """An agent has talked to the person: a result, or a time to call again was promised."""
        lead = turn.lead
        self.figures.reached += not lead.reached
        lead.reached = True
        callback = self._rng.random() < self.leads.callbacks
        at = self.wall(now) + timedelta(hours=self.leads.callback_hours) if callback else None
        done = "sale" if self.leads.kind == "telemarketing" else "complete"
        self.settle(turn, "callback" if callback else done, placed, now, at)

    def settle(self, turn: Turn, code: str, placed: float, now: float, callback_at: datetime | None = None) -> None:
        """What follows for the lead after an attempt that ended with this disposition."""
        lead, began = turn.lead, self.wall(placed)
        said = came_to(None, code, code == "abandoned")
        lead.past += (Past(began, self.wall(now), lead.number, self._scenario.name, "", said),)
        lead.came_to[code] += 1
        lead.disposition = code
        lead.attempts -= not uses_try(code)
        if self._likely is not None:
            self._likely.learn(lead, turn.features, None if code == "canceled" else lookup(code).human)
        after = recycle(
            code,
            tries_of_it=lead.came_to[code],
            attempts=lead.attempts,
            attempts_per_lead=self.leads.attempts_per_lead,
            phones_left=not retires_phone(code, lead.came_to[code]),
            callback_at=callback_at,
            now=began,
        )
        if isinstance(after, Again):
            lead.priority, lead.due_at = after.priority, after.due_at
            self._queue.put(lead)
        else:
            self.figures.exhausted += not lead.reached


def _by_chance(turns: list[Turn]) -> int:
    return sum(turn.lead.priority in BY_CHANCE for turn in turns)


@lru_cache(maxsize=1)
def _shipped_rules() -> Rulebook:
    return rulebook.load()


@lru_cache(maxsize=4)
def _copies(book: Rulebook, day: int) -> dict[str, date]:
    """Every list, as of today."""
    return dict.fromkeys(book.lists(), date.fromordinal(day))
