"""An opt-out that cannot be written is not forgotten."""

from concurrent.futures import Future

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from compliance.store import DO_NOT_CALL
from dialer.db.turns import Urgency
from tests.dialer.web.voice.stock import CALLED_BACK


@pytest.fixture
def disk(database, monkeypatch):
    """Whose room runs out and comes back."""
    submit, full = database.submit, []

    def submit_to_disk(work, urgency=Urgency.CALL):
        if not full:
            return submit(work, urgency)
        done = Future()
        done.set_exception(OperationalError("COMMIT", {}, Exception("database or disk is full")))
        return done

    monkeypatch.setattr(database, "submit", submit_to_disk)
    return full


async def test_an_opt_out_that_cannot_be_written_is_kept_before_anything_else(build, send, disk, exchange):
    attempt = build.attempt(build.lead(build.campaign()), "message")
    disk.append("full")
    assert (await send("key", attempt, Digits="9")).status_code == 500
    disk.clear()
    forbidden = await exchange.commit(lambda session: session.connection().execute(select(DO_NOT_CALL.c.number)).all())
    assert len(forbidden) == 1
    assert (build.row("attempt")["opted_out"], exchange.unkept) == (True, {})


async def test_while_an_opt_out_cannot_be_written_nothing_else_is(build, send, disk, exchange):
    attempt = build.attempt(build.lead(build.campaign()), "message")
    disk.append("full")
    await send("key", attempt, Digits="9")
    with pytest.raises(OperationalError):
        await exchange.commit(lambda session: None)
    assert len(exchange.unkept) == 1


async def test_the_opt_out_of_who_calls_back_is_kept_before_anything_else(build, post, disk, exchange):
    build.campaign()
    disk.append("full")
    with pytest.raises(OperationalError):
        await post("/voice/inbound-key", CALLED_BACK | {"Digits": "9"})
    disk.clear()
    await exchange.commit(lambda session: None)
    assert build.row("do_not_call")["number"] == "+12125550120"


async def test_an_opt_out_that_the_database_will_never_take_blocks_nobody(exchange):
    def impossible(_session):
        raise ValueError("never")

    exchange.unkept["key"] = impossible
    with pytest.raises(ValueError, match="never"):
        await exchange.commit(lambda session: None)
    await exchange.commit(lambda session: None)


async def test_a_second_opt_out_on_a_full_disk_is_kept_too(build, send, disk, exchange):
    attempts = [build.attempt(build.lead(build.campaign(name)), "message") for name in ("spring", "autumn")]
    disk.append("full")
    for attempt in attempts:
        await send("key", attempt, Digits="9")
    disk.clear()
    await exchange.commit(lambda session: None)
    assert [row["opted_out"] for row in build.rows("attempt")] == [True, True]


async def test_another_key_is_not_waited_for(build, send, disk, exchange):
    attempt = build.attempt(build.lead(build.campaign()), "message")
    disk.append("full")
    await send("key", attempt, Digits="1")
    assert exchange.unkept == {}
