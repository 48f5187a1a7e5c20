"""Leads as they would stand in a file: where they live, and how readily each answers, now and for good."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from campaigns.lead import Priority
from compliance.facts import Past
from compliance.locating import Location, locate
from dialer.simulation.odds import average_of, logistic
from dialer.simulation.scenario import Leads

NOON, EVENING = 12, 17  # local hours with which the afternoon and the evening begin
PARTS = 3  # morning, afternoon, evening
EXCHANGES, LINES = (200, 999), 10_000  # of an area code


@dataclass(slots=True)
class Lead:
    """`due_at` in UTC. Its log odds are those over the average lead's."""

    id: int  # in the order of loading
    number: str
    area_code: str
    place: Location
    clock: ZoneInfo
    odds: float
    best: int  # part of the day
    dead: bool  # no such number
    due_at: datetime
    priority: Priority = Priority.FRESH
    attempts: int = 0  # that used up a try
    past: tuple[Past, ...] = ()
    came_to: Counter[str] = field(default_factory=Counter)  # attempts by disposition
    disposition: str | None = None  # of the last attempt
    reached: bool = False  # an agent has talked to the person


class Population:
    """All leads of a campaign, by seed: the area codes' log odds are the same for each of its lists."""

    def __init__(self, leads: Leads, seed: int, campaign: int) -> None:
        self._leads, self._seed, self._campaign = leads, seed, campaign
        rng = np.random.default_rng((seed, 0, 3, campaign))
        self._of_area = rng.normal(0, leads.area_spread, len(leads.area_codes))
        self._taken: set[str] = set()
        self._odds = np.zeros(0)  # of the first list, at each part of the day
        self._averages: dict[float, float] = {}

    def drawn(self, number: int, loaded_at: datetime, odds: float = 0.0) -> list[Lead]:
        """The next list; `odds`: log odds by which it is better than the first."""
        leads, first = self._leads, len(self._taken)
        rng = np.random.default_rng((self._seed, first, 4, self._campaign))
        areas = rng.integers(len(leads.area_codes), size=number)
        own = rng.normal(0, leads.spread, number) + self._of_area[areas] + odds
        best = rng.integers(PARTS, size=number)
        dead = rng.random(number) < leads.dead
        drawn = []
        for id_, (area, of_it, part, gone) in enumerate(
            zip(areas.tolist(), own.tolist(), best.tolist(), dead.tolist(), strict=True), first
        ):
            code = leads.area_codes[area]
            phone = self._number(code, rng)
            place = locate(phone)
            clock = ZoneInfo(min(place.zones)) if place.zones else ZoneInfo("UTC")
            drawn.append(Lead(id_, phone, code, place, clock, of_it, part, gone, loaded_at))
        if not self._odds.size:
            of_part = leads.hour_spread * np.array([1.0, -0.5, -0.5])
            self._odds = (own[:, None] + of_part).ravel()
        return drawn

    def _number(self, area_code: str, rng: np.random.Generator) -> str:
        while True:
            phone = f"+1{area_code}{rng.integers(*EXCHANGES)}{rng.integers(LINES):04d}"
            if phone not in self._taken:
                self._taken.add(phone)
                return phone

    def human(self, lead: Lead, mean: float, now: datetime) -> float:
        """Chance that a person answers, where `mean` is that of all leads of the first list, the dead ones included."""
        if mean not in self._averages:
            self._averages[mean] = average_of(mean / (1 - self._leads.dead), self._odds)
        of_part = self._leads.hour_spread * (1.0 if part_of_day(lead.clock, now) == lead.best else -0.5)
        return logistic(self._averages[mean] + lead.odds + of_part)


def part_of_day(clock: ZoneInfo, now: datetime) -> int:
    hour = now.astimezone(clock).hour
    return (hour >= NOON) + (hour >= EVENING)
