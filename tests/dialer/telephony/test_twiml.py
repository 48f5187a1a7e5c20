"""What the carrier is told to do, read back from the XML."""

from xml.etree import ElementTree

import pytest

from campaigns.dispositions import Kind
from compliance import rulebook
from compliance.rule import MessageRule
from dialer.call import OPT_OUT_KEY
from dialer.telephony import twiml

URL = "https://dialer.example/voice/key?a=1&b=2"
TEXTS = {
    "connect": twiml.connect("seat-1", URL),
    "seat": twiml.seat("seat-1"),
    "message": twiml.message(Kind.TELEMARKETING, "Acme", "+12125550199", URL),
    "confirm_opt_out": twiml.confirm_opt_out(),
    "hang_up": twiml.hang_up(),
}


def verbs(text: str) -> list[ElementTree.Element]:
    response = ElementTree.fromstring(text)
    assert response.tag == "Response"
    return list(response)


def the_only(text: str, tag: str) -> ElementTree.Element:
    (found,) = ElementTree.fromstring(text).iter(tag)
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_every_answer_ends_in_an_agent_or_a_hang_up(name):
    """Nothing to do at the end of a document means that the carrier hangs up, after whatever silence came before."""
    last = verbs(TEXTS[name])[-1]
    assert last.tag == "Hangup" or last.find("Conference") is not None


def test_the_called_party_joins_the_agents_seat_without_music_or_beep():
    dial, conference = the_only(TEXTS["connect"], "Dial"), the_only(TEXTS["connect"], "Conference")
    assert (dial.get("action"), dial.get("method"), conference.text) == (URL, "POST", "seat-1")
    assert (conference.get("waitUrl"), conference.get("beep")) == ("", "false")
    assert conference.get("startConferenceOnEnter") == "true"
    assert conference.get("jitterBufferSize") == "small"


def test_the_conference_outlives_the_called_party_but_not_the_agent():
    ends = {name: the_only(TEXTS[name], "Conference").get("endConferenceOnExit") for name in ("connect", "seat")}
    assert ends == {"connect": "false", "seat": "true"}


def test_the_seat_is_the_same_conference_and_known_as_the_agents():
    conference = the_only(TEXTS["seat"], "Conference")
    assert (conference.text, conference.get("participantLabel")) == ("seat-1", "agent")
    assert (conference.get("waitUrl"), conference.get("beep")) == ("", "false")
    assert conference.get("startConferenceOnEnter") == "true"


def test_the_message_says_who_called_how_to_reach_them_and_how_to_opt_out():
    said = the_only(TEXTS["message"], "Say").text or ""
    assert "Acme" in said
    assert "telemarketing" in said
    assert "1 2 1 2 5 5 5 0 1 9 9" in said
    assert f"press {OPT_OUT_KEY}" in said


def test_the_message_can_be_interrupted_by_one_key():
    gather, hang_up = verbs(TEXTS["message"])
    assert (gather.tag, hang_up.tag) == ("Gather", "Hangup")
    assert (gather.get("action"), gather.get("method"), gather.get("numDigits")) == (URL, "POST", "1")
    assert int(gather.get("timeout") or 0) == twiml.KEY_WAIT_SECONDS
    assert [inner.tag for inner in gather] == ["Say"]


@pytest.mark.parametrize("client", ["Brown & Sons", "<Say>Ha</Say>", 'The "Best" > Rest', "Müller & Søn 商店"])
def test_a_clients_name_is_said_as_it_is_written(client):
    text = twiml.message(Kind.SURVEY, client, "+12125550199", URL)
    assert f"a call for a survey from {client}. " in (the_only(text, "Say").text or "")


def test_an_opt_out_is_confirmed():
    say, hang_up = verbs(TEXTS["confirm_opt_out"])
    assert (say.tag, hang_up.tag) == ("Say", "Hangup")
    assert "taken off our list" in (say.text or "")


RULES = [rule for rule in rulebook.load().by_id.values() if isinstance(rule, MessageRule)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@pytest.mark.parametrize("kind", Kind)
def test_the_message_says_what_every_law_wants_of_it(rule, kind):
    said = twiml.message(kind, "Acme Travel", "+12125550199", "https://dialer.example/voice/key")
    words = {
        "caller": "from Acme Travel",
        "number": "You can reach us at 1 2 1 2 5 5 5 0 1 9 9",
        "purpose": twiml.PURPOSES[kind],
        "opt-out": "To get no more calls from us, press",
    }
    assert [part for part in rule.says if words[part] not in said] == []
