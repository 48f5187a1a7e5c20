"""The simulator fitted to the run's own log, and again with one after the other of what the real loop has besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dialer.pacing.events import AgentFree, AgentGone, CallEnded, Connected, Event
from dialer.pacing.policy import Decision, Floor, Saved
from dialer.pacing.predictive import Predictive
from dialer.simulation.figures import Figures
from dialer.simulation.scenario import Scenario
from dialer.simulation.world import World
from tests.benchmarks.loop.floor_time import Change, FloorTime, floor_time
from tests.benchmarks.loop.measure import Measured, warm_from

STATES: Mapping[type, str] = {
    Connected: "on-call",
    CallEnded: "wrap-up",
    AgentFree: "ready",
    AgentGone: "logged-out",
}


@dataclass(frozen=True)
class Loss:
    """What the real loop has besides."""

    machine_error: float = 0.0  # of the machines hung up on before an agent met them, counted as persons abandoned
    told_after: float = 0.0  # seconds from an event to where pacing hears of it
    dialled_after: float = 0.0  # seconds from the decision until the carrier has the call
    tick_seconds: float = 1.0


@dataclass(frozen=True)
class Simulated:
    """One row of the table, a value for each seed."""

    name: str
    warm: Sequence[FloorTime]
    total: Sequence[FloorTime]
    figures: Sequence[Figures]


class Watched:
    """A policy that is told late, sees the budget as the daemon counts it, and does not know when the run ends."""

    def __init__(self, loss: Loss) -> None:
        self._policy, self._loss = Predictive(), loss
        self._untold: list[Event] = []
        self.changes: list[Change] = []

    def observe(self, event: Event) -> None:
        self._untold.append(event)
        state = STATES.get(type(event))
        if state is not None:
            self.changes.append(Change(event.agent, event.at, state))  # type: ignore[union-attr]

    def decide(self, now: float, floor: Floor) -> Decision:
        late = self._loss.told_after
        due = [event for event in self._untold if event.at + late <= now]
        self._untold = [event for event in self._untold if event.at + late > now]
        for event in due:
            self._policy.observe(replace(event, at=event.at + late))
        return self._policy.decide(now, replace(floor, closes_in=float("inf")))

    def state(self) -> Saved:
        return self._policy.state()


def compared(measured: Measured, fitted: Scenario, seeds: Sequence[int]) -> list[Simulated]:
    """Each row has what the rows before it have."""
    run, apart = measured.run, measured.minutes[-1]["ticks"]["apart"]["mean"]
    length = {"hours": run.minutes / 60, "agents": run.agents}
    still = {"log_in_within_minutes": 0.0, "breaks_per_hour": 0.0, "meal_minutes": 0.0}
    plain = {"team": fitted.team.model_dump() | length | still, "machine_error": 0.0}
    scenario = Scenario.model_validate(fitted.model_dump() | plain)
    delays = measured.delays
    told, dialled = delays["answered, event to our row"].mean, delays["attempt committed to accepted"].mean
    tick = measured.minutes[-1]["ticks"]["lasted"]["mean"]
    loss = Loss(tick_seconds=scenario.tick_seconds)
    rows = [_simulated("simulator, fitted to the run", scenario, loss, run.minutes, seeds)]
    for name, changes in (
        ("+ the detector's mistakes", {"machine_error": fitted.machine_error}),
        (f"+ ticks {apart:.3f} s apart", {"tick_seconds": round(apart, 3)}),
        (f"+ dialled {tick + dialled:.3f} s after the decision", {"dialled_after": tick + dialled}),
        (f"+ told {told:.3f} s after the event", {"told_after": told}),
    ):
        before, loss = loss, replace(loss, **changes)
        same = loss == before  # and so are the runs
        rows.append(replace(rows[-1], name=name) if same else _simulated(name, scenario, loss, run.minutes, seeds))
    return rows


def _simulated(name: str, scenario: Scenario, loss: Loss, minutes: float, seeds: Sequence[int]) -> Simulated:
    setup = scenario.callees.setup
    later = setup.model_copy(
        update={
            "mean": setup.mean + loss.dialled_after,
            "low": setup.low + loss.dialled_after,
            "high": setup.high + loss.dialled_after,
        }
    )
    callees = scenario.callees.model_copy(update={"setup": later})
    changes = {"callees": callees, "tick_seconds": loss.tick_seconds, "machine_error": loss.machine_error}
    played = scenario.model_copy(update=changes)
    warm, total, figures = [], [], []
    for seed in seeds:
        policy = Watched(loss)
        figures.append(World(played, policy, seed).run())
        begins, ends = warm_from(minutes), minutes * 60
        warm.append(floor_time(policy.changes, begins, ends))
        total.append(floor_time(policy.changes, 0.0, ends))
    return Simulated(name, warm, total, figures)
