"""How the daemon is put together."""

import asyncio
from types import SimpleNamespace

from sqlalchemy.exc import OperationalError

from config import load
from dialer import daemon
from dialer.dial_loop import DialLoop
from dialer.leases import Leases


def test_the_api_token_is_the_one_set_or_a_new_one_at_each_start():
    assert daemon._token(load(api_token="chosen-by-myself")) == "chosen-by-myself"
    assert daemon._token(load()) != daemon._token(load())


async def test_a_full_disk_ends_neither_the_start_nor_the_draining(exchange, clock):
    """The daemon that ended just after its start left everybody on the line alone."""
    server = SimpleNamespace(listens=asyncio.Event(), stopping=asyncio.Event())
    server.listens.set()
    loop, kept = DialLoop(exchange, Leases("one"), 1.0), list[bool]()

    async def keep_leases(*, leaving=False):
        kept.append(leaving)
        clock.advance(1)
        if len(kept) == 3:
            server.stopping.set()
        raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    loop.keep_leases = keep_leases
    running = daemon.Running("one", 1, "http://127.0.0.1:8080", "token")
    await daemon._work(exchange, loop, load(database_url="sqlite:///dialer.db"), server, running)
    assert kept == [False, False, False, True]
    assert (exchange.counts["tick_errors"], exchange.counts["timetable_errors"]) == (3, 1)
