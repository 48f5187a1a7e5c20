"""A node's own view of its leases: renewed with every tick, forgotten as soon as they are another's."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session

from campaigns.campaign import Intent
from dialer.call import CallState
from dialer.db import lease
from dialer.shares import TIMETABLE, share_of
from dialer.store import ATTEMPT, CAMPAIGN

LEASE_SECONDS = 3.0  # a killed node's work is another's within this and one tick
TICKS = 2.5  # and no less than so many ticks, for it is renewed once in each


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a renewal came to."""

    tokens: Mapping[str, int]  # by name of the lease
    lost: Collection[str]
    give_back: Collection[str]
    unknown: int  # attempts of former holders of which nobody knows whether they were placed


@dataclass
class Leases:
    """What the last renewal brought. `until` is when it all runs out by our rising clock, if it is not renewed: it only
    bounds how long the node trusts itself, the database decides.
    """

    node: str
    seconds: float = LEASE_SECONDS
    until: float = 0.0
    held: frozenset[str] = frozenset()
    _tokens: dict[str, int] = field(default_factory=dict)  # also of campaigns that have stopped

    @property
    def campaigns(self) -> set[int]:
        """Ids of those that this node paces."""
        return {campaign_of(name) for name in self.held if name != TIMETABLE}

    @property
    def timetable(self) -> bool:
        """Whether what is done once for all nodes is this node's to do."""
        return TIMETABLE in self.held

    def renewal(self, now: datetime, leaving: bool) -> Callable[[Session], Renewed]:
        """The write that renews them, and takes what an even share wants; `now` is for attempts."""

        def renew(session: Session) -> Renewed:
            connection = session.connection()
            (lease.step_back if leaving else lease.show_up)(connection, self.node)
            gone = lease.gone(connection) - {self.node}
            cluster = lease.look(connection, self.seconds, gone)
            lost = [name for name in self._tokens if cluster.holders.get(name, self.node) != self.node]
            share = share_of(self.node, _running(session), cluster, leaving)
            tokens = lease.take(connection, share.take, self.node, self.seconds, gone)
            new = [
                campaign_of(name)
                for name, token in tokens.items()
                if token != self._tokens.get(name) and name != TIMETABLE
            ]
            unknown = forget_placing(session, new, now) if new else 0
            return Renewed(tokens, lost, share.give_back, unknown)

        return renew

    def anothers_since(self, tokens: Mapping[str, int]) -> list[str]:
        """Leases that this node had before, and another in between."""
        return [name for name, token in tokens.items() if token != self._tokens.get(name, token)]

    def hold(self, tokens: Mapping[str, int], until: float) -> None:
        self.held, self.until = frozenset(tokens), until
        self._tokens.update(tokens)

    def forget(self, name: str) -> None:
        """A lease is another's now."""
        self.held -= {name}
        self._tokens.pop(name, None)

    def still_held(self, session: Session, campaign_id: int) -> bool:
        """Whether nobody else has paced the campaign since, and nobody can until the commit."""
        name = of_campaign(campaign_id)
        token = self._tokens.get(name)
        return token is not None and lease.still_held(session.connection(), name, self.node, token)


def _running(session: Session) -> list[str]:
    ids = select(CAMPAIGN.c.id).where(CAMPAIGN.c.intent == Intent.RUN).order_by(CAMPAIGN.c.id)
    return [of_campaign(campaign_id) for campaign_id in session.connection().execute(ids).scalars()]


def of_campaign(campaign_id: int) -> str:
    """The name of its lease."""
    return f"campaign {campaign_id}"


def campaign_of(name: str) -> int:
    """The id of the campaign that a lease is for."""
    return int(name.removeprefix("campaign "))


_BEING_PLACED = (ATTEMPT.c.state != CallState.ENDED, ATTEMPT.c.state == CallState.PLACING)  # the index's own words


def begin(session: Session, node: str, seconds: float, now: datetime) -> int:
    """At the start of a node: what a former process of its name held is free, and what nobody paces was being placed
    by nobody. How many attempts are unknown now.
    """
    connection = session.connection()
    lease.give_back(connection, node)
    paced = {campaign_of(name) for name in lease.look(connection, seconds).holders if name != TIMETABLE}
    placing = select(ATTEMPT.c.campaign_id).distinct().where(*_BEING_PLACED)
    return forget_placing(session, set(connection.execute(placing).scalars()) - paced, now)


def end(session: Session, node: str) -> None:
    """At its end: others need not wait until its leases run out."""
    lease.step_back(session.connection(), node)
    lease.give_back(session.connection(), node)


def forget_placing(session: Session, campaign_ids: Collection[int], now: datetime) -> int:
    """An attempt that was being placed when its node ended may or may not exist; a late answer still settles it."""
    stale = update(ATTEMPT).where(*_BEING_PLACED, ATTEMPT.c.campaign_id.in_(campaign_ids))
    problem = "the dialer ended while this was being placed"
    return (
        session.connection().execute(stale.values(state=CallState.UNKNOWN, error=problem, last_event_at=now)).rowcount
    )


def pacers(session: Session) -> Mapping[str, str]:
    """Node by name of the lease, of all leases that are held now."""
    return lease.look(session.connection(), LEASE_SECONDS).holders
