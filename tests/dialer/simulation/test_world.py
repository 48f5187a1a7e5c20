"""A floor in virtual time: as it always was without a list, repeatable with one, and shared by several campaigns."""

from typing import Any

import pytest

from dialer.pacing.events import AgentFree, AgentGone, CallEnded, Connected, Event
from dialer.pacing.policy import Decision, Floor
from dialer.pacing.predictive import LEARNING_CALLS, Predictive
from dialer.pacing.progressive import Progressive
from dialer.simulation.policies import policy_named
from dialer.simulation.scenario import Callees, Campaign, Leads, Scenario, Team
from dialer.simulation.world import World


def team(agents: int = 8, **values: Any) -> Team:
    usual: dict[str, Any] = {"hours": 1.5, "log_in_within_minutes": 2, "meal_minutes": 0}
    return Team(agents=agents, **(usual | values))


@pytest.mark.parametrize(
    ("policy", "values", "came_to"),
    [
        ("progressive", {}, (1689, 306, 0, 327, 327, 17725.006, 57602.168)),
        (
            "fixed-ratio:1.5",
            {"callees": Callees(spread=1.2, known=0.5), "lines": 14},
            (2486, 464, 10, 501, 491, 24424.729, 57915.664),
        ),
        ("vicidial", {"detection": None, "calls_per_second": 0.5}, (1970, 372, 16, 844, 788, 22607.779, 58013.735)),
    ],
)
def test_without_a_list_the_world_is_what_it_was_before_there_were_any(policy, values, came_to):
    played = Scenario(team=Team(agents=8, hours=1.5, days=2, log_in_within_minutes=2), tick_seconds=2, **values)
    got = World(played, policy_named(policy), 4).run()
    counts = (got.dials, got.live, got.live_abandoned, got.answers, got.waits)
    assert (*counts, round(got.talking, 3), round(got.staffed, 3)) == came_to
    assert got.leads is None


@pytest.mark.parametrize("aware", [False, True])
def test_the_same_seed_is_the_same_run_with_a_list(aware):
    played = Scenario(team=team(), leads=Leads(number=3000, lead_aware=aware))
    told = [World(played, Progressive(), seed).run().as_json() for seed in (1, 1, 2)]
    assert told[0] == told[1] != told[2]


@pytest.fixture(scope="module")
def small() -> World:
    """A list that is dialled through within days."""
    leads = Leads(number=60, attempts_per_lead=2, area_codes=("212",))
    world = World(Scenario(team=team(days=9), tick_seconds=5, leads=leads), Progressive(), 1)
    world.run()
    return world


def test_the_end_of_the_list_ends_dialling(small):
    figures = small.figures
    assert figures.leads is not None
    assert 60 <= figures.dials <= 120
    assert figures.leads.loaded == 60
    assert figures.leads.reached == figures.live - figures.live_abandoned
    assert figures.leads.reached + figures.leads.exhausted == 60


class Watched(Progressive):
    """Keeps what it was told of the floor."""

    def __init__(self) -> None:
        self.floors: list[Floor] = []
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        self.events.append(event)

    def decide(self, now: float, floor: Floor) -> Decision:
        self.floors.append(floor)
        return super().decide(now, floor)


def test_a_policy_is_told_how_many_leads_are_left():
    watched = Watched()
    played = Scenario(team=team(agents=3, hours=0.2), leads=Leads(number=40, area_codes=("212",)))
    World(played, watched, 1).run()
    left = [floor.max_dials for floor in watched.floors]
    assert (left[0], left[-1]) == (40, 0)
    assert left == sorted(left, reverse=True)


def two(**values: Any) -> Scenario:
    other = Campaign(name="other", callees=Callees(human=0.4), drop_rate_ceiling=0.02)
    return Scenario(team=team(**values), tick_seconds=2, campaigns=(Campaign(name="one"), other))


def test_every_policy_hears_of_all_agents_but_of_its_own_calls_only():
    policies = Watched(), Watched()
    World(two(agents=4, hours=0.5), policies[0], 1, policies[1]).run()
    of_agents = [
        [event for event in one.events if isinstance(event, AgentFree | AgentGone | CallEnded | Connected)]
        for one in policies
    ]
    assert of_agents[0] == of_agents[1]
    assert {event.call.split("-")[0] for event in of_agents[0] if isinstance(event, Connected)} == {"one", "other"}
    for name, policy in zip(("one", "other"), policies, strict=True):
        others = (event for event in policy.events if event not in of_agents[0])
        assert {event.call.split("-")[0] for event in others} == {name}


def test_each_keeps_its_own_figures_and_together_they_are_those_of_the_floor():
    world = World(two(), Progressive(), 1, Progressive())
    both = world.run()
    one, other = (campaign.figures for campaign in world.campaigns)
    assert other.live / other.dials > 1.5 * one.live / one.dials
    assert both.live == one.live + other.live
    assert both.utilisation == pytest.approx(one.utilisation + other.utilisation)
    assert both.staffed == one.staffed == other.staffed
    assert min(one.utilisation, other.utilisation) > 0.1


def test_no_reserved_line_is_abandoned_however_many_campaigns_dial():
    """But for agents who leave while they are held."""
    world = World(two(breaks_per_hour=0), Progressive(), 1, Progressive())
    assert world.run().live_abandoned == 0


def test_two_campaigns_keep_shared_agents_busier_than_each_keeps_half_of_them():
    """Long enough that learning one to one weighs little."""
    shared = World(two(agents=20, hours=2), Predictive(), 1, Predictive())
    busy = shared.run().utilisation
    for campaign in shared.campaigns:
        figures = campaign.figures
        assert figures.abandoned <= campaign.scenario.drop_rate_ceiling * figures.answers
        assert figures.live > 2 * LEARNING_CALLS
    halves = [
        World(one.model_copy(update={"team": team(agents=10, hours=2)}), Predictive(), 1).run().utilisation
        for one in two().by_campaign()
    ]
    assert busy > sum(halves) / 2 + 0.01


def test_each_campaign_wants_a_policy():
    with pytest.raises(ValueError, match="1 policies for 2 campaigns"):
        World(two(), Progressive(), 1)
