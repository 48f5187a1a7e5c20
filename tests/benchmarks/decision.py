"""How long pacing takes for one decision, on one core, in a simulated shift: the aims are for 100 and 400 agents."""

import time
from statistics import fmean

from dialer.pacing.events import Event
from dialer.pacing.policy import Decision, Floor, Policy, Saved
from dialer.pacing.predictive import Predictive
from dialer.simulation.scenario import resized
from dialer.simulation.shipped import scenario_named
from dialer.simulation.world import World

AIMS = {100: 1.0, 400: 3.0}  # agents -> milliseconds
HOURS = 0.75
LEARNED = 600  # decisions, after which a policy of this size dials ahead


class Timed:
    """A policy, how long each of its decisions took, and the observing of all events; in ms."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.decided: list[float] = []
        self.observing = 0.0

    def observe(self, event: Event) -> None:
        begun = time.perf_counter()
        self._policy.observe(event)
        self.observing += 1000 * (time.perf_counter() - begun)

    def decide(self, now: float, floor: Floor) -> Decision:
        begun = time.perf_counter()
        decision = self._policy.decide(now, floor)
        self.decided.append(1000 * (time.perf_counter() - begun))
        return decision

    def state(self) -> Saved:
        return self._policy.state()


def main() -> None:
    for agents, aim in AIMS.items():
        scenario = resized(scenario_named("default"), agents)
        team = scenario.team.model_copy(update={"hours": HOURS, "log_in_within_minutes": 1.0})
        timed = Timed(Predictive())
        World(scenario.model_copy(update={"team": team}), timed, seed=1).run()
        decided = sorted(timed.decided[LEARNED:])
        mean, late = fmean(decided), decided[int(0.99 * len(decided))]
        events = timed.observing / len(timed.decided)
        print(
            f"decision: {mean:.2f} ms, {agents} agents, {len(decided):,} decisions, 99 % within {late:.2f} ms, "
            f"and {events:.2f} ms for its events: {mean / aim:.2f} of the aim of {aim:g} ms"
        )
