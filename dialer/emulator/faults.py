"""What goes wrong, by request: faults that are switched on at run time and drawn from a seed."""

from collections.abc import Callable
from random import Random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Next(BaseModel):
    """The next so many times, for certain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    next: Annotated[int, Field(ge=0)]


Chance = Annotated[float, Field(ge=0, le=1)] | Next


class Faults(BaseModel):
    """Each a probability (0 to 1) or {"next": n}. The create faults meet calls and participants alike."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    too_many_requests: Chance = 0.0  # a create is answered 429, nothing is placed
    error_before_placing: Chance = 0.0  # 503, nothing is placed
    error_after_placing: Chance = 0.0  # 503, but the call exists
    reset_after_placing: Chance = 0.0  # the connection breaks, but the call exists
    slow_create: Chance = 0.0  # placed, and answered `slow_seconds` later
    other_requests_fail: Chance = 0.0  # 503 to fetch, list, update and delete
    callback_before_create: Chance = 0.0  # the first status callback is out before the create is answered
    callback_lost: Chance = 0.0
    callback_late: Chance = 0.0  # by `late_seconds`
    callback_doubled: Chance = 0.0
    callback_reordered: Chance = 0.0  # overtaken by the events that follow it within `reorder_seconds`

    slow_seconds: Annotated[float, Field(ge=0)] = 8.0
    late_seconds: Annotated[float, Field(ge=0)] = 5.0
    reorder_seconds: Annotated[float, Field(ge=0)] = 1.0
    list_lag_seconds: Annotated[float, Field(ge=0)] = 0.0  # before a new call is found in a list


class Dice:
    """Decides, fault by fault, whether it strikes; each fault has its own seeded sequence."""

    def __init__(self, seed: int) -> None:
        self.faults = Faults()
        self.struck: dict[str, int] = {}
        self.on_strike: Callable[[str], None] = lambda _fault: None
        self._seed = seed
        self._sequences: dict[str, Random] = {}

    def change(self, faults: Faults) -> None:
        """Take over the faults that are named in the request; the others stay."""
        self.faults = self.faults.model_copy(update={name: getattr(faults, name) for name in faults.model_fields_set})

    def strikes(self, fault: str) -> bool:
        chance: float | Next = getattr(self.faults, fault)
        if isinstance(chance, Next):
            struck = chance.next > 0
            if struck:
                self.faults = self.faults.model_copy(update={fault: Next(next=chance.next - 1)})
        else:
            struck = chance > 0 and self._sequence(fault).random() < chance
        if struck:
            self.struck[fault] = self.struck.get(fault, 0) + 1
            self.on_strike(fault)
        return struck

    def _sequence(self, fault: str) -> Random:
        return self._sequences.setdefault(fault, Random(f"{self._seed}|{fault}"))
