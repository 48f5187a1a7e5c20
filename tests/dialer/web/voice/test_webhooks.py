"""The carrier's webhooks: taken once in any order, answered after the commit."""

import pytest
import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import Session
from structlog.testing import capture_logs

from campaigns.dispositions import Outcome
from dialer.events import Ended
from tests.dialer.web.voice.stock import BASE, CALLED_BACK, everything


async def test_an_answer_is_connected_in_the_same_response(build, send, seated):
    seated("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    answer = await send("answer", attempt)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert ">seat-seat-of-anna</Conference>" in answer.text
    assert build.row("attempt")["state"] == "connected"


async def test_a_repeat_gets_the_same_answer_and_changes_nothing(build, send, clock):
    """Also when by now another answer would be given."""
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "ringing")
    first = await send("answer", attempt)
    build.agent("anna", campaign)
    before = everything(build)
    clock.advance(3)
    again = await send("answer", attempt)
    assert (again.status_code, again.text) == (200, first.text)
    assert "from Acme" in again.text
    assert everything(build) == before


async def test_a_repeated_key_press_opts_out_once(build, send):
    attempt = build.attempt(build.lead(build.campaign()), "message", answered_at=None)
    answers = [await send("key", attempt, Digits="9") for _ in range(2)]
    assert answers[0].text == answers[1].text
    assert "taken off our list" in answers[0].text
    assert len(build.rows("do_not_call")) == 1


async def test_another_key_ends_the_call_without_an_opt_out(build, send):
    attempt = build.attempt(build.lead(build.campaign()), "message", answered_at=None)
    answer = await send("key", attempt, Digits="1")
    assert "<Hangup" in answer.text
    assert build.rows("do_not_call") == []


PROGRESS = [("initiated", "0"), ("ringing", "1"), ("in-progress", "2"), ("completed", "3")]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (3, 0, 3, 1, 2), (1, 3, 0, 0, 2)])
async def test_callbacks_in_any_order_end_the_call_once(build, send, order):
    attempt = build.attempt(build.lead(build.campaign()))
    for word, number in (PROGRESS[place] for place in order):
        answer = await send("progress", attempt, CallStatus=word, SequenceNumber=number)
        assert (answer.status_code, answer.content) == (204, b"")
    row = build.row("attempt")
    assert (row["state"], row["outcome"], row["disposition"], row["abandoned"]) == (
        *("ended", "answered", "abandoned", True),
    )
    assert [(row["live_answers"], row["abandoned"]) for row in build.rows("call_count")] == [(1, 1)]
    assert build.row("lead")["standing"] == "open"


async def test_a_callback_before_the_carriers_answer_to_the_request_places_the_call(build, send):
    attempt = build.attempt(build.lead(build.campaign()), "placing")
    await send("progress", attempt, CallStatus="ringing", SequenceNumber="1")
    assert (build.row("attempt")["state"], build.row("attempt")["call_sid"]) == ("ringing", f"CA-{attempt}")


async def test_an_unknown_word_is_kept_with_its_problem_and_changes_nothing(build, send, exchange):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    before = build.row("attempt")
    answer = await send("progress", attempt, CallStatus="parked", SequenceNumber="2")
    assert answer.status_code == 204
    event = build.row("carrier_event")
    assert (event["kind"], event["attempt_id"], event["parameters"]["CallStatus"]) == ("progress", attempt, "parked")
    assert "parked" in event["problem"]
    assert (build.row("attempt"), exchange.counts["webhook_riddles"]) == (before, 1)


async def test_whoever_is_on_the_line_of_a_riddle_hears_who_called(build, send):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    answer = await send("answer", attempt, AnsweredBy="martian")
    assert (answer.status_code, "from Acme" in answer.text) == (200, True)
    assert "martian" in build.row("carrier_event")["problem"]


async def test_an_agent_is_not_lost_to_an_answer_that_makes_no_sense(build, send):
    build.agent("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    await send("answer", attempt, CallSid="CA-another")
    assert build.row("agent")["state"] == "ready"


@pytest.mark.parametrize("kind", ["answer", "key", "left", "message"])
async def test_an_attempt_nobody_made_is_hung_up(build, send, kind):
    answer = await send(kind, "nobody", Digits="9")
    assert (answer.status_code, "<Hangup" in answer.text) == (200, True)
    assert [event["attempt_id"] for event in build.rows("carrier_event")] == (["nobody"] if kind != "message" else [])


async def test_a_call_nobody_made_may_report_what_it_likes(build, send):
    assert (await send("progress", "nobody", CallStatus="completed")).status_code == 204
    assert "nobody" in build.row("carrier_event")["problem"]


async def test_a_write_that_fails_is_counted_and_may_be_repeated(build, send, exchange, database):
    """500 makes the carrier go on to the fallback, which only reads."""
    attempt = build.attempt(build.lead(build.campaign()), "ringing")

    def rename(old: str, new: str) -> None:
        def work(session: Session) -> None:
            session.connection().exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

        database.write(work)

    rename("call_count", "away")
    with capture_logs() as logs:
        assert (await send("answer", attempt)).status_code == 500
    assert [(entry["event"], entry["attempt_id"]) for entry in logs] == [("webhook_failed", attempt)]
    assert (exchange.counts["webhook_errors"], build.row("attempt")["state"]) == (1, "waiting")
    assert "from Acme" in (await send("message", attempt)).text
    rename("away", "call_count")
    assert (await send("answer", attempt)).status_code == 200
    assert build.row("attempt")["state"] == "message"


async def test_who_answers_into_a_seat_whose_loss_was_never_reported_hears_who_called_and_counts_as_abandoned(
    build, send, exchange, carrier
):
    """The agent looks ready, so without a look at the seat the person would talk to an empty conference."""
    build.agent("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    carrier.add("CS-anna", "client:anna", Ended(Outcome.ANSWERED, "CS-anna"))
    await send("answer", attempt)
    await exchange.drain()
    assert carrier.messages == [(f"CA-{attempt}", attempt)]
    assert (build.row("agent")["state"], build.row("attempt")["abandoned"]) == ("logged-out", True)


async def test_a_carrier_that_cannot_be_asked_about_a_seat_leaves_the_talk_alone(build, send, exchange, carrier):
    build.agent("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    carrier.down = True
    await send("answer", attempt)
    await exchange.drain()
    assert (build.row("agent")["state"], exchange.counts) == ("on-call", {"look_ups_failed": 1})


async def test_a_machine_is_hung_up_and_its_agent_free(build, send, exchange, carrier, seated):
    seated("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    await send("answer", attempt)
    answer = await send("machine", attempt, AnsweredBy="machine_start", MachineDetectionDuration="3900")
    await exchange.drain()
    assert (answer.status_code, carrier.hung_up) == (204, [f"CA-{attempt}"])
    assert (build.row("agent")["state"], build.row("attempt")["detection_ms"]) == ("ready", 3900)


async def test_a_called_party_who_leaves_the_conference_by_hanging_up_begins_wrap_up(build, send, seated, exchange):
    seated("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    await send("answer", attempt)
    answer = await send("left", attempt, CallStatus="completed")
    await exchange.drain()
    assert "<Hangup" in answer.text
    assert build.row("agent")["state"] == "wrap-up"


async def test_a_called_party_whose_conference_ended_hears_who_called(build, send, seated):
    seated("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    await send("answer", attempt)
    answer = await send("left", attempt, CallStatus="in-progress")
    assert "from Acme" in answer.text
    assert (build.row("attempt")["state"], build.row("attempt")["abandoned"]) == ("message", True)


async def test_the_fallback_says_who_called(build, send):
    attempt = build.attempt(build.lead(build.campaign()), "ringing")
    answer = await send("message", attempt)
    assert "from Acme" in answer.text
    assert f"{BASE}/voice/key?a={attempt}" in answer.text


async def test_the_fallback_needs_no_database_for_a_call_that_lives(build, send, exchange, database, monkeypatch):
    attempt = build.attempt(build.lead(build.campaign()), "dialled")
    await send("progress", attempt, CallStatus="ringing")

    def no_database():
        raise OperationalError("SELECT", {}, Exception("the server is gone"))

    monkeypatch.setattr(database, "read", no_database)
    answer = await send("message", attempt)
    assert f"{BASE}/voice/key?a={attempt}" in answer.text
    assert "from Acme" in answer.text


async def test_nothing_is_kept_in_memory_of_a_call_that_has_ended(build, send, exchange):
    attempt = build.attempt(build.lead(build.campaign()), "dialled")
    await send("progress", attempt, CallStatus="ringing")
    await send("progress", attempt, CallStatus="busy")
    assert exchange.last_words == {}


async def test_an_answer_that_never_reached_the_carrier_is_an_abandoned_call(build, send, exchange, seated, clock):
    """The agent was given away, but the called party was sent to the fallback, however long that took."""
    seated("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    await send("answer", attempt)
    clock.advance(5)
    await send("message", attempt, ErrorCode="11205", ErrorUrl=f"{BASE}/voice/answer?a={attempt}")
    await exchange.drain()
    assert (build.row("attempt")["state"], build.row("attempt")["abandoned"]) == ("message", True)
    assert build.row("agent")["state"] == "ready"


async def test_an_agent_who_answers_is_seated(build, post):
    build.agent("anna", build.campaign(), "joining", seat_token="t1", seat_sid=None)
    answer = await post("/voice/seat?t=t1", {"CallSid": "CS1", "CallStatus": "in-progress"})
    assert ">seat-t1</Conference>" in answer.text
    assert (build.row("agent")["state"], build.row("agent")["seat_sid"]) == ("ready", "CS1")


async def test_a_seat_nobody_waits_for_is_hung_up(build, post):
    build.agent("anna", build.campaign(), "logged-out", seat_token="t1", seat_sid="CS1")
    for token in ("t1", "old"):
        answer = await post(f"/voice/seat?t={token}", {"CallSid": "CS1", "CallStatus": "in-progress"})
        assert "<Hangup" in answer.text
    assert build.row("agent")["state"] == "logged-out"


async def test_a_seat_that_ends_takes_its_agent_off_the_floor_and_comforts_the_called_party(
    build, send, post, exchange, carrier, seated
):
    seated("anna", build.campaign())
    attempt = build.attempt(build.lead(build.row("campaign")["id"]), "ringing")
    await send("answer", attempt)
    answer = await post("/voice/seat-progress?t=seat-of-anna", {"CallSid": "CS-anna", "CallStatus": "completed"})
    await exchange.drain()
    assert answer.status_code == 204
    assert (build.row("agent")["state"], build.row("agent")["reason"]) == ("logged-out", "seat lost: completed")
    assert (build.row("attempt")["state"], carrier.messages) == ("message", [(f"CA-{attempt}", attempt)])


@pytest.mark.parametrize(
    ("token", "word"), [("seat-of-anna", "in-progress"), ("seat-of-anna", "parked"), ("old", "completed")]
)
async def test_other_news_of_a_seat_leaves_its_agent_alone(build, post, token, word):
    build.agent("anna", build.campaign())
    before = build.row("agent")
    answer = await post(f"/voice/seat-progress?t={token}", {"CallSid": "CS-anna", "CallStatus": word})
    assert (answer.status_code, build.row("agent")) == (204, before)


async def test_who_calls_back_may_opt_out_and_is_not_called_again(build, post):
    campaign = build.campaign()
    build.lead(campaign, "+12125550120")
    answer = await post("/voice/inbound", CALLED_BACK)
    assert (answer.status_code, "calls for Acme only" in answer.text) == (200, True)
    assert f'action="{BASE}/voice/inbound-key"' in answer.text
    for _ in range(2):
        assert "taken off our list" in (await post("/voice/inbound-key", CALLED_BACK | {"Digits": "9"})).text
    entry = build.row("do_not_call")
    assert (entry["number"], entry["scope"], entry["source"]) == ("+12125550120", "*", "inbound")
    assert build.row("lead")["standing"] == "finished"


@pytest.mark.parametrize(("change", "said"), [({"Digits": "1"}, "<Hangup"), ({"From": "anonymous"}, "cannot see")])
async def test_who_presses_another_key_or_hides_the_number_opts_nobody_out(build, post, change, said):
    answer = await post("/voice/inbound-key", CALLED_BACK | {"Digits": "9"} | change)
    assert (answer.status_code, said in answer.text) == (200, True)
    assert build.rows("do_not_call") == []


async def test_a_number_of_no_campaign_names_nobody(build, post):
    build.campaign()
    answer = await post("/voice/inbound", CALLED_BACK | {"To": "+12125550177"})
    assert "Acme" not in answer.text
    assert "press 9" in answer.text


async def test_a_seat_without_a_call_is_hung_up(client, post):
    answer = await post("/voice/seat?t=seat", {"CallStatus": "in-progress"})
    assert (answer.status_code, "<Hangup" in answer.text) == (200, True)


async def test_log_lines_of_a_webhook_and_of_what_it_starts_carry_its_ids(build, carrier, send, exchange):
    attempt = build.attempt(build.lead(build.campaign()), "ringing", answered_at=None)
    carrier.down = True
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        await send("progress", attempt, CallStatus="nonsense")
        await send("progress", attempt, CallStatus="completed")
        await exchange.drain()
    assert {line["event"] for line in lines} >= {"webhook_not_understood", "attempt_ended"}
    assert {(line["attempt_id"], line["call_sid"]) for line in lines} == {(attempt, f"CA-{attempt}")}


async def test_a_repeat_is_no_news(build, send, clock):
    attempt = build.attempt(build.lead(build.campaign()), "dialled")
    await send("progress", attempt, CallStatus="ringing")
    heard = build.row("attempt")["last_event_at"]
    clock.advance(5)
    await send("progress", attempt, CallStatus="ringing")
    assert build.row("attempt")["last_event_at"] == heard
