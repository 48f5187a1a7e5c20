"""Leads of a simulated list that wait: those that are due by priority and time, the others until they are."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush

from campaigns.lead import Priority
from dialer.simulation.lead_list import Lead

Place = tuple[datetime, int]  # due at, id


class Queue:
    def __init__(self, leads: Iterable[Lead]) -> None:
        self._later = [(lead.due_at, lead.id, lead) for lead in leads]
        heapify(self._later)
        self._due: dict[Priority, list[tuple[datetime, int, Lead]]] = {priority: [] for priority in Priority}

    def put(self, lead: Lead) -> None:
        """It waits until it is due."""
        heappush(self._later, (lead.due_at, lead.id, lead))

    def due(self, at: datetime) -> int:
        """How many may be looked at; to be asked before they are, for so time goes on."""
        while self._later and self._later[0][0] <= at:
            entry = heappop(self._later)
            insort(self._due[entry[2].priority], entry)
        return sum(map(len, self._due.values()))

    def page(self, priority: Priority, limit: int, behind: Place | None = None) -> list[Lead]:
        """Of those that are due the longest due first, behind a place."""
        due = self._due[priority]
        start = 0 if behind is None else bisect_right(due, behind, key=lambda entry: entry[:2])
        return [lead for _, _, lead in due[start : start + limit]]

    def first(self, limit: int) -> list[Lead]:
        """Callbacks, then recycled leads, then fresh ones."""
        found: list[Lead] = []
        for priority in Priority:
            found += self.page(priority, limit - len(found))
        return found

    def remove(self, lead: Lead) -> None:
        """One of those that are due."""
        due = self._due[lead.priority]
        del due[bisect_left(due, (lead.due_at, lead.id), key=lambda entry: entry[:2])]
