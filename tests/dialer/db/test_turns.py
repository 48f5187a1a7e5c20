"""Whose write is next."""

from hypothesis import given
from hypothesis import strategies as st

from dialer.db.turns import Turns, Urgency


@given(st.lists(st.sampled_from(Urgency)))
def test_the_most_urgent_is_next_and_of_equals_the_first(asked):
    turns = Turns[tuple[Urgency, int]]()
    for number, urgency in enumerate(asked):
        turns.put((urgency, number), urgency)
    taken = [turns.take() for _one in asked]
    assert taken == sorted(taken)


def test_only_a_call_or_a_dial_shares_the_commit_of_the_one_before():
    turns = Turns[str]()
    assert not turns.may_join()
    for urgency, joins in ((Urgency.LAST, False), (Urgency.BULK, False), (Urgency.DIAL, True), (Urgency.CALL, True)):
        turns.put(str(urgency), urgency)
        assert turns.may_join() is joins
