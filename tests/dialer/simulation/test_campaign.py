"""What a campaign makes of its policy's decisions, and what its calls come to for the leads."""

from typing import Any

import pytest

from dialer.pacing.events import Abandoned, Dialled, Disposed, Event, Failed, Human, Machine
from dialer.pacing.policy import Budget, Decision, Floor
from dialer.pacing.progressive import Progressive
from dialer.simulation.scenario import Callees, Detection, Leads, Scenario, Team, Times
from dialer.simulation.world import World

TEAM = Team(agents=4, hours=1, log_in_within_minutes=0, breaks_per_hour=0, meal_minutes=0)
HERE = {"area_codes": ("212",), "dead": 0.0, "number": 400}


def played(policy: Progressive | None = None, leads: Leads | None = None, **values: Any) -> World:
    world = World(Scenario(team=TEAM, leads=leads, **values), policy or Progressive(), 1)
    world.run()
    return world


class HangsUp(Progressive):
    """Gives up each line after 16 seconds."""

    def __init__(self) -> None:
        self.ringing: dict[str, float] = {}
        self.failed: list[str] = []
        self.shortest = 1e9  # seconds, of those that failed

    def observe(self, event: Event) -> None:
        if isinstance(event, Dialled):
            self.ringing[event.call] = event.at
        if isinstance(event, Failed):
            self.failed.append(event.call)
            self.shortest = min(self.shortest, event.at - self.ringing[event.call])

    def decide(self, now: float, floor: Floor) -> Decision:
        old = tuple(name for name, at in self.ringing.items() if now - at >= 16 and name not in self.failed)
        decision = super().decide(now, floor)
        return Decision(decision.dial, True, "", give_up=old)


def test_lines_that_are_given_up_use_up_no_attempt():
    """Everybody would answer after the ring of a minute: nobody is ever reached, and nobody exhausted."""
    late = Callees(human=1.0, machine=0.0, busy=0.0, human_ring={"mean": 30, "variation": 0.01})
    world = played(HangsUp(), Leads(**HERE, attempts_per_lead=1), callees=late, give_up_seconds=15.0)
    figures = world.figures
    assert figures.given_up > 100
    assert figures.leads is not None
    assert (figures.leads.reached, figures.leads.exhausted) == (0, 0)


def test_no_line_is_given_up_before_it_has_rung_for_the_least_time():
    """Though the policy counts from the dial: it does not hear when a line begins to ring."""
    slow = Callees(human=0.0, machine=0.0, busy=0.0, setup=Times(shape="uniform", low=3.0, high=5.0))
    policy = HangsUp()
    world = played(policy, callees=slow, give_up_seconds=15.0)
    assert world.figures.given_up > 100
    assert policy.shortest >= 15.0 + 3.0


@pytest.mark.parametrize(
    ("callees", "detection"),
    [
        (Callees(human=0.0, machine=1.0, busy=0.0), Detection(machine_taken_for_human=0.0)),
        (Callees(human=0.0, machine=1.0, busy=0.0), None),
        (Callees(human=0.0, machine=0.0, busy=1.0), None),
        (Callees(human=0.0, machine=0.0, busy=0.0), None),
        (Callees(human=1.0, machine=0.0, busy=0.0), Detection(human_taken_for_machine=1.0)),
        (Callees(human=1.0, machine=0.0, busy=0.0), Detection(human_taken_for_machine=1.0, beside=True)),
        (Callees(human=0.0, machine=1.0, busy=0.0), Detection(machine_taken_for_human=1.0, beside=True)),
    ],
    ids=[
        *("machine", "machine with an agent", "busy", "no answer"),
        *("taken for a machine", "taken from an agent", "machine left to its agent"),
    ],
)
def test_whoever_was_not_reached_has_used_up_an_attempt(callees, detection):
    leads = Leads(**HERE | {"number": 30}, attempts_per_lead=1)
    figures = played(None, leads, callees=callees, detection=detection).figures
    assert figures.leads is not None
    assert (figures.dials, figures.leads.reached, figures.leads.exhausted) == (30, 0, 30)


def test_a_dead_number_is_dialled_on_two_days_and_no_more():
    """Nobody else is on the list."""
    leads = Leads(**HERE | {"number": 20, "dead": 0.999999})
    scenario = Scenario(
        team=TEAM.model_copy(update={"days": 4}), leads=leads, callees=Callees(human=0.0, busy=1.0, machine=0.0)
    )
    figures = World(scenario, Progressive(), 1).run()
    assert figures.leads is not None
    assert (figures.dials, figures.leads.exhausted) == (40, 20)


def test_whoever_talked_to_an_agent_is_not_called_again():
    figures = played(None, Leads(**HERE | {"number": 30}), callees=Callees(human=1.0, machine=0.0, busy=0.0)).figures
    assert figures.leads is not None
    assert figures.leads.reached > 25
    assert figures.live == figures.leads.reached


def test_leads_answer_in_the_share_of_the_callees():
    figures = played(None, Leads(**HERE | {"number": 2000}), callees=Callees(human=0.4)).figures
    assert figures.live / figures.dials == pytest.approx(0.4, abs=0.06)


BESIDE: dict[str, Any] = {
    "connect_seconds": 0.0,
    "detection": Detection(
        beside=True,
        delay=Times(shape="uniform", low=3, high=3.001),
        human_taken_for_machine=0.0,
        machine_taken_for_human=0.0,
    ),
}
PATIENT = Times(mean=60.0, variation=0.01)  # an agent with a voicemail
ONLY_MACHINES = Callees(human=0.0, machine=1.0, busy=0.0, machine_talk=PATIENT)
MANY = 10  # lines for each agent


def beside(**changes: Any) -> dict[str, Any]:
    return BESIDE | {"detection": BESIDE["detection"].model_copy(update=changes)}


def test_a_detector_beside_the_call_takes_the_agent_off_a_machine_without_wrap_up():
    """The agents' own pace has no part in when it speaks."""
    figures = played(callees=ONLY_MACHINES, **BESIDE).figures
    assert figures.waits > 100
    assert figures.talking / figures.waits == pytest.approx(3.0, abs=0.01)
    assert (figures.wrapping, figures.answers, figures.live) == (0, 0, 0)


def test_an_agent_who_is_quicker_than_the_detector_is_not_kept():
    quick = ONLY_MACHINES.model_copy(update={"machine_talk": Times(mean=1.0, variation=0.01)})
    figures = played(callees=quick, **BESIDE).figures
    assert figures.talking / figures.waits == pytest.approx(1.0, abs=0.2)
    assert figures.wrapping > 0
    assert figures.answers == 0, "the agent has said that they were machines"


class FarTooMany(Progressive):
    """Keeps what it was told, and what it was allowed."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.budget = Budget(0.0, 0.0, 0.0)

    def observe(self, event: Event) -> None:
        self.told.append(event)

    def decide(self, now: float, floor: Floor) -> Decision:
        (self.budget,) = floor.budgets
        return Decision(max(0, MANY * floor.free_agents - floor.in_flight), True, "")

    def calls(self, kind: type) -> list[str]:
        return [event.call for event in self.told if isinstance(event, kind)]


def test_what_the_detector_beside_a_call_hears_is_told_of_abandoned_calls_too():
    policy = FarTooMany()
    figures = played(policy, callees=Callees(human=0.4, machine=0.4, busy=0.0, machine_talk=PATIENT), **BESIDE).figures
    lost, machines = set(policy.calls(Abandoned)), set(policy.calls(Machine))
    assert min(len(lost & machines), len(lost - machines), len(machines - lost)) > 20
    assert figures.abandoned == figures.live_abandoned == len(lost - machines)
    talked = sum(isinstance(event, Disposed) and event.live for event in policy.told)
    assert figures.live == figures.answers == talked + figures.live_abandoned
    place = {call: number for number, call in enumerate(policy.calls(Human))}  # of the last time
    asked_at = {call: number for number, call in reversed(list(enumerate(policy.calls(Human))))}
    assert all(place[call] > asked_at[call] for call in lost - machines), "told again, as heard to be a person"


def test_a_machine_that_is_heard_while_it_waits_for_an_agent_waits_no_more():
    policy, delay = FarTooMany(), Times(shape="uniform", low=0.5, high=0.501)
    world = played(policy, callees=ONLY_MACHINES, **beside(delay=delay) | {"connect_seconds": 2.0})
    figures, machines, lost = world.figures, set(policy.calls(Machine)), set(policy.calls(Abandoned))
    assert len(machines) > figures.waits > 100, "some never had an agent"
    assert not lost
    assert (figures.answers, figures.abandoned, figures.live) == (0, 0, 0)
    (only,) = world.campaigns
    assert (len(only.pool.waiting), only.machines) == (0, len(machines))


@pytest.mark.parametrize(("heard", "waits"), [(0.5, 1.0), (1.5, 1.0), (0.5, 0.0)])
def test_a_person_who_is_abandoned_is_done_with_whenever_the_detector_has_spoken(heard, waits):
    leads = Leads(**HERE | {"number": 60}, attempts_per_lead=1)
    delay, persons = Times(shape="uniform", low=heard, high=heard + 0.001), Callees(human=1.0, machine=0.0, busy=0.0)
    figures = played(FarTooMany(), leads, callees=persons, **beside(delay=delay) | {"connect_seconds": waits}).figures
    assert figures.leads is not None
    assert figures.abandoned > 40
    assert figures.leads.reached + figures.leads.exhausted == 60


@pytest.mark.parametrize(("seconds", "unmet"), [(3.0, "lost ones"), (1.5, "all")])
def test_of_the_detectors_machines_those_count_that_no_agent_had_met(seconds, unmet):
    policy, delay = FarTooMany(), Times(shape="uniform", low=seconds, high=seconds + 0.001)
    world = played(policy, callees=ONLY_MACHINES, machine_error=0.01, cut_off_error=0.0001, **beside(delay=delay))
    machines, lost = set(policy.calls(Machine)), set(policy.calls(Abandoned))
    assert 20 < len(machines & lost) < len(machines) - 20
    counted = len(machines) if unmet == "all" else len(machines & lost)
    (played_campaign,) = world.campaigns
    assert (played_campaign.machines, played_campaign.cut_off) == (counted, len(machines) - counted)
    played_campaign.pace(0, 60.0, ())  # when all is heard
    expected = 0.01 * counted + 0.0001 * (len(machines) - counted)
    assert policy.budget.abandoned == policy.budget.calls == pytest.approx(expected)


def test_an_abandoned_call_that_was_a_machine_rests_as_one():
    leads = Leads(**HERE | {"number": 300}, attempts_per_lead=1)
    policy = FarTooMany()
    settled = []
    world = World(Scenario(team=TEAM, leads=leads, callees=ONLY_MACHINES, **BESIDE), policy, 1)
    (campaign,) = world.campaigns
    campaign.came_to = lambda call, code: settled.append(code)  # type: ignore[method-assign]
    world.run()
    assert policy.calls(Abandoned)
    assert set(settled) <= {"machine", "no-answer", "busy", "failed"}


def test_after_the_talk_the_detector_has_nothing_more_to_say():
    policy = FarTooMany()
    slow = beside(delay=Times(shape="uniform", low=300, high=301))
    played(policy, callees=Callees(human=0.0, machine=0.5, busy=0.0), **slow)
    ended = {event.call for event in policy.told if isinstance(event, Disposed)}
    assert ended
    assert not ended & set(policy.calls(Machine))
