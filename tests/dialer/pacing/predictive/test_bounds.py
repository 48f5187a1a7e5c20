"""What holds predictive pacing back besides the price, and teaches that nothing: the day's end, a dead route."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dialer.pacing.budget import Price
from dialer.pacing.events import AgentFree, CallEnded, Connected, Dialled, Disposed, Event, Failed
from dialer.pacing.policy import Budget, Decision, Floor, ForeignState, Policy
from dialer.pacing.predictive import CLOSING_SECONDS, REMINDED_CALLS, Predictive
from dialer.pacing.progressive import CLOSED_SECONDS, Progressive
from dialer.pacing.ratio import Ratio

SECONDS = 3000.0  # of a campaign with a call every two
USUAL = 0.25  # of its calls are answered
ROOMY, SMALL, LARGE = Budget(0.03, 1000, 10), Budget(0.03, 1000, 27), Budget(0.03, 100_000, 10)
USED_UP = Budget(0.03, 1000, 30)
LINES_A_SECOND = 8  # on a dead route
SILENT = 200  # calls in a row that nobody answers


def campaign() -> list[Event]:
    rng = np.random.default_rng(3)
    events: list[Event] = []
    for number, at in enumerate(np.arange(0.0, SECONDS, 2.0)):
        call, agent, answered = f"call-{number}", f"agent-{number}", at + rng.uniform(4, 14)
        events.append(Dialled(call, at))
        if rng.random() >= USUAL:
            events.append(Failed(call, at + 25.0))
            continue
        ended = answered + rng.uniform(20, 80)
        events += [Connected(call, agent, answered), CallEnded(call, agent, ended)]
        events += [Disposed(call, True, ended), AgentFree(agent, ended + 10)]
    return sorted(events, key=lambda event: event.at)


def played() -> tuple[Predictive, float]:
    """After the campaign, and when its last call has ended."""
    policy, tick = Predictive(), 0.0
    for event in campaign():
        while event.at >= tick:
            policy.decide(tick, floor())
            tick += 10.0
        policy.observe(event)
    return policy, tick


def taught() -> tuple[Predictive, float]:
    """With a price that knows nothing yet."""
    policy, now = played()
    return Predictive.restored({**policy.state(), "price": Price().state()}), now


def price(decision: Decision) -> float:
    """In seconds, as the operator reads it."""
    found = re.search(r"one is worth (\d+) s", decision.reason)
    assert found
    return float(found[1])


def floor(**values: Any) -> Floor:
    usual: dict[str, Any] = {"free_agents": 10, "in_flight": 0, "max_dials": 1000, "budgets": (ROOMY,)}
    return Floor(**(usual | values))


def dialled(policy: Predictive, now: float, **values: Any) -> Decision:
    decision = policy.decide(now, floor(**values))
    for number in range(decision.dial):
        policy.observe(Dialled(f"line-{now}-{number}", now))
    return decision


def learned_by(now: float, policy: Predictive, **values: Any) -> float:
    """The log of the price over what it was, by lines that are dialled."""
    assert dialled(policy, now, **values).dial > 0
    learned: float = policy.state()["price"]["learned"]  # nothing before
    return learned


def test_lines_dialled_shortly_before_the_end_teach_the_price_nothing():
    """It is several times the usual one then, so less is lost by them than is allowed: that would make it cheaper."""
    for seconds in (CLOSING_SECONDS - 1, CLOSED_SECONDS + 1):
        policy, now = taught()
        assert learned_by(now, policy, closes_in=seconds) == 0.0
    policy, now = taught()
    assert learned_by(now, policy, closes_in=CLOSING_SECONDS + 1) != 0.0


def test_lines_held_back_while_few_answer_teach_the_price_nothing(monkeypatch: pytest.MonkeyPatch):
    """The bound on what all might lose, were they to answer as usual again, is no choice of the price."""

    def where_few_answer(budget: Budget) -> float:
        policy, now = taught()
        for number in range(SILENT):
            policy.observe(Dialled(f"silent-{number}", now + number))
            policy.observe(Failed(f"silent-{number}", now + number + 25.0))
        policy.decide(now + SILENT + 25.0, floor(max_dials=0))
        return learned_by(now + SILENT + 26.0, policy, budgets=(budget,), free_agents=2)

    assert where_few_answer(SMALL) == where_few_answer(LARGE) == 0.0
    monkeypatch.setattr("dialer.pacing.predictive.AT_ONCE", 1000.0)
    assert where_few_answer(SMALL) == 0.0
    assert where_few_answer(LARGE) != 0.0


def test_what_the_budget_has_left_is_spent_by_the_end_of_the_day():
    """What may be abandoned until then is known by how many have answered lately; after a restart not at once."""
    policy, now = played()
    usual = price(policy.decide(now, floor()))
    assert price(policy.decide(now, floor(closes_in=600.0))) < 0.6 * usual
    assert price(policy.decide(now, floor(closes_in=600_000.0))) == usual
    cheaper = policy.decide(now, floor(closes_in=600.0))
    assert policy.decide(now, floor(day_ends_in=600.0)) == cheaper
    assert policy.decide(now, floor(closes_in=600.0, day_ends_in=900.0)) == cheaper
    restarted = Predictive.restored(policy.state())
    assert price(restarted.decide(now, floor(closes_in=600.0))) == price(restarted.decide(now, floor()))


def back_after(dead_calls: int) -> tuple[int, int]:
    """Lines for ten agents before twenty calls a second that nobody answers, and soon after people answer again."""
    policy, now = played()
    asked = {"budgets": (LARGE,), "busy_agents": 0}
    before = policy.decide(now, floor(**asked)).dial
    for number in range(dead_calls):
        at = now + number / 20
        policy.observe(Dialled(f"silent-{number}", at))
        policy.observe(Failed(f"silent-{number}", at + 25.0))
        if number % 100 == 99:
            policy.decide(at + 25.0, floor(max_dials=0))
    now += dead_calls / 20 + 26.0
    for number in range(150):
        call, at = f"back-{number}", now + number
        policy.observe(Dialled(call, at))
        policy.observe(Connected(call, f"agent-{number}", at + 8) if number % 4 == 0 else Failed(call, at + 8))
        policy.decide(at + 8, floor(max_dials=0))
    return before, policy.decide(now + 160.0, floor(**asked)).dial


@pytest.mark.parametrize("dead_calls", [4_000, 30_000])
def test_a_dead_route_that_comes_back_is_taken_to_be_back_at_once(dead_calls: int):
    """A chance learned while it was dead would be far below what answers by then."""
    before, back = back_after(dead_calls)
    assert 0.5 * before < back < 1.6 * before


def test_a_route_that_was_dead_for_long_is_back_when_many_more_answer_than_was_learned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dialer.pacing.predictive.AT_ONCE", 1000.0)  # which alone would hold back what is shown here
    _, back = back_after(30_000)
    monkeypatch.setattr("dialer.pacing.predictive.RETURNING", float("inf"))
    _, as_dead = back_after(30_000)
    assert as_dead > 1.2 * back


def test_a_dead_route_hardly_changes_what_was_learned_of_the_list(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dialer.pacing.predictive.AT_ONCE", 1000.0)
    before, back = back_after(4_000)
    monkeypatch.setattr("dialer.pacing.predictive.TAUGHT", 1.0)
    monkeypatch.setattr("dialer.pacing.predictive.RETURNING", float("inf"))
    _, forgotten = back_after(4_000)
    assert back < 1.2 * before
    assert forgotten > 1.4 * before


@pytest.mark.parametrize("calls", [1_000, 100_000])
def test_on_a_dead_route_no_more_lines_are_in_flight_than_a_few_agents_could_take_were_it_back(calls: int):
    """However much of the budget is left: half of a large one is hundreds of calls."""
    policy, now = played()
    usual = len(held(policy, now, seconds=30, calls=calls))
    dead = held(policy, now + 30, seconds=600, calls=calls)
    assert len(dead) <= max(40, 2 * usual)
    asked = {"free_agents": 5, "in_flight": len(dead), "budgets": (Budget(0.03, calls, 0.02 * calls),)}
    bound = "no more while so few answer: all may answer again"
    assert policy.decide(now + 631.0, floor(**asked)).reason.endswith(bound)
    assert bound not in played()[0].decide(now, floor(**asked)).reason


def held(policy: Predictive, now: float, *, seconds: int, calls: int) -> list[str]:
    """The lines in flight in the end; five agents are free, and lines ring for 25 s."""
    ringing: dict[str, float] = {}
    for at in range(seconds):
        for call in [call for call, since in ringing.items() if at - since >= 25]:
            del ringing[call]
            policy.observe(Failed(call, now + at))
        budget = Budget(0.03, calls, 0.02 * calls)
        decision = policy.decide(now + at, floor(free_agents=5, in_flight=len(ringing), budgets=(budget,)))
        for number in range(decision.dial):
            call = f"dead-{now}-{at}-{number}"
            ringing[call] = at
            policy.observe(Dialled(call, now + at))
    return list(ringing)


def after_good_times_and_bad() -> Decision:
    """For ten agents; three in four have answered for a while, and one in eight since."""
    policy, now = played()
    for number in range(500):
        call, at = f"turn-{number}", now + number
        answered = number % 4 > 0 if number < 300 else number % 8 == 0
        policy.observe(Dialled(call, at))
        policy.observe(Connected(call, f"agent-{number}", at + 8) if answered else Failed(call, at + 25))
        policy.decide(at + 25, floor(max_dials=0))
    return policy.decide(now + 530.0, floor(budgets=(LARGE,), busy_agents=0))


def test_good_times_may_come_back_that_were_better_than_the_usual_ones(monkeypatch: pytest.MonkeyPatch):
    """By turns with bad ones, in which most is dialled, they hardly show in the long run."""
    held_back = after_good_times_and_bad()
    assert held_back.reason.endswith("no more while so few answer: all may answer again")
    monkeypatch.setattr("dialer.pacing.predictive.LATELY_SECONDS", 1.0)
    assert after_good_times_and_bad().dial > 2 * held_back.dial


def test_after_a_dead_route_nobody_knows_how_many_answers_are_to_come():
    policy, now = played()
    for number in range(SILENT):
        policy.observe(Dialled(f"silent-{number}", now + number))
        policy.observe(Failed(f"silent-{number}", now + number + 25.0))
        policy.decide(now + number + 25.0, floor(max_dials=0))
    now += SILENT + 26.0
    assert price(policy.decide(now, floor(closes_in=600.0))) == price(policy.decide(now, floor()))


def test_answers_that_others_expect_may_be_told_as_they_forecast_them():
    policy, now = played()
    alone = policy.decide(now, floor()).dial
    others = policy.expected(now) + 1.0
    assert policy.decide(now, floor(others=others)).dial == policy.decide(now, floor(others=tuple(others))).dial < alone


def test_fewer_calls_than_none_cannot_be_dialled():
    policy, now = played()
    assert policy.decide(now, floor(max_dials=-3)).dial == 0


def test_an_agent_who_got_free_untold_is_not_due_again():
    """The floor says how many are busy; those longest at work are taken to be free, not a share of each."""
    policy, now = played()
    for number in range(10):
        policy.observe(Connected(f"long-{number}", f"free-{number}", now - 60))
        policy.observe(CallEnded(f"long-{number}", f"free-{number}", now - 9))
        policy.observe(Connected(f"new-{number}", f"busy-{number}", now))
    untold = policy.decide(now, floor(free_agents=0, busy_agents=10)).dial
    for number in range(10):
        policy.observe(AgentFree(f"free-{number}", now))
    assert untold == policy.decide(now, floor(free_agents=0, busy_agents=10)).dial


@pytest.mark.parametrize("budget", [USED_UP, ROOMY])
@pytest.mark.parametrize("policy", [Progressive, Predictive, lambda: Ratio(2.0)], ids=["one", "learning", "ratio"])
def test_nobody_is_dialled_at_the_end_with_a_reserved_agent_either(policy: Callable[[], Policy], budget: Budget):
    """Who answers after the agents have left meets nobody, however the line was dialled."""
    assert policy().decide(0.0, floor(budgets=(budget,), closes_in=CLOSED_SECONDS - 1)).dial == 0
    assert policy().decide(0.0, floor(budgets=(budget,), closes_in=CLOSED_SECONDS)).dial > 0


def test_a_state_that_has_learned_of_nothing_is_refused():
    """It would dial ahead at once."""
    state = {**Predictive().state(), "learned": True}
    asked = {**state, "lines": {**state["lines"], "answers": REMINDED_CALLS}}
    for contradiction in (state, asked):
        with pytest.raises(ForeignState, match="learned of 0 answers"):
            Predictive.restored(contradiction)
    served = {**asked, "agents": {**state["agents"], "served": REMINDED_CALLS}}
    assert Predictive.restored(served).state()["learned"]


def wanted_after(seconds: int) -> int:
    """Lines for two agents, by a policy whose route has been dead so long."""
    policy, begun = taught()
    for second in range(seconds):
        for line in range(LINES_A_SECOND):
            policy.observe(Dialled(f"silent-{second}-{line}", begun + second))
            policy.observe(Failed(f"silent-{second - 25}-{line}", begun + second))
        if second % 10 == 9:
            policy.decide(begun + second, floor(max_dials=0))
    policy = Predictive.restored(policy.state())  # a restart forgets nothing of it
    return policy.decide(begun + seconds, floor(free_agents=2, max_dials=10_000, budgets=(SMALL,))).dial


def test_a_route_that_is_dead_for_long_is_not_dialled_ever_more():
    """All may answer as usual again, of all lines in flight."""
    assert 0 < wanted_after(2400) <= 1.2 * wanted_after(900) + 1
