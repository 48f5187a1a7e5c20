import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer.pacing.events import Abandoned, AgentFree, CallEnded, Connected, Dialled, Failed
from dialer.pacing.policy import Line
from dialer.pacing.predictive import LEARNING_ANSWERS, Predictive
from dialer.pacing.progressive import Progressive

CEILING = 0.03


@pytest.fixture(scope="module")
def taught():
    """Of 600 calls 120 are answered after 8 s; talk lasts 20 to 99 s, wrap-up 10 s."""
    policy = Predictive()
    for number in range(600):
        call, agent, at = f"call-{number}", f"agent-{number}", number * 200.0
        policy.observe(Dialled(call, at))
        if number % 5:
            policy.observe(Failed(call, at + 25.0))
        else:
            talked = at + 8 + 20 + number % 80
            policy.observe(Connected(call, agent, at + 8.0))
            policy.observe(CallEnded(call, agent, talked))
            policy.observe(AgentFree(agent, talked + 10))
    return policy


NOW = 120_000.0


def lines(count: int, age: float = 5.0) -> tuple[Line, ...]:
    return tuple(Line(f"line-{number}", age) for number in range(count))


def test_one_to_one_until_enough_answers_are_seen(floor):
    decision = Predictive().decide(0.0, floor(free_agents=10, in_flight=lines(3)))
    assert (decision.dial, decision.reserve) == (7, True)
    assert decision.reason == f"learning, 0 of {LEARNING_ANSWERS} answers seen: 10 free, 3 in flight: dial 7"


def test_dials_more_lines_than_agents_once_taught(taught, floor):
    decision = taught.decide(NOW, floor(free_agents=10))
    assert decision.dial > 15
    assert not decision.reserve
    assert decision.reason.startswith("10 free, ")
    assert decision.reason.endswith(f"10.0 abandoned calls left: dial {decision.dial}")


def test_dials_ahead_of_agents_in_wrap_up(taught, floor):
    assert taught.decide(NOW, floor(free_agents=0, wrapping=(8.0,) * 10)).dial > 0


def test_lines_in_flight_count(taught, floor):
    fewer, more = (taught.decide(NOW, floor(in_flight=lines(count))).dial for count in (10, 30))
    assert more < fewer


@pytest.mark.parametrize("allowance", [0.9, 0.0, -5.0])
def test_one_to_one_while_the_budget_is_used_up(taught, floor, allowance):
    decision = taught.decide(NOW, floor(free_agents=10, in_flight=lines(4), allowance=allowance))
    assert (decision.dial, decision.reserve) == (6, True)
    assert decision.reason.startswith("drop-rate budget used up, ")


def test_dials_ahead_again_when_the_budget_has_recovered(taught, floor):
    assert not taught.decide(NOW, floor(allowance=1.0)).reserve


def test_stricter_budget_dials_less(taught, floor):
    poor, rich = (taught.decide(NOW, floor(allowance=allowance)).dial for allowance in (1.0, 10.0))
    assert poor < rich


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    free=st.integers(0, 40),
    ringing=st.lists(st.floats(0, 700), max_size=60),
    busy=st.lists(st.floats(0, 5000), max_size=40),
    wrapping=st.lists(st.floats(0, 5000), max_size=20),
    max_dials=st.integers(0, 40),
    allowance=st.floats(-20, 50),
)
def test_limits_hold_on_any_floor(taught, floor, free, ringing, busy, wrapping, max_dials, allowance):
    """Never more than may start now, never fewer than one to one, and never more than that with agents reserved."""
    in_flight = tuple(Line(f"line-{number}", age) for number, age in enumerate(ringing))
    values = {"free_agents": free, "talking": tuple(busy), "wrapping": tuple(wrapping), "in_flight": in_flight}
    decision = taught.decide(NOW, floor(**values, max_dials=max_dials, allowance=allowance))
    one_to_one = max(0, min(free - len(in_flight), max_dials))
    assert one_to_one <= decision.dial <= max_dials
    assert decision.reserve == (allowance < 1)
    assert not decision.reserve or decision.dial == one_to_one
    assert decision.give_up == ()


def test_reason_says_when_the_limit_binds(taught, floor):
    decision = taught.decide(NOW, floor(max_dials=3))
    assert decision.dial == 3
    assert decision.reason.endswith("dial 3, as many as may start now")


def test_overdue_lines_do_not_stop_dialling(taught, floor):
    """Fifty calls whose callbacks were lost ask for nobody any more."""
    assert taught.decide(NOW, floor(in_flight=lines(50, age=500.0))).dial > 0


def test_clock_set_back_neither_bursts_nor_stops_the_learning(world, floor):
    policy = Predictive()
    now = world(policy, agents=10, seed=3).run(answers=60).now
    before = policy.decide(now, floor()).dial
    for number in range(100):
        policy.observe(Dialled(f"later-{number}", now - 1000.0))
        policy.observe(Abandoned(f"later-{number}", now - 995.0))
    assert 0 < policy.decide(now - 990.0, floor()).dial < before


def test_same_events_same_decisions(world):
    first, second = (world(Predictive(), agents=5, seed=4).run(answers=80) for _ in range(2))
    assert (first.dials, first.abandoned, first.now) == (second.dials, second.abandoned, second.now)


@pytest.mark.parametrize(("agents", "gain", "answers"), [(10, 1.15, 700), (25, 1.25, 1000)])
def test_agents_talk_more_and_the_drop_rate_stays_under_its_ceiling(world, agents, gain, answers):
    predictive = world(Predictive(), agents=agents, seed=1).run(answers=answers)
    progressive = world(Progressive(), agents=agents, seed=1).run(answers=500)
    assert predictive.drop_rate <= CEILING
    assert predictive.utilisation > gain * progressive.utilisation


def test_calls_per_second_are_kept(world):
    run = world(Predictive(), agents=25, seed=2, max_dials=6).run(answers=200)
    assert run.most_dialled == 6
