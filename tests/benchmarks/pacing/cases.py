"""What is compared: scenarios, and who plays in each."""

from collections.abc import Iterator
from dataclasses import dataclass

from dialer.simulation.scenario import Scenario, resized
from dialer.simulation.shipped import scenario_named

OURS, HANGING_UP, IN_LIST_ORDER = "predictive", "predictive, hanging up", "predictive, list's order"
OWN = (OURS, HANGING_UP, IN_LIST_ORDER)
BEST_RATIO = "best ratio"
GIVE_UP_SECONDS = 16.0  # of ringing; the United States want 15 or four rings
EVERY_PEER = (
    *("progressive", BEST_RATIO, "vicidial", "vicidial-hard-limit", "vicidial-tapered"),
    *("issabel", "issabel-overcommit", "textbook"),
)
MAIN_PEERS = ("progressive", BEST_RATIO, "vicidial", "textbook")
TARGETS = (0.005, 0.01, 0.05)  # for the plot, beside the scenario's own
STRICT = 0.01  # the target that other teams play too
PLOTTED_RATIOS = tuple(f"fixed-ratio:{lines}" for lines in (1.25, 1.5, 1.75, 2, 2.25, 2.5))
PLOTTED = ("10 agents", "50 agents")
STRICTLY_PLAYED = ("25 agents", "100 agents")


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    scenario: Scenario
    policies: tuple[str, ...]
    chance: float | None = None  # of the exponential world, whose optimum is known


@dataclass(frozen=True, slots=True)
class Run:
    """One simulation. `target`: a drop-rate ceiling other than the scenario's, for the plot."""

    case: Case
    policy: str
    seed: int
    target: float | None = None


def cases(quick: bool) -> list[Case]:
    """A quick form leaves out what is slow or changes little."""
    if quick:
        return [*_teams({5: 2, 10: 1, 50: 1}, MAIN_PEERS), *_shipped({"list-change": 1}), *_exponential({5: 2, 10: 2})]
    return [
        *_teams({3: 4, 5: 3, 10: 3, 25: 2, 50: 1, 100: 1}, EVERY_PEER),
        *_shipped(
            {
                "small-team": 3,
                "changing-day": 2,
                "bursty-breaks": 1,
                "list-change": 1,
                "slow-carrier": 2,
                "detection-off": 1,
                "detection-bad": 1,
                "detection-beside": 1,
                "cold-start": 1,
            }
        ),
        *_month(5, 10),
        Case("lead-list", scenario_named("lead-list"), (OURS, IN_LIST_ORDER)),
        Case("lead-list, 10 agents", resized(scenario_named("lead-list"), 10), (OURS, IN_LIST_ORDER)),
        *_exponential({3: 6, 5: 6, 10: 6, 25: 4}),
        *_exponential({3: 4, 10: 4}, chance=0.5),
        *_exponential({10: 22}, peers=()),
    ]


def runs(chosen: list[Case], seeds: list[int], quick: bool) -> Iterator[Run]:
    """The longest first, so that two workers end at about the same time."""
    for case in sorted(chosen, key=lambda case: -case.scenario.team.days * (30 + case.scenario.team.agents)):
        for policy in case.policies:
            for seed in seeds:
                yield Run(case, policy, seed)
    for case in chosen:
        some = seeds[:1] if quick else seeds
        plotted = case.name in (PLOTTED[:1] if quick else PLOTTED)
        targets = TARGETS if plotted else (STRICT,) if case.name in STRICTLY_PLAYED else ()
        for seed in some:
            yield from (Run(case, OURS, seed, target) for target in targets)
            yield from (Run(case, ratio, seed) for ratio in PLOTTED_RATIOS if plotted)


def scenario_of(run: Run) -> Scenario:
    """As the run wants it."""
    changes: dict[str, object] = {}
    leads = run.case.scenario.leads
    if run.policy == IN_LIST_ORDER and leads is not None:
        changes["leads"] = leads.model_copy(update={"lead_aware": False})
    if run.policy == HANGING_UP:
        changes["give_up_seconds"] = GIVE_UP_SECONDS
    if run.target is not None:
        changes["drop_rate_ceiling"] = run.target
    return run.case.scenario.model_copy(update=changes)


def _teams(days: dict[int, int], peers: tuple[str, ...]) -> Iterator[Case]:
    for agents, many in days.items():
        ours = (OURS, HANGING_UP) if agents in (3, 10) else (OURS,)
        yield Case(f"{agents} agents", resized(scenario_named("default"), agents, many), (*ours, *peers))


def _shipped(days: dict[str, int]) -> Iterator[Case]:
    for name, many in days.items():
        yield Case(name, resized(scenario_named(name), days=many), (OURS, *MAIN_PEERS))


def _month(*teams: int) -> Iterator[Case]:
    """The law counts 30 days: one of them is 22 working days."""
    for agents in teams:
        yield Case(f"{agents} agents, 22 days", resized(scenario_named("default"), agents, 22), (OURS, "vicidial"))


def _exponential(
    days: dict[int, int], chance: float = 0.2, peers: tuple[str, ...] = ("progressive", "vicidial", "textbook")
) -> Iterator[Case]:
    for agents, many in days.items():
        scenario = resized(scenario_named("exponential"), agents, many)
        callees = scenario.callees.model_copy(update={"human": ((0.0, chance),), "machine": 1 - chance})
        yield Case(
            f"exponential, {agents} agents, {chance:.0%} answer, {many} days",
            scenario.model_copy(update={"callees": callees}),
            (OURS, *peers),
            chance,
        )
