"""A node's leases tick by tick: what it paces, what it may still write, what it forgets."""

from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy import update

from dialer import leases
from dialer.choice import Choice
from dialer.db.lease import LEASE, NAMES
from dialer.dial_loop import DialLoop
from dialer.events import Placed
from dialer.leases import Leases, forget_placing, pacers
from dialer.pacing.leads import LeadChances
from dialer.pacing.policy import Decision
from dialer.shares import TIMETABLE
from tests.plans import plans_of_statements

LONG = 60.0  # seconds of a lease: by the database's own clock, which a loaded machine lets run on

pytestmark = pytest.mark.both_databases


class Dialling:
    """A policy that always wants a line."""

    def observe(self, event):
        pass

    def decide(self, now, floor):
        return Decision(1, True, "so")

    def state(self):
        return {"whose": "this"}


@pytest.fixture
def campaign(build):
    campaign = build.campaign(mode="predictive")
    build.agent("anna", campaign)
    build.agent("bert", campaign)
    for _ in range(5):
        build.lead(campaign)
    return campaign


@pytest.fixture
def connections(backend, database_url):
    """Of the nodes, by name; there are none on SQLite."""
    with ExitStack() as stack:

        def connect(name):
            if backend == "postgresql" and name not in opened:
                opened[name] = stack.enter_context(psycopg.connect(database_url, autocommit=True))
                opened[name].execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (NAMES, name))

        opened = {}
        yield connect, opened


@pytest.fixture
def kill(connections, run_out):
    """The server sees the end of a node's connection at once; with a file its leases must run out."""
    _connect, opened = connections
    return lambda name: opened[name].close() if opened else run_out()


@pytest.fixture
def node(exchange, campaign, connections):
    connect, _opened = connections

    def node(name):
        connect(name)
        loop = DialLoop(exchange, Leases(name, LONG), 100.0)
        loop.policies[campaign] = Dialling()
        return loop

    return node


@pytest.fixture
def run_out(database):
    """Let the leases of a killed or paused node run out."""
    over = update(LEASE).values(expires_at=0.0)
    return lambda: database.write(lambda session: session.connection().execute(over) and None)


async def test_a_campaign_is_paced_by_the_one_node_that_has_its_lease(node, campaign, exchange, carrier, database):
    one, two = node("one"), node("two")
    for loop in (one, two):
        await loop.keep_leases()
        await loop.tick()
        await exchange.drain()
    assert (one.leases.campaigns, two.leases.campaigns) == ({campaign}, set())
    assert (one.leases.timetable, two.leases.timetable) == (True, False)
    assert len(carrier.requests) == 1
    with database.read() as session:
        assert pacers(session) == {TIMETABLE: "one", f"campaign {campaign}": "one"}


async def test_who_stood_still_dials_nothing_once_the_campaign_is_anothers(node, campaign, exchange, carrier, run_out):
    """It does not know yet: only the token, asked in the claim's own transaction, tells."""
    one, two = node("one"), node("two")
    await one.keep_leases()
    run_out()
    await two.keep_leases()
    await one.tick()
    await exchange.drain()
    assert carrier.requests == []
    await one.keep_leases()
    assert (one.leases.campaigns, one.policies, two.leases.campaigns) == (set(), {}, {campaign})


async def test_who_stood_still_between_claim_and_call_does_not_send_it_and_the_lead_comes_back(
    node, exchange, carrier, build, clock
):
    one = node("one")
    await one.keep_leases()
    await one.tick()
    clock.advance(LONG)
    await exchange.drain()
    assert carrier.requests == []
    assert (build.row("attempt")["outcome"], build.rows("lead")[0]["standing"]) == ("not-placed", "open")


async def test_what_a_killed_node_held_is_anothers_with_the_next_tick_and_if_it_lives_it_knows(
    node, campaign, kill, exchange, carrier
):
    one, two = node("one"), node("two")
    await one.keep_leases()
    await two.keep_leases()
    assert (one.leases.campaigns, two.leases.campaigns) == ({campaign}, set())
    kill("one")
    await two.keep_leases()
    assert (two.leases.campaigns, two.leases.timetable) == ({campaign}, True)
    await one.tick()
    await exchange.drain()
    assert carrier.requests == []
    await one.keep_leases()
    assert one.leases.campaigns == set()


async def test_what_was_being_placed_by_who_is_gone_is_unknown_and_a_late_answer_still_counts(
    node, campaign, exchange, build, run_out
):
    one, two = node("one"), node("two")
    await one.keep_leases()
    attempt = build.attempt(build.lead(campaign), "placing")
    await one.keep_leases()
    assert build.row("attempt")["state"] == "placing"
    run_out()
    await two.keep_leases()
    assert build.row("attempt")["state"] == "unknown"
    await exchange.handle(attempt, Placed("CA1"))
    assert (build.row("attempt")["state"], build.row("attempt")["error"]) == ("dialled", None)


async def test_what_a_node_learned_is_saved_only_while_the_campaign_is_its_own(node, campaign, build, run_out):
    one, two = node("one"), node("two")
    for loop in (one, two):
        loop.choices[campaign] = Choice(LeadChances())
    await one.keep_leases()
    run_out()
    await two.keep_leases()
    two.running = {campaign}
    await one.save()
    assert build.rows("pacing_state") == []
    await two.save()
    assert build.row("pacing_state")["state"] == {"whose": "this"}


async def test_who_leaves_saves_and_gives_back_what_another_takes_at_once(node, campaign, build):
    one, two = node("one"), node("two")
    await one.keep_leases()
    one.choices[campaign] = Choice(LeadChances())
    await two.keep_leases()
    await one.keep_leases(leaving=True)
    assert (one.leases.held, build.row("pacing_state")["state"]) == (frozenset(), {"whose": "this"})
    await two.keep_leases()
    assert (two.leases.campaigns, two.leases.timetable) == ({campaign}, True)


async def test_a_node_that_starts_again_takes_its_work_up_at_once_as_another_holder(node, campaign, build, database):
    one = node("one")
    await one.keep_leases()
    build.attempt(build.lead(campaign), "placing")
    paused = build.campaign("paused", intent="pause")
    build.attempt(build.lead(paused), "placing")
    now = one.exchange.clock.now()
    assert database.write(lambda session: leases.begin(session, "one", 3.0, now)) == 2
    again = node("one")
    await again.keep_leases()
    tokens = {row["name"]: row["token"] for row in build.rows("lease")}
    assert tokens == {TIMETABLE: 2, f"campaign {campaign}": 2}


async def test_a_node_that_starts_leaves_alone_what_another_is_placing(node, campaign, build, database, clock):
    await node("one").keep_leases()
    build.attempt(build.lead(campaign), "placing")
    assert database.write(lambda session: leases.begin(session, "two", 3.0, clock.now())) == 0


def test_what_was_being_placed_when_the_process_ended_is_unknown_and_never_placed_again(build, database, clock):
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "placing")
    ringing = build.attempt(build.lead(campaign), "ringing")
    clock.advance(60)
    assert database.write(lambda session: forget_placing(session, [campaign], clock.now())) == 1
    row = build.row("attempt", id=attempt)
    assert (row["state"], row["last_event_at"]) == ("unknown", clock.now())
    assert (build.row("attempt", id=ringing)["state"], build.rows("lead")[0]["standing"]) == ("ringing", "dialling")


@pytest.mark.sqlite_only
def test_what_was_being_placed_is_found_among_the_live_attempts_however_many_have_ended(build, database, clock):
    campaign = build.campaign()
    build.attempt(build.lead(campaign), "placing")
    with plans_of_statements("attempt") as plans:
        database.write(lambda session: leases.begin(session, "one", 3.0, clock.now()))
    assert plans
    assert not [step for step in plans if "attempt" in step and "attempt_live" not in step]
