"""Virtual time goes from one thing to the next, in order."""

from hypothesis import given
from hypothesis import strategies as st

from dialer.simulation.agenda import Agenda


@given(st.lists(st.floats(0, 1e6), max_size=30))
def test_what_is_due_first_happens_first(moments):
    agenda, seen = Agenda(), []
    for moment in moments:
        agenda.at(moment, lambda: seen.append(agenda.now))
    agenda.play()
    assert seen == sorted(moments)


def test_what_is_due_at_once_happens_in_the_order_of_asking():
    agenda, seen = Agenda(), []
    for name in "abc":
        agenda.after(5.0, lambda name=name: seen.append(name))
    agenda.play()
    assert seen == ["a", "b", "c"]


def test_what_happens_may_ask_for_more():
    agenda, seen = Agenda(), []
    agenda.at(10.0, lambda: agenda.after(3.0, lambda: seen.append(agenda.now)))
    agenda.play()
    assert seen == [13.0]
