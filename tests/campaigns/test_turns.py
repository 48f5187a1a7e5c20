"""Whose turn it is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from campaigns.turns import BY_CHANCE, LONGEST_WAITING, STRETCH, WAITING_EVERY, Turn, in_turn, pool

LEADS = st.lists(st.tuples(st.integers(1, 2), st.floats(0.01, 0.99)), max_size=40).map(sorted)


def turns(queues, ranks, wanted, offered=1):
    return in_turn(queues, np.array(ranks, dtype=np.float64), wanted, offered)


def test_the_highest_rank_is_first():
    assert turns([1, 1, 2], [0.1, 0.3, 0.2], 3) == [(1, Turn.CHANCE), (2, Turn.CHANCE), (0, Turn.CHANCE)]


def test_of_equals_the_one_that_came_first_is_first():
    assert [place for place, _ in turns([1, 1, 2, 2], [0.2] * 4, 4)] == [0, 1, 2, 3]


def test_every_fifth_turn_is_the_longest_waiting_ones_of_each_queue_by_turns():
    queues, ranks = [1] * 10 + [2] * 10, [0.01] + [0.5] * 9 + [0.02] + [0.6] * 9
    order = turns(queues, ranks, 11, offered=0)
    assert [place for place, turn in order if turn is Turn.WAITING] == [0, 10, 1]
    assert [number for number, (_, turn) in enumerate(order) if turn is Turn.WAITING] == [0, 5, 10]


def test_nobody_to_offer_is_nobody():
    assert turns([], [], 5) == []


@given(LEADS, st.integers(0, 60), st.integers(0, 1000))
def test_as_many_as_are_wanted_are_offered_and_each_once(leads, wanted, offered):
    places = [place for place, _ in turns(*_columns(leads), wanted, offered)]
    assert len(places) == len(set(places)) == min(wanted, len(leads))


@given(LEADS.filter(len), st.integers(0, 1000), st.data())
def test_between_the_turns_of_the_longest_waiting_nobody_better_is_left(leads, offered, data):
    wanted = data.draw(st.integers(1, len(leads)))
    order = turns(*_columns(leads), wanted, offered)
    left = dict(enumerate(rank for _, rank in leads))
    for place, turn in order:
        if turn is Turn.CHANCE:
            assert left[place] == max(left.values())
        del left[place]


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 1000), st.integers(1, 4))
def test_whoever_waits_has_a_turn_within_the_bound_however_many_better_ones_come(ahead, others, offered, wanted):
    """One at a time or a few, with two better leads more for every one that is offered."""
    queue = [("ahead", 1, 0.5)] * ahead + [("worst", 1, 0.01)] + [("other", 2, 0.6)] * (others + 1)
    for start in range(offered, offered + 2 * WAITING_EVERY * (ahead + 1), wanted):
        names, queues, ranks = zip(*queue, strict=True)
        chosen = {place for place, _ in turns(queues, ranks, wanted, start)}
        if any(names[place] == "worst" for place in chosen):
            return
        queue = sorted([lead for place, lead in enumerate(queue) if place not in chosen], key=lambda lead: lead[1])
        queue = [*(q for q in queue if q[1] == 1), *[("new", 1, 0.9)] * 2, *(q for q in queue if q[1] == 2)]
        queue += [("new", 2, 0.95)] * 2
    raise AssertionError("never had its turn")


@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(0, 3)), max_size=200),
    st.dictionaries(st.sampled_from([1, 2]), st.tuples(st.integers(-1, 4), st.integers(0, 200))),
    st.integers(0, 90),
)
def test_the_pool_is_the_longest_waiting_and_one_stretch_behind_the_place_of_each_priority(due, places, wanted):
    """A lead: its priority, when it is due, and its number. The next stretch begins where a full one ends."""
    leads = sorted((priority, at, number) for number, (priority, at) in enumerate(due))

    def page(priority, limit, behind):
        return [lead for lead in leads if lead[0] == priority and (behind is None or lead[1:] > behind)][:limit]

    waiting, further, reached = pool(page, lambda lead: lead[1:], places, wanted)
    length = max(STRETCH, wanted)
    for priority in BY_CHANCE:
        first = page(priority, LONGEST_WAITING, None)
        behind = [lead for lead in leads if lead[0] == priority and lead not in first]
        stretch = [lead for lead in behind if lead[1:] > places.get(priority, (-1, 0))][:length]
        assert [lead for lead in waiting if lead[0] == priority] == first
        assert [lead for lead in further if lead[0] == priority] == stretch
        assert reached.get(priority) == (stretch[-1][1:] if len(stretch) == length else None)
    assert set(reached) <= set(BY_CHANCE)


def _columns(leads):
    return [queue for queue, _ in leads], [rank for _, rank in leads]
