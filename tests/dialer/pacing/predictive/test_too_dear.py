"""A price so high that no line is worth it: what goes on all the same."""

import json
import re
from typing import Any

import pytest

from dialer.pacing.events import AgentFree, CallEnded, Connected, Dialled, Disposed, Failed
from dialer.pacing.policy import Budget, Decision, Floor
from dialer.pacing.predictive import LEARNING_CALLS, Predictive

ROOMY = Budget(0.03, 1000, 10)
NARROW = Budget(0.03, LEARNING_CALLS, 0)  # 1.2 abandoned calls are left once learning ends


def floor(**values: Any) -> Floor:
    usual: dict[str, Any] = {"free_agents": 1, "in_flight": 0, "max_dials": 30, "budgets": (NARROW,), "busy_agents": 0}
    return Floor(**(usual | values))


@pytest.fixture(scope="module")
def alone() -> Any:
    """What one agent has taught who is dialled one to one; one in five answers."""
    policy, now, number, served = Predictive(), 0.0, 0, 0
    policy.observe(AgentFree("anna", now))
    while served <= LEARNING_CALLS:
        call = f"call-{number}"
        assert policy.decide(now, floor(busy_agents=None, budgets=())).dial == 1
        policy.observe(Dialled(call, now))
        number += 1
        if number % 5:
            now += 25.0
            policy.observe(Failed(call, now))
            continue
        served += 1
        policy.observe(Connected(call, "anna", now + 10.0))
        policy.observe(CallEnded(call, "anna", now + 70.0))
        policy.observe(Disposed(call, True, now + 75.0))
        now += 80.0
        policy.observe(AgentFree("anna", now))
    policy.decide(now + 100.0, floor())
    return json.loads(json.dumps(policy.state()))


@pytest.fixture
def policy(alone) -> Predictive:
    return Predictive.restored(alone)


def price(decision: Decision) -> float:
    found = re.search(r"one is worth (\d+) s", decision.reason)
    assert found
    return float(found[1])


@pytest.mark.parametrize("agents", [1, 2, 3])
def test_free_agents_with_nothing_in_flight_are_dialled_for_one_to_one(policy, agents):
    """Or a lone agent would wait for ever: without answers no budget grows, and no price falls."""
    decision = policy.decide(10_000.0, floor(free_agents=agents))
    assert decision.dial >= 1
    assert price(decision) > 1000
    if decision.reserve:
        assert decision.reason.startswith("no risk is taken")
        assert decision.dial == agents


def test_the_only_agent_is_held_for_the_line(policy):
    decision = policy.decide(10_000.0, floor())
    assert (decision.dial, decision.reserve) == (1, True)
    policy.observe(Dialled("line", 10_000.0))
    assert policy.decide(10_001.0, floor(in_flight=1, reserved=1)).dial == 0


def test_nobody_is_dialled_beyond_the_limit_or_at_the_end_all_the_same(policy):
    assert policy.decide(10_000.0, floor(max_dials=0)).dial == 0
    assert policy.decide(10_001.0, floor(closes_in=5.0)).dial == 0


def test_campaigns_that_share_agents_go_on_by_one_line_at_a_time(policy):
    """They count on the agents who are free: more lines with an agent each would cost them calls."""
    others = [1.0] * 14
    decision = policy.decide(10_000.0, floor(free_agents=6, budgets=(ROOMY,), others=others))
    assert (decision.dial, decision.reserve) == (1, True)
    assert policy.decide(10_001.0, floor(free_agents=6, in_flight=1, reserved=1, others=others)).dial == 0


def test_after_a_restart_the_price_is_that_of_all_agents_at_once(policy):
    """Of those who talk it has heard nothing yet."""
    told = price(policy.decide(10_000.0, floor(free_agents=3, busy_agents=9, budgets=(ROOMY,))))
    assert told == price(policy.decide(10_001.0, floor(free_agents=12, busy_agents=0, budgets=(ROOMY,))))
    assert told > price(policy.decide(10_002.0, floor(free_agents=3, busy_agents=0, budgets=(ROOMY,))))
