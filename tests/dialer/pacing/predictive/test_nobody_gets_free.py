"""The clients' system hangs and no wrap-up ends: those who are overdue are not dialled for until one does."""

import json
from typing import Any

import pytest

from dialer.pacing.events import AgentFree, AgentGone, CallEnded, Connected, Dialled, Disposed, Failed
from dialer.pacing.policy import Budget, Decision, Floor
from dialer.pacing.predictive import LEARNING_CALLS, Predictive

TEAM = 20
HANGING = 30.0  # seconds, three times a wrap-up
ROOMY = Budget(0.03, 10_000, 100)


@pytest.fixture(scope="module")
def learned() -> Any:
    """One in four answers after 10 s, talks for a minute and is wrapped up in 5 to 15 s."""
    policy, events = Predictive(), []
    for number in range(6 * LEARNING_CALLS):
        call, agent, at = f"call-{number}", f"agent-{number}", 2.0 * number
        events.append(Dialled(call, at))
        if number % 4:
            events.append(Failed(call, at + 25.0))
            continue
        events += [Connected(call, agent, at + 10.0), CallEnded(call, agent, at + 70.0)]
        events += [Disposed(call, True, at + 75.0), AgentFree(agent, at + 75.0 + number % 11)]
    for event in sorted(events, key=lambda event: event.at):
        policy.observe(event)
        policy.decide(event.at, Floor(free_agents=1, in_flight=0, max_dials=0, budgets=(ROOMY,)))
    return json.loads(json.dumps(policy.state()))


def wrapping_up(learned: Any) -> Predictive:
    """All the team, from second 1000 on."""
    policy = Predictive.restored(learned)
    for number in range(TEAM):
        policy.observe(Connected(f"last-{number}", f"anna-{number}", 940.0))
        policy.observe(CallEnded(f"last-{number}", f"anna-{number}", 1000.0))
    return policy


def decided(policy: Predictive, since: float, until: float, free: int = 0) -> Decision:
    """Once a second; the last one. Nothing is dialled."""
    busy = TEAM - free
    for second in range(int(until - since) + 1):
        asked = Floor(free_agents=free, in_flight=0, max_dials=100, budgets=(ROOMY,), busy_agents=busy)
        decision = policy.decide(since + second, asked)
    return decision


def test_who_is_overdue_is_dialled_for_at_first_and_not_when_nobody_gets_free(learned):
    policy = wrapping_up(learned)
    assert decided(policy, 1000.0, 1000.0).dial > TEAM / 2
    decision = decided(policy, 1001.0, 1000.0 + HANGING)
    assert decision.dial == 0
    assert "0 free, 0 more within 28 s" in decision.reason
    assert decision.reason.endswith("no wrap-up ends: nobody is expected until one does")


@pytest.mark.parametrize("end", [AgentFree, AgentGone])
def test_one_who_gets_free_or_goes_says_that_wrap_ups_end(learned, end):
    policy, now = wrapping_up(learned), 1000.0 + HANGING
    decided(policy, 1000.0, now)
    policy.observe(end("anna-0", now))
    decision = decided(policy, now + 1.0, now + 1.0)
    assert decision.dial > 0
    assert "no wrap-up ends" not in decision.reason


def test_the_free_are_dialled_for_all_the_while(learned):
    policy = wrapping_up(learned)
    assert decided(policy, 1000.0, 1000.0 + HANGING, free=2).dial >= 2
