"""Who is likely to answer has more turns, and nobody waits for ever."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.lead import Priority
from campaigns.turns import WAITING_EVERY
from dialer.simulation.lead_list import Lead, Population
from dialer.simulation.likely import Likely
from dialer.simulation.queue import Queue
from dialer.simulation.scenario import Leads

NOON = datetime(2027, 3, 2, 17, tzinfo=UTC)


@pytest.fixture
def leads() -> list[Lead]:
    return Population(Leads(area_codes=("212", "312")), 1, 0).drawn(400, NOON)


def taught(queue: Queue, leads: list[Lead]) -> Likely:
    """Whoever lives in 212 answers, the others do not."""
    likely = Likely(queue)
    for _ in range(300):
        for code, answered in (("212", True), ("312", False)):
            one = next(lead for lead in leads if lead.area_code == code)
            likely.learn(one, (f"area 1{code}",), answered)
    return likely


def test_the_likely_have_most_turns_and_the_longest_waiting_the_others(leads):
    queue = Queue(leads)
    queue.due(NOON)
    chosen = taught(queue, leads).choose(20, NOON)
    likely = sum(lead.area_code == "212" for lead, _, _ in chosen)
    assert 20 * (1 - 1 / WAITING_EVERY) <= likely < 20
    assert leads[0] in [lead for lead, _, _ in chosen]
    assert len({lead.id for lead, _, _ in chosen}) == 20


def test_their_chance_is_over_the_usual_one(leads):
    queue = Queue(leads)
    queue.due(NOON)
    chances = {lead.area_code: chance for lead, chance, _ in taught(queue, leads).choose(50, NOON)}
    assert chances["212"] > 1 > chances["312"]


def test_a_promise_comes_first_whatever_the_chance(leads):
    promise = leads[50]
    promise.priority, promise.due_at = Priority.CALLBACK, NOON - timedelta(minutes=1)
    queue = Queue(leads)
    queue.due(NOON)
    assert taught(queue, leads).choose(3, NOON)[0][0] is promise


def test_a_good_lead_far_down_a_long_list_is_found(leads):
    leads.sort(key=lambda lead: lead.area_code, reverse=True)  # 312 first
    for number, lead in enumerate(leads):
        lead.id = number
    queue = Queue(leads)
    queue.due(NOON)
    likely = taught(queue, leads)
    found = []
    for _ in range(12):
        (one,) = likely.choose(1, NOON)
        likely.looked(1)
        queue.remove(one[0])
        found.append(one[0].area_code)
    assert found.count("212") >= 4


def chosen_of(likely: Likely, queue: Queue, offered: int) -> Lead:
    ((one, _chance, _traits),) = likely.choose(1, NOON, offered)
    queue.remove(one)
    return one


def test_within_a_look_the_search_goes_no_further_and_the_next_one_goes_on_behind_it(leads):
    """The one good lead stands in the second stretch."""
    leads.sort(key=lambda lead: lead.area_code, reverse=True)  # 312 first
    bad = [lead for lead in leads if lead.area_code == "312"]
    leads = [*bad[:100], leads[-1], *bad[100:]]
    for number, lead in enumerate(leads):
        lead.id = number
    queue = Queue(leads)
    queue.due(NOON)
    likely = taught(queue, leads)
    first = [chosen_of(likely, queue, offered).area_code for offered in range(20)]
    assert set(first) == {"312"}
    likely.looked(1)
    assert chosen_of(likely, queue, 0).area_code == "212"


def test_the_longest_waiting_ones_turn_comes_by_the_count_of_those_offered(leads):
    """It stays where nobody was offered in a look, as when the gate refused all."""
    leads.sort(key=lambda lead: lead.area_code, reverse=True)
    for number, lead in enumerate(leads):
        lead.id = number
    good = sum(lead.area_code == "212" for lead in leads)
    leads = leads[-good - 10 :]  # ten of 312 first
    queue = Queue(leads)
    queue.due(NOON)
    likely = taught(queue, leads)
    assert chosen_of(likely, queue, 0).area_code == "312"
    likely.looked(0)
    assert chosen_of(likely, queue, 0).area_code == "312"
    assert chosen_of(likely, queue, 1).area_code == "212"
    likely.looked(WAITING_EVERY)
    assert chosen_of(likely, queue, 0).area_code == "312"


def test_all_that_is_there_is_given_where_more_is_wanted(leads):
    queue = Queue(leads[:30])
    queue.due(NOON)
    assert {lead.id for lead, _, _ in Likely(queue).choose(99, NOON)} == set(range(30))
