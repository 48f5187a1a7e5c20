"""Two nodes at once on one PostgreSQL: each lead, number, agent and place in the ledger goes to exactly one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, create_engine, literal
from sqlmodel import Session, select

from campaigns import hopper
from campaigns.campaign import Verb
from campaigns.prospects import Question
from campaigns.search import Offer, choose, look
from campaigns.store import say
from campaigns.tables import Attempt, Campaign
from compliance import consents, emergencies, ledger, lists, order
from compliance.do_not_call import of_client
from compliance.store import add_entry, import_numbers
from dialer import call_budget, seats
from dialer.agent import AgentEvent
from dialer.call_control import take
from dialer.db import lease
from dialer.events import Progress
from dialer.pacing.leads import LeadChances
from dialer.store import claim_agent, remember_event
from tests.conftest import NEW_YORK_NUMBERS, NOON

NUMBERS = ("+12125550101", "+12125550102", "+12125550103")


@pytest.fixture
def backend() -> str:
    return "postgresql"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Of nodes that write side by side."""
    engine = create_engine(database_url.replace("postgresql", "postgresql+plain", 1))
    yield engine
    engine.dispose()


@pytest.fixture
def offers(build, engine, rules):
    """What a look at a new campaign finds, with a claim on it."""

    def offers(name, numbers=NUMBERS):
        campaign_id = build.campaign(name)
        for number in numbers:
            build.lead(campaign_id, number)
        with Session(engine, expire_on_commit=False) as session:
            question = Question(session.get_one(Campaign, campaign_id), (), True)
            found = choose(look(session, question, 10, rules, NOON, {}), 10, LeadChances(), 0)
            session.commit()

        def claim(session: Session, node: str, chosen: list[Offer] = found) -> list[str]:
            named = {f"{name}-{node}-{offer.candidate.number}": offer for offer in chosen}
            return sorted(claimed.cleared.number for claimed in hopper.claim(session, named, question, rules, NOON))

        return found, claim

    return offers


def test_a_lead_is_claimed_by_one_node_while_the_other_has_not_committed_and_after(engine, offers):
    _found, claim = offers("spring")
    with Session(engine) as one, Session(engine) as other:
        assert claim(one, "one") == sorted(NUMBERS)
        assert claim(other, "other") == []
        one.commit()
        assert claim(other, "other") == []
        other.commit()
        assert sorted(other.exec(select(Attempt.number))) == sorted(NUMBERS)


def test_what_one_node_gives_up_the_other_can_have(engine, offers):
    _found, claim = offers("spring")
    with Session(engine) as one, Session(engine) as other:
        assert claim(one, "one") == sorted(NUMBERS)
        one.rollback()
        assert claim(other, "other") == sorted(NUMBERS)


def test_nodes_share_a_campaign_and_wait_only_for_each_others_place_in_the_ledger(engine, offers):
    found, claim = offers("spring")
    with Session(engine) as one, Session(engine) as other, ThreadPoolExecutor(1) as node:
        first = claim(one, "one", found[:2])
        waits = node.submit(claim, other, "other")
        one.commit()
        assert (first, waits.result(10)) == (sorted(NUMBERS[:2]), [NUMBERS[2]])


def test_a_number_in_two_campaigns_is_dialled_by_one_of_two_nodes(engine, offers):
    _, spring = offers("spring", NUMBERS[:1])
    _, autumn = offers("autumn", NUMBERS[:1])
    with Session(engine) as one, Session(engine) as other:
        assert spring(one, "one") == [NUMBERS[0]]
        assert autumn(other, "other") == []
        one.commit()
        assert autumn(other, "other") == []


CONSENT = {"number": NUMBERS[0], "kind": "express", "source": "web", "given_at": NOON - timedelta(days=1)}


def opts_out(session, scope="*"):
    add_entry(session, NUMBERS[0], scope=scope, source="key-press", now=NOON)


def opts_out_of_a_client(session):
    opts_out(session, of_client("Acme"))


def opt_outs_are_imported(session):
    import_numbers(session, [*NEW_YORK_NUMBERS, "+18085550101"], source="cli", now=NOON)


def revokes(session):
    consents.revoke(session, NUMBERS[0], None, "phone", NOON)


def an_emergency_is_declared(session):
    emergencies.declare(session, "US", "operator", NOON)


def a_list_is_taken_into_use(session):
    copy = lists.open_copy(session, "national:US", NOON.date(), NOON)
    lists.add_numbers(session, copy, NUMBERS)
    lists.activate(session, copy)


FORBIDDEN = (
    *(opts_out, opts_out_of_a_client, opt_outs_are_imported, revokes, an_emergency_is_declared),
    a_list_is_taken_into_use,
)


@pytest.mark.parametrize("forbid", FORBIDDEN)
def test_what_is_forbidden_while_a_call_is_claimed_comes_after_it(engine, offers, forbid):
    with Session(engine) as one, Session(engine) as other, ThreadPoolExecutor(1) as node:
        consents.add(one, [consents.NewConsent(**CONSENT)], NOON)
        one.commit()
        _found, claim = offers("spring", NUMBERS[:1])
        assert claim(one, "one") == [NUMBERS[0]]
        waits = node.submit(forbid, other)
        with pytest.raises(TimeoutError):
            waits.result(0.2)
        one.commit()
        waits.result(10)


def test_a_pause_comes_after_the_claim_that_has_seen_the_campaign_run(engine, offers, monkeypatch):
    paused = []

    def keep(connection, numbers):
        paused.append(node.submit(say, other, "spring", Verb.PAUSE))
        with pytest.raises(TimeoutError):
            paused[0].result(0.2)
        return order.keep(connection, numbers)

    monkeypatch.setattr(hopper, "keep", keep)
    _found, claim = offers("spring")
    with Session(engine) as one, Session(engine) as other, ThreadPoolExecutor(1) as node:
        assert claim(one, "one") == sorted(NUMBERS)
        one.commit()
        assert paused[0].result(10).intent == "pause"


@pytest.mark.parametrize("forbid", FORBIDDEN)
def test_what_is_just_being_forbidden_is_not_claimed_nor_once_it_is(engine, offers, forbid):
    with Session(engine) as one, Session(engine) as other:
        consents.add(one, [consents.NewConsent(**CONSENT)], NOON)
        one.commit()
        _found, claim = offers("spring", NUMBERS[:1])
        forbid(other)
        assert claim(one, "one") == []
        one.commit()
        other.commit()
        assert claim(one, "one") == []


def test_an_agent_gets_one_call_and_the_next_call_the_next_agent(engine, build):
    campaign = build.campaign()
    build.agent("anna", campaign)
    build.agent("bert", campaign)
    calls = [build.row("attempt", id=build.attempt(build.lead(campaign))) for _ in range(3)]
    with Session(engine) as one, Session(engine) as other, Session(engine) as third:
        assert claim_agent(one.connection(), calls[0], NOON)[0] == "anna"
        assert claim_agent(other.connection(), calls[1], NOON)[0] == "bert"
        assert claim_agent(third.connection(), calls[2], NOON) == (None, None)
        one.rollback()
        assert claim_agent(third.connection(), calls[2], NOON)[0] == "anna"


def test_two_nodes_do_not_both_give_the_one_agent_to_spare_and_so_a_reserved_one(engine, build):
    campaign = build.campaign()
    build.agent("anna", campaign)
    build.agent("bert", campaign)
    reserved = build.row("attempt", id=build.attempt(build.lead(campaign)))
    calls = [build.row("attempt", id=build.attempt(build.lead(campaign), agent_reserved=False)) for _ in range(2)]
    with Session(engine) as one, Session(engine) as other, Session(engine) as third:
        assert claim_agent(one.connection(), calls[0], NOON)[0] == "anna"
        assert claim_agent(other.connection(), calls[1], NOON) == (None, None)
        assert claim_agent(third.connection(), reserved, NOON)[0] == "bert"


def side_by_side(engine, work, times=8):
    """What each of many nodes got."""

    def run(place):
        with Session(engine) as session, session.begin():
            return work(session, place)

    with ThreadPoolExecutor(4) as nodes:
        return list(nodes.map(run, range(times)))


def test_the_ledger_stays_one_chain_whoever_writes(engine, offers, rules):
    found, _claim = offers("spring")
    entry = ledger.entry(
        found[0].cleared,
        **{"campaign_id": 1, "campaign": "spring", "client": "Acme", "kind": "telemarketing", "lead_id": 1},
        facts={},
        rulebook=rules.digest,
    )
    side_by_side(engine, lambda session, place: ledger.record_decisions(session, [replace(entry, lead_id=place)] * 3))
    with Session(engine) as session:
        assert ledger.verify(session) is None
        assert len(ledger.rows_of(session, entry.number)) == 24


def test_a_webhook_that_two_nodes_receive_is_new_to_one(engine):
    answers = side_by_side(
        engine, lambda session, _: remember_event(session.connection(), "k1", "status", None, {}, NOON) is None
    )
    assert sorted(answers) == [False] * 7 + [True]


def test_events_of_one_call_are_taken_one_after_the_other(engine, build):
    """Each sees what the one before it has changed: one of them moves the call to ringing."""
    attempt = build.attempt(build.lead(build.campaign()))
    ringing = Progress("CA-a1", ringing=True)
    moved = side_by_side(
        engine, lambda session, _: (t := take(session, attempt, ringing, 2.0, NOON)).before.state != t.after.state
    )
    assert sorted(moved) == [False] * 7 + [True]


def test_a_free_lease_is_taken_by_one_of_many_nodes_with_the_next_token(engine, build):
    build.add("lease", {"name": "campaign 1", "node": "gone", "token": 7, "expires_at": 0.0})
    got = side_by_side(
        engine, lambda session, place: lease.take(session.connection(), ["campaign 1", "timetable"], str(place), 60.0)
    )
    assert sorted(found["campaign 1"] for found in got if "campaign 1" in found) == [8]
    assert sorted(found["timetable"] for found in got if "timetable" in found) == [1]


def test_who_claims_keeps_the_lease_until_the_commit(engine):
    """The lease has run out, and another node wants it: not before the calls of the old holder are known."""
    with Session(engine) as one, Session(engine) as other, ThreadPoolExecutor(1) as node:
        token = lease.take(one.connection(), ["campaign 1"], "one", -1.0)["campaign 1"]
        one.commit()
        assert lease.still_held(one.connection(), "campaign 1", "one", token)
        waits = node.submit(lease.take, other.connection(), ["campaign 1"], "other", 60.0)
        with pytest.raises(TimeoutError):
            waits.result(0.2)
        one.commit()
        assert waits.result(10) == {"campaign 1": token + 1}
        other.commit()
        assert not lease.still_held(one.connection(), "campaign 1", "one", token)


def test_nodes_together_start_no_more_calls_than_there_are(engine, build, monkeypatch):
    build.change("call_budget", 1, calls=10.0, filled_at=4e9)
    monkeypatch.setattr(call_budget, "clock", lambda _connection: literal(4e9))  # nothing is filled meanwhile

    def start_three(session, _):
        held = call_budget.held(session.connection(), call_budget.Rate(20.0, 1.0))
        started = min(3, int(held.calls))
        call_budget.spend(session.connection(), held, started)
        return started

    got = side_by_side(engine, start_three)
    assert sorted(got) == [0, 0, 0, 0, 1, 3, 3, 3]


def test_an_agents_seat_is_rung_by_one_of_many_nodes(engine, build):
    campaign = build.campaign()
    for name in ("anna", "bert", "carla"):
        build.agent(name, campaign, "joining", seat_token=None, seat_sid=None)
    rung = side_by_side(
        engine, lambda session, place: [seat["address"] for seat in seats.seats_to_ring(session, [f"{place}a"], NOON)]
    )
    assert sorted(address for addresses in rung for address in addresses) == [
        *("client:anna", "client:bert", "client:carla")
    ]


def test_what_two_nodes_are_told_of_one_agent_is_done_one_after_the_other(engine, build):
    """Each goes by what the other has made of the agent: the last call's wrap-up ends once."""
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "connected", agent="anna", answered_at=NOON, connected_at=NOON)
    build.agent("anna", campaign, "wrap-up", attempt_id=attempt, wrap_up_until=NOON)
    freed = side_by_side(engine, lambda session, _: seats.end_wrap_up(session, 2.0, NOON))
    assert sorted(freed) == [False] * 7 + [True]


def test_a_wish_for_one_agent_that_two_nodes_hear_changes_it_once(engine, build):
    build.agent("anna", build.campaign())
    side_by_side(engine, lambda session, _: seats.wish(session, "anna", AgentEvent.PAUSE, "lunch", NOON))
    assert [(change["state"], change["reason"]) for change in build.rows("agent_change")] == [("paused", "lunch")]
