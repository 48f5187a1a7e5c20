"""What a node tells the others of a call."""

import pytest

from dialer.news import KINDS, told
from dialer.pacing import events


def test_what_is_told_is_heard_at_the_moment_of_hearing():
    payload = (
        'two [7, [["Connected", {"call": "a1", "agent": "anna", "at": null}], ["Failed", {"call": "a2", "at": 1}]]]'
    )
    assert told(payload, 5.0) == ("two", 7, [events.Connected("a1", "anna", 5.0), events.Failed("a2", 5.0)])


@pytest.mark.parametrize(
    "payload", ["", "two", "two {}", "two [7]", 'two [7, [["Unheard", {}]]]', 'two [7, [["Failed", 1]]]']
)
def test_what_is_no_news_of_ours_is_refused(payload):
    with pytest.raises(ValueError, match=r"."):
        told(payload, 5.0)


def test_every_event_of_a_call_can_be_told():
    """Those of agents are read from the tables, and who dials a line paces it."""
    others = {events.Dialled, events.CallEnded, events.AgentFree, events.AgentGone}
    assert set(KINDS.values()) | others == set(events.Event.__args__)
