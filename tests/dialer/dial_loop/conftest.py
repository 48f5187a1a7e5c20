"""The loop of one node, and a tick of it."""

import pytest

from dialer.dial_loop import DialLoop
from dialer.leases import Leases
from tests.dialer.dial_loop.stock import PLENTY


@pytest.fixture
def loop(exchange):
    return DialLoop(exchange, Leases("one"), PLENTY)


@pytest.fixture
def tick(exchange, loop):
    async def tick(loop=loop):
        await loop.keep_leases()
        await loop.tick()
        await exchange.drain()

    return tick
