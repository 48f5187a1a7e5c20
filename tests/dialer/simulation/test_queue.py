"""Who waits, in what order, and from when on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.lead import Priority
from compliance.locating import locate
from dialer.simulation.lead_list import Lead
from dialer.simulation.queue import Queue

NOON = datetime(2027, 3, 2, 12, tzinfo=UTC)


def lead(number: int, minutes: float, priority: Priority = Priority.FRESH) -> Lead:
    phone = "+12125550100"
    due = NOON + timedelta(minutes=minutes)
    clock = ZoneInfo("America/New_York")
    return Lead(number, phone, "212", locate(phone), clock, 0.0, 0, False, due, priority)


@pytest.fixture
def ids() -> Callable[..., list[int]]:
    return lambda leads: [one.id for one in leads]


@given(st.lists(st.tuples(st.integers(-60, 60), st.sampled_from(Priority)), max_size=40), st.integers(0, 50))
def test_callbacks_then_recycled_then_fresh_leads_and_who_has_been_due_longest(waiting, limit):
    leads = [lead(number, minutes, priority) for number, (minutes, priority) in enumerate(waiting)]
    queue = Queue(leads)
    due = sorted((one for one in leads if one.due_at <= NOON), key=lambda one: (one.priority, one.due_at, one.id))
    assert queue.due(NOON) == len(due)
    assert queue.first(limit) == due[:limit]


def test_who_was_taken_does_not_come_again(ids):
    leads = [lead(number, -number) for number in range(5)]
    queue = Queue(leads)
    queue.due(NOON)
    queue.remove(leads[2])
    assert ids(queue.first(9)) == [4, 3, 1, 0]


def test_who_is_put_back_comes_when_due(ids):
    one = lead(1, 5)
    queue = Queue([])
    queue.put(one)
    assert queue.due(NOON) == 0
    assert queue.due(NOON + timedelta(minutes=5)) == 1
    assert ids(queue.first(9)) == [1]


def test_a_page_goes_on_behind_a_place(ids):
    leads = [lead(number, -9) for number in range(6)]
    queue = Queue(leads)
    queue.due(NOON)
    assert ids(queue.page(Priority.FRESH, 2, (leads[1].due_at, 1))) == [2, 3]
    assert ids(queue.page(Priority.RECYCLED, 2)) == []
