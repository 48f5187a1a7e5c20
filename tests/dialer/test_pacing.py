"""Pacing in a simulated call centre: agents talk more, the drop rate stays below its ceiling, and nothing bursts."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.pacing import events
from dialer.pacing.policy import Decision, Floor, Policy
from dialer.pacing.predictive import Predictive
from dialer.pacing.progressive import Progressive
from dialer.simulation.figures import Figures
from dialer.simulation.scenario import Callees, Detection, Scenario, Team, Times
from dialer.simulation.world import World

CEILING = 0.03
TICK_SECONDS = 2.0
CHANGE_HOURS, KNOWN_SECONDS = 0.8, 30.0  # when another list is dialled, and until its first lines have been answered


class Watched(Predictive):
    """Keeps its decisions: when, and what."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions: list[tuple[float, Decision]] = []

    def decide(self, now: float, floor: Floor) -> Decision:
        decision = super().decide(now, floor)
        self.decisions.append((now, decision))
        return decision


def scenario(agents: int, hours: float, **values: Any) -> Scenario:
    """An ordinary short shift without a meal; learning takes its first ten minutes or so."""
    team = Team(agents=agents, hours=hours, log_in_within_minutes=2, meal_minutes=0)
    return Scenario(team=team, tick_seconds=TICK_SECONDS, drop_rate_ceiling=CEILING, **values)


def simulated(policy: Policy, played: Scenario, seed: int = 1) -> Figures:
    return World(played, policy, seed).run()


@pytest.mark.parametrize(
    ("agents", "hours", "gain", "values"),
    [
        *((5, 2.5, 1.2, {}), (20, 1.2, 1.5, {}), (60, 0.7, 1.5, {}), (20, 1.0, 1.2, {"detection": None})),
        (50, 1.0, 1.3, {"detection": Detection(beside=True), "connect_seconds": 1.0}),
    ],
    ids=["5 agents", "20 agents", "60 agents", "without machine detection", "as in the daemon"],
)
def test_agents_talk_more_and_the_drop_rate_stays_below_its_ceiling(agents, hours, gain, values):
    played = scenario(agents, hours, **values)
    ours, one_to_one = simulated(Predictive(), played), simulated(Progressive(), played)
    assert ours.utilisation > gain * one_to_one.utilisation
    assert 0 < ours.drop_rate <= CEILING
    assert 0 < ours.abandoned / ours.answers <= CEILING


def test_lines_that_ring_long_are_hung_up_where_that_is_allowed():
    allowed, forbidden = (
        [simulated(Predictive(), scenario(10, 2.5, **values), seed) for seed in range(4)]
        for values in ({"give_up_seconds": 15.0}, {})
    )
    for one in allowed:
        assert one.given_up > 0.05 * one.dials
        assert one.drop_rate <= CEILING
    assert {one.given_up for one in forbidden} == {0}
    assert sum(one.utilisation for one in allowed) > sum(one.utilisation for one in forbidden)


@pytest.mark.parametrize(("before", "after"), [(0.1, 0.4), (0.4, 0.1)], ids=["better", "worse"])
def test_another_list_is_not_met_with_a_burst(before, after):
    """From when it can be known no tick dials for a third of the team, and the dialling follows the list."""
    agents, policy = 20, Watched()
    callees = Callees(human=((0.0, before), (CHANGE_HOURS, after)))
    figures = simulated(policy, scenario(agents, 1.3, callees=callees))
    changed = CHANGE_HOURS * 3600
    assert (
        max(decision.dial for now, decision in policy.decisions if now >= changed + KNOWN_SECONDS) * after < agents / 3
    )
    assert figures.drop_rate <= CEILING

    def dialled(since: float, until: float) -> int:
        return sum(decision.dial for now, decision in policy.decisions if since <= now < until)

    late, early = dialled(changed + 300, changed + 1200), dialled(changed - 900, changed)
    assert (late > 1.25 * early) if after < before else (late < early / 1.25)


@pytest.mark.parametrize("seed", [1, 2])
def test_when_nobody_has_answered_for_a_while_no_burst_meets_those_who_do_again(seed):
    """A dead route, or a part of the list with dead numbers: dialled ahead without bound it would be 220 lines."""
    callees = Callees(human=((0.0, 0.2), (0.5, 0.0), (0.7, 0.2)))
    policy = Predictive()
    figures = simulated(policy, scenario(10, 1.0, callees=callees, calls_per_second=10.0), seed)
    assert figures.answers > 250
    assert figures.drop_rate <= CEILING


@pytest.mark.parametrize("seed", [1, 2])
def test_after_a_long_spell_without_answers_no_burst_follows_the_first_of_them(seed):
    """What is known of the answers rises slowly, past lines that were dialled before: it would lose twice as many."""
    callees = Callees(human=((0.0, 0.2), (0.7, 0.0), (1.3, 0.2)))
    figures = simulated(Predictive(), scenario(50, 1.4, callees=callees), seed)
    assert figures.live > 1000
    assert figures.peak <= 1.25 * CEILING


@pytest.mark.parametrize("detection", [{}, {"detection": None}], ids=["before the agent", "none"])
def test_persons_taken_for_machines_leave_less_to_be_abandoned(detection):
    """As the law counts them: `simulate --from-campaign` must not promise what the daemon may not do."""
    budgets = []

    class Seeing(Progressive):
        def decide(self, now: float, floor: Floor) -> Decision:
            budgets.append(floor.budgets[0])
            return super().decide(now, floor)

    played = scenario(20, 0.5, machine_error=0.1, callees=Callees(human=0.2, machine=0.3), **detection)
    figures = simulated(Seeing(), played)
    mistaken = budgets[-1].calls - figures.answers
    assert mistaken == pytest.approx(budgets[-1].abandoned - figures.abandoned)
    assert mistaken == pytest.approx(0.1 * 0.3 * figures.dials, rel=0.2)


KINDS = [kind for kind in vars(events).values() if isinstance(kind, type)]
SPOILT_FROM, SPOILT_UNTIL = 720.0, 960.0  # when all is learned and the floor is busy
LATE_SECONDS = 5.0
SOME = 20  # lines: of so few, half as much again is chance
Happening = tuple[float, events.Event | Floor]  # when the policy hears of it


class Taped(Predictive):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.tape: list[Happening] = []

    def observe(self, event: events.Event) -> None:
        super().observe(event)
        self.tape.append((event.at, event))

    def decide(self, now: float, floor: Floor) -> Decision:
        self.tape.append((now, replace(floor, closes_in=float("inf"))))
        return super().decide(now, floor)


def dialled_by(tape: Iterable[Happening]) -> list[int]:
    """In each second of the time that is spoilt."""
    policy, dialled = Predictive(), []
    for at, what in tape:
        if isinstance(what, Floor):
            decision = policy.decide(at, what)
            if at >= SPOILT_FROM:
                dialled.append(decision.dial)
        else:
            policy.observe(what)
    return dialled


@pytest.fixture(scope="module")
def taped() -> tuple[list[Happening], list[int]]:
    """A floor of twelve until it has been spoilt, and what is dialled when it is not."""
    policy = Taped()
    callees = Callees(human=0.3, talk=Times(mean=30))
    simulated(policy, scenario(12, 0.5, callees=callees).model_copy(update={"tick_seconds": 1.0}))
    tape = [happening for happening in policy.tape if happening[0] < SPOILT_UNTIL]
    return tape, dialled_by(tape)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kinds=st.one_of(st.just(KINDS), st.lists(st.sampled_from(KINDS), min_size=1, max_size=2)),
    lost=st.sampled_from([0.0, 0.1, 0.3]),
    twice=st.sampled_from([0.0, 0.3, 1.0]),
    late=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_a_stream_of_events_that_was_spoilt_on_the_way_is_not_met_with_a_burst(taped, seed, kinds, lost, twice, late):
    """Lost, doubled, late and out of order: not half as much again is dialled at once.

    In all it may be more: the floor on tape does not follow what is decided, so a wish is repeated in every tick.
    """
    tape, clean = taped
    random = Random(seed)
    spoilt: list[tuple[float, int, Happening]] = []
    for place, (at, what) in enumerate(tape):
        if type(what) not in kinds or at < SPOILT_FROM:
            spoilt.append((at, place, (at, what)))
            continue
        for _ in range((random.random() >= lost) * (1 + (random.random() < twice))):
            delay = random.uniform(0, LATE_SECONDS) if random.random() < late else 0.0
            spoilt.append((at + delay, place, (at, what)))
    dirty = dialled_by(happening for _, _, happening in sorted(spoilt, key=lambda one: one[:2]))
    assert sum(dirty) <= 3 * sum(clean) + SOME
    assert max(dirty) <= 1.5 * max(clean) + SOME
