"""Who answers while no agent is free may wait a second for one; and hears who called when there is none by then."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from dialer.web.voice import LOOK_SECONDS

LOOKS = 10


@pytest.fixture
def ringing(build):
    """A line of the campaign."""

    def ringing(campaign, **changes):
        return build.attempt(build.lead(campaign), "ringing", agent_reserved=False, **changes)

    return ringing


@pytest.fixture
def passing(clock, monkeypatch):
    """Time goes on while somebody waits; at each look what the test wants then happens."""
    happens, looks = {}, []

    async def until(moment):
        await asyncio.sleep(0)
        clock.advance(max(0.0, moment - clock.monotonic()))
        looks.append(clock.monotonic() - 1000.0)
        await happens.pop(len(looks), asyncio.sleep)(0)

    monkeypatch.setattr(clock, "until", until)
    passing.looks = looks
    return happens


def ready(build, agent):
    async def ready(_seconds):
        build.change("agent", agent, state="ready")

    return ready


async def test_an_agent_who_becomes_free_meanwhile_meets_the_person_in_time(
    build, send, seated, ringing, passing, exchange, seen
):
    campaign = build.campaign()
    anna = seated("anna", campaign)
    build.change("agent", anna, state="wrap-up")
    attempt = ringing(campaign)
    passing[4] = ready(build, anna)
    answer = await send("answer", attempt)
    assert ">seat-seat-of-anna</Conference>" in answer.text
    call = build.row("attempt")
    assert (call["state"], call["agent"], call["abandoned"]) == ("connected", "anna", False)
    assert (call["connected_at"] - call["answered_at"]).total_seconds() == pytest.approx(4 * LOOK_SECONDS)
    assert [type(event).__name__ for event in seen] == ["PickedUp", "Human", "Connected"]
    assert exchange.metrics.waited.labels("connected")._value.get() == 1


async def test_when_nobody_becomes_free_the_message_is_heard_within_the_limit(
    build, send, ringing, passing, exchange, clock
):
    attempt = ringing(build.campaign())
    answer = await send("answer", attempt)
    assert "from Acme" in answer.text
    call = build.row("attempt")
    assert (call["state"], call["abandoned"]) == ("message", True)
    assert (call["message_at"] - call["answered_at"]).total_seconds() == pytest.approx(LOOKS * LOOK_SECONDS)
    assert exchange.metrics.waited.labels("message")._value.get() == 1
    assert (await send("answer", attempt)).text == answer.text, "asked again it is told the same"
    assert clock.monotonic() == pytest.approx(1000.0 + LOOKS * LOOK_SECONDS), "and at once"


async def test_who_has_waited_longer_is_the_first_to_meet_an_agent(build, send, seated, ringing, passing):
    campaign = build.campaign()
    anna = seated("anna", campaign)
    build.change("agent", anna, state="wrap-up")
    attempts = [ringing(campaign) for _ in range(3)]
    passing[3] = ready(build, anna)
    await asyncio.gather(*(send("answer", attempt) for attempt in attempts))
    states = [build.row("attempt", id=attempt)["state"] for attempt in attempts]
    assert sorted(states) == ["connected", "message", "message"]
    met, *others = sorted(build.rows("attempt"), key=lambda call: call["state"])
    assert all(met["answered_at"] <= other["answered_at"] for other in others)
    waits = [(call["message_at"] - call["answered_at"]).total_seconds() for call in others]
    assert max(waits) == pytest.approx(LOOKS * LOOK_SECONDS), "nobody waits longer because others waited before"


async def test_the_carrier_may_ask_again_while_the_call_waits(build, send, seated, ringing, passing):
    campaign = build.campaign()
    anna = seated("anna", campaign)
    build.change("agent", anna, state="wrap-up")
    attempt = ringing(campaign)
    passing[3] = ready(build, anna)
    first, again = await asyncio.gather(send("answer", attempt), send("answer", attempt))
    assert ">seat-seat-of-anna</Conference>" in first.text
    assert first.text == again.text
    assert len(build.rows("carrier_event", kind="answer")) == 1


async def test_a_machine_is_heard_of_and_waits_no_more(build, send, ringing, passing, exchange, carrier):
    attempt = ringing(build.campaign())

    async def heard(_seconds):
        await send("machine", attempt, AnsweredBy="machine_start", MachineDetectionDuration="300")

    passing[3] = heard
    answer = await send("answer", attempt)
    await exchange.drain()
    assert "<Hangup" in answer.text
    assert carrier.hung_up
    assert build.row("attempt")["abandoned"] is False


async def test_when_the_database_is_away_meanwhile_the_message_comes_in_the_end(
    build, send, ringing, passing, exchange, database, monkeypatch
):
    attempt = ringing(build.campaign())
    read = database.read

    async def away(_seconds):
        def no_database():
            raise OperationalError("SELECT", {}, Exception("the server is gone"))

        monkeypatch.setattr(database, "read", no_database)

    passing[2] = away
    answer = await send("answer", attempt)
    monkeypatch.setattr(database, "read", read)
    assert "from Acme" in answer.text
    assert build.row("attempt")["state"] == "message"
