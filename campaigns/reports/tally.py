"""Attempts counted: what every report and the live view say about them, and by which formula."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from campaigns.dispositions import NEVER_A_CALL, lookup

_NEVER_A_CALL = frozenset(outcome.value for outcome in NEVER_A_CALL)


@dataclass(frozen=True, slots=True)
class Ratio:
    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """None when there is nothing to divide by: undefined is not 0."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Cell:
    """Attempts that are alike in all that is counted; `key` says to which group of a report they belong."""

    key: int | str | None
    live: bool  # not ended
    disposition: str | None
    answered: bool  # picked up, and for the machine detector by a person
    abandoned: bool
    attempts: int

    @property
    def live_answer(self) -> bool:
        """Answered by a person: the agent's word outweighs the detector's; an abandoned call was always answered."""
        human = self.disposition is None or lookup(self.disposition).human
        return self.abandoned or (self.answered and human)


@dataclass(frozen=True)
class Tally:
    """Attempts by what came of them: `attempts` is the sum of `live`, `undisposed` and `dispositions`."""

    attempts: int
    live: int  # not ended, whatever their agents have said already
    undisposed: int  # ended, the agent in wrap-up
    dispositions: Mapping[str, int]  # of ended attempts
    live_answers: int  # of ended and live attempts
    ended_answers: int
    abandoned: int

    @cached_property
    def dialled(self) -> int:
        """Ended attempts that were calls: without those the carrier never placed."""
        never = sum(self.dispositions.get(code, 0) for code in _NEVER_A_CALL)
        return self.attempts - self.live - never

    @cached_property
    def contacts(self) -> int:
        return sum(count for code, count in self.dispositions.items() if lookup(code).contact)

    @cached_property
    def sales(self) -> int:
        """Sales of a telemarketing campaign, completed interviews of a survey."""
        return sum(count for code, count in self.dispositions.items() if lookup(code).sale)

    @property
    def answer_rate(self) -> Ratio:
        """Dialled calls answered by a person / dialled calls."""
        return Ratio(self.ended_answers, self.dialled)

    @property
    def drop_rate(self) -> Ratio:
        """Abandoned calls / live answers, a call on the line included from its answer on (16 CFR 310.4(b)(4)(i))."""
        return Ratio(self.abandoned, self.live_answers)

    @property
    def contact_rate(self) -> Ratio:
        """Dialled calls that reached the person meant or the household / dialled calls."""
        return Ratio(self.contacts, self.dialled)

    @property
    def conversion(self) -> Ratio:
        """Sales or completed interviews / contacts."""
        return Ratio(self.sales, self.contacts)


def tally(cells: Iterable[Cell]) -> Tally:
    """Raises UnknownDisposition for a code that the catalogue does not have."""
    cells = tuple(cells)
    dispositions: Counter[str] = Counter()
    for cell in cells:
        if not cell.live and cell.disposition is not None:
            dispositions[cell.disposition] += cell.attempts
    return Tally(
        attempts=sum(cell.attempts for cell in cells),
        live=sum(cell.attempts for cell in cells if cell.live),
        undisposed=sum(cell.attempts for cell in cells if not cell.live and cell.disposition is None),
        dispositions=dispositions,
        live_answers=sum(cell.attempts for cell in cells if cell.live_answer),
        ended_answers=sum(cell.attempts for cell in cells if cell.live_answer and not cell.live),
        abandoned=sum(cell.attempts for cell in cells if cell.abandoned),
    )
