"""Which campaigns a node paces, of those that run: an even share, and nothing left to nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

TIMETABLE = "timetable"  # the lease of what is done once for all nodes


@dataclass(frozen=True, slots=True)
class Cluster:
    """One moment, by the database's clock."""

    nodes: frozenset[str]  # that have been seen lately and take work
    holders: Mapping[str, str]  # node by name of the lease; leases that have run out are left out


@dataclass(frozen=True, slots=True)
class Share:
    """Names of leases."""

    take: tuple[str, ...]  # or renew
    give_back: tuple[str, ...]


def share_of(node: str, running: Sequence[str], cluster: Cluster, leaving: bool) -> Share:
    """What a node takes of the leases that can be had, and gives back of those that it has.

    Who has more than an even share gives one back at a time, when another node is there to take it. A node that leaves
    keeps what it has while it is alone, and takes nothing new.
    """
    work = [TIMETABLE, *running]
    mine = [name for name in work if cluster.holders.get(name) == node]
    others = cluster.nodes - {node}
    if leaving:
        return Share((), tuple(mine)) if others else Share(tuple(mine), ())
    most = ceil(len(running) / (len(others) + 1))
    paced = [name for name in mine if name != TIMETABLE]
    free = [name for name in running if name not in cluster.holders]
    surplus = paced[most:][:1]
    kept = [name for name in paced if name not in surplus]
    timetable = [TIMETABLE] if cluster.holders.get(TIMETABLE, node) == node else []
    return Share((*timetable, *kept, *free[: most - len(kept)]), tuple(surplus))
