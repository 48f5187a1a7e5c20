"""A snapshot of a floor, and the floor of the published comparison."""

from collections.abc import Callable

import pytest

from dialer.pacing.policy import Budget, Floor, Policy
from dialer.simulation.figures import Figures
from dialer.simulation.scenario import Scenario, Team
from dialer.simulation.world import World


@pytest.fixture
def floor() -> Callable[..., Floor]:
    def build(free_agents: int = 0, in_flight: int = 0, max_dials: int = 1000) -> Floor:
        return Floor(free_agents, in_flight, max_dials, (Budget(0.03, 0, 0),))

    return build


@pytest.fixture
def run() -> Callable[..., Figures]:
    """Days of a default floor."""

    def play(policy: Policy, agents: int = 10, days: int = 1) -> Figures:
        return World(Scenario(team=Team(agents=agents, days=days)), policy, seed=1).run()

    return play
