"""Whose turn it is: mostly the lead that is most likely to answer, and now and then the one that has waited longest."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from campaigns.lead import Priority

Lead = TypeVar("Lead")
Place = TypeVar("Place", bound=tuple[datetime, int])  # due at, id

BY_CHANCE = (Priority.RECYCLED, Priority.FRESH)
LONGEST_WAITING = 10  # leads of each priority in every look
STRETCH = 60  # leads of each priority further on, or as many as are wanted
WAITING_EVERY = 5  # of so many turns one is of whoever has waited longest


class Turn(StrEnum):
    """Why a lead is next."""

    CALLBACK = "callback"  # it was promised
    CHANCE = "chance"
    WAITING = "waiting"


def pool(
    page: Callable[[Priority, int, Place | None], Sequence[Lead]],
    place_of: Callable[[Lead], Place],
    places: Mapping[Priority, Place],
    wanted: int,
) -> tuple[list[Lead], list[Lead], dict[Priority, Place]]:
    """Of each priority those that have waited longest, and a stretch behind the place given; where the next begins.

    `page(priority, limit, behind)`: leads that are due, the longest due first, behind a place or from the beginning.
    """
    waiting: list[Lead] = []
    further: list[Lead] = []
    reached: dict[Priority, Place] = {}
    length = max(STRETCH, wanted)
    for priority in BY_CHANCE:
        first = page(priority, LONGEST_WAITING, None)
        waiting += first
        if len(first) < LONGEST_WAITING:
            continue
        last = place_of(first[-1])
        stretch = page(priority, length, max(last, places.get(priority, last)))
        further += stretch
        if len(stretch) == length:
            reached[priority] = place_of(stretch[-1])
    return waiting, further, reached


def in_turn(queues: Sequence[int], ranks: NDArray[np.float64], wanted: int, offered: int) -> list[tuple[int, Turn]]:
    """Whom to offer: places of up to `wanted` leads, given in the old order with the queue and rank of each.

    `offered` were offered before. Of every `WAITING_EVERY` turns one is the longest waiting's, of each queue by turns:
    so one with n leads before it in its queue has its turn within `WAITING_EVERY` x queues x (n + 1) turns, whatever
    its rank. The others go by rank; of equals the first in the old order is first.
    """
    places = range(len(ranks))
    best = deque(np.argsort(-ranks, kind="stable").tolist())
    waiting = [deque(place for place in places if queues[place] == queue) for queue in sorted(set(queues))]
    chosen: dict[int, Turn] = {}
    for turn in range(offered, offered + min(wanted, len(ranks))):
        its = turn % WAITING_EVERY == 0
        queue = waiting[turn // WAITING_EVERY % len(waiting)] if its else best
        while queue and queue[0] in chosen:
            queue.popleft()
        if not queue:
            its, queue = False, best
            while queue[0] in chosen:
                queue.popleft()
        chosen[queue.popleft()] = Turn.WAITING if its else Turn.CHANCE
    return list(chosen.items())
