"""What a seed means: its world, and the faults that strike, each at its second. Pure, so it can be repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

FIRST_STRIKE_SECONDS = 5.0
CARRIER_FAULTS = {  # the highest chance of each
    "too_many_requests": 0.2,
    "error_before_placing": 0.1,
    "error_after_placing": 0.15,
    "reset_after_placing": 0.15,
    "slow_create": 0.1,
    "other_requests_fail": 0.1,
    "callback_before_create": 0.3,
    "callback_lost": 0.15,
    "callback_late": 0.15,
    "callback_doubled": 0.2,
    "callback_reordered": 0.2,
}
BURSTS = ("too_many_requests", "error_before_placing", "error_after_placing", "reset_after_placing", "callback_lost")


class Kind(StrEnum):
    """What is done to the running system, beside the carrier faults that strike all the time."""

    KILL_DAEMON = "kill-daemon"
    KILL_EMULATOR = "kill-emulator"
    KILL_DATABASE = "kill-database"
    RESTART_DATABASE = "restart-database"
    FREEZE_DAEMON = "freeze-daemon"  # stopped for a while and woken: to it, time jumps
    CUT_TO_CARRIER = "cut-to-carrier"  # the way of the daemon's requests
    CUT_FROM_CARRIER = "cut-from-carrier"  # the way of the webhooks
    CLOCK_AT_RESTART = "clock-at-restart"
    CLOCK_RUNNING = "clock-running"
    DISK_FULL = "disk-full"
    SEAT_DROP = "seat-drop"
    BURST = "burst"  # of one carrier fault, for certain


class Cut(StrEnum):
    """How a network way fails."""

    OPEN = "open"
    REFUSE = "refuse"  # no connection
    RESET = "reset"  # broken in the middle of the answer
    STALL = "stall"  # nothing gets through until it heals
    SWALLOW = "swallow"  # the request is delivered, the answer is not


@dataclass(frozen=True, slots=True)
class Strike:
    """`seconds` is how long it lasts; what `value` means is the kind's: a cut, a fault, a daemon, a turn in seconds."""

    at: float
    kind: Kind
    seconds: float = 0.0
    value: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One seed's world and faults; `faults` are the carrier's all-time chances. `strikes` come one after another, and
    beside them each of several nodes has a course of its own, so that all may be away at once.
    """

    seed: int
    agents: int
    calls_per_second: float
    faults: Mapping[str, float]
    list_lag_seconds: float
    strikes: tuple[Strike, ...]
    nodes: int = 1
    of_nodes: tuple[tuple[Strike, ...], ...] = ()


DECK = (
    *(Kind.KILL_DAEMON,) * 3,
    *(Kind.CUT_TO_CARRIER,) * 2,
    *(Kind.CUT_FROM_CARRIER,) * 2,
    *(Kind.SEAT_DROP,) * 4,
    *(Kind.BURST,) * 2,
    *(Kind.DISK_FULL,) * 2,
    *(Kind.CLOCK_AT_RESTART,) * 2,
    *(Kind.CLOCK_RUNNING,) * 2,
    Kind.KILL_EMULATOR,
    Kind.FREEZE_DAEMON,
)
OF_A_NODE = (*(Kind.KILL_DAEMON,) * 3, *(Kind.FREEZE_DAEMON,) * 3, Kind.CLOCK_AT_RESTART)
OF_A_SERVER = (Kind.KILL_DATABASE, Kind.KILL_DATABASE, Kind.RESTART_DATABASE)


def draw(seed: int, seconds: float, server: bool, nodes: int = 1) -> Schedule:
    """A schedule of about `seconds`. `server`: the database is one, so it can be killed and has a disk of its own."""
    random = Random(f"faultlab {seed}")
    without = {Kind.DISK_FULL} if server else set()
    without |= set(OF_A_NODE) if nodes > 1 else set()
    deck = [kind for kind in DECK if kind not in without] + list(OF_A_SERVER if server else ())
    random.shuffle(deck)
    count = max(1, round(seconds / 4))
    times = sorted(random.uniform(FIRST_STRIKE_SECONDS, seconds) for _ in range(count))
    drawn = [deck[n % len(deck)] for n in range(count)]
    struck = [name for name in CARRIER_FAULTS if random.random() < 0.6]
    faults = {name: round(random.uniform(0, CARRIER_FAULTS[name]), 3) for name in struck}
    return Schedule(
        seed=seed,
        agents=random.randint(8, 20),
        calls_per_second=random.choice((3.0, 6.0, 12.0)),
        faults=faults,
        list_lag_seconds=random.choice((0.0, 0.5, 1.5)),
        strikes=tuple(_strike(at, kind, random, nodes) for at, kind in zip(times, drawn, strict=True)),
        nodes=nodes,
        of_nodes=tuple(_course(Random(f"faultlab {seed} node {n}"), seconds) for n in range(nodes))
        if nodes > 1
        else (),
    )


def _course(random: Random, seconds: float) -> tuple[Strike, ...]:
    """What befalls one node of several: one strike in each span of equal length, so that it is up in between."""
    count = max(1, round(seconds / 12))
    span = (seconds - FIRST_STRIKE_SECONDS) / count
    times = [FIRST_STRIKE_SECONDS + span * (n + random.random()) for n in range(count)]
    return tuple(_strike(at, random.choice(OF_A_NODE), random, 1) for at in times)


def _strike(at: float, kind: Kind, random: Random, nodes: int) -> Strike:
    at = round(at, 2)
    match kind:
        case Kind.CUT_TO_CARRIER | Kind.CUT_FROM_CARRIER:
            cut = random.choice([cut for cut in Cut if cut is not Cut.OPEN])
            return Strike(at, kind, round(random.uniform(1.0, 5.0), 2), cut)
        case Kind.FREEZE_DAEMON | Kind.DISK_FULL:
            return Strike(at, kind, round(random.uniform(2.0, 6.0), 2), str(random.randrange(nodes)))
        case Kind.CLOCK_AT_RESTART | Kind.CLOCK_RUNNING:
            # Less than the hours that are left to the calling day on either side; minutes, for what waits minutes.
            return Strike(at, kind, 0.0, str(random.choice((-5400, -300, -30, 30, 300, 3600))))
        case Kind.BURST:
            return Strike(at, kind, 0.0, random.choice(BURSTS))
        case Kind.KILL_EMULATOR | Kind.KILL_DATABASE:
            return Strike(at, kind, round(random.uniform(0.0, 3.0), 2))
        case Kind.KILL_DAEMON | Kind.SEAT_DROP:
            return Strike(at, kind, round(random.uniform(0.0, 2.0), 2), str(random.randrange(1000)))
    return Strike(at, kind)
