"""Decisions on a snapshot, by a policy that has seen an ordinary campaign."""

import json
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.pacing.budget import Price
from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    AgentGone,
    CallEnded,
    Connected,
    Dialled,
    Disposed,
    Event,
    Failed,
    Human,
    Machine,
    PickedUp,
)
from dialer.pacing.policy import Budget, Decision, Floor, ForeignState
from dialer.pacing.predictive import (
    CLOSING_SECONDS,
    DETECTION_SECONDS,
    LEARNING_CALLS,
    REMINDED_CALLS,
    RISKED,
    Predictive,
)
from dialer.pacing.progressive import CLOSED_SECONDS

AGENTS = 5  # whose events the random ones are
ANSWERED = 0.25  # of the calls of the campaign


def floor(**values: Any) -> Floor:
    """Ten free agents and a budget with room, but for what the test names."""
    usual: dict[str, Any] = {"free_agents": 10, "in_flight": 0, "max_dials": 1000, "budgets": (Budget(0.03, 1000, 10),)}
    return Floor(**(usual | values))


def campaign(calls: int, seed: int = 1) -> list[Event]:
    """A call every two seconds; a quarter is answered by a person after 4 to 14 s, the others ring out."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    for number in range(calls):
        call, agent, at = f"call-{number}", f"agent-{number}", 2.0 * number
        events.append(Dialled(call, at))
        if rng.random() >= ANSWERED:
            events.append(Failed(call, at + 25.0))
            continue
        answered = at + rng.uniform(4, 14)
        ended = answered + rng.uniform(20, 80)
        events += [PickedUp(call, answered), Human(call, answered), Connected(call, agent, answered)]
        events += [CallEnded(call, agent, ended), Disposed(call, True, ended), AgentFree(agent, ended + 10)]
    return sorted(events, key=lambda event: event.at)


def lived(policy: Predictive, events: list[Event], **values: Any) -> list[Decision]:
    """A decision every ten seconds."""
    decisions, tick = [], 0.0
    for event in events:
        while event.at >= tick:
            decisions.append(policy.decide(tick, floor(**values)))
            tick += 10.0
        policy.observe(event)
    return decisions


@pytest.fixture(scope="module")
def saved() -> Any:
    policy = Predictive()
    lived(policy, campaign(1500))
    return {**policy.state(), "price": Price().state()}  # the campaign did not dial as was decided


@pytest.fixture
def taught(saved) -> Predictive:
    """Nothing runs, and no time has been told yet."""
    return Predictive.restored(saved)


def dial(policy: Predictive, **values: Any) -> int:
    return policy.decide(0.0, floor(**values)).dial


def ringing(policy: Predictive, count: int, at: float = 0.0) -> None:
    for number in range(count):
        policy.observe(Dialled(f"line-{at}-{number}", at))


def test_one_to_one_until_enough_is_seen():
    decision = Predictive().decide(0.0, floor(in_flight=3))
    assert (decision.dial, decision.reserve) == (7, True)
    assert decision.reason == f"learning, 0 of {LEARNING_CALLS} answered calls seen: 10 free, 3 in flight: dial 7"


def test_learning_ends_with_the_calls_that_are_wanted():
    decisions = lived(Predictive(), campaign(400))
    learning = [decision.reason.startswith("learning") for decision in decisions]
    assert learning == sorted(learning, reverse=True)
    assert 300 < 10 * learning.count(True) < 500
    assert not decisions[-1].reserve


def test_quick_answers_alone_are_not_enough_to_go_by():
    """Until the first lines have rung out, all that has ended has been answered."""
    policy = Predictive()
    for number in range(2 * LEARNING_CALLS):
        call, agent = f"call-{number}", f"agent-{number}"
        policy.observe(Dialled(call, 0.0))
        policy.observe(Connected(call, agent, 3.0))
        policy.observe(CallEnded(call, agent, 6.0))
        policy.observe(AgentFree(agent, 7.0))
    assert policy.decide(10.0, floor()).reason.startswith("learning, until the first lines have rung out")
    assert "learning" not in policy.decide(25.0 + DETECTION_SECONDS, floor()).reason


def test_dials_more_lines_than_agents_are_free(taught):
    decision = taught.decide(0.0, floor())
    assert 20 < decision.dial < 1.5 * 10 / ANSWERED
    assert not decision.reserve


def test_reason_names_the_figures(taught):
    reason = taught.decide(0.0, floor(in_flight=2)).reason
    assert reason.startswith("10 free, ")
    for words in ("more within 28 s", "answer rate 2", "2 in flight", "19.", "s of waiting: dial "):
        assert words in reason


@pytest.mark.parametrize("most", [23, 30, 31, 63, 65, 200])
def test_a_limit_between_two_numbers_compared_is_reached(taught, most):
    """24 and 32 lines are compared: 30 calls a second once came to 24."""
    assert dial(taught, free_agents=400, max_dials=most) == most


def test_reason_says_when_the_limit_binds(taught):
    decision = taught.decide(0.0, floor(max_dials=3))
    assert decision.dial == 3
    assert decision.reason.endswith("dial 3, as many as may start now")


@pytest.mark.parametrize("abandoned", [29.5, 30, 50])
def test_one_to_one_while_the_budget_is_used_up(taught, abandoned):
    decision = taught.decide(0.0, floor(in_flight=4, budgets=(Budget(0.03, 1000, abandoned), Budget(0.05, 1000, 0))))
    assert (decision.dial, decision.reserve) == (6, True)
    assert decision.reason.startswith("drop-rate budget used up, ")


def test_one_to_one_where_no_budget_is_given(taught):
    assert taught.decide(0.0, floor(budgets=())).reserve


def test_a_smaller_budget_dials_less(saved):
    poor, rich = (dial(Predictive.restored(saved), budgets=(Budget(0.03, 1000, abandoned),)) for abandoned in (28.5, 5))
    assert poor < rich


def test_dials_ahead_of_agents_who_wrap_up(taught):
    for number in range(20):
        taught.observe(Connected(f"known-{number}", f"agent-{number}", -60.0))
        taught.observe(CallEnded(f"known-{number}", f"agent-{number}", -8.0))
    assert dial(taught, free_agents=0) > 10


def test_nobody_is_dialled_for_nobody(taught):
    assert dial(taught, free_agents=0) == 0


def test_lines_in_flight_count(saved, taught):
    ringing(taught, 20)
    assert dial(taught, in_flight=20) < dial(Predictive.restored(saved)) - 10


def test_answers_that_others_expect_take_the_agents_as_its_own_would(saved, taught):
    """The same lines in flight, its own or another campaign's, of which it does not know how many they are."""
    ringing(taught, 20)
    expected = taught.expected(0.0)
    theirs, own = dial(Predictive.restored(saved), others=expected.tolist()), dial(taught, in_flight=20)
    assert own - 2 <= theirs <= own < dial(Predictive.restored(saved)) - 10
    assert dial(Predictive.restored(saved), others=[0.0] * len(expected)) == dial(Predictive.restored(saved))


def test_who_waits_for_an_agent_is_expected_at_once(taught):
    ringing(taught, 1)
    before = taught.expected(0.0)
    taught.observe(PickedUp("line-0.0-0", 0.0))
    taught.observe(Human("line-0.0-0", 0.0))
    assert 0 < before.sum() < 1
    assert taught.expected(0.0).tolist() == [1.0, *([0.0] * (len(before) - 1))]


def test_calls_of_others_keep_their_agents_busy(saved, taught):
    """Told only from Connected on, of calls that it never dialled."""
    for number in range(20):
        taught.observe(Connected(f"strange-{number}", f"agent-{number}", -60.0))
        taught.observe(CallEnded(f"strange-{number}", f"agent-{number}", -8.0))
    assert dial(taught, free_agents=0) > dial(Predictive.restored(saved), free_agents=0)


def test_lines_that_it_was_not_told_of_count_as_well(saved):
    known, few, many = (dial(Predictive.restored(saved), in_flight=in_flight) for in_flight in (0, 10, 30))
    assert many < few < known


def test_lines_whose_end_was_lost_do_not_stop_the_dialling(taught):
    taught.decide(0.0, floor())
    ringing(taught, 100)
    assert dial(taught, in_flight=100) == 0
    assert taught.decide(100.0, floor()).dial > 20


def test_calls_that_wait_get_the_free_agents_first(saved, taught):
    ringing(taught, 6)
    for number in range(6):
        taught.observe(Human(f"line-0.0-{number}", 0.0))
    assert dial(taught, in_flight=6) <= dial(Predictive.restored(saved), free_agents=4)


def test_an_agent_held_for_a_line_is_not_counted_on_by_others(saved):
    """One to one while the budget is used up, and back: lines that ring still hold an agent each."""
    used_up = (Budget(0.03, 1000, 30),)
    policy = Predictive.restored(saved)
    assert policy.decide(0.0, floor(budgets=used_up)).reserve
    ringing(policy, 8)
    back = policy.decide(1.0, floor(in_flight=8, give_up_seconds=0.5))
    assert not back.reserve
    assert 0 < back.dial <= dial(Predictive.restored(saved), free_agents=3)
    assert (
        policy.decide(2.0, floor(in_flight=8, budgets=(Budget(0.03, 1000, 28.9),), give_up_seconds=0.5)).give_up == ()
    )


def test_the_floor_tells_of_agents_held_for_lines_that_were_not_told_of(saved):
    """After a restart, or where a request for a call had no answer."""
    untold = dial(Predictive.restored(saved), in_flight=8)
    told = dial(Predictive.restored(saved), in_flight=8, reserved=8)
    assert told < untold
    assert told <= dial(Predictive.restored(saved), free_agents=3)


def test_only_lines_that_are_dialled_teach_what_they_may_cost(taught):
    """Decisions that nobody can carry out, as where the list is empty, leave the price alone."""
    for _ in range(100):
        wanted = taught.decide(0.0, floor()).dial
    assert taught.state()["price"] == Price().state()
    ringing(taught, wanted + 5)
    taught_by = taught.state()["price"]["forecast"][0]
    usual = taught.state()["price"]["learned"]
    assert taught.decide(1.0, floor(free_agents=wanted // 2, max_dials=1)).dial == 1
    ringing(taught, 1, at=1.0)
    assert taught.state()["price"]["forecast"][0] > taught_by > 0, "it may be lost like any other"
    for nothing in ({"max_dials": 0}, {"closes_in": CLOSING_SECONDS / 2}, {"free_agents": 0}):
        for free in range(wanted, 0, -1):
            taught.decide(2.0, floor(**({"free_agents": free, "max_dials": 1} | nothing)))
    assert taught.state()["price"]["learned"] == usual, "a limit was dialled, not a choice; nor was any of these"
    assert 0 in (taught.decide(2.0, floor(free_agents=free, max_dials=1)).dial for free in range(wanted, 0, -1))
    assert taught.state()["price"]["learned"] < usual, "the price held back what the limit would have let through"


def test_the_last_of_a_budget_is_not_spent_as_fast_as_answers_allow(saved):
    policy = Predictive.restored(saved)
    dialled = policy.decide(0.0, floor(free_agents=20, budgets=(Budget(0.03, 1000, 28.9),))).dial
    ringing(policy, dialled)
    assert dialled > 20
    assert 0 < policy.state()["price"]["forecast"][0] < 0.1 * dialled * 0.03 * ANSWERED


def test_one_call_a_second_is_a_choice_where_a_second_one_is_not_wanted(saved):
    """The carrier's usual rate."""
    little = (Budget(0.03, 1000, 28),)
    one = next(
        {"free_agents": agents, "in_flight": lines, "budgets": little}
        for agents in range(1, 10)
        for lines in range(40)
        if dial(Predictive.restored(saved), free_agents=agents, in_flight=lines, budgets=little) == 1
    )
    policy = Predictive.restored(saved)
    decision = policy.decide(0.0, floor(**one, max_dials=1))
    assert decision.dial == 1
    assert "as many as may start" not in decision.reason
    ringing(policy, 1)
    assert policy.state()["price"]["learned"] != 0.0


def test_less_is_dialled_towards_the_end_and_nothing_at_it(saved):
    def left(seconds: float) -> int:
        return dial(Predictive.restored(saved), closes_in=seconds)

    assert left(CLOSING_SECONDS - 1) < left(CLOSING_SECONDS + 1)
    assert left(CLOSED_SECONDS - 1) == 0


def test_a_clock_set_back_forgets_what_runs_and_keeps_what_was_learned(saved, taught):
    taught.decide(5000.0, floor())
    ringing(taught, 30, at=5000.0)
    decision = taught.decide(1000.0, floor(in_flight=2))
    assert (decision.dial, decision.reserve) == (8, True)
    assert decision.reason.startswith("the clock was set back: ")
    again = taught.decide(1001.0, floor())
    assert again.dial == pytest.approx(dial(Predictive.restored(saved)), abs=2)  # the lines dialled moved the price
    assert not again.reserve


def test_a_clock_may_be_set_right_by_a_moment(taught):
    taught.decide(5000.0, floor())
    assert not taught.decide(4999.8, floor()).reserve


def test_the_same_events_lead_to_the_same_decisions():
    events = campaign(300)
    assert lived(Predictive(), events) == lived(Predictive(), events)


def test_saving_in_between_changes_no_decision():
    first, second = Predictive(), Predictive()
    for policy in (first, second):
        lived(policy, campaign(400))
    assert json.loads(json.dumps(first.state())) == first.state()
    assert [first.decide(900.0 + at, floor()) for at in range(30)] == [
        second.decide(900.0 + at, floor()) for at in range(30)
    ]


def test_the_restored_decides_as_the_saved_would_have():
    policy = Predictive()
    lived(policy, campaign(600))
    policy.decide(2000.0, floor())  # all lines are overdue, all agents free
    again = Predictive.restored(json.loads(json.dumps(policy.state())))
    assert again.decide(2001.0, floor()) == policy.decide(2001.0, floor())


def test_learning_goes_on_where_it_was_left():
    policy = Predictive()
    lived(policy, campaign(100))
    again = Predictive.restored(json.loads(json.dumps(policy.state())))
    before, after = (found.decide(400.0, floor()).reason for found in (policy, again))
    assert after == before
    assert "learning, 0 of" not in after


def test_where_an_earlier_campaign_is_known_learning_is_shorter(saved):
    reminded = Predictive.restored(saved, another=True)
    assert f"0 of {REMINDED_CALLS} answered calls" in reminded.decide(0.0, floor()).reason
    first, later = (
        [decision.reserve for decision in lived(policy, campaign(400, seed=2))].count(True)
        for policy in (Predictive.restored(saved, another=True), Predictive())
    )
    assert 0 < first < later / 2


def test_a_campaign_that_had_learned_little_shortens_nothing():
    reminded = Predictive.restored(Predictive().state(), another=True)
    assert f"of {LEARNING_CALLS} answered calls" in reminded.decide(0.0, floor()).reason


def test_a_state_of_another_format_is_refused(saved):
    for state in ({}, {"format": "progressive-1"}, {**saved, "format": "predictive-0"}, None, [], "x", 3):
        with pytest.raises(ForeignState, match="is not predictive-5"):
            Predictive.restored(state)


@pytest.mark.parametrize("part", ["lines", "agents", "price", "learned", "usual"])
@pytest.mark.parametrize("damage", [None, {}, [], "x", 3.0])
def test_a_damaged_state_is_refused(saved, part, damage):
    state = {**saved, part: damage}
    if part in ("learned", "usual"):
        del state[part]
    with pytest.raises(ForeignState, match="damaged"):
        Predictive.restored(state)


def crowded(policy: Predictive, count: int = 60, now: float = 20.0) -> None:
    """So many lines ring since 0 s and 10 s that nobody could take all answers."""
    policy.decide(0.0, floor())
    ringing(policy, count, at=0.0)
    ringing(policy, count, at=now - 10.0)


def test_lines_that_ring_long_are_given_up_when_nobody_can_take_them(taught):
    crowded(taught)
    decision = taught.decide(12.0, floor(free_agents=1, in_flight=120, give_up_seconds=8.0))
    assert decision.dial == 0
    assert decision.give_up
    assert set(decision.give_up) <= {f"line-0.0-{number}" for number in range(60)}
    assert decision.give_up == tuple(f"line-0.0-{number}" for number in range(len(decision.give_up)))


@pytest.mark.parametrize(
    "values", [{"give_up_seconds": 13.0}, {}, {"give_up_seconds": 8.0, "free_agents": 100, "max_dials": 0}]
)
def test_lines_that_ring_shorter_or_are_of_use_ring_on(taught, values):
    crowded(taught)
    assert taught.decide(12.0, floor(**{"free_agents": 1, "in_flight": 120, **values})).give_up == ()


def test_a_line_given_up_does_not_count_as_unanswered(saved):
    """Hung up or not, with the same answers of the others the answer rate is the same."""
    rates = []
    for gives_up in (True, False):
        policy = Predictive.restored(saved)
        crowded(policy, 400)
        told = floor(free_agents=1, in_flight=800, give_up_seconds=8.0 if gives_up else 1e9)
        given_up = policy.decide(12.0, told).give_up
        assert bool(given_up) == gives_up
        for number in range(400):
            policy.observe(Failed(f"line-0.0-{number}", 12.0))
        rates.append(policy.state()["lines"]["ring"]["left"][1][12])
    assert rates[0] < rates[1] / 2


def test_a_line_that_is_answered_before_it_is_hung_up_ends_all_the_same(saved, taught):
    crowded(taught)
    for name in taught.decide(12.0, floor(free_agents=1, in_flight=120, give_up_seconds=8.0)).give_up:
        taught.observe(PickedUp(name, 12.5))
        taught.observe(Failed(name, 13.0))
    for number in range(60):
        taught.observe(Failed(f"line-0.0-{number}", 13.0))
        taught.observe(Failed(f"line-10.0-{number}", 13.0))
    assert taught.decide(13.5, floor()).dial > 10


def test_lines_answered_after_all_or_forgotten_are_not_given_up_for_ever(taught):
    """A name is kept only while its line rings: else a campaign's give-ups would pile up over months."""
    crowded(taught)
    assert taught.decide(12.0, floor(free_agents=1, in_flight=120, give_up_seconds=8.0)).give_up
    for number in range(60):
        taught.observe(PickedUp(f"line-0.0-{number}", 12.5))
    taught.decide(30.0, floor())
    assert not taught._given_up


@pytest.mark.parametrize("left", [1.5, 2.0, 3.0, 4.0])
def test_one_decision_risks_a_part_of_the_budget_left_and_no_more(saved, left):
    """However cheap an abandoned call has become: answers beyond the free agents, as the answer rate has it."""
    policy = Predictive.restored({**saved, "price": {"learned": -3.0, "forecast": [0.0, 0.0]}})
    lines = policy.decide(0.0, floor(free_agents=10, budgets=(Budget(0.03, 1000, 30 - left),))).dial
    chances = [comb(lines, n) * ANSWERED**n * (1 - ANSWERED) ** (lines - n) for n in range(lines + 1)]
    assert sum(max(0, n - 10) * chance for n, chance in enumerate(chances)) <= RISKED * left


CALLS = [f"call-{number}" for number in range(8)]
TALKS = (Connected, CallEnded)
ENDS = (PickedUp, Human, Machine, Failed, Abandoned)


@st.composite
def event(draw: st.DrawFn) -> Any:
    """What makes one, of its time."""
    kind = draw(st.sampled_from([Dialled, *ENDS, *TALKS, Disposed, AgentFree, AgentGone]))
    call, agent = draw(st.sampled_from(CALLS)), f"agent-{draw(st.integers(1, AGENTS))}"
    if kind in TALKS:
        return lambda at: kind(call, agent, at)
    if kind in (AgentFree, AgentGone):
        return lambda at: kind(agent, at)
    if kind is Disposed:
        live = draw(st.booleans())
        return lambda at: Disposed(call, live, at)
    return lambda at: kind(call, at)


moment = st.one_of(st.floats(0, 5), st.floats(-40, 200))
tick = st.builds(
    floor,
    free_agents=st.integers(0, 30),
    in_flight=st.integers(0, 40),
    max_dials=st.integers(0, 300),
    give_up_seconds=st.sampled_from([10.0, float("inf")]),
    connect_seconds=st.floats(0, 5),
    closes_in=st.sampled_from([5.0, 100.0, float("inf")]),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(moment, st.one_of(event(), event(), tick)), max_size=60))
def test_events_lost_late_or_twice_never_raise_nor_dial_a_burst(saved, happenings):
    policy, now, rings = Predictive.restored(saved), 0.0, dict[str, float]()
    for after, what in happenings:
        now += after
        if isinstance(what, Floor):
            decision = policy.decide(now, what)
            assert 0 <= decision.dial <= what.max_dials
            assert decision.dial <= 15 * (what.free_agents + AGENTS)
            for call in decision.give_up:
                assert now - rings[call] >= what.give_up_seconds
        else:
            told = what(now)
            policy.observe(told)
            if isinstance(told, Dialled):
                rings.setdefault(told.call, now)
            elif isinstance(told, (*ENDS, Connected)):
                rings.pop(told.call, None)
    json.dumps(policy.state(), allow_nan=False)
