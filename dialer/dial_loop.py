"""One tick: look at the floor, decide how many to dial, take them from the hopper through the gate, place them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from math import inf
from uuid import uuid4

import structlog
from sqlalchemy import RowMapping, func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session
from sqlmodel import select as select_rows

from campaigns.campaign import Intent
from campaigns.hopper import HELD_TOGETHER, Claim, claim, hold
from campaigns.on_hand import Ends, due_leads, ends_of_calling
from campaigns.prospects import Question
from campaigns.search import Offer, look
from campaigns.tables import Campaign
from compliance.facts import DropCount
from compliance.rulebook import Limits
from dialer import call_budget
from dialer.agent import AgentState
from dialer.back_pressure import Pace, give_way
from dialer.call import CallState
from dialer.choice import Choice
from dialer.commands import StopRinging
from dialer.counts import Sums, drop_budgets, drop_counts
from dialer.db.lease import give_back
from dialer.db.turns import Urgency
from dialer.events import Refused
from dialer.exchange import Exchange
from dialer.learned import Learned, chances_of, keep, policy_of
from dialer.leases import Leases, campaign_of
from dialer.pacing import events as observed
from dialer.pacing.policy import SETUP_SECONDS, Decision, Floor, Policy
from dialer.pacing.policy import Budget as DropBudget
from dialer.shares import TIMETABLE
from dialer.store import AGENT, ATTEMPT, BUSY, UNMET
from dialer.telephony.carrier import Placement
from dialer.waiting import longest_wait

log = structlog.get_logger()

CLAIMED_TOGETHER = 5  # in one write, for whoever answers a call meanwhile waits for it
CLAIMING = 0.75  # of a tick: what could not be written by then is decided anew, for the next tick must not be late
SEATS_UNSEEN = "no new calls, agents' seats are being looked up"
LOOK_AHEAD_SECONDS = 60.0  # between two looks at when calling hours end
AT_WORK = (AgentState.READY, AgentState.ON_CALL, AgentState.WRAP_UP)


@dataclass(frozen=True, slots=True)
class Scene:
    """A running campaign, its agents and its calls at one moment."""

    campaign: Campaign
    agents: Sequence[RowMapping]
    waiting: int  # attempts that have met neither an agent nor the message yet
    reserved: int  # of them, those that hold a free agent
    due: int  # leads, counted up to one more than the calls that may be started now
    drops: tuple[DropCount, ...]  # by every measure that a law of the world uses
    countries: frozenset[str]  # its region, and those whose leads were offered lately
    law: Limits  # of these countries, with our own rules for it
    budgets: tuple[DropBudget, ...]  # of that law, and its own

    @property
    def ring_seconds(self) -> int:
        return min(self.campaign.ring_seconds, self.law.ring_seconds_maximum or self.campaign.ring_seconds)


@dataclass
class DialLoop:
    """The state that pacing needs between two ticks; everything else is read anew each time.

    It paces the campaigns whose leases this node holds, and forgets those of others.
    """

    exchange: Exchange
    leases: Leases
    calls_per_second: float  # of all nodes together
    tick_seconds: float = 1.0
    policies: dict[int, Policy] = field(default_factory=dict)
    choices: dict[int, Choice] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)  # campaigns, in the last tick
    reasons: dict[int, str] = field(default_factory=dict)  # the last decision of each campaign, in words
    _row_ends: float = 0.0  # when the last of this node's own calls has been placed
    _calls_left: int = 0  # that may be started in this tick, as far as is known
    pace: Pace = field(default_factory=Pace)
    _paced_at: float = inf  # when `pace` was decided
    _agents: dict[str, tuple[str, str | None, datetime]] = field(default_factory=dict)
    _looked_at: dict[int, float] = field(default_factory=dict)  # by campaign: when its agents were seen last
    _looked_ahead_at: dict[int, float] = field(default_factory=dict)
    _ends: dict[int, Ends] = field(default_factory=dict)  # by campaign, of calling hours

    @property
    def rate(self) -> call_budget.Rate:
        return call_budget.Rate(self.calls_per_second, self.tick_seconds)

    def observe(self, campaign_id: int, event: observed.Event) -> None:
        if campaign_id in self.choices:
            self.policies[campaign_id].observe(event)
            self.choices[campaign_id].observe(event)

    async def keep_leases(self, *, leaving: bool = False) -> None:
        """Renew what this node holds, and take or give back what an even share among the nodes wants."""
        exchange, leases = self.exchange, self.leases
        until = exchange.clock.monotonic() + leases.seconds
        renewed = await exchange.commit(leases.renewal(exchange.clock.now(), leaving))
        if renewed.unknown:
            log.warning("attempts_unknown", attempts=renewed.unknown)
        for name in (*renewed.lost, *leases.anothers_since(renewed.tokens)):
            self._part_with(name, "lease_lost")  # what another has learned since is in the database
        leases.hold(renewed.tokens, until)
        if renewed.give_back:
            await self.save()
            await exchange.commit(lambda session: give_back(session.connection(), leases.node, renewed.give_back))
            for name in renewed.give_back:
                self._part_with(name, "lease_given_back")

    def _part_with(self, name: str, event: str) -> None:
        log.info(event, lease=name, node=self.leases.node)
        self.leases.forget(name)
        if name != TIMETABLE:
            self._forget(campaign_of(name))

    async def save(self) -> None:
        """Keep what was learned since the last time, unless another node has paced the campaign since; who has stopped
        need not be kept in mind any more.
        """
        learned = {
            campaign_id: Learned(self.policies[campaign_id].state(), choice.known.state())
            for campaign_id, choice in self.choices.items()
        }
        now, still_held = self.exchange.clock.now(), self.leases.still_held

        def keep_own(session: Session) -> None:
            keep(session, {one: state for one, state in learned.items() if still_held(session, one)}, now)

        await self.exchange.commit(keep_own, Urgency.DIAL)
        for stopped in learned.keys() - self.running:
            self._forget(stopped)

    def _forget(self, campaign_id: int) -> None:
        for known in (self.policies, self.choices, self._looked_at, self._looked_ahead_at, self._ends):
            known.pop(campaign_id, None)

    async def tick(self, late_seconds: float = 0.0, began: float | None = None) -> None:
        """Every running campaign once, the one with most free agents first; one that fails does not stop the others.

        `late_seconds` of the tick, and whatever else is slow, slow the dialling. `began`: when what comes before in
        this tick did; of the time that it left, each campaign that may dial has an even share for its claims.
        """
        now, at = self.exchange.clock.now(), self.exchange.clock.monotonic()
        until = (at if began is None else began) + CLAIMING * self.tick_seconds
        paced = self.leases.campaigns
        self._give_way(late_seconds, at)
        unseen = self.exchange.health.seats_unseen_since is not None  # by the time the agents are read
        scenes = await self.exchange.read(lambda session: self._scenes(session, paced, now))
        for stopped in self.reasons.keys() - self.running:
            del self.reasons[stopped]
        to_come = sum(map(_may_dial, scenes))
        for scene in sorted(scenes, key=lambda scene: -_count(scene.agents, AgentState.READY)):
            started = self.exchange.clock.monotonic()
            share = (until - started) / max(1, to_come)
            to_come -= _may_dial(scene)
            try:
                await self._pace(scene, now, at, started + share, SEATS_UNSEEN if unseen else "")
            except Exception:
                self.exchange.counts["campaign_errors"] += 1
                log.exception("campaign_not_paced", campaign=scene.campaign.name)

    def _give_way(self, late_seconds: float, at: float) -> None:
        strain = self.exchange.signs.strain(at, late_seconds, self.exchange.oldest_write())
        before = self.pace
        self.pace = give_way(before, strain, self.calls_per_second, at - self._paced_at)
        self._paced_at = at
        self.exchange.metrics.dial_share.set(self.pace.share)
        if bool(before.reason) != bool(self.pace.reason):
            log.warning("dialling_slowed" if self.pace.reason else "dialling_at_full_rate", reason=self.pace.reason)

    def _scenes(self, session: Session, paced: Collection[int], now: datetime) -> list[Scene]:
        self._calls_left = call_budget.available(session.connection(), self.rate)
        wanted = select_rows(Campaign).where(Campaign.intent == Intent.RUN)
        running = [campaign for campaign in session.exec(wanted) if campaign.id in paced]
        self.running = {campaign.id or 0 for campaign in running}
        sums: Sums = {}
        scenes: list[Scene] = []
        for campaign in running:
            try:
                scenes.append(self._scene(session, campaign, now, sums))
            except DBAPIError:
                raise
            except Exception as error:
                self.exchange.counts["campaign_errors"] += 1
                self.reasons[campaign.id or 0] = f"nothing is dialled: {error}"
                log.exception("campaign_not_paced", campaign=campaign.name)
        return scenes

    def _scene(self, session: Session, campaign: Campaign, now: datetime, sums: Sums) -> Scene:
        campaign_id, connection = campaign.id or 0, session.connection()
        if campaign_id not in self.policies:
            self.policies[campaign_id] = policy_of(session, campaign)
        if campaign_id not in self.choices:
            self.choices[campaign_id] = Choice(chances_of(session, campaign))
        agents = select(AGENT).where(AGENT.c.campaign_id == campaign_id)
        live = (ATTEMPT.c.campaign_id == campaign_id, ATTEMPT.c.state != CallState.ENDED)  # the index's own words
        waiting = select(func.count(), func.count().filter(ATTEMPT.c.agent_reserved)).select_from(ATTEMPT)
        waiting = waiting.where(*live, ATTEMPT.c.state.in_(UNMET))
        book = self.exchange.rulebook
        drops = drop_counts(connection, campaign, book.measures, now, sums)
        countries = self.choices[campaign_id].countries(self.exchange.clock.monotonic()) | {campaign.region}
        law = book.limits(campaign.region, campaign.kind, now.date(), campaign.name, campaign.client, countries)
        session.expunge(campaign)
        return Scene(
            campaign,
            connection.execute(agents).mappings().all(),
            *connection.execute(waiting).one(),
            due_leads(connection, campaign_id, self._calls_left + 1, now),
            drops,
            countries,
            law,
            drop_budgets(campaign, law, drops),
        )

    async def _pace(self, scene: Scene, now: datetime, tick_at: float, until: float, unseen: str) -> None:
        campaign_id = scene.campaign.id or 0
        policy = self.policies[campaign_id]
        for event in self._agent_events(scene, now, tick_at):
            policy.observe(event)
        at = self.exchange.clock.monotonic()
        if at >= self._looked_ahead_at.get(campaign_id, -inf) + LOOK_AHEAD_SECONDS:
            self._looked_ahead_at[campaign_id] = at
            self.exchange.start(self._look_ahead(scene.campaign, now))
        closes_in, day_ends_in = self._ends.get(campaign_id, Ends()).seconds_from(now)
        most = 0 if unseen else int(min(scene.due, self._calls_left, self.pace.calls))
        connect_seconds = longest_wait(self.exchange.connect_seconds)
        decision = policy.decide(at, _floor(scene, most, closes_in, day_ends_in, connect_seconds))
        limits = ("no more leads are due" if decision.dial >= scene.due else "", self.pace.reason, unseen)
        self.reasons[campaign_id] = "; ".join((decision.reason, *filter(None, limits)))
        if decision.give_up:
            await self._give_up(decision.give_up, now - timedelta(seconds=scene.law.give_up_seconds))
        if decision.dial > 0:
            await self._dial(scene, decision, now, until)

    async def _look_ahead(self, campaign: Campaign, now: datetime) -> None:
        book = self.exchange.rulebook
        ends = Ends()  # should they not be found: what has been known may be over
        try:
            ends = await self.exchange.read(lambda session: ends_of_calling(session, campaign, book, now))
        finally:
            self._ends[campaign.id or 0] = ends

    async def _dial(self, scene: Scene, decision: Decision, now: datetime, until: float) -> None:
        exchange, campaign_id = self.exchange, scene.campaign.id or 0
        choice = self.choices[campaign_id]
        question = Question(scene.campaign, scene.drops, decision.reserve)
        found = await exchange.read(
            lambda session: look(session, question, decision.dial, exchange.rulebook, now, choice.places)
        )
        put_away = partial(hold, campaign_id=campaign_id, rulebook=exchange.rulebook, now=now)
        for start in range(0, len(found.refusals), HELD_TOGETHER):
            if start and exchange.clock.monotonic() >= until:  # the others are found again
                break
            some = partial(put_away, refusals=found.refusals[start : start + HELD_TOGETHER])
            await exchange.commit(some, Urgency.DIAL)
        offers, written = choice.offers(found, decision.dial), 0
        choice.calling(found, offers, exchange.clock.monotonic())
        if new := choice.countries(exchange.clock.monotonic()) - scene.countries:
            choice.put_back(offers)
            self.reasons[campaign_id] += f"; none yet, for the law of {', '.join(sorted(new))} binds now too"
            return
        for start in range(0, len(offers), CLAIMED_TOGETHER):
            if start and exchange.clock.monotonic() >= until:
                choice.put_back(offers[start:])
                self.reasons[campaign_id] += f"; only {written} of {len(offers)} written in its share of the tick"
                break
            named = {uuid4().hex: offer for offer in offers[start : start + CLAIMED_TOGETHER]}
            claims, turn = await exchange.commit(partial(self._claim, named=named, question=question), Urgency.DIAL)
            turn = max(turn, exchange.clock.monotonic(), self._row_ends)  # a slow commit must not make a burst of them
            if claims:
                self._row_ends = turn + len(claims) / self.calls_per_second
            written += len(claims)
            self._calls_left -= len(claims)
            self.pace = self.pace.spent(len(claims))
            for number, placed in enumerate(claims):
                chance = choice.dialled(placed.attempt_id, named[placed.attempt_id])
                self.observe(campaign_id, observed.Dialled(placed.attempt_id, exchange.clock.monotonic(), chance))
                exchange.start(self._place(scene, placed, turn + number / self.calls_per_second))

    def _claim(self, session: Session, named: Mapping[str, Offer], question: Question) -> tuple[list[Claim], float]:
        """Attempts for as many of the offers as calls may be started, none once the campaign is another node's; and
        when the first may be placed, the others one after the other at the carrier's rate. It starts them no sooner,
        and many requests at once would keep answers waiting.
        """
        connection, exchange = session.connection(), self.exchange
        if not self.leases.still_held(session, question.campaign.id or 0):
            return [], inf
        held, at = call_budget.held(connection, self.rate), exchange.clock.monotonic()
        some = dict(islice(named.items(), int(held.calls)))
        claims = claim(session, some, question, exchange.rulebook, exchange.clock.now())
        call_budget.spend(connection, held, len(claims))
        return claims, at + call_budget.seconds_until_turn(held, self.rate)

    async def _place(self, scene: Scene, placed: Claim, turn: float) -> None:
        exchange, campaign = self.exchange, scene.campaign
        await exchange.clock.until(turn)

        def place() -> Placement:
            if exchange.clock.monotonic() >= self.leases.until:  # stood still: another node paces by now
                return Refused("the node's lease had run out", retry=True, asked=False)
            cleared, ring_seconds = placed.cleared, scene.ring_seconds
            carrier, detect = exchange.carrier, campaign.machine_detection
            return carrier.place(cleared, placed.attempt_id, placed.caller_id, ring_seconds, detect)

        stopped = Refused("the daemon had stopped listening", retry=True, asked=False)
        event: Placement = await exchange.ask_for_call(place, stopped)
        if isinstance(event, Refused):
            if (choice := self.choices.get(campaign.id or 0)) is not None:
                choice.forget(placed.attempt_id)
            if event.for_all:
                await self._pause(campaign, event.problem)
        await exchange.handle(placed.attempt_id, event)

    async def _pause(self, campaign: Campaign, problem: str) -> None:
        log.error("campaign_paused", campaign=campaign.name, problem=problem)

        def pause(session: Session) -> bool:
            row = session.get(Campaign, campaign.id, with_for_update=True)
            if row is None or row.intent != Intent.RUN:
                return False
            row.intent, row.note = Intent.PAUSE, f"the carrier refuses: {problem}"
            return True

        if await self.exchange.commit(pause):
            self.exchange.metrics.campaigns_paused.inc()

    async def _give_up(self, attempt_ids: Sequence[str], rung_since: datetime) -> None:
        """Stop those that have rung since then; pacing counts from the dial, which is earlier."""
        ringing = (
            ATTEMPT.c.id.in_(attempt_ids),
            ATTEMPT.c.state == CallState.RINGING,
            ATTEMPT.c.ringing_at <= rung_since,
        )
        query = select(ATTEMPT.c.id, ATTEMPT.c.call_sid).where(*ringing)
        for attempt_id, sid in await self.exchange.read(lambda session: session.connection().execute(query).all()):
            self.exchange.start(self.exchange.carry_out(StopRinging(sid), attempt_id))

    def _agent_events(self, scene: Scene, now: datetime, tick_at: float) -> list[observed.Event]:
        """What agents did since the last tick, read off the difference; the row says when, whatever the clock did."""
        campaign_id = scene.campaign.id or 0
        new_to_us, seen_at = campaign_id not in self._looked_at, self._looked_at.get(campaign_id, tick_at)
        self._looked_at[campaign_id] = tick_at
        events: list[observed.Event] = []
        for agent in scene.agents:
            name, state = agent["name"], agent["state"]
            since_then = tick_at - (now - agent["since"]).total_seconds()
            if new_to_us and state == AgentState.ON_CALL and agent["attempt_id"] is not None:  # given by another node
                events.append(observed.Connected(agent["attempt_id"], name, min(tick_at, since_then)))
            at = min(tick_at, max(seen_at, since_then))
            before, call, since = self._agents.get(name, (AgentState.LOGGED_OUT, None, agent["since"]))
            if before == AgentState.ON_CALL and state != AgentState.ON_CALL and call is not None:
                events.append(observed.CallEnded(call, name, at))
            if state == AgentState.READY and (before != state or agent["since"] != since):  # a call between two ticks
                events.append(observed.AgentFree(name, at))
            if before in AT_WORK and state not in AT_WORK:
                events.append(observed.AgentGone(name, at))
            self._agents[name] = (state, agent["attempt_id"], agent["since"])
        return events


def _floor(scene: Scene, max_dials: int, closes_in: float, day_ends_in: float, connect_seconds: float) -> Floor:
    return Floor(
        free_agents=_count(scene.agents, AgentState.READY),
        in_flight=scene.waiting,
        max_dials=max_dials,
        budgets=scene.budgets,
        ring_seconds=scene.ring_seconds,
        connect_seconds=connect_seconds,
        give_up_seconds=scene.law.give_up_seconds + SETUP_SECONDS,
        reserved=scene.reserved,
        busy_agents=sum(_count(scene.agents, state) for state in BUSY),
        closes_in=closes_in,
        day_ends_in=day_ends_in,
    )


def _may_dial(scene: Scene) -> bool:
    return scene.due > 0 and any(agent["state"] in AT_WORK for agent in scene.agents)


def _count(agents: Sequence[RowMapping], state: AgentState) -> int:
    return sum(agent["state"] == state for agent in agents)
