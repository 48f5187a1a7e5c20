"""What heals: quiet calls, attempts nobody heard of, stopped campaigns."""

from datetime import timedelta

import pytest

from campaigns.dispositions import Outcome
from dialer import sweep
from dialer.events import Ended, Progress
from dialer.telephony.carrier import CarrierError
from dialer.telephony.webhooks import UnknownValue
from tests.plans import plans_of_statements

pytestmark = pytest.mark.both_databases

QUIET, LOST = timedelta(seconds=20), timedelta(seconds=120)


@pytest.fixture
def ask(exchange):
    """One round of asking about quiet calls."""

    async def ask():
        await sweep.ask_about_quiet_calls(exchange, QUIET, LOST)
        await exchange.drain()

    return ask


def state(build, attempt):
    return build.row("attempt", id=attempt)["state"]


async def test_an_unknown_attempt_is_found_by_its_number_and_goes_on(build, carrier, clock, ask):
    attempt = build.attempt(build.lead(build.campaign(), "+12125550101"), "unknown")
    carrier.add("CA1", "+12125550101", Progress("CA1", ringing=True))
    clock.advance(20)
    await ask()
    row = build.row("attempt")
    assert (row["state"], row["call_sid"], row["last_event_at"]) == ("ringing", "CA1", clock.now())
    assert carrier.requests == []
    assert row["id"] == attempt


async def test_an_unknown_attempt_that_has_ended_meanwhile_is_settled(build, carrier, clock, ask):
    build.attempt(build.lead(build.campaign(), "+12125550101"), "unknown")
    carrier.add("CA1", "+12125550101", Ended(Outcome.NO_ANSWER, "CA1"))
    clock.advance(30)
    await ask()
    assert (build.row("attempt")["disposition"], build.row("lead")["standing"]) == ("no-answer", "open")


@pytest.mark.parametrize(("ahead", "found"), [(30, True), (3500, True), (3700, False)])
async def test_an_unknown_attempt_is_found_by_a_clock_that_was_ahead_but_not_an_older_call(
    build, carrier, clock, ask, ahead, found
):
    """The carrier's clock is right; ours was ahead when it was placed, whether it has been set back since or not."""
    placed = clock.now() + timedelta(seconds=ahead)
    attempt = build.attempt(build.lead(build.campaign(), "+12125550101"), "unknown", placing_at=placed)
    carrier.add("CA1", "+12125550101", Progress("CA1", ringing=True))
    clock.advance(ahead + 100)
    await ask()
    assert (build.row("attempt", id=attempt)["call_sid"] == "CA1") is found


async def test_the_call_of_another_attempt_to_the_number_is_another(build, carrier, clock, ask):
    ours, other = build.campaign(), build.campaign("autumn")
    build.attempt(build.lead(other, "+12125550101"), "ended", call_sid="CA1", outcome="busy")
    attempt = build.attempt(build.lead(ours, "+12125550101"), "unknown")
    carrier.add("CA1", "+12125550101", Ended(Outcome.BUSY, "CA1"))
    clock.advance(30)
    await ask()
    assert (state(build, attempt), build.row("attempt", id=attempt)["call_sid"]) == ("unknown", None)
    clock.advance(91)
    await ask()
    assert build.row("attempt", id=attempt)["outcome"] == "lost"


async def test_an_attempt_the_carrier_never_heard_of_is_lost_in_time_and_not_before(build, clock, ask, carrier):
    attempt = build.attempt(build.lead(build.campaign()), "unknown")
    clock.advance(LOST.total_seconds())
    await ask()
    assert state(build, attempt) == "unknown"
    clock.advance(1)
    await ask()
    row = build.row("attempt")
    assert (row["state"], row["outcome"], row["disposition"]) == ("ended", "lost", "lost")
    assert (build.row("lead")["standing"], build.row("lead")["due_at"]) == (
        "open",
        row["placing_at"] + timedelta(days=1),
    )
    assert carrier.requests == []


async def test_a_lost_callback_is_repaired_by_asking(build, carrier, clock, ask):
    campaign = build.campaign()
    attempt = build.attempt(
        build.lead(campaign), "connected", agent="anna", answered_at=clock.now(), connected_at=clock.now()
    )
    build.agent("anna", campaign, "on-call", attempt_id=attempt)
    carrier.add(f"CA-{attempt}", "+12125550100", Ended(Outcome.ANSWERED, f"CA-{attempt}"))
    clock.advance(59)
    await ask()
    assert state(build, attempt) == "connected"
    clock.advance(1)
    await ask()
    assert (state(build, attempt), build.row("agent")["state"]) == ("ended", "wrap-up")


async def test_a_call_that_waits_in_the_carriers_queue_is_taken_out_and_was_never_a_call(build, carrier, clock, ask):
    lead = build.lead(build.campaign())
    queued = build.attempt(lead)
    begun = build.attempt(build.lead(build.row("campaign")["id"]), sequence=0)
    for attempt in (queued, begun):
        carrier.add(f"CA-{attempt}", "+12125550101", Progress(f"CA-{attempt}", ringing=False, queued=True))
    clock.advance(9)
    await ask()
    assert carrier.asked == []
    clock.advance(2)
    await ask()
    assert (carrier.asked, carrier.hung_up) == ([f"CA-{queued}"], [f"CA-{queued}"])
    carrier.add(f"CA-{queued}", "+12125550101", Ended(Outcome.CANCELED, f"CA-{queued}"))
    clock.advance(11)
    await ask()
    assert build.row("attempt", id=queued)["outcome"] == "not-placed"
    assert (build.row("lead", id=lead)["standing"], build.row("lead", id=lead)["attempts"]) == ("open", 0)


async def test_a_call_that_goes_on_is_left_in_peace_until_it_is_quiet_again(build, carrier, clock, ask):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    carrier.add(f"CA-{attempt}", "+12125550100", Progress(f"CA-{attempt}", ringing=True))
    for seconds in (19, 1, 19, 1):
        clock.advance(seconds)
        await ask()
    assert carrier.asked == [f"CA-{attempt}"] * 2
    assert state(build, attempt) == "ringing"


async def test_a_call_that_the_carrier_has_forgotten_is_lost_in_time_and_frees_everybody(build, clock, ask):
    """Without this the lead, the number and the agent would be held for ever."""
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "ringing")
    talk = build.attempt(
        build.lead(campaign), "connected", agent="anna", answered_at=clock.now(), connected_at=clock.now()
    )
    build.agent("anna", campaign, "on-call", attempt_id=talk)
    clock.advance(LOST.total_seconds())
    await ask()
    assert (state(build, attempt), state(build, talk)) == ("ringing", "connected")
    clock.advance(1)
    await ask()
    assert [row["outcome"] for row in build.rows("attempt")] == ["lost", "lost"]
    assert (build.row("agent")["state"], build.rows("lead")[0]["standing"]) == ("wrap-up", "open")


async def test_an_unreachable_carrier_changes_nothing(build, exchange, carrier, clock, ask):
    campaign = build.campaign(intent="stop-now")
    build.attempt(build.lead(campaign), "ringing")
    build.attempt(build.lead(campaign), "unknown")
    build.agent("gone", campaign, "logged-out", seat_sid="CS1", seat_token="t1")
    before = (build.rows("attempt"), build.rows("lead"), build.rows("agent"))
    carrier.down = True
    clock.advance(500)
    await ask()
    await sweep.stop_calls(exchange)
    await sweep.hang_up_left_seats(exchange)
    assert (build.rows("attempt"), build.rows("lead"), build.rows("agent")) == before
    assert (exchange.counts["look_ups_failed"], exchange.counts["orders_failed"]) == (2, 2)


async def test_one_answer_that_makes_no_sense_keeps_no_other_call_from_being_asked_about(
    build, exchange, carrier, clock, ask
):
    campaign = build.campaign()
    odd, strange, fine = (build.attempt(build.lead(campaign), "ringing") for _ in range(3))
    carrier.add(f"CA-{odd}", "+12125550100", UnknownValue("CallStatus 'parked'"))
    carrier.add(f"CA-{strange}", "+12125550101", Progress("CA-other", ringing=True))
    carrier.add(f"CA-{fine}", "+12125550102", Ended(Outcome.BUSY, f"CA-{fine}"))
    clock.advance(30)
    await ask()
    assert [row["state"] for row in build.rows("attempt")] == ["ringing", "ringing", "ended"]
    assert exchange.counts["events_refused"] == 2


def test_calls_that_may_be_picked_up_or_hear_the_message_need_the_daemon_for_a_limited_time(build, database, clock):
    campaign = build.campaign()
    for name in ("placing", "unknown", "dialled", "ringing", "waiting"):  # for 20 seconds
        build.attempt(build.lead(campaign), name)
    build.attempt(build.lead(campaign), "message", message_at=clock.now() + timedelta(seconds=10))
    for name in ("connected", "ended"):
        build.attempt(build.lead(campaign), name)
    needing, left_at = [], clock.now()
    for seconds in (0, 29, 1, 19, 1):
        clock.advance(seconds)
        with database.read() as session:
            needing.append(sweep.still_need_us(session, left_at, clock.now()))
    assert needing == [6, 6, 1, 1, 0]


def test_a_clock_set_back_keeps_no_stopping_daemon_for_hours(build, database, clock):
    build.attempt(build.lead(build.campaign()), "ringing", placing_at=clock.now() + timedelta(hours=1))
    with database.read() as session:
        assert sweep.still_need_us(session, clock.now(), clock.now()) == 0


def test_calls_that_other_nodes_begin_do_not_keep_a_node_that_leaves(build, database, clock):
    campaign, left_at, needing = build.campaign(), clock.now(), []
    for _ in range(5):
        build.attempt(build.lead(campaign), "ringing", placing_at=clock.now())
        with database.read() as session:
            needing.append(sweep.still_need_us(session, left_at, clock.now()))
        clock.advance(10)
    assert needing == [1, 1, 1, 0, 0]


async def test_calls_are_asked_about_though_the_clock_was_set_back_after_their_last_event(build, carrier, clock, ask):
    before = clock.now() + timedelta(hours=1)
    times = {"last_event_at": before, "placing_at": before}
    ringing = build.attempt(build.lead(build.campaign()), "ringing", **times)
    unknown = build.attempt(build.lead(build.row("campaign")["id"], "+12125550107"), "unknown", **times)
    carrier.add(f"CA-{ringing}", "+12125550100", Ended(Outcome.NO_ANSWER, f"CA-{ringing}"))
    carrier.add("CA7", "+12125550107", Progress("CA7", ringing=True))
    await ask()
    clock.advance(QUIET.total_seconds())
    await ask()
    assert (state(build, ringing), state(build, unknown)) == ("ended", "ringing")
    assert build.row("attempt", id=unknown)["placing_at"] == before


async def test_an_attempt_is_lost_in_time_though_the_clock_was_set_back(build, clock, ask):
    before = clock.now() + timedelta(hours=1)
    attempt = build.attempt(build.lead(build.campaign()), "unknown", last_event_at=before, placing_at=before)
    await ask()
    clock.advance(LOST.total_seconds() + 1)
    await ask()
    assert build.row("attempt", id=attempt)["outcome"] == "lost"


async def test_a_campaign_told_to_stop_now_ends_its_calls_and_no_others(build, exchange, carrier, clock):
    stopping = build.campaign(intent="stop-now")
    calls = [build.attempt(build.lead(stopping), state) for state in ("ringing", "connected", "message")]
    build.attempt(build.lead(stopping), "unknown")
    build.attempt(build.lead(stopping), "ended")
    build.attempt(build.lead(build.campaign("autumn", intent="stop")), "ringing")
    await sweep.stop_calls(exchange)
    assert sorted(carrier.hung_up) == [f"CA-{attempt}" for attempt in calls]
    spaced = [clock.monotonic() + number * sweep.STOP_SPACING_SECONDS for number in range(len(calls))]
    assert clock.waited_for == pytest.approx(spaced)


async def test_overdue_wrap_ups_end(build, exchange, clock):
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "ended", agent="anna", outcome="answered")
    build.agent("anna", campaign, "wrap-up", attempt_id=attempt, wrap_up_until=clock.now() + timedelta(seconds=30))
    clock.advance(29)
    await sweep.end_overdue_wrap_ups(exchange)
    assert build.row("agent")["state"] == "wrap-up"
    clock.advance(1)
    await sweep.end_overdue_wrap_ups(exchange)
    assert (build.row("agent")["state"], build.row("attempt")["disposition"]) == ("ready", "no-disposition")


async def test_a_call_that_the_carrier_cannot_tell_of_keeps_no_other_from_being_asked_about(build, carrier, clock, ask):
    attempts = [build.attempt(build.lead(build.campaign(name)), "ringing") for name in ("spring", "autumn")]
    carrier.add(f"CA-{attempts[0]}", "+12125550100", CarrierError("the carrier answered 500"))
    carrier.add(f"CA-{attempts[1]}", "+12125550101", Ended(Outcome.BUSY, f"CA-{attempts[1]}"))
    clock.advance(30)
    await ask()
    assert [row["state"] for row in build.rows("attempt")] == ["ringing", "ended"]
    carrier.calls[f"CA-{attempts[0]}"].news = Ended(Outcome.BUSY, f"CA-{attempts[0]}")
    await ask()
    assert [row["state"] for row in build.rows("attempt")] == ["ended", "ended"]


async def test_a_round_of_look_ups_ends_when_the_carrier_is_away(build, carrier, clock, ask):
    for number in range(sweep.AWAY_AFTER + 2):
        attempt = build.attempt(build.lead(build.campaign(f"c{number}")), "ringing")
        carrier.add(f"CA-{attempt}", "+12125550100", CarrierError("gone"))
    clock.advance(30)
    await ask()
    assert len(carrier.asked) == sweep.AWAY_AFTER


async def test_calls_that_the_carrier_can_never_tell_of_keep_the_others_waiting_for_one_round(
    build, carrier, clock, ask
):
    riddles = [build.attempt(build.lead(build.campaign(f"c{number}")), "ringing") for number in range(sweep.AWAY_AFTER)]
    for attempt in riddles:
        carrier.add(f"CA-{attempt}", "+12125550100", CarrierError("the carrier answered 500"))
    clock.advance(1)
    other = build.attempt(build.lead(build.campaign()), "ringing", last_event_at=clock.now())
    carrier.add(f"CA-{other}", "+12125550101", Ended(Outcome.BUSY, f"CA-{other}"))
    clock.advance(30)
    await ask()
    assert build.row("attempt", id=other)["state"] == "ringing"
    await ask()
    assert build.row("attempt", id=other)["state"] == "ended"


async def test_what_to_say_on_a_call_is_known_though_another_node_has_dialled_it(build, exchange):
    campaign = build.campaign()
    live = [build.attempt(build.lead(campaign), state) for state in ("placing", "ringing", "message")]
    build.attempt(build.lead(campaign), "ended")
    await sweep.remember_messages(exchange)
    assert set(exchange.last_words) == set(live)
    assert all("from Acme" in exchange.last_words[attempt] for attempt in live)
    assert f"/voice/key?a={live[1]}" in exchange.last_words[live[1]]


async def test_a_call_that_ended_at_another_node_is_forgotten(build, exchange):
    campaign = build.campaign()
    over, live = (build.attempt(build.lead(campaign), "ringing") for _ in range(2))
    await sweep.remember_messages(exchange)
    build.change("attempt", over, state="ended")
    await sweep.remember_messages(exchange)
    assert list(exchange.last_words) == [live]


async def test_a_call_that_begins_while_others_are_looked_at_is_not_forgotten(build, exchange, monkeypatch):
    attempt, read = build.attempt(build.lead(build.campaign())), exchange.database.read

    def read_too_early():
        session = read()
        exchange.last_words["new"] = "words"
        return session

    monkeypatch.setattr(exchange.database, "read", read_too_early)
    await sweep.remember_messages(exchange)
    assert set(exchange.last_words) == {attempt, "new"}


@pytest.mark.sqlite_only
async def test_ended_attempts_are_not_read_to_know_the_live_ones(exchange):
    """Every tick: of a million it would take most of a second."""
    with plans_of_statements("FROM attempt") as plans:
        await sweep.remember_messages(exchange)
    assert len(plans) == 1
    assert "USING INDEX attempt_live" in plans[0] or "USING COVERING INDEX attempt_live" in plans[0]
