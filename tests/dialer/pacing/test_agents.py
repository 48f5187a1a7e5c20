"""When each agent will be free."""

import json
from heapq import heappop, heappush

import numpy as np
import pytest

from dialer.pacing.agents import Agents
from dialer.pacing.grid import HORIZON, SECONDS, STEP, STEPS

AGENTS = 40
TALK, WRAP_UP = (3.3, 1.0), (2.5, 0.7)  # lognormal: mean of the log, its deviation


class Team:
    """Agents who take the next call two seconds after the last; remembers when they were busy."""

    def __init__(self, seed: int = 1) -> None:
        self.agents = Agents()
        self.now = 0.0
        self.calls: list[tuple[float, float]] = []  # from when until when an agent was busy
        self._taken: dict[str, float] = {}
        self._rng = np.random.default_rng(seed)
        self._heap = [(float(number), "connected", f"agent-{number}") for number in range(AGENTS)]

    def work(self, until: float) -> None:
        while self._heap[0][0] < until:
            at, what, agent = heappop(self._heap)
            if what == "freed":
                self.agents.freed(agent, at)
            else:
                getattr(self.agents, what)(f"call-{at if what == 'connected' else self._taken[agent]}", agent, at)
            if what == "connected":
                self._taken[agent] = at
                heappush(self._heap, (at + self._rng.lognormal(*TALK), "ended", agent))
            elif what == "ended":
                heappush(self._heap, (at + self._rng.lognormal(*WRAP_UP), "freed", agent))
            else:
                self.calls.append((self._taken[agent], at))
                heappush(self._heap, (at + 2.0, "connected", agent))
        self.now = until


@pytest.fixture(scope="module")
def team() -> Team:
    team = Team()
    for at in range(10, 4001, 10):
        team.work(float(at))
        team.agents.settle(team.now)
    return team


def taught() -> Agents:
    """Talk lasts 20 s and wrap-up 10 s, always."""
    agents = Agents()
    for number in range(2000):
        agents.connected(f"call-{number}", "a", 100.0 * number)
        agents.ended(f"call-{number}", "a", 100.0 * number + 20)
        agents.freed("a", 100.0 * number + 30)
    agents.settle(200_000.0)
    return agents


def due_at(agents: Agents, now: float, patience: float = 0.0) -> int:
    """The step in which most are expected."""
    return int(np.argmax(agents.freed_by_step(now, patience)))


def test_as_many_get_free_in_each_step_as_was_expected(team):
    expected, got_free = np.zeros(STEPS), np.zeros(STEPS)
    looks = range(4000, 7000, 10)
    for at in looks:
        expected += team.agents.freed_by_step(float(at), 0.0)
        team.work(at + 10.0)
        team.agents.settle(at + 10.0)
    team.work(looks[-1] + HORIZON + 10.0)
    team.agents.settle(team.now)
    for at in looks:
        ends = [end - at for begin, end in team.calls if begin < at <= end < at + HORIZON]
        got_free += np.bincount([int(end // STEP) for end in ends], minlength=STEPS)
    assert expected.sum() == pytest.approx(got_free.sum(), rel=0.05)
    assert expected == pytest.approx(got_free, rel=0.2)


def test_an_agent_is_due_after_the_time_that_talk_and_wrap_up_take():
    agents = taught()
    agents.connected("call", "a", 300_000.0)
    assert due_at(agents, 300_012.0) in (8, 9)
    agents.ended("call", "a", 300_020.0)
    assert due_at(agents, 300_020.0) in (4, 5)
    agents.freed("a", 300_030.0)
    assert agents.freed_by_step(300_030.0, 0.0) == pytest.approx(np.zeros(STEPS))


def test_an_agent_without_wrap_up_is_free_when_the_talk_is_over():
    agents = Agents()
    for number in range(2000):
        agents.connected(f"call-{number}", "a", 100.0 * number)
        agents.ended(f"call-{number}", "a", 100.0 * number + 5.5)
        agents.freed("a", 100.0 * number + 5.5 + 1e-6)
    agents.settle(200_000.0)
    agents.connected("now", "a", 200_000.0)
    due = agents.freed_by_step(200_002.5, 0.0)
    assert due[1] > 0.8
    assert due.sum() - due[1] < 0.1


def test_a_call_that_can_wait_finds_an_agent_sooner():
    agents = taught()
    agents.connected("call", "a", 300_000.0)
    agents.ended("call", "a", 300_020.0)
    assert due_at(agents, 300_020.0, patience=4.0) == due_at(agents, 300_020.0) - 2
    assert agents.freed_by_step(300_020.0, 4.0).sum() >= agents.freed_by_step(300_020.0, 0.0).sum()


def test_after_an_answer_its_agent_is_away_for_a_call():
    answered = np.array([1.0, *[0.0] * (STEPS - 1)])
    freed = taught().freed_after(answered, 0.0)
    assert freed[: 24 // STEP].sum() < 0.1
    assert freed.sum() < 0.5
    assert Agents().freed_after(answered, 4.0).sum() > Agents().freed_after(answered, 0.0).sum()


def test_who_has_gone_is_not_expected():
    agents = taught()
    agents.connected("call", "a", 300_000.0)
    agents.connected("other", "b", 300_000.0)
    agents.ended("other", "b", 300_020.0)
    for agent in "ab":
        agents.gone(agent, 300_025.0)
    assert agents.busy == 0
    assert agents.freed_by_step(300_025.0, 0.0).sum() == 0.0


def test_who_leaves_while_idle_says_nothing_about_those_who_talk():
    agents, other = taught(), taught()
    for number in range(50):
        agents.gone(f"idle-{number}", 250_000.0)
    for found in (agents, other):
        found.settle(250_000.0)
        found.connected("call", "a", 300_000.0)
    assert agents.freed_by_step(300_010.0, 0.0) == pytest.approx(other.freed_by_step(300_010.0, 0.0))


def test_where_half_go_home_after_their_call_half_are_expected_back():
    agents = taught()
    for number in range(600):
        agents.connected(f"call-{number}", "a", 300_000.0 + 100 * number)
        agents.ended(f"call-{number}", "a", 300_020.0 + 100 * number)
        (agents.gone, agents.freed)[number % 2]("a", 300_030.0 + 100 * number)
    agents.settle(400_000.0)
    agents.connected("call", "a", 400_000.0)
    agents.ended("call", "a", 400_020.0)
    assert agents.freed_by_step(400_027.0, 0.0).sum() == pytest.approx(0.5, abs=0.1)


def test_an_end_that_was_not_told_is_seen_in_the_next_call():
    agents = Agents()
    agents.connected("call", "a", 0.0)
    agents.connected("call-2", "a", 60.0)
    assert (agents.busy, agents.served) == (1, 1)
    agents.freed("a", 100.0)  # wrap-up was not told
    assert (agents.busy, agents.served) == (0, 2)


def test_a_call_told_twice_teaches_nothing_twice():
    """Neither a talk of no time when its begin is told again, nor an end when the agent has the next call."""
    once, twice = taught(), taught()
    for agents, times in ((once, 1), (twice, 2)):
        for number in range(100):
            call, at = f"new-{number}", 300_000.0 + 100 * number
            for _ in range(times):
                agents.connected(call, "a", at)
            for _ in range(times):
                agents.ended(call, "a", at + 20)
            agents.freed("a", at + 30)
            if times == 2:
                agents.connected(call, "a", at + 31)  # late
        agents.connected("last", "a", 400_000.0)
        if times == 2:
            agents.ended("new-99", "a", 400_001.0)
        agents.settle(400_010.0)
    assert once.state() == twice.state()
    assert once.busy == twice.busy == 1


def test_what_an_agent_did_before_the_call_does_not_end_it():
    """The daemon reads from its tables who got free, and a call may be told first."""
    agents = taught()
    agents.connected("call", "a", 300_000.0)
    agents.freed("a", 299_999.5)
    agents.gone("a", 299_999.0)
    agents.settle(300_001.0)
    assert agents.busy == 1
    assert agents.state()["served"] == taught().state()["served"]


def test_what_did_not_begin_does_not_end():
    agents = Agents()
    agents.ended("call", "nobody", 5.0)
    agents.freed("nobody", 5.0)
    agents.gone("nobody", 5.0)
    assert (agents.busy, agents.served) == (0, 0)


@pytest.mark.parametrize("wraps_up", [False, True])
def test_who_is_busy_for_more_than_an_hour_is_a_ghost(wraps_up):
    agents = Agents()
    agents.connected("call", "a", 0.0)
    if wraps_up:
        agents.ended("call", "a", 1.0)
    agents.settle(3500.0)
    assert agents.busy == 1
    agents.settle(3700.0)
    assert agents.busy == 0


def test_forgotten_agents_are_not_expected_and_what_they_taught_is_kept():
    agents = taught()
    agents.connected("call", "a", 300_000.0)
    agents.forget_running()
    assert agents.busy == 0
    agents.connected("call-2", "a", 10.0)
    assert due_at(agents, 22.0) in (8, 9)


def test_saving_changes_nothing_and_the_restored_expect_the_same():
    agents, unsaved = taught(), taught()
    for found in (agents, unsaved):
        found.connected("call", "a", 300_000.0)
    saved = json.loads(json.dumps(agents.state()))
    for found in (agents, unsaved):
        found.settle(300_010.0)
    assert agents.freed_by_step(300_010.0, 0.0) == pytest.approx(unsaved.freed_by_step(300_010.0, 0.0))
    again, before = Agents(), taught()
    again.restore(saved, another=False)
    for found in (again, before):
        found.connected("call", "a", 300_000.0)
    assert again.served == 2000
    assert again.freed_by_step(300_012.0, 2.0) == pytest.approx(before.freed_by_step(300_012.0, 2.0), rel=1e-3)


def test_another_campaign_gives_its_times_and_not_its_count():
    again = Agents()
    again.restore(taught().state(), another=True)
    assert again.served == 0
    again.connected("call", "a", 0.0)
    assert due_at(again, 12.0) in (8, 9)


@pytest.mark.parametrize(
    "damage", [{"leaving": 50.0}, {"leaving": -0.1}, {"leaving": 1.01}, {"served": -1}, {"served": "9"}]
)
@pytest.mark.parametrize("another", [False, True])
def test_what_no_agents_can_have_done_is_refused(damage, another):
    with pytest.raises(ValueError, match=r"leaving|no number of calls"):
        Agents().restore({**taught().state(), **damage}, another)


@pytest.mark.parametrize("leaving", [0.0, 1.0])
def test_all_or_none_may_leave(leaving):
    agents = Agents()
    agents.restore({**taught().state(), "leaving": leaving}, another=False)
    agents.connected("call", "a", 0.0)
    assert bool(agents.freed_by_step(1.0, 2.0).any()) is (leaving == 0.0)


def test_all_who_are_free_within_the_horizon_are_counted_once(team):
    due = team.agents.freed_by_step(team.now, 0.0)
    assert 0 < due.sum() < team.agents.busy <= AGENTS
    assert team.agents.freed_by_step(team.now, float(SECONDS)).sum() < team.agents.busy
    assert HORIZON < SECONDS
