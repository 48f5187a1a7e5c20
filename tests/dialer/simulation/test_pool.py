"""Agents take the call that waits longest, and none that is held for another."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from dialer.pacing.events import AgentFree, AgentGone, CallEnded, Connected, Event
from dialer.simulation.agenda import Agenda
from dialer.simulation.pool import Pool
from dialer.simulation.scenario import Team

QUIET = Team(agents=2, hours=1, speed_spread=0, log_in_within_minutes=0, breaks_per_hour=0, meal_minutes=0)


@dataclass
class Caller:
    name: str
    reserved: bool = False
    talks: float = 60.0
    seen: list[object] = field(default_factory=list)

    def connected(self, pace: float, waited: float | None) -> float:
        self.seen.append(("connected", waited))
        return self.talks * pace

    def ended(self, pace: float) -> float:
        self.seen.append("ended")
        return 30.0 * pace


@pytest.fixture
def floor() -> Callable[..., tuple[Pool, Agenda, list[Event]]]:
    def open_(team: Team = QUIET) -> tuple[Pool, Agenda, list[Event]]:
        told: list[Event] = []
        agenda = Agenda()
        pool = Pool(team, agenda, 1, told.append)
        pool.begin_day(0)
        return pool, agenda, told

    return open_


def test_a_free_agent_takes_the_call_and_is_back_after_talk_and_wrap_up(floor):
    pool, agenda, told = floor()
    call = Caller("a")
    agenda.at(10.0, lambda: pool.ask(call))
    agenda.play()
    assert call.seen == [("connected", 10.0), "ended"]
    of_agent = [event for event in told if event.agent == "agent-0"]
    assert of_agent == [
        AgentFree("agent-0", 0.0),
        Connected("a", "agent-0", 10.0),
        CallEnded("a", "agent-0", 70.0),
        AgentFree("agent-0", 100.0),
        AgentGone("agent-0", 3600.0),
    ]
    assert pool.staffed == 7200.0


def test_the_longest_waiting_is_next(floor):
    pool, agenda, _ = floor()
    calls = [Caller(name, talks=talk) for name, talk in (("a", 100.0), ("b", 200.0), ("c", 50.0), ("d", 50.0))]
    for second, call in enumerate(calls):
        agenda.at(1.0 + second, lambda call=call: pool.ask(call))
    agenda.play()
    assert [call.seen[0][1] for call in calls] == [1.0, 2.0, None, None]
    assert [call.name for call in calls if call.seen] == ["a", "b", "c", "d"]


def test_who_gives_up_is_taken_by_nobody(floor):
    pool, agenda, _ = floor()
    calls = [Caller(name) for name in "abc"]
    for call in calls:
        agenda.at(1.0, lambda call=call: pool.ask(call))
    agenda.at(3.0, lambda: pool.give_up(calls[2]))
    agenda.play()
    assert calls[2].seen == []


def test_an_agent_who_is_held_takes_only_the_call_held_for(floor):
    pool, agenda, _ = floor()
    stranger, expected = Caller("a"), Caller("b", reserved=True)
    pool.reserved = 2
    agenda.at(1.0, lambda: pool.ask(stranger))
    agenda.at(2.0, lambda: pool.ask(expected))
    agenda.at(3.0, lambda: pool.give_up(stranger))
    agenda.play()
    assert stranger.seen == []
    assert expected.seen != []


def test_who_leaves_during_a_call_goes_after_it(floor):
    pool, agenda, told = floor()
    long = Caller("a", talks=4000.0)
    agenda.at(10.0, lambda: pool.ask(long))
    agenda.play()
    assert AgentGone("agent-0", 4040.0) in told
    assert pool.busy == 0
