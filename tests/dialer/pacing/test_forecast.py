import pytest

from dialer.pacing.events import Abandoned, AgentFree, AgentGone, CallEnded, Connected, Dialled, Failed, Machine
from dialer.pacing.forecast import HORIZON, Forecast
from dialer.pacing.policy import Line


def see(forecast: Forecast, *events: object) -> None:
    for event in events:
        forecast.observe(event)


@pytest.fixture
def taught() -> Forecast:
    """500 calls: 100 persons pick up at 5.5 s and talk 20 s, 100 machines at 15.5 s and hold an agent 3.5 s."""
    forecast = Forecast()
    for number in range(500):
        call, agent, at = f"call-{number}", f"agent-{number}", number * 100.0
        see(forecast, Dialled(call, at))
        if number % 5 == 0:
            see(forecast, Connected(call, agent, at + 5.5), CallEnded(call, agent, at + 25.5))
            see(forecast, AgentFree(agent, at + 30.5))
        elif number % 5 == 1:
            see(
                forecast, Connected(call, agent, at + 15.5), Machine(call, at + 19.0), CallEnded(call, agent, at + 19.0)
            )
            see(forecast, AgentFree(agent, at + 19.0))
        else:
            see(forecast, Failed(call, at + 20.0 + number % 5))
    forecast.settle(50_100.0)
    return forecast


def test_answer_rate_of_a_new_line(taught, floor):
    assert taught.outlook(floor()).line_answer == pytest.approx(0.4, abs=0.03)
    assert taught.answers == 200


def test_half_of_the_answers_are_machines(taught):
    assert taught.machines == pytest.approx(0.5, abs=0.03)


def test_only_machines_answer_late_and_give_the_agent_back_at_once(taught, floor):
    """Of the calls still ringing at 10 s one in four is a machine; its agent is free again three seconds later."""
    outlook = taught.outlook(floor(in_flight=(Line("late", 10.0),)))
    assert sum(outlook.answers[:8]) == pytest.approx(0.25, abs=0.04)
    assert sum(outlook.freed[:12]) == pytest.approx(0.25, abs=0.04)


def test_persons_answer_early_and_hold_the_agent(taught, floor):
    outlook = taught.outlook(floor(in_flight=(Line("early", 4.0),)))
    assert sum(outlook.answers[:4]) == pytest.approx(0.2, abs=0.03)
    assert sum(outlook.freed[:10]) < 0.03


def test_agents_due_depend_on_the_time_they_talked(taught, floor):
    begun, long_on_call = (taught.outlook(floor(talking=(seconds,))).freed for seconds in (8.0, 18.0))
    assert sum(begun[:10]) < 0.1
    assert sum(long_on_call[:10]) > 0.6


def test_agents_in_wrap_up_are_due_first(taught, floor):
    outlook = taught.outlook(floor(wrapping=(4.0,)))
    assert sum(outlook.freed[:5]) > 0.6


def test_an_agent_who_takes_a_call_has_ended_the_last_one(taught, floor):
    """Nobody told of the end: it still counts, so talk is not learned to be longer than it is."""
    for number in range(400):
        see(taught, Connected(f"unseen-{number}", "agent", 50_200.0 + 8.0 * number))
    taught.settle(60_000.0)
    assert sum(taught.outlook(floor(talking=(6.0,))).freed[:10]) > 0.6


def test_abandoned_call_counts_as_an_answer(floor):
    forecast = Forecast()
    see(forecast, Dialled("call", 0.0), Abandoned("call", 8.0))
    assert forecast.answers == 1


def test_agents_who_go_after_a_call_are_not_counted_on(taught, floor):
    before = sum(taught.outlook(floor(talking=(18.0,))).freed)
    for number in range(30):
        see(taught, Connected("unseen", f"agent-{number}", 50_200.0), AgentGone(f"agent-{number}", 50_205.0))
    taught.settle(50_300.0)
    assert sum(taught.outlook(floor(talking=(18.0,))).freed) < 0.85 * before


def test_nothing_is_expected_of_an_overdue_line(taught, floor):
    outlook = taught.outlook(floor(in_flight=(Line("lost callback", 40.0),), ring_seconds=25.0))
    assert outlook.answers == [0.0] * HORIZON


def test_events_of_calls_and_agents_never_seen_teach_nothing(floor):
    forecast, untouched = Forecast(), Forecast()
    see(forecast, Machine("call", 1.0), Failed("call", 2.0), Abandoned("call", 3.0))
    see(forecast, CallEnded("call", "agent", 4.0), AgentFree("agent", 5.0), AgentGone("agent", 6.0))
    forecast.settle(10.0)
    assert forecast.outlook(floor()) == untouched.outlook(floor())
    assert forecast.answers == 0


def test_machine_told_twice_counts_once(taught, floor):
    before = taught.outlook(floor(in_flight=(Line("early", 4.0),)))
    see(taught, Dialled("call", 50_200.0), Connected("call", "agent", 50_205.5))
    for _ in range(100):
        see(taught, Machine("call", 50_209.0))
    taught.settle(50_220.0)
    after = taught.outlook(floor(in_flight=(Line("early", 4.0),)))
    assert sum(after.freed[:10]) == pytest.approx(sum(before.freed[:10]), abs=0.02)


def test_learning_goes_on_by_a_clock_set_back(taught, floor):
    """Only the call that saw the jump is misdated."""
    see(taught, Dialled("jump", 50_200.0), Failed("jump", 20.0))
    for number in range(500):
        call, at = f"new-{number}", number * 10.0
        see(taught, Dialled(call, at), Abandoned(call, at + 3.5) if number % 2 else Failed(call, at + 25.0))
    taught.settle(6000.0)
    outlook = taught.outlook(floor())
    assert outlook.line_answer == pytest.approx(0.46, abs=0.04)
    assert max(outlook.line_answers) == outlook.line_answers[3]
