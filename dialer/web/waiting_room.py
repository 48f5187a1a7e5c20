"""Who has answered while no agent was free: woken when one may be, or when there is no more time to wait.

One look at the agents for all who wait for those of a campaign, however many they are; each then claims for itself.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlmodel import Session

from dialer.exchange import UNAVAILABLE, Exchange
from dialer.store import agents_free

LOOK_SECONDS = 0.1  # between two looks: another node may have freed an agent
READ_SECONDS = 0.3  # that a look may take, for nobody is woken meanwhile


@dataclass(eq=False, slots=True)
class Waiter:
    """`until`: a moment of the monotonic time."""

    reserved: bool  # an agent is held for this call
    until: float
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False


@dataclass
class WaitingRoom:
    """Of one node, in the order in which they have come."""

    exchange: Exchange
    _waiting: dict[int, list[Waiter]] = field(default_factory=dict)  # by campaign

    @contextmanager
    def enter(self, campaign_id: int, reserved: bool, until: float) -> Iterator[Waiter]:
        """Who waits, for as long as the block lasts."""
        waiter, waiting = Waiter(reserved, until), self._waiting.get(campaign_id)
        if waiting is None:
            waiting = self._waiting[campaign_id] = []
            self.exchange.start(self._look(campaign_id, waiting))
        waiting.append(waiter)
        try:
            yield waiter
        finally:
            waiting.remove(waiter)

    async def _look(self, campaign_id: int, waiting: list[Waiter]) -> None:
        clock = self.exchange.clock
        look = clock.monotonic()
        try:
            while waiting:
                look = max(look + LOOK_SECONDS, clock.monotonic())
                await clock.until(look)
                wake(waiting, *await self._free(campaign_id), look)
        finally:
            del self._waiting[campaign_id]

    async def _free(self, campaign_id: int) -> tuple[int, int]:
        def free(session: Session) -> tuple[int, int]:
            return agents_free(session.connection(), campaign_id)

        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self.exchange.read(free)
        except (*UNAVAILABLE, TimeoutError):
            return 0, 0


def wake(waiting: list[Waiter], ready: int, held: int, now: float) -> None:
    """Those for whom an agent is free, the first who came first, and those whose time is over.

    Of the `ready` agents `held` are for lines with an agent reserved, whether they ring or wait.
    """
    spare = ready - held
    for waiter in waiting:
        agent = ready > 0 and (waiter.reserved or spare > 0)
        ready -= agent
        spare -= agent and not waiter.reserved
        waiter.over = waiter.until <= now
        if agent or waiter.over:
            waiter.woken.set()
