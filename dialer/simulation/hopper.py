"""Who of a simulated list is next: the daemon's order, gate and recycling, at virtual time and without its database."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from campaigns.dispositions import came_to
from campaigns.hopper import LOOK_LIMIT, held_until
from campaigns.lead import Priority
from campaigns.prospects import RING_MARGIN_SECONDS
from campaigns.recycling import Again, recycle, retires_phone, uses_try
from compliance import rulebook
from compliance.facts import OWN_MEASURE, DropCount, Facts, Past
from compliance.gate import Blocked, Reason, check
from compliance.rulebook import Rulebook
from dialer.simulation.figures import Figures, ListFigures
from dialer.simulation.lead_list import Lead, Population
from dialer.simulation.scenario import Scenario

REGION = "US"  # whose area codes the leads have
Entry = tuple[datetime, int, Lead]


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
        self._later: list[Entry] = [(lead.due_at, lead.id, lead) for lead in drawn]
        heapify(self._later)
        self._due: dict[Priority, list[Entry]] = {priority: [] for priority in Priority}
        law = self._rulebook.limits(REGION, self.leads.kind, self._begins.date())
        self.ceilings = tuple(sorted({scenario.drop_rate_ceiling, *(rule.ceiling for rule in law.drop_rates)}))

    def wall(self, now: float) -> datetime:
        return self._begins + timedelta(seconds=now)

    def due(self, now: float) -> int:
        """Leads that may be looked at now."""
        at = self.wall(now)
        while self._later and self._later[0][0] <= at:
            entry = heappop(self._later)
            heappush(self._due[entry[2].priority], entry)
        return sum(map(len, self._due.values()))

    def take(self, wanted: int, reserved: bool, now: float) -> list[Turn]:
        """Up to `wanted` leads that the gate has cleared, in the daemon's order; those refused are put away."""
        at = self.wall(now)
        facts = self._facts(reserved, at)
        turns: list[Turn] = []
        for _ in range(LOOK_LIMIT):
            lead = self._next() if len(turns) < wanted else None
            if lead is None:
                break
            verdict = check(facts(lead), self._rulebook, at)
            if isinstance(verdict, Blocked):
                self._hold(lead, verdict, at)
                if verdict.reason is Reason.DROP_RATE:
                    break  # the budget is the campaign's: the next lead would be refused too
            else:
                lead.attempts += 1
                turns.append(Turn(lead))
        return turns

    def _next(self) -> Lead | None:
        """Callbacks first, then recycled leads, then fresh ones; who has been due longest."""
        for priority in Priority:
            if self._due[priority]:
                return heappop(self._due[priority])[2]
        return None

    def _hold(self, lead: Lead, verdict: Blocked, at: datetime) -> None:
        self.figures.refused[str(verdict.reason)] += 1
        self._wait(lead, held_until(verdict, at))

    def _wait(self, lead: Lead, until: datetime) -> None:
        lead.due_at = until
        heappush(self._later, (until, lead.id, lead))

    def _facts(self, reserved: bool, at: datetime) -> Callable[[Lead], Facts]:
        leads, scenario, figures = self.leads, self._scenario, self._figures
        copies = _copies(self._rulebook, at.toordinal())
        drops = tuple(
            DropCount(
                measure, figures.answers if measure.of == OWN_MEASURE.of else figures.dials, figures.abandoned
            )
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
            lead.priority = after.priority
            self._wait(lead, after.due_at)
        else:
            self.figures.exhausted += not lead.reached


@lru_cache(maxsize=1)
def _shipped_rules() -> Rulebook:
    return rulebook.load()


@lru_cache(maxsize=4)
def _copies(book: Rulebook, day: int) -> dict[str, date]:
    """Every list, as of today."""
    return dict.fromkeys(book.lists(), date.fromordinal(day))
