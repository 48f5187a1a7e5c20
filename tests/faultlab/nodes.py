"""What befalls a node: killed, stopped and woken, restarted with another time; several, each on a course of its own."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.faultlab.schedule import Kind, Strike
from tests.faultlab.world import World

NOTICED_SECONDS = 1.0  # until the load balancer leaves a node out that does not answer


def kill(world: World, node: int, strike: Strike) -> None:
    with world.away(node):
        world.kill_daemon(node)
        time.sleep(strike.seconds)
        world.start_daemon(node)


def stop(world: World, node: int, strike: Strike) -> None:
    """A killed node's connections are refused; those of a stopped one hang until somebody notices."""
    noticed = min(NOTICED_SECONDS, strike.seconds)
    with world.away(node), world.still(node):
        time.sleep(noticed)
        world.from_carrier.leave_out(world.daemons[node].port)
        time.sleep(strike.seconds - noticed)
    world.from_carrier.take_in(world.daemons[node].port)


def restart_at_another_time(world: World, node: int, strike: Strike) -> None:
    """Of all nodes: nodes whose clocks differ are the operator's fault, and `dialer check` says so."""
    with world.away(node):
        world.kill_daemon(node)
        world.turn_clock(float(strike.value))
        world.start_daemon(node)


STRIKES: dict[Kind, Callable[[World, int, Strike], None]] = {
    Kind.KILL_DAEMON: kill,
    Kind.FREEZE_DAEMON: stop,
    Kind.CLOCK_AT_RESTART: restart_at_another_time,
}


@contextmanager
def befalling(world: World, courses: Sequence[Sequence[Strike]]) -> Iterator[Callable[[], bool]]:
    """Meanwhile each node goes through its course; gives whether all have. Raises what went wrong in one."""
    began = time.monotonic()
    with ThreadPoolExecutor(max(1, len(courses))) as threads:
        running = [threads.submit(_befall, world, node, course, began) for node, course in enumerate(courses)]
        yield lambda: all(map(Future.done, running))
    for course in running:
        course.result()


def _befall(world: World, node: int, course: Sequence[Strike], began: float) -> None:
    for strike in course:
        time.sleep(max(0.0, began + strike.at - time.monotonic()))
        STRIKES[strike.kind](world, node, strike)
