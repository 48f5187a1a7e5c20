"""What `make bench-loop` counts: time on the floor between two moments, and the budget as the daemon has it."""

import pytest

from dialer.pacing.events import AgentFree, AgentGone, CallEnded, Connected
from dialer.pacing.policy import Budget, Floor
from tests.benchmarks.loop.compare import Loss, Watched
from tests.benchmarks.loop.floor_time import Change, floor_time

DAY = [
    *(Change("anna", 0.0, "ready"), Change("anna", 10.0, "on-call"), Change("anna", 40.0, "wrap-up")),
    *(Change("anna", 50.0, "ready"), Change("anna", 55.0, "paused"), Change("anna", 70.0, "ready")),
    *(Change("boris", 0.0, "joining"), Change("boris", 20.0, "ready")),
]


def test_time_counts_between_the_two_moments_only():
    found = floor_time(DAY, 5.0, 90.0)
    assert (found.staffed, found.talking, found.wrapping) == (50.0 + 20.0 + 70.0, 30.0, 10.0)
    assert (found.waits, found.wait) == (1, 5.0)
    assert found.utilisation == pytest.approx(40 / 140)


def test_where_nobody_was_there_nobody_was_busy():
    assert (floor_time([], 0.0, 9.0).utilisation, floor_time([], 0.0, 9.0).wait) == (0.0, 0.0)


def seen(loss, at):
    policy, asked = Watched(loss), []
    policy._policy.decide = lambda now, floor: asked.append(floor)
    for event in (AgentFree("a", 1.0), Connected("c", "a", 3.0), CallEnded("c", "a", 9.0), AgentGone("a", 9.5)):
        policy.observe(event)
    policy.decide(at, Floor(free_agents=0, in_flight=0, max_dials=9, budgets=(Budget(0.03, 7, 7),), closes_in=5.0))
    return policy, asked[0]


def test_pacing_does_not_know_when_the_run_ends():
    assert seen(Loss(), 20.0)[1].closes_in == float("inf")


def test_what_is_told_late_is_not_known_before():
    policy, _floor = seen(Loss(told_after=2.0), 9.1)
    assert [event.at for event in policy._untold] == [9.0, 9.5]
    assert [change.state for change in policy.changes] == ["ready", "on-call", "wrap-up", "logged-out"]
