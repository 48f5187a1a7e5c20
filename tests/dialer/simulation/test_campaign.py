"""What a campaign makes of its policy's decisions, and what its calls come to for the leads."""

from typing import Any

import pytest

from dialer.pacing.events import Abandoned, Dialled, Disposed, Event, Failed, Human, Machine
from dialer.pacing.policy import Decision, Floor
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

    def observe(self, event: Event) -> None:
        if isinstance(event, Dialled):
            self.ringing[event.call] = event.at
        if isinstance(event, Failed):
            self.failed.append(event.call)

    def decide(self, now: float, floor: Floor) -> Decision:
        old = tuple(name for name, at in self.ringing.items() if now - at >= 16 and name not in self.failed)
        decision = super().decide(now, floor)
        return Decision(decision.dial, True, "", give_up=old)


def test_lines_that_are_given_up_use_up_no_attempt():
    """Everybody would answer after the ring of a minute: nobody is ever reached, and nobody exhausted."""
    late = Callees(human=1.0, machine=0.0, busy=0.0, human_ring={"mean": 30, "variation": 0.01})
    world = played(HangsUp(), Leads(**HERE, attempts_per_lead=1), callees=late)
    figures = world.figures
    assert figures.given_up > 100
    assert figures.leads is not None
    assert (figures.leads.reached, figures.leads.exhausted) == (0, 0)


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


THREE = Detection(beside=True, delay={"shape": "uniform", "low": 3, "high": 3.001}, human_taken_for_machine=0.0)


def test_a_detector_beside_the_call_takes_the_agent_off_a_machine_without_wrap_up():
    """The agents' own pace has no part in when it speaks."""
    machines = Callees(human=0.0, machine=1.0, busy=0.0)
    found = THREE.model_copy(update={"machine_taken_for_human": 0.0})
    figures = played(callees=machines, detection=found).figures
    assert figures.waits > 100
    assert figures.talking / figures.waits == pytest.approx(3.0, abs=0.01)
    assert (figures.wrapping, figures.answers, figures.live) == (0, 0, 0)


class ThreeEach(Progressive):
    """Far too many lines; keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    def observe(self, event: Event) -> None:
        self.told.append(event)

    def decide(self, now: float, floor: Floor) -> Decision:
        return Decision(max(0, 3 * floor.free_agents - floor.in_flight), False, "")


def test_what_the_detector_beside_a_call_hears_is_told_of_abandoned_calls_too():
    policy = ThreeEach()
    world = played(policy, callees=Callees(human=0.4, machine=0.4, busy=0.0), detection=THREE, connect_seconds=0.0)
    lost = {event.call for event in policy.told if isinstance(event, Abandoned)}
    machines = {event.call for event in policy.told if isinstance(event, Machine)}
    figures = world.figures
    assert len(lost & machines) > 20
    assert len(machines - lost) > 20
    assert figures.abandoned == len(lost - machines)
    persons = {event.call for event in policy.told if isinstance(event, Disposed) and event.live}
    told_last = {event.call: event for event in policy.told if isinstance(event, Human)}
    assert figures.live == len(persons) + figures.live_abandoned
    assert figures.live_abandoned <= figures.abandoned
    assert figures.answers == len(persons) + len(lost - machines)
    assert told_last.keys() >= lost - machines


def test_after_the_talk_the_detector_has_nothing_more_to_say():
    policy = ThreeEach()
    slow = THREE.model_copy(update={"delay": Times(shape="uniform", low=300, high=301), "machine_taken_for_human": 1.0})
    played(policy, callees=Callees(human=0.0, machine=0.5, busy=0.0), detection=slow)
    ended = {event.call: event.at for event in policy.told if isinstance(event, Disposed)}
    assert ended
    assert not [event for event in policy.told if isinstance(event, Human) and event.at > ended.get(event.call, 1e9)]
