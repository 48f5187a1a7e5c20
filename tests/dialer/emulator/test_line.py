"""What interrupts a waiting call, and what wins."""

import asyncio

import pytest

from dialer.emulator.line import By, HungUp, Line, Redirected
from dialer.emulator.parameters import Inline


async def test_a_hang_up_ends_the_wait_and_every_later_one():
    line = Line()
    waiting = asyncio.ensure_future(line.wait(None))
    await asyncio.sleep(0)
    line.hang_up(By.API)
    line.hang_up(By.CALLEE)
    with pytest.raises(HungUp) as first:
        await waiting
    with pytest.raises(HungUp) as second:
        await line.wait(0)
    assert (first.value.by, second.value.by) == (By.API, By.API)


async def test_the_last_redirection_is_taken_once_and_a_hang_up_goes_before_it():
    line = Line()
    line.redirect(Inline("first"))
    line.redirect(Inline("last"))
    with pytest.raises(Redirected) as redirected:
        await line.wait(None)
    assert redirected.value.source == Inline("last")
    await line.wait(0)
    line.redirect(Inline("again"))
    line.hang_up(By.CALLEE)
    with pytest.raises(HungUp):
        await line.wait(None)


async def test_keys_come_one_by_one_and_none_when_the_time_is_up():
    line = Line()
    line.press("1")
    line.press("2")
    assert [await line.wait_for_key(0.01) for _ in range(3)] == ["1", "2", None]
    line.press("3")
    line.forget_keys()
    assert await line.wait_for_key(0) is None


async def test_watching_gives_the_result_or_none_in_time():
    line = Line()
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    assert await line.watch(future, 0.01) is None
    asyncio.get_running_loop().call_soon(future.set_result, "done")
    assert await line.watch(future) == "done"


async def test_an_interrupted_watch_leaves_the_future_alone():
    line = Line()
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    line.hang_up(By.CALLEE)
    with pytest.raises(HungUp):
        await line.watch(future)
    assert not future.done()
