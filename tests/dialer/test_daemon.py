"""How the daemon is put together."""

import asyncio
import os
import platform
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import uvicorn
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from config import load
from dialer import daemon
from dialer.call import MESSAGE_LIMIT
from dialer.dial_loop import DialLoop
from dialer.leases import Leases
from dialer.sweep import LONGEST_NEED


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
    await daemon._work(exchange, loop, load(database_url="sqlite:///dialer.db"), server, running, 0)
    assert kept == [False, False, False, True]
    assert (exchange.counts["tick_errors"], exchange.counts["timetable_errors"]) == (3, 1)


def gone(*_asked):
    raise OperationalError("COMMIT", {}, Exception("the server is gone\nno more words"))


async def test_a_database_that_goes_away_during_the_start_is_told_in_one_line(exchange, database, carrier, monkeypatch):
    monkeypatch.setattr(daemon, "TwilioCarrier", lambda *_settings: carrier)
    monkeypatch.setattr(database, "submit", gone)
    threads, settings = exchange.carrier_threads, load(database_url="sqlite:///dialer.db")
    with pytest.raises(daemon.CannotStart, match=r"written: the server is gone: see `dialer db check`$"):
        await daemon._put_together(settings, database, threads, threads)


async def test_a_daemon_that_cannot_be_announced_says_why_and_does_nothing(exchange, database, monkeypatch):
    server = SimpleNamespace(listens=asyncio.Event(), stopping=asyncio.Event())
    server.listens.set()
    monkeypatch.setattr(database, "announce", gone)
    loop, running = DialLoop(exchange, Leases("one"), 1.0), daemon.Running("one", 1, "http://127.0.0.1:8080", "token")
    with pytest.raises(daemon.CannotStart, match="the server is gone"):
        await daemon._work(exchange, loop, load(database_url="sqlite:///dialer.db"), server, running, 0)
    assert exchange.ticks.began is None


@pytest.fixture
def work(exchange):
    """A daemon that listens, and works until its first tick."""
    server = SimpleNamespace(listens=asyncio.Event(), stopping=asyncio.Event())
    server.listens.set()
    loop = DialLoop(exchange, Leases("one"), 1.0)

    async def tick(*_late):
        server.stopping.set()

    loop.tick = tick

    async def work():
        running = daemon.Running("one", 1, "http://127.0.0.1:8080", "token")
        with capture_logs() as logs:
            await daemon._work(exchange, loop, load(database_url="sqlite:///dialer.db"), server, running, 0)
        return logs

    return work


async def test_a_carrier_that_refuses_the_account_ends_the_start(exchange, carrier, work):
    carrier.refuses_us = True
    with pytest.raises(daemon.CannotStart, match=r"\(20003\): check TWILIO_ACCOUNT_SID, "):
        await work()
    assert exchange.ticks.began is None


async def test_a_carrier_that_is_away_only_keeps_a_daemon_from_dialling(exchange, carrier, work):
    """The calls that live would get no answer."""
    carrier.down = True
    told = [log for log in await work() if log["event"] == "started_without_carrier"]
    assert [log["error"] for log in told] == ["the carrier could not be reached"]
    assert exchange.ticks.began is not None
    assert exchange.health.seats_unseen_since is not None


async def test_a_carrier_that_does_not_answer_holds_up_the_loops_no_longer_than_a_moment(
    exchange, carrier, work, monkeypatch
):
    monkeypatch.setattr(daemon, "ASKED_SECONDS", 0.01)
    go_on = threading.Event()
    monkeypatch.setattr(carrier, "check", lambda: go_on.wait(10))
    told = [log for log in await work() if log["event"] == "started_without_carrier"]
    go_on.set()
    assert [log["error"] for log in told] == ["no answer within 0 s"]
    assert exchange.ticks.began is not None


async def test_a_database_that_is_gone_for_a_moment_does_not_end_the_draining(exchange, clock, build):
    """Whoever picks up meanwhile would hear nothing."""
    build.attempt(build.lead(build.campaign()), "ringing")
    loop, asked = DialLoop(exchange, Leases("one"), 1.0), list[float]()

    async def still_need_us(_work):
        asked.append(clock.monotonic())
        clock.advance(1)
        if len(asked) < 3:
            raise OperationalError("SELECT", {}, Exception("server closed the connection"))
        return 3 - len(asked)

    object.__setattr__(exchange, "read", still_need_us)
    await daemon._last_answers(exchange, loop)
    assert len(asked) == 3


async def test_a_database_that_stays_away_keeps_a_stopping_daemon_for_as_long_as_a_call_may_ring(exchange, clock):
    loop = DialLoop(exchange, Leases("one"), 1.0)

    async def gone(_work):
        clock.advance(10)
        raise OperationalError("SELECT", {}, Exception("no route to host"))

    object.__setattr__(exchange, "read", gone)
    began = clock.monotonic()
    await daemon._last_answers(exchange, loop)
    assert 0 <= clock.monotonic() - began - (LONGEST_NEED + MESSAGE_LIMIT).total_seconds() < 10


async def test_no_call_is_placed_from_the_moment_on_at_which_nobody_listens():
    order = []

    class Listening:
        close = staticmethod(lambda: order.append("closed"))

        async def wait_closed(self):
            pass

    config = uvicorn.Config(lambda: None, lifespan="off")
    server = daemon.Server(config, asyncio.Event(), lambda: order.append("no more calls"))
    server.servers, server.force_exit = [Listening()], True
    await server.shutdown()
    assert order == ["no more calls", "closed"]


async def test_told_to_end_at_once_a_daemon_waits_a_moment_for_what_was_started(exchange, monkeypatch):
    monkeypatch.setattr(daemon, "LAST_SECONDS", 0.1)
    at_once, go_on, done = asyncio.Event(), threading.Event(), []

    async def work(name, request):
        await exchange.ask(request)
        done.append(name)

    exchange.start(work("hanging", lambda: go_on.wait(10)))
    exchange.start(work("short", lambda: None))
    draining = asyncio.create_task(daemon._drain(exchange, at_once))
    await asyncio.sleep(0.3)
    assert not draining.done()
    at_once.set()
    async with asyncio.timeout(5):
        await draining
    go_on.set()
    assert done == ["short"]


async def test_a_daemon_told_once_waits_for_all_that_was_started(exchange, monkeypatch):
    monkeypatch.setattr(daemon, "LAST_SECONDS", 0.0)
    go_on, done = threading.Event(), []

    async def work():
        done.append(await exchange.ask(lambda: go_on.wait(10)))

    exchange.start(work())
    draining = asyncio.create_task(daemon._drain(exchange, asyncio.Event()))
    await asyncio.sleep(0.1)
    assert not draining.done()
    go_on.set()
    await draining
    assert done == [True]


LEAVING = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from dialer import daemon
with daemon._threads(daemon.PLACING) as threads:
    threads.submit(threading.Event().wait)
print("gone")
daemon.leave()
"""


def test_a_request_that_hangs_does_not_keep_the_process():
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "gone\n"


HEAPS = """
import ctypes, sys, threading
from dialer.daemon import share_one_heap
if sys.argv[1] == "one":
    share_one_heap()
here, go_on = threading.Barrier(9), threading.Event()
def work():
    held = [bytes(2000 + size) for size in range(500)]
    here.wait()
    go_on.wait()
for _ in range(8):
    threading.Thread(target=work).start()
here.wait()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
go_on.set()
"""


def heaps(how: str, **own: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"} | own
    command = [sys.executable, "-c", HEAPS, how]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps by thread are glibc's")
def test_threads_of_a_daemon_share_one_heap():
    assert heaps("one") == 1 < heaps("many")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps by thread are glibc's")
def test_heaps_that_the_environment_asks_for_are_had():
    assert 1 < heaps("one", MALLOC_ARENA_MAX="3") <= 3
