"""Who answers while no agent is free may wait a second for one, and hears who called when there is none by then."""

import asyncio
from concurrent.futures import Future
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from dialer.db.turns import Urgency
from dialer.web import waiting_room
from dialer.web.waiting_room import LOOK_SECONDS

LOOKS = 10


@pytest.fixture
def ringing(build):
    """A line of the campaign, for which no agent is held."""

    def ringing(campaign, **changes):
        return build.attempt(build.lead(campaign), "ringing", **{"agent_reserved": False} | changes)

    return ringing


class Looks:
    """Time stands still until the test lets the next look at the agents come, and that has been taken when it returns
    from the one after."""

    def __init__(self, clock, database):
        self.clock, self.database, self.released = clock, database, False
        self._due = asyncio.Queue()

    async def until(self, moment):
        go = asyncio.get_running_loop().create_future()
        await self._due.put((moment, go))
        if not self.released:
            await go
        await asyncio.sleep(0)

    async def come(self, number=1):
        for _ in range(number):
            self._take(*await self._due.get())
        self._due.put_nowait(await self._due.get())  # the next one is due, so these have been taken

    def _take(self, moment, go):
        self.clock.advance(max(0.0, moment - self.clock.monotonic()))
        go.set_result(None)

    async def until_given(self, answer):
        """As many as the answer takes, and no more than its writes need."""
        while not answer.done():
            due = asyncio.ensure_future(self._due.get())
            await asyncio.wait({due, answer}, return_when=asyncio.FIRST_COMPLETED)
            if due.done():
                self._take(*due.result())
            due.cancel()
            for _ in range(3):
                await asyncio.wrap_future(self.database.submit(lambda _session: None))
        return answer.result().text

    def release(self):
        self.released = True
        while not self._due.empty():
            self._due.get_nowait()[1].set_result(None)


@pytest.fixture
async def looks(clock, database, client, monkeypatch):
    looks = Looks(clock, database)
    monkeypatch.setattr(clock, "until", looks.until)
    yield looks
    looks.release()


@pytest.fixture
def met(exchange):
    """Who waited, by whom they met."""

    def met():
        (family,) = exchange.metrics.waited.collect()
        return {one.labels["met"]: one.value for one in family.samples if one.name.endswith("_total") and one.value}

    return met


@pytest.fixture
def anna(build, seated):
    """Of a campaign, and in wrap-up; the function makes her ready."""
    agent = seated("anna", build.campaign())
    build.change("agent", agent, state="wrap-up")

    return lambda: build.change("agent", agent, state="ready")


@pytest.fixture
def answering(send):
    """The carrier asks; the answer is awaited later."""
    return lambda attempt: asyncio.create_task(send("answer", attempt))


async def test_an_agent_who_becomes_free_meanwhile_meets_the_person_in_time(
    build, answering, ringing, looks, anna, seen, met
):
    answer = answering(ringing(1))
    await looks.come(3)
    anna()
    await looks.come()
    assert ">seat-seat-of-anna</Conference>" in (await answer).text
    call = build.row("attempt")
    assert (call["state"], call["agent"], call["abandoned"]) == ("connected", "anna", False)
    assert (call["connected_at"] - call["answered_at"]).total_seconds() == pytest.approx(4 * LOOK_SECONDS)
    assert [type(event).__name__ for event in seen] == ["PickedUp", "Human", "Connected"]
    assert met() == {"agent": 1}


async def test_when_nobody_becomes_free_the_message_is_heard_within_the_limit(
    build, send, answering, ringing, looks, clock, met
):
    attempt = ringing(build.campaign())
    answer = answering(attempt)
    await looks.come(LOOKS - 1)
    assert (answer.done(), build.row("attempt")["state"]) == (False, "waiting")
    await looks.come()
    assert "from Acme" in (await answer).text
    call = build.row("attempt")
    assert (call["state"], call["abandoned"]) == ("message", True)
    assert (call["message_at"] - call["answered_at"]).total_seconds() == pytest.approx(LOOKS * LOOK_SECONDS)
    assert met() == {"message": 1}
    assert (await send("answer", attempt)).text == answer.result().text, "asked again it is told the same, at once"


async def test_nobody_waits_longer_because_many_do(build, answering, ringing, looks, anna):
    answers = [answering(ringing(1)) for _ in range(12)]
    await looks.come(3)
    anna()
    await looks.come(LOOKS - 3)
    await asyncio.gather(*answers)
    calls = sorted(build.rows("attempt"), key=lambda call: call["state"])
    assert [call["state"] for call in calls] == ["connected", *["message"] * 11]
    waits = [(call["message_at"] - call["answered_at"]).total_seconds() for call in calls[1:]]
    assert max(waits) <= LOOKS * LOOK_SECONDS + 1e-9


async def test_an_agent_held_for_a_line_that_waits_meets_it_although_another_waits_longer(
    build, answering, ringing, looks, anna
):
    first, reserved = ringing(1), ringing(1, agent_reserved=True)
    before = answering(first)
    await looks.come()
    after = answering(reserved)
    await looks.come()
    anna()
    assert ">seat-seat-of-anna</Conference>" in await looks.until_given(after)
    assert not before.done()
    assert "from Acme" in await looks.until_given(before)


async def test_the_carrier_may_ask_again_while_the_call_waits(build, answering, ringing, looks, anna):
    attempt = ringing(1)
    first, again = answering(attempt), answering(attempt)
    await looks.come(3)
    anna()
    assert ">seat-seat-of-anna</Conference>" in await looks.until_given(first)
    assert await looks.until_given(again) == (await first).text
    assert len(build.rows("carrier_event", kind="answer")) == 1


async def test_a_machine_that_is_heard_meanwhile_is_hung_up(build, send, answering, ringing, looks, carrier, met):
    attempt = ringing(build.campaign())
    answer = answering(attempt)
    await looks.come(3)
    await send("machine", attempt, AnsweredBy="machine_start", MachineDetectionDuration="300")
    assert "<Hangup" in await looks.until_given(answer)
    assert carrier.hung_up
    assert build.row("attempt")["abandoned"] is False
    assert met() == {"nobody": 1}


async def test_when_the_database_is_away_meanwhile_the_message_comes_in_the_end(
    build, answering, ringing, looks, database, monkeypatch
):
    answer = answering(ringing(build.campaign()))

    def no_database():
        raise OperationalError("SELECT", {}, Exception("the server is gone"))

    await looks.come()
    with monkeypatch.context() as away:
        away.setattr(database, "read", no_database)
        await looks.come(LOOKS - 1)
    assert "from Acme" in (await answer).text
    assert build.row("attempt")["state"] == "message"


async def test_a_look_that_hangs_keeps_nobody(build, answering, ringing, looks, monkeypatch):
    monkeypatch.setattr(waiting_room, "READ_SECONDS", 0.0)
    answer = answering(ringing(build.campaign()))
    await looks.come(LOOKS)
    assert "from Acme" in (await answer).text
    assert build.row("attempt")["state"] == "message"


class TestSlowWrites:
    """Of the time that a person may wait 0.05 s are left for the writes."""

    @pytest.fixture
    def exchange(self, exchange):
        return replace(exchange, connect_seconds=0.3)

    async def test_the_message_is_given_in_time_also_on_a_line_of_which_nothing_was_known(
        self, build, answering, ringing, looks, exchange, anna, database, monkeypatch
    ):
        answer, held, submit = answering(ringing(1)), [], database.submit

        def hold(work, urgency=Urgency.CALL):
            held.append((work, urgency, Future()))
            return held[-1][2]

        await looks.come()
        with monkeypatch.context() as slow:
            slow.setattr(database, "submit", hold)
            await looks.come()
            assert "from Acme" in (await answer).text
        assert exchange.counts["answers_not_written_in_time"] == 1
        for work, urgency, done in held:
            done.set_result(submit(work, urgency).result())
        looks.release()
        await exchange.drain()
        assert (build.row("attempt")["state"], build.row("attempt")["abandoned"]) == ("message", True)
