"""A call centre in virtual time: campaigns that share a pool of agents, paced as they are in earnest."""

from collections import deque
from collections.abc import Sequence

from dialer.pacing.events import Event
from dialer.pacing.policy import Policy
from dialer.pacing.predictive import Predictive
from dialer.simulation.agenda import Agenda
from dialer.simulation.campaign import Campaign
from dialer.simulation.figures import Figures, together
from dialer.simulation.pool import Pool
from dialer.simulation.roster import HOUR
from dialer.simulation.scenario import Scenario

DAY = 24 * HOUR
UNLIMITED = 10**6  # lines in one tick


class World:
    """One run: `figures` grow with every `run_day`. `others`: the policies of the campaigns after the first.

    Raises ValueError where a campaign has none.
    """

    def __init__(self, scenario: Scenario, policy: Policy, seed: int, *others: Policy) -> None:
        played, policies = scenario.by_campaign(), (policy, *others)
        if len(policies) != len(played):
            raise ValueError(f"{len(policies)} policies for {len(played)} campaigns: give each campaign its own")
        self.scenario = scenario
        self._agenda = Agenda()
        self._pool = Pool(scenario.team, self._agenda, seed, self._tell)
        self.campaigns = [
            Campaign(one, its, self._agenda, self._pool, seed, number)
            for number, (one, its) in enumerate(zip(played, policies, strict=True))
        ]
        self._turns = deque(self.campaigns)
        self._tokens = 0.0
        self._end = 0.0

    @property
    def now(self) -> float:
        return self._agenda.now

    @property
    def figures(self) -> Figures:
        return together([campaign.figures for campaign in self.campaigns])

    def run(self) -> Figures:
        for number in range(self.scenario.team.days):
            self.run_day(number)
        return self.figures

    def run_day(self, number: int) -> None:
        """A shift from its first log-in until the last call has ended."""
        agenda = self._agenda
        agenda.now = number * DAY
        self._end = agenda.now + self.scenario.team.hours * HOUR
        self._pool.begin_day(number)
        for campaign in self.campaigns:
            campaign.begin_day()
        agenda.at(agenda.now, self._tick)
        agenda.play()
        for campaign in self.campaigns:
            campaign.figures.staffed = self._pool.staffed
            campaign.figures.end_day()

    def _tell(self, event: Event) -> None:
        """What an agent does concerns whoever dials for that agent."""
        for campaign in self.campaigns:
            campaign.policy.observe(event)

    def _tick(self) -> None:
        scenario, agenda = self.scenario, self._agenda
        if agenda.now + scenario.tick_seconds < self._end:
            agenda.after(scenario.tick_seconds, self._tick)
        most = self._startable()
        for campaign in self._turns:
            dialled = campaign.pace(most, self._end - agenda.now, self._answers_of_others(campaign))
            most -= dialled
            self._tokens -= dialled
        self._turns.rotate(-1)

    def _startable(self) -> int:
        """Lines that the carrier starts in this tick."""
        scenario, most = self.scenario, UNLIMITED
        if scenario.calls_per_second is not None:
            filled = self._tokens + scenario.calls_per_second * scenario.tick_seconds
            self._tokens = min(max(1.0, scenario.calls_per_second), filled)
            most = int(self._tokens)
        if scenario.lines is not None:
            most = min(most, max(0, scenario.lines - sum(map(len, self.campaigns)) - self._pool.busy))
        return most

    def _answers_of_others(self, campaign: Campaign) -> Sequence[float]:
        """Those that a forecast expects; other policies make none."""
        now = self._agenda.now
        of_others = (other.policy for other in self.campaigns if other is not campaign)
        expected = [policy.expected(now) for policy in of_others if isinstance(policy, Predictive)]
        return [sum(answers) for answers in zip(*expected, strict=True)]
