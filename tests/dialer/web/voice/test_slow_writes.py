"""Who answers while nothing can be written waits no longer than the law allows."""

from concurrent.futures import Future
from dataclasses import replace

import pytest

from dialer.db.turns import Urgency
from dialer.web import voice
from tests.dialer.web.voice.stock import BASE


@pytest.fixture
def exchange(exchange, request):
    """By the clock, which stands still, an agent who is found is found in time."""
    return replace(exchange, connect_seconds=getattr(request, "param", 0.01))


@pytest.fixture
def held_up(database, monkeypatch):
    """Writes that wait; the function lets them go, as if the disk had come back."""
    submit, waiting = database.submit, []

    def wait(work, urgency=Urgency.CALL):
        waiting.append((work, urgency, Future()))
        return waiting[-1][2]

    def let_go(problem=None):
        monkeypatch.setattr(database, "submit", submit)
        for work, urgency, done in waiting:
            if problem is None:
                done.set_result(submit(work, urgency).result())
            else:
                done.set_exception(problem)

    monkeypatch.setattr(database, "submit", wait)
    return let_go


@pytest.fixture
async def ringing(build, send, seated):
    """A line that this node knows of, for an agent who is ready."""
    seated("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "dialled")
    await send("progress", attempt, CallStatus="ringing")
    return attempt


async def test_the_message_is_given_in_time_and_the_agent_is_free_again(build, send, exchange, ringing, held_up):
    answer = await send("answer", ringing)
    assert "from Acme" in answer.text
    assert f"{BASE}/voice/key?a={ringing}" in answer.text
    assert exchange.counts["answers_not_written_in_time"] == 1
    held_up()
    await exchange.drain()
    call = build.row("attempt")
    assert (call["state"], call["abandoned"]) == ("message", True)
    assert (build.row("agent")["state"], build.row("agent")["attempt_id"]) == ("ready", None)


async def test_a_write_that_fails_in_the_end_leaves_nothing_behind(build, send, exchange, ringing, held_up):
    answer = await send("answer", ringing)
    assert "from Acme" in answer.text
    held_up(OSError("the disk is gone"))
    await exchange.drain()
    assert (build.row("attempt")["state"], build.row("agent")["state"]) == ("ringing", "ready")
    assert exchange.counts["background_errors"] == 0


@pytest.mark.parametrize("exchange", [2.0], indirect=True)
async def test_a_write_in_time_gives_the_agent(build, send, exchange, ringing):
    answer = await send("answer", ringing)
    assert "<Conference" in answer.text
    assert exchange.counts["answers_not_written_in_time"] == 0


async def test_who_asks_again_after_the_message_is_not_given_an_agent_who_is_free_again(
    build, send, exchange, ringing, held_up
):
    await send("answer", ringing)
    held_up()
    await exchange.drain()
    again = await send("answer", ringing)
    assert "from Acme" in again.text


@pytest.mark.parametrize("exchange", [2.0], indirect=True)
async def test_a_repeat_that_waits_too_long_takes_nobody_from_the_agent(build, send, exchange, ringing, monkeypatch):
    assert "<Conference" in (await send("answer", ringing)).text
    monkeypatch.setattr(voice, "ON_THE_WAY", 2.0)
    assert "from Acme" in (await send("answer", ringing)).text
    await exchange.drain()
    assert (build.row("attempt")["state"], build.row("agent")["state"]) == ("connected", "on-call")
