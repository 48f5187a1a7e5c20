"""Whose turn it is: mostly the lead that is most likely to answer, and now and then the one that has waited longest."""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

WAITING_EVERY = 5  # of so many turns one is of whoever has waited longest


class Turn(StrEnum):
    """Why a lead is next."""

    CALLBACK = "callback"  # it was promised
    CHANCE = "chance"
    WAITING = "waiting"


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
