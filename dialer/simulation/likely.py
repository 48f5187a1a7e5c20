"""Whose turn it is where chances are learned: promised callbacks, then mostly who is likely to answer.

The daemon asks the gate before it chooses; here it is asked of those chosen only, and others take the turns of who is
refused. That comes to the same, and to fewer questions.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from campaigns.dispositions import PERSON_CAME
from campaigns.lead import Priority
from campaigns.traits import traits
from campaigns.turns import BY_CHANCE, in_turn, pool
from dialer.pacing.leads import LeadChances
from dialer.simulation.lead_list import Lead
from dialer.simulation.queue import Place, Queue

TRAITS_HOLD = timedelta(minutes=5)  # they change with the hour; working them out anew at each look is slow


class Likely:
    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._known = LeadChances()
        self._places: Mapping[Priority, Place] = {}
        self._reached: Mapping[Priority, Place] | None = None  # by the first choice of a look
        self._offered = 0
        self._traits: dict[int, tuple[datetime, tuple[str, ...]]] = {}  # by lead: since when

    def choose(self, wanted: int, at: datetime, offered: int = 0) -> list[tuple[Lead, float, tuple[str, ...]]]:
        """Up to so many leads, each with its chance over the usual one and the traits that it has now.

        `offered`: in this look before, promised callbacks apart.
        """
        promised = self._queue.page(Priority.CALLBACK, wanted)
        others = self._others(wanted - len(promised)) if len(promised) < wanted else []
        rows = [self._traits_of(lead, at) for lead in (*promised, *others)]
        chances = self._known.chances(rows) / self._known.usual
        its = len(promised)
        ranks = self._known.ranking(rows[its:])
        queues = [lead.priority for lead in others]
        turns = in_turn(queues, ranks, wanted - its, self._offered + offered) if others else []
        next_ones = [*range(its), *(its + place for place, _ in turns)]
        leads = [*promised, *others]
        return [(leads[place], float(chances[place]), rows[place]) for place in next_ones]

    def looked(self, offered: int) -> None:
        """A look is over, in which so many were offered, promised callbacks apart: the next one goes on behind it."""
        self._offered += offered
        if self._reached is not None:
            self._places, self._reached = self._reached, None

    def learn(self, lead: Lead, features: tuple[str, ...], answered: bool | None) -> None:
        """What came of a dial; None where we ended it."""
        self._traits.pop(lead.id, None)
        if answered is not None:
            self._known.learn(features, answered)

    def _others(self, wanted: int) -> list[Lead]:
        """As the daemon searches them; all where that is too few."""
        waiting, further, reached = pool(self._queue.page, _place, self._places, wanted)
        if self._reached is None:
            self._reached = reached
        if len(waiting) + len(further) < wanted:
            return [lead for priority in BY_CHANCE for lead in self._queue.page(priority, wanted)]
        return waiting + further

    def _traits_of(self, lead: Lead, at: datetime) -> tuple[str, ...]:
        known = self._traits.get(lead.id)
        if known is not None and at - known[0] < TRAITS_HOLD:
            return known[1]
        found = traits(
            lead.number,
            at.astimezone(lead.clock),
            attempts=lead.attempts,
            last=lead.disposition,
            last_at=lead.past[-1].at if lead.past else None,
            answered_at=[past.at for past in lead.past if past.came_to in PERSON_CAME],
        )
        self._traits[lead.id] = at, found
        return found


def _place(lead: Lead) -> Place:
    return lead.due_at, lead.id
