"""Which campaigns a node paces: rules that hold for any number of nodes and campaigns."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from dialer.shares import TIMETABLE, Cluster, share_of

NODES = ("a", "b", "c", "d")
RUNNING = st.integers(0, 12).map(lambda count: [f"campaign {n}" for n in range(count)])


def settled(running, nodes, holders, leaving=frozenset(), rounds=30):
    """Who holds what after some ticks, in which each node acts on what it sees."""
    holders = dict(holders)
    for _ in range(rounds):
        for node in nodes:
            there = frozenset(nodes) - leaving
            share = share_of(node, running, Cluster(there, holders), node in leaving)
            holders |= {name: node for name in share.take if holders.get(name, node) == node}
            holders = {name: held for name, held in holders.items() if name not in share.give_back}
    return holders


@given(RUNNING, st.sets(st.sampled_from(NODES), min_size=1), st.data())
def test_everything_is_somebodys_and_nobody_has_more_than_an_even_share(running, nodes, data):
    before = data.draw(st.dictionaries(st.sampled_from([TIMETABLE, *running]), st.sampled_from(sorted(nodes))))
    holders = settled(running, sorted(nodes), before)
    assert holders.keys() == {TIMETABLE, *running}
    shares = [sum(holders[name] == node for name in running) for node in nodes]
    assert max(shares) <= ceil(len(running) / len(nodes))


@given(RUNNING, st.sets(st.sampled_from(NODES), min_size=2), st.data())
def test_who_leaves_has_nothing_when_another_is_there(running, nodes, data):
    leaving = data.draw(st.sampled_from(sorted(nodes)))
    holders = settled(running, sorted(nodes), dict.fromkeys([TIMETABLE, *running], leaving), frozenset({leaving}))
    assert holders.keys() == {TIMETABLE, *running}
    assert leaving not in holders.values()


def test_who_leaves_alone_keeps_what_it_has_and_takes_nothing_new():
    share = share_of("a", ["campaign 1", "campaign 2"], Cluster(frozenset(), {"campaign 1": "a"}), leaving=True)
    assert (share.take, share.give_back) == (("campaign 1",), ())


def test_what_another_holds_is_not_asked_for():
    share = share_of("a", ["campaign 1"], Cluster(frozenset("ab"), {"campaign 1": "b", TIMETABLE: "b"}), leaving=False)
    assert (share.take, share.give_back) == ((), ())


def test_one_campaign_at_a_time_changes_hands():
    running = [f"campaign {n}" for n in range(6)]
    share = share_of("a", running, Cluster(frozenset("ab"), dict.fromkeys(running, "a")), leaving=False)
    assert (len(share.give_back), len(share.take)) == (1, 6)  # the timetable among them
