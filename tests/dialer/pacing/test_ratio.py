"""So many lines for each agent, within what may be abandoned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.events import AgentFree, AgentGone, CallEnded, Connected, Dialled, Human
from dialer.pacing.policy import Budget, Floor
from dialer.pacing.progressive import Progressive
from dialer.pacing.ratio import LONGEST_TALK_SECONDS, Ratio
from dialer.simulation.scenario import Scenario, Team
from dialer.simulation.world import World

ROOM = Budget(0.03, 5000, 50)  # 100 calls
counts = st.integers(0, 400)
budgets = st.builds(Budget, st.floats(0.001, 0.05), st.integers(0, 10_000), st.integers(0, 500), st.booleans())


def floor(free_agents: int = 0, in_flight: int = 0, max_dials: int = 1000, budgets=(ROOM,)) -> Floor:
    return Floor(free_agents, in_flight, max_dials, tuple(budgets))


def talking(policy: Ratio, agents: int, at: float = 0.0) -> Ratio:
    for number in range(agents):
        policy.observe(Connected(f"call-{number}", f"agent-{number}", at))
    return policy


@pytest.mark.parametrize(
    ("ratio", "talks", "free", "in_flight", "dial"),
    [
        (2.0, 0, 3, 0, 6),
        (2.0, 0, 3, 5, 1),
        (2.0, 1, 2, 3, 2),  # the talk is one of six lines
        (1.0, 4, 0, 0, 0),
        (1.8, 10, 0, 0, 8),
        (1.5, 0, 1, 0, 1),  # never more than the ratio says
        (1.15, 0, 20, 0, 23),
        (3.0, 0, 1, 9, 0),
    ],
)
def test_lines_are_a_multiple_of_the_agents_ready_or_talking(ratio, talks, free, in_flight, dial):
    decision = talking(Ratio(ratio), talks).decide(1.0, floor(free, in_flight))
    assert (decision.dial, decision.reserve) == (dial, False)


def test_the_reason_names_the_figures():
    decision = talking(Ratio(1.8), 9).decide(1.0, floor(1, 2))
    assert decision.reason == (
        "1.8 lines for each agent: 1 free, 9 talking, 2 in flight, 100.0 abandoned calls left: dial 7"
    )


def test_who_wraps_up_or_left_has_no_lines():
    policy = talking(Ratio(2.0), 4)
    policy.observe(CallEnded("call-0", "agent-0", 5.0))
    policy.observe(AgentGone("agent-1", 5.0))
    policy.observe(AgentFree("agent-2", 5.0))
    policy.observe(Dialled("call-9", 5.0))
    policy.observe(Human("call-9", 6.0))
    assert "0 free, 1 talking" in policy.decide(6.0, floor()).reason


@pytest.mark.parametrize("worst", [Budget(0.03, 100, 3), Budget(0.03, 0, 0), Budget(0.03, 1000, 100, of_dials=True)])
def test_one_to_one_while_any_budget_is_used_up(worst):
    for given_budgets in ((ROOM, worst), (worst, ROOM)):
        decision = Ratio(3.0).decide(0.0, floor(5, 2, budgets=given_budgets))
        assert (decision.dial, decision.reserve) == (3, True)
        assert decision.reason.startswith("one to one until the drop-rate budget has room")
        assert f"{worst.allowance:.1f} abandoned calls left: 5 free, 2 in flight" in decision.reason


def test_one_to_one_where_nobody_says_what_may_be_abandoned():
    assert Ratio(3.0).decide(0.0, floor(5, budgets=())).reserve


def test_lines_beyond_the_free_agents_are_as_many_as_may_be_abandoned():
    decision = talking(Ratio(3.0), 9).decide(1.0, floor(1, 2, budgets=(Budget(0.03, 200, 2.5),)))
    assert (decision.dial, decision.reserve) == (2, False)
    assert decision.reason.endswith("3.5 abandoned calls left: dial 2, more could be abandoned than may be")


@given(st.floats(1, 10), counts, counts, counts, st.integers(0, 60), st.lists(budgets, max_size=3))
def test_no_limit_is_passed(ratio, talks, free, in_flight, max_dials, given_budgets):
    decision = talking(Ratio(ratio), talks).decide(1.0, floor(free, in_flight, max_dials, given_budgets))
    assert 0 <= decision.dial <= max_dials
    if decision.dial == 0:
        return
    lines = decision.dial + in_flight
    if decision.reserve:
        assert lines <= free
    else:
        left = min(budget.allowance for budget in given_budgets)
        assert left >= 1
        assert lines + talks <= ratio * (free + talks) + 1e-6
        assert lines - free <= left, "if all are answered now, the budget holds"


@pytest.mark.parametrize("ratio", [0.99, 10.01, -1.0, float("nan"), float("inf")])
def test_a_ratio_that_makes_no_sense_is_refused(ratio):
    with pytest.raises(ValueError, match="give 1 to 10 lines for each agent"):
        Ratio(ratio)


def test_a_talk_that_is_told_late_or_never_ends_does_not_count():
    policy = Ratio(2.0)
    policy.observe(AgentFree("ann", 50.0))
    policy.observe(Connected("a", "ann", 20.0))
    assert policy.decide(51.0, floor()).dial == 0
    policy.observe(Connected("b", "ann", 60.0))
    assert policy.decide(61.0, floor()).dial == 1
    assert policy.decide(61.0 + LONGEST_TALK_SECONDS, floor()).dial == 0


def test_a_clock_that_is_set_back_leaves_only_what_is_seen():
    policy = talking(Ratio(2.0), 4, at=100.0)
    assert policy.decide(101.0, floor()).dial == 4
    assert policy.decide(100.8, floor()).dial == 4, "a hair is no new clock"
    assert policy.decide(5.0, floor(1)).dial == 2
    assert talking(policy, 1, at=6.0).decide(7.0, floor()).dial == 1


def test_nothing_is_learned():
    assert talking(Ratio(2.0), 4).state() == {"format": "ratio-1"}


@pytest.mark.parametrize("ratio", [1.5, 6.0])
def test_a_day_keeps_the_budget_and_agents_busier_than_one_to_one(ratio):
    def day(policy):
        return World(Scenario(team=Team(agents=10, days=1, hours=4)), policy, seed=1).run()

    ours, usual = day(Ratio(ratio)), day(Progressive())
    assert ours.utilisation > 1.2 * usual.utilisation
    assert ours.drop_rate < 0.035


def test_a_talk_whose_end_was_not_told_is_none_where_nobody_is_busy():
    policy = talking(Ratio(3.0), 5)
    decision = policy.decide(10.0, Floor(5, 0, 1000, (ROOM,), busy_agents=0))
    assert decision.dial == 15
