"""Who talks, waits and rings, from events alone."""

from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    AgentGone,
    CallEnded,
    Connected,
    Dialled,
    Failed,
    Human,
    Machine,
    PickedUp,
)
from dialer.simulation.peers.counts import Counts


def counted(*events):
    counts = Counts()
    for event in events:
        counts.observe(event)
    return counts


def test_a_call_rings_waits_and_is_with_an_agent():
    counts = counted(AgentFree("ann", 0), Dialled("a", 1), PickedUp("a", 9))
    assert counts.ringing == {"a": 1}
    counts.observe(Human("a", 11))
    assert (counts.ringing, counts.waiting) == ({}, {"a"})
    counts.observe(Connected("a", "ann", 12))
    assert (counts.waiting, counts.talking) == (set(), {"ann": 12})
    counts.observe(CallEnded("a", "ann", 70))
    assert (counts.talking, counts.present) == ({}, {"ann"})


def test_a_call_that_came_to_nothing_is_counted_no_more():
    for end in (Failed("a", 9), Machine("a", 9)):
        assert counted(Dialled("a", 1), end).ringing == {}
    assert counted(Dialled("a", 1), Human("a", 5), Abandoned("a", 7)).waiting == set()


def test_a_call_may_be_with_an_agent_before_it_is_known_who_it_is():
    counts = counted(Dialled("a", 1), PickedUp("a", 5), Connected("a", "ann", 5))
    assert (counts.ringing, counts.talking) == ({}, {"ann": 5})


def test_what_a_detector_beside_the_call_says_later_makes_it_wait_no_more():
    counts = counted(Dialled("a", 1), Human("a", 5), Connected("a", "ann", 5), Human("a", 8))
    assert (counts.waiting, counts.talking) == (set(), {"ann": 5})


def test_an_agent_who_left_is_not_there_and_does_not_talk():
    counts = counted(AgentFree("ann", 0), Connected("a", "ann", 1), AgentGone("ann", 5))
    assert (counts.present, counts.talking) == (set(), {})
