"""Whose write is next: a live call's before new dialling's, and both before what comes in bulk."""

import queue
from enum import IntEnum
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Urgency(IntEnum):
    """In order."""

    CALL = 0  # somebody is on the line, or waits for an agent
    DIAL = 1  # new calls, and what pacing keeps
    BULK = 2  # lists and upkeep: each shares its commit only with what comes behind it
    LAST = 3  # the end of all writing


class Turns(Generic[T]):
    """A queue for any number of threads that put and one that takes; of equal urgency the first comes first."""

    def __init__(self) -> None:
        self._waiting: queue.PriorityQueue[tuple[Urgency, int, T]] = queue.PriorityQueue()
        self._number = count()

    def put(self, item: T, urgency: Urgency) -> None:
        self._waiting.put((urgency, next(self._number), item))

    def take(self) -> T:
        """The next, once there is one."""
        return self._waiting.get()[2]

    def may_join(self) -> bool:
        """Whether the next is there and may share the commit of the one before."""
        with self._waiting.mutex:
            return bool(self._waiting.queue) and self._waiting.queue[0][0] < Urgency.BULK
