"""Agents and called parties in conferences, as told to the application and kept in the record."""

import pytest
from twilio.base.exceptions import TwilioRestException

EVENTS = "start end join leave mute hold"


def room(name: str, more: str = "", dial: str = "") -> str:
    return f"<Response><Dial {dial}><Conference beep='false' waitUrl='' {more}>{name}</Conference></Dial></Response>"


def seat_agent(emulator, application, name: str, more: str = "", address: str = "client:anna"):
    """An agent alone in a conference that tells everything at /room."""
    subscription = f"statusCallback='/room' statusCallbackEvent='{EVENTS}' participantLabel='agent'"
    application.answers["/seat"] = room(name, f"{subscription} {more}")
    agent = emulator.call(address, url=f"{application.url}/seat")
    application.wait("/room", StatusCallbackEvent="participant-join", CallSid=agent.sid)
    return agent


def test_an_agent_and_a_called_party_talk_until_the_called_party_hangs_up(emulator, application):
    agent = seat_agent(emulator, application, "talk")
    application.answers["/answer"] = room("talk", dial="action='/after'")
    call = emulator.call("human")
    application.wait("/room", StatusCallbackEvent="participant-leave", CallSid=call.sid)
    application.wait_end(call.sid)
    told = application.got("/room")
    assert [(each["StatusCallbackEvent"], each.form.get("CallSid")) for each in told] == [
        ("participant-join", agent.sid),
        ("participant-join", call.sid),
        ("conference-start", None),
        ("participant-leave", call.sid),
    ]
    assert [each["SequenceNumber"] for each in told] == ["1", "2", "3", "4"]
    assert all(each.genuine and each["FriendlyName"] == "talk" for each in told)
    assert told[0]["ParticipantLabel"] == "agent"
    assert (told[3]["ReasonParticipantLeft"], told[3]["ParticipantCallStatus"]) == ("participant_hung_up", "completed")
    assert application.wait("/after", CallSid=call.sid)[0]["CallStatus"] == "completed"
    record = emulator.record(call.sid)
    assert (record["leg"], record["ended_by"]) == ("customer", "callee")
    assert record["seconds_to_agent"] < 0.2
    assert record["silence_seconds"] == pytest.approx(record["seconds_to_agent"], abs=0.05)
    assert emulator.client.calls(agent.sid).fetch().status == "in-progress"


def test_a_person_alone_in_a_conference_hears_silence_and_hangs_up(emulator, application):
    application.answers["/answer"] = room("alone")
    call = emulator.call("human")
    application.wait_end(call.sid)
    record = emulator.record(call.sid)
    assert (record["ended_by"], record["seconds_to_agent"], record["heard_message"]) == ("callee", None, False)
    assert record["silence_seconds"] >= 0.39


def test_two_called_parties_are_no_company(emulator, application):
    """Without an agent nobody of ours talks to them: silence, even in a started conference."""
    application.answers["/answer"] = room("crowd")
    calls = [emulator.call("human"), emulator.call("human")]
    for call in calls:
        application.wait_end(call.sid)
        assert emulator.record(call.sid)["silence_seconds"] >= 0.39


def test_an_agent_who_may_not_start_the_conference_is_not_heard(emulator, application):
    seat_agent(emulator, application, "unstarted", "startConferenceOnEnter='false'")
    application.answers["/answer"] = room("unstarted", "startConferenceOnEnter='false'")
    call = emulator.call("human")
    application.wait_end(call.sid)
    assert emulator.record(call.sid)["seconds_to_agent"] is None


def test_a_lost_seat_ends_the_conference_and_sends_the_called_party_on(emulator, application):
    """endConferenceOnExit: the others go on to their <Dial> action and hear the message there."""
    agent = seat_agent(emulator, application, "lost", "endConferenceOnExit='true'", "client:lost")
    application.answers["/answer"] = room("lost", dial="action='/after'")
    application.answers["/after"] = "<Response><Say>Sorry</Say><Hangup/></Response>"
    call = emulator.call("human")
    application.wait("/room", StatusCallbackEvent="conference-start")
    assert emulator.drop("client:lost").json() == {"dropped": 1}
    after = application.wait("/after", CallSid=call.sid)[0]
    assert (after["DialCallStatus"], after["CallStatus"]) == ("answered", "in-progress")
    application.wait_end(call.sid)
    end = application.wait("/room", StatusCallbackEvent="conference-end")[0]
    assert end["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
    assert end["CallSidEndingConference"] == agent.sid
    left = application.got("/room", StatusCallbackEvent="participant-leave", CallSid=call.sid)[0]
    assert left["ReasonParticipantLeft"] == "moderator_ended_conference"
    assert emulator.record(call.sid)["heard_message"] is True
    assert emulator.drop("client:lost").status_code == 404


def test_a_redirected_participant_leaves_the_conference(emulator, application):
    seat_agent(emulator, application, "redirected")
    application.answers["/answer"] = room("redirected")
    application.answers["/message"] = "<Response><Say>Bye</Say></Response>"
    call = emulator.call("human")
    application.wait("/room", StatusCallbackEvent="participant-join", CallSid=call.sid)
    emulator.client.calls(call.sid).update(url=f"{application.url}/message")
    left = application.wait("/room", StatusCallbackEvent="participant-leave", CallSid=call.sid)[0]
    assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == (
        "participant_updated_via_api",
        "in-progress",
    )
    application.wait_end(call.sid)
    assert emulator.record(call.sid)["heard_message"] is True


def test_the_first_participants_subscription_counts(emulator, application):
    seat_agent(emulator, application, "first")
    application.answers["/answer"] = room("first", "statusCallback='/second' statusCallbackEvent='join leave'")
    call = emulator.call("human")
    application.wait("/room", StatusCallbackEvent="participant-leave", CallSid=call.sid)
    assert application.got("/second") == []


def test_a_full_conference_takes_nobody(emulator, application):
    seat_agent(emulator, application, "full", "maxParticipants='1'")
    application.answers["/answer"] = room("full", dial="action='/after'")
    application.answers["/after"] = "<Response/>"
    call = emulator.call("human")
    assert application.wait("/after", CallSid=call.sid)[0]["DialCallStatus"] == "failed"


def test_participants_are_listed_muted_held_and_removed(emulator, application):
    agent = seat_agent(emulator, application, "managed")
    (conference,) = emulator.client.conferences.list(friendly_name="managed", status="init")
    participants = emulator.client.conferences(conference.sid).participants
    assert [(each.call_sid, each.label, each.status) for each in participants.list()] == [
        (agent.sid, "agent", "connected")
    ]
    assert participants("agent").update(muted=True, hold=True).muted is True
    application.wait("/room", StatusCallbackEvent="participant-mute")
    application.wait("/room", StatusCallbackEvent="participant-hold")
    assert participants.list(muted=False) == []
    assert participants(agent.sid).fetch().hold is True
    assert participants("agent").delete() is True
    assert application.wait_end(agent.sid)["CallStatus"] == "completed"
    assert emulator.client.conferences(conference.sid).fetch().reason_conference_ended == "last-participant-kicked"
    with pytest.raises(TwilioRestException, match="not found"):
        participants("agent").fetch()


def test_a_conference_is_ended_by_request(emulator, application):
    agent = seat_agent(emulator, application, "ended")
    (conference,) = emulator.client.conferences.list(friendly_name="ended")
    assert emulator.client.conferences(conference.sid).update(status="completed").status == "completed"
    application.wait_end(agent.sid)
    end = application.wait("/room", StatusCallbackEvent="conference-end")[0]
    assert end["ReasonConferenceEnded"] == "conference-ended-via-api"


def test_a_participant_is_called_straight_into_the_conference(emulator, application):
    agent = seat_agent(emulator, application, "called")
    participants = emulator.client.conferences("called").participants
    made = participants.create(
        to="client:berta",
        from_="+12125550199",
        label="berta",
        status_callback=f"{application.url}/status",
        end_conference_on_exit=True,
    )
    assert made.status in ("queued", "connecting", "ringing")
    application.wait("/room", StatusCallbackEvent="participant-join", ParticipantLabel="berta")
    application.wait("/room", StatusCallbackEvent="conference-start")
    with pytest.raises(TwilioRestException) as taken:
        participants.create(to="client:carla", from_="+12125550199", label="berta")
    assert taken.value.code == 16025
    emulator.client.calls(made.call_sid).update(status="completed")
    application.wait_end(agent.sid)


def test_a_participant_who_does_not_answer_is_told_as_left(emulator, application):
    seat_agent(emulator, application, "missing")
    made = emulator.client.conferences("missing").participants.create(to="+12125550106", from_="+12125550199")
    left = application.wait("/room", StatusCallbackEvent="participant-leave", CallSid=made.call_sid)[0]
    assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == ("participant_add_failed", "busy")


def test_a_participant_removed_before_the_answer_never_joins(emulator, application):
    seat_agent(emulator, application, "unwanted")
    participants = emulator.client.conferences("unwanted").participants
    made = participants.create(to="+12125550108", from_="+12125550199", status_callback=f"{application.url}/status")
    participants(made.call_sid).delete()
    assert application.wait_end(made.call_sid)["CallStatus"] == "canceled"
