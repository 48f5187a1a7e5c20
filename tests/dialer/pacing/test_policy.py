"""What a policy is told, and what it may make of a saved state that is damaged."""

import json
from functools import cache
from math import isfinite
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialer.pacing.events import (
    Abandoned,
    AgentFree,
    CallEnded,
    Connected,
    Dialled,
    Disposed,
    Failed,
    Human,
    Machine,
    PickedUp,
)
from dialer.pacing.leads import LeadChances
from dialer.pacing.lines import Lines
from dialer.pacing.policy import Budget, Floor, ForeignState
from dialer.pacing.predictive import RISKED, Predictive

ANSWERED = 0.2  # of the lines of the policy that is saved
FLOOR = Floor(free_agents=10, in_flight=0, max_dials=200, budgets=(Budget(0.03, 2000, 20),))
DAMAGE = (None, True, -1, -0.5, -1e9, 1e6, 1e9, 1e300, 10**400, float("nan"), float("inf"), "x", "12", [], [1.0], {})
Path = tuple[Any, ...]


def test_the_allowance_is_what_the_calls_so_far_still_allow():
    assert Budget(ceiling=0.03, calls=1000, abandoned=12).allowance == 18
    assert Budget(ceiling=0.03, calls=100, abandoned=5).allowance == -2


@cache
def policy_saved() -> str:
    """Of 600 lines 120 are answered by persons and 40 by machines that are found; one in forty is abandoned."""
    policy = Predictive()
    for number in range(600):
        call, agent, at = f"call-{number}", f"agent-{number}", number * 20.0
        policy.decide(at, FLOOR)
        policy.observe(Dialled(call, at))
        if number % 5:
            policy.observe(Machine(call, at + 9) if number % 15 == 1 else Failed(call, at + 15))
            continue
        policy.observe(PickedUp(call, at + 8))
        policy.observe(Human(call, at + 9))
        if number % 40 == 0:
            policy.observe(Abandoned(call, at + 11))
            continue
        policy.observe(Connected(call, agent, at + 9))
        policy.observe(CallEnded(call, agent, at + 40 + number % 80))
        policy.observe(Disposed(call, number % 50 != 0, at + 41 + number % 80))
        policy.observe(AgentFree(agent, at + 50 + number % 80))
    return json.dumps(policy.state())


@cache
def leads_saved() -> str:
    leads = LeadChances()
    for number in range(300):
        leads.learn((f"area {number % 7}", "good" if number % 2 else "bad"), number % 4 == 1)
    return json.dumps(leads.state())


def places(state: Any, at: Path = ()) -> list[Path]:
    """Every value in it, from the whole to the leaves."""
    inner = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    return [at, *(place for key, value in inner for place in places(value, (*at, key)))]


def damaged(saved: str, place: Path, damage: Any) -> Any:
    state = json.loads(saved)
    if not place:
        return damage
    part = state
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = damage
    return state


def leaves(state: Any) -> list[Any]:
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, list) else None
    return [state] if inner is None else [leaf for value in inner for leaf in leaves(value)]


def in_range(state: Any) -> bool:
    return all(isfinite(leaf) and abs(leaf) <= 1e10 for leaf in leaves(state) if not isinstance(leaf, str))


PLACES_OF_POLICY, PLACES_OF_LEADS = places(json.loads(policy_saved())), places(json.loads(leads_saved()))
LEVEL = ("lines", "level")


@given(st.sampled_from(PLACES_OF_POLICY), st.sampled_from(DAMAGE), st.booleans())
@example((*LEVEL, "expected"), -4, False)
@example((*LEVEL, "seen"), -10, False)
@example(LEVEL, {"seen": 0, "expected": 1e6}, False)
@example((), None, False)
@example((), [], True)
def test_a_policy_with_one_thing_damaged_is_refused_or_dials_as_one_may(place, damage, another):
    state = damaged(policy_saved(), place, damage)
    try:
        policy = Predictive.restored(state, another=another)
    except ForeignState:
        return
    for second in range(3):
        decision = policy.decide(float(second), FLOOR)
        assert 0 <= ANSWERED * decision.dial <= 10 + RISKED * 40, decision.reason  # 10 agents, 40 calls left
        for number in range(5):
            policy.observe(Dialled(f"{second}-{number}", second + 0.5))
    expected = policy.expected(3.0)
    assert (expected >= 0).all()
    assert expected.sum() <= 3 * 15
    assert in_range(policy.state())
    Predictive.restored(json.loads(json.dumps(policy.state(), allow_nan=False)))


@given(st.sampled_from(PLACES_OF_LEADS), st.sampled_from(DAMAGE), st.booleans())
@example((), None, False)
@example(("features", "", 0), 1e300, False)
def test_chances_of_leads_with_one_thing_damaged_are_refused_or_chances(place, damage, another):
    state = damaged(leads_saved(), place, damage)
    try:
        leads = LeadChances.restored(state, another=another)
    except ForeignState:
        return
    rows = [("area 1", "good"), ("bad",), ()]
    for row in rows:
        leads.learn(row, True)
    assert all(0 < chance < 1 for chance in (*leads.chances(rows), *leads.ranking(rows), leads.usual))
    assert in_range(leads.state())


@pytest.mark.parametrize("damage", [None, -1, 1e300, "x", [1.0]])
def test_no_sum_of_what_was_seen_is_taken_damaged(damage):
    """Of those from which it is learned when lines answer and agents become free."""
    sums = [place for place in PLACES_OF_POLICY if {"parts", "left", "humans", "machines", "delays"} & set(place[:-1])]
    assert len(sums) > 500
    for place in sums[::7]:
        with pytest.raises(ForeignState, match="damaged"):
            Predictive.restored(damaged(policy_saved(), place, damage))


def test_where_nobody_answers_at_all_there_is_still_a_decision(monkeypatch):
    policy = Predictive.restored(json.loads(policy_saved()))
    policy.decide(0.0, FLOOR)
    monkeypatch.setattr(Lines, "answer_chance", 0.0)
    assert 0 <= policy.decide(1.0, FLOOR).dial <= FLOOR.max_dials
