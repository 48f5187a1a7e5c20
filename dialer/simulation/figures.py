"""What a simulated run came to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

PEAK_FROM = 500  # answers; before that a rate says little
SUMMED = (
    *("talking", "wrapping", "waits", "waited", "dials", "given_up"),
    *("live", "live_abandoned", "answers", "abandoned"),
)


@dataclass(slots=True)
class ListFigures:
    """What became of a list: leads, and the gate's refusals by reason."""

    loaded: int = 0
    reached: int = 0  # an agent has talked to the person
    exhausted: int = 0  # finished, and never reached
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Figures:
    """Seconds and counts of one run. `live` are persons: a voicemail that reaches an agent is none."""

    staffed: float = 0.0
    talking: float = 0.0
    wrapping: float = 0.0
    waits: int = 0
    waited: float = 0.0
    dials: int = 0
    given_up: int = 0
    live: int = 0
    live_abandoned: int = 0
    answers: int = 0  # calls that asked for an agent, less those found to be machines by a detector beside the call
    abandoned: int = 0
    peak: float = 0.0  # the worst cumulative drop rate after the 500th live answer
    most_dialled: int = 0  # in one tick
    days: list[tuple[int, int]] = field(default_factory=list)  # live answers, live abandoned of each day
    leads: ListFigures | None = None  # where a list was dialled
    _before: tuple[int, int] = (0, 0)

    def asked(self, live: bool) -> None:
        self.answers += 1
        self.live += live
        if live and self.live == PEAK_FROM:
            self.peak = self.drop_rate

    def connected(self, talk: float, waited: float | None) -> None:
        """`waited`: the agent for a call, where it did."""
        if waited is not None:
            self.waits += 1
            self.waited += waited
        self.talking += talk

    def lost(self, live: bool) -> None:
        self.abandoned += 1
        self.live_abandoned += live
        if self.live >= PEAK_FROM:
            self.peak = max(self.peak, self.drop_rate)

    def no_person(self, abandoned: bool) -> None:
        """Who asked for an agent is found to be a machine: the law counts it no more."""
        self.answers -= 1
        self.abandoned -= abandoned

    def end_day(self) -> None:
        answers, abandoned = self._before
        self.days.append((self.live - answers, self.live_abandoned - abandoned))
        self._before = self.live, self.live_abandoned

    @property
    def drop_rate(self) -> float:
        return self.live_abandoned / self.live if self.live else 0.0

    @property
    def utilisation(self) -> float:
        """Talk and wrap-up over the time on the floor, breaks not counted."""
        return (self.talking + self.wrapping) / self.staffed if self.staffed else 0.0

    @property
    def worst_day(self) -> float:
        return max((abandoned / answers for answers, abandoned in self.days if answers), default=0.0)

    @property
    def wait(self) -> float:
        """Mean seconds that an agent waits for a call."""
        return self.waited / self.waits if self.waits else 0.0

    @property
    def talk_minutes_per_hour(self) -> float:
        return 60 * self.talking / self.staffed if self.staffed else 0.0

    @property
    def dials_per_contact(self) -> float:
        contacts = self.live - self.live_abandoned
        return self.dials / contacts if contacts else 0.0

    def as_json(self) -> dict[str, Any]:
        figures: dict[str, Any] = {
            "utilisation": round(self.utilisation, 5),
            "drop_rate": round(self.drop_rate, 5),
            "worst_day": round(self.worst_day, 5),
            "peak_drop_rate": round(self.peak, 5),
            "agent_wait_seconds": round(self.wait, 2),
            "talk_minutes_per_agent_hour": round(self.talk_minutes_per_hour, 2),
            "dials_per_contact": round(self.dials_per_contact, 3),
            "live_answers": self.live,
            "abandoned": self.live_abandoned,
            "dials": self.dials,
            "given_up": self.given_up,
            "staffed_hours": round(self.staffed / 3600, 2),
        }
        if self.leads is not None:
            figures["leads"] = {
                "loaded": self.leads.loaded,
                "reached": self.leads.reached,
                "exhausted": self.leads.exhausted,
                "refused": dict(sorted(self.leads.refused.items())),
            }
        return figures


def together(figures: Sequence[Figures]) -> Figures:
    """Of campaigns that share their agents: sums, but the worst day and the peak are those of any campaign."""
    if len(figures) == 1:
        return figures[0]
    lists = [one.leads for one in figures if one.leads is not None]
    of_lists = ListFigures(
        sum(one.loaded for one in lists),
        sum(one.reached for one in lists),
        sum(one.exhausted for one in lists),
        sum((one.refused for one in lists), Counter()),
    )
    summed = {name: sum(getattr(one, name) for one in figures) for name in SUMMED}
    return Figures(
        **summed,
        staffed=max(one.staffed for one in figures),
        peak=max(one.peak for one in figures),
        most_dialled=max(one.most_dialled for one in figures),
        days=[day for one in figures for day in one.days],
        leads=of_lists if lists else None,
    )
