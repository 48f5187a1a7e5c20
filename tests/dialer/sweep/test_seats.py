"""What heals on the floor: seats left behind, gone unreported or never answered."""

import threading

import pytest

from campaigns.dispositions import Outcome
from dialer import sweep
from dialer.call_budget import Rate
from dialer.events import Ended, Progress
from dialer.seats import seat_joined
from dialer.telephony.carrier import CarrierError, SeatRing
from dialer.telephony.webhooks import UnknownValue
from dialer.tick import ring_seats

pytestmark = pytest.mark.both_databases


async def test_a_seat_left_behind_is_hung_up_and_the_agent_may_log_in_again(build, exchange, carrier):
    build.agent("anna", build.campaign(), "logged-out", seat_token="t1", seat_sid="CS1")
    await sweep.hang_up_left_seats(exchange)
    assert carrier.hung_up == ["CS1"]
    assert (build.row("agent")["seat_sid"], build.row("agent")["reason"]) == (None, "")
    await sweep.hang_up_left_seats(exchange)
    assert carrier.hung_up == ["CS1"]


async def test_a_seat_whose_end_was_never_reported_takes_its_agent_off_the_floor(build, exchange, carrier, clock):
    campaign = build.campaign()
    met = {"answered_at": clock.now(), "connected_at": clock.now()}
    talk = build.attempt(build.lead(campaign), "connected", agent="gone", **met)
    clock.advance(5)
    for name in ("here", "gone", "unheard-of", "odd"):
        build.agent(
            name, campaign, "on-call" if name == "gone" else "ready", attempt_id=talk if name == "gone" else None
        )
    carrier.add("CS-odd", "client:odd", UnknownValue("CallStatus 'parked'"))
    carrier.add("CS-here", "client:here", Progress("CS-here", ringing=True, picked_up=True))
    carrier.add("CS-gone", "client:gone", Ended(Outcome.ANSWERED, "CS-gone"))
    await sweep.check_seats(exchange)
    await exchange.drain()
    states = {row["name"]: row["state"] for row in build.rows("agent")}
    assert states == {"here": "ready", "gone": "logged-out", "unheard-of": "logged-out", "odd": "ready"}
    assert carrier.messages == [(f"CA-{talk}", talk)]
    assert build.row("attempt")["abandoned"]


async def test_whom_the_agent_has_met_and_who_has_gone_is_not_counted_as_abandoned_when_the_seat_is_found_gone(
    build, exchange, carrier, clock
):
    """Callbacks of both were lost while the daemon stood still."""
    campaign = build.campaign()
    met = {"answered_at": clock.now(), "connected_at": clock.now()}
    for name in ("anna", "bert"):
        attempt = build.attempt(build.lead(campaign), "connected", agent=name, **met)
        build.agent(name, campaign, "on-call", attempt_id=attempt)
        carrier.add(f"CS-{name}", f"client:{name}", Ended(Outcome.ANSWERED, f"CS-{name}"))
        if name == "anna":
            carrier.meetings.add((f"CA-{attempt}", "CS-anna"))
    clock.advance(18)
    await sweep.check_seats(exchange)
    await exchange.drain()
    assert {row["name"]: row["state"] for row in build.rows("agent")} == {"anna": "logged-out", "bert": "logged-out"}
    assert {row["agent"]: row["abandoned"] for row in build.rows("attempt")} == {"anna": False, "bert": True}


async def test_who_hears_nothing_is_not_kept_waiting_for_the_question_whether_others_have_met(
    build, exchange, carrier, clock, monkeypatch
):
    """It is asked behind all the messages, and a failure changes nothing about them."""
    campaign, messages_before, talks = build.campaign(), [], []
    met = {"answered_at": clock.now(), "connected_at": clock.now()}
    for name in ("anna", "bert", "carl"):
        talks.append(build.attempt(build.lead(campaign), "connected", agent=name, **met))
        build.agent(name, campaign, "on-call", attempt_id=talks[-1])
        carrier.add(f"CS-{name}", f"client:{name}", Ended(Outcome.ANSWERED, f"CS-{name}"))
    clock.advance(18)
    checked = threading.Event()

    def unreachable(_sid, _seat_sid):
        checked.wait(10)
        messages_before.append(len(carrier.messages))
        raise CarrierError("away")

    monkeypatch.setattr(carrier, "met", unreachable)
    await sweep.check_seats(exchange)
    checked.set()
    await exchange.drain()
    assert sorted(carrier.messages) == sorted((f"CA-{talk}", talk) for talk in talks)
    assert len(messages_before) == 3
    assert messages_before[0] > 0
    assert all(row["abandoned"] for row in build.rows("attempt"))
    assert exchange.counts["look_ups_failed"] == 3


async def test_nobody_is_asked_whether_they_have_met_where_it_would_change_nothing(
    build, exchange, carrier, clock, monkeypatch
):
    """Left at once: the call is abandoned however that may be."""
    campaign = build.campaign()
    met = {"answered_at": clock.now(), "connected_at": clock.now()}
    talk = build.attempt(build.lead(campaign), "connected", agent="gone", **met)
    build.agent("gone", campaign, "on-call", attempt_id=talk)
    carrier.add("CS-gone", "client:gone", Ended(Outcome.ANSWERED, "CS-gone"))
    asked = []
    monkeypatch.setattr(carrier, "met", lambda *sids: asked.append(sids) or True)
    clock.advance(1)
    await sweep.check_seats(exchange)
    await exchange.drain()
    assert (asked, build.row("attempt")["abandoned"]) == ([], True)


async def test_many_seats_are_checked_by_one_list_and_only_who_is_not_on_it_is_looked_up(build, exchange, carrier):
    campaign = build.campaign()
    for number in range(sweep.SEATS_ONE_BY_ONE + 2):
        build.agent(f"a{number}", campaign)
        carrier.add(f"CS-a{number}", f"client:a{number}", Progress(f"CS-a{number}", ringing=True, picked_up=True))
    carrier.add("CS-a3", "client:a3", Ended(Outcome.ANSWERED, "CS-a3"))
    carrier.add("CS-a5", "client:a5", Progress("CS-a5", ringing=True))  # not on the list, and not gone
    await sweep.check_seats(exchange)
    assert carrier.asked == ["in progress", "CS-a3", "CS-a5"]
    assert [row["name"] for row in build.rows("agent") if row["state"] == "logged-out"] == ["a3"]


async def test_a_kill_between_ring_and_answer_heals_by_time(build, exchange, clock):
    """The token is committed, the carrier's answer is not: nobody rings again, and the agent may after a while."""
    build.agent("anna", build.campaign(), "joining", seat_sid=None)
    clock.advance(44)
    await sweep.check_seats(exchange)
    assert build.row("agent")["state"] == "joining"
    clock.advance(1)
    await sweep.check_seats(exchange)
    agent = build.row("agent")
    assert (agent["state"], agent["reason"], agent["seat_token"]) == ("logged-out", "seat was not answered", None)


async def test_an_agent_who_joins_just_when_the_seat_would_be_given_up_keeps_it(
    build, exchange, carrier, clock, monkeypatch
):
    build.agent("anna", build.campaign(), "joining", seat_sid=None)
    carrier.add("CS-anna", "client:anna", Progress("CS-anna", ringing=True, picked_up=True))
    clock.advance(45)
    commit = exchange.database.submit

    def join_before(work, *urgency):
        monkeypatch.setattr(exchange.database, "submit", commit)
        commit(lambda session: seat_joined(session, "seat-of-anna", "CS-anna", clock.now())).result()
        return commit(work, *urgency)

    monkeypatch.setattr(exchange.database, "submit", join_before)
    await sweep.check_seats(exchange)
    agent = build.row("agent")
    assert (agent["state"], agent["seat_sid"], agent["reason"]) == ("ready", "CS-anna", "")


async def test_agents_are_rung_once_and_a_failed_ring_says_why(build, exchange, carrier):
    campaign = build.campaign()
    for name in ("anna", "bert"):
        build.agent(name, campaign, "joining", seat_token=None, seat_sid=None)
    carrier.seat_answers.extend([SeatRing("CS1"), SeatRing(None, "21211: invalid")])
    for _ in range(2):
        await ring_seats(exchange, Rate(10.0, 1.0))
        await exchange.drain()
    assert len(carrier.seats) == 2
    agents = {agent["seat_sid"]: (agent["state"], agent["reason"]) for agent in build.rows("agent")}
    assert agents == {
        "CS1": ("joining", ""),
        None: ("logged-out", "seat could not be rung: 21211: invalid"),
    }


async def test_no_agent_is_rung_when_nobody_listens_any_more(build, exchange, carrier):
    build.agent("anna", build.campaign(), "joining", seat_token=None, seat_sid=None)
    exchange.listen_no_more()
    await ring_seats(exchange, Rate(10.0, 1.0))
    await exchange.drain()
    assert carrier.seats == []
    assert build.row("agent")["reason"] == "seat could not be rung: the daemon had stopped listening"


@pytest.mark.parametrize("place", [0, 1])
async def test_a_seat_that_alone_cannot_be_looked_up_does_not_stop_the_dialling(build, exchange, carrier, clock, place):
    campaign = build.campaign()
    exchange.health.seats_unseen_since = clock.monotonic()
    for number in range(2):
        build.agent(f"a{number}", campaign)
        talking = Progress(f"CS-a{number}", ringing=True, picked_up=True)
        carrier.add(f"CS-a{number}", "client:a", CarrierError("500") if number == place else talking)
    clock.advance(1)
    await sweep.check_seats(exchange)
    assert {row["state"] for row in build.rows("agent")} == {"ready"}
    assert (exchange.health.seats_unseen_since, exchange.counts["look_ups_failed"]) == (None, 1)


async def test_nor_does_it_where_the_others_are_found_by_the_list(build, exchange, carrier, clock):
    campaign = build.campaign()
    exchange.health.seats_unseen_since = clock.monotonic()
    for number in range(sweep.SEATS_ONE_BY_ONE + 1):
        build.agent(f"a{number}", campaign)
        talking = Progress(f"CS-a{number}", ringing=True, picked_up=True)
        carrier.add(f"CS-a{number}", "client:a", CarrierError("500") if number == 5 else talking)
    clock.advance(1)
    await sweep.check_seats(exchange)
    assert exchange.health.seats_unseen_since is None


async def test_when_no_seat_can_be_looked_up_they_all_stay_unseen(build, exchange, carrier):
    build.agent("anna", build.campaign())
    carrier.add("CS-anna", "client:anna", CarrierError("500"))
    with pytest.raises(CarrierError):
        await sweep.check_seats(exchange)
    assert exchange.health.seats_unseen_since is not None


async def test_where_nobody_has_a_seat_the_carrier_is_asked_whether_it_is_back(exchange, carrier, clock):
    """A survey needs no agents."""
    exchange.health.seats_unseen_since = clock.monotonic()
    carrier.down = True
    with pytest.raises(CarrierError):
        await sweep.check_seats(exchange)
    assert exchange.health.seats_unseen_since is not None
    carrier.down = False
    await sweep.check_seats(exchange)
    assert exchange.health.seats_unseen_since is None


async def test_a_seat_is_looked_up_when_a_person_is_given_to_it_unless_too_many_wait(build, exchange, carrier):
    """In a rush the look-ups would crowd out answers: those beyond the limit are left to the regular check."""
    campaign = build.campaign()
    attempt = build.attempt(build.lead(campaign), "connected", agent="anna", call_sid="CA1")
    build.agent("anna", campaign, "on-call", attempt_id=attempt, seat_sid="CS1", seat_token="t1")
    carrier.add("CS1", "client:anna", Progress("CS1", ringing=True, picked_up=True))
    exchange.seats_unconfirmed.update(f"a{n}" for n in range(sweep.UNCONFIRMED_LIMIT))
    await sweep.confirm_seat(exchange, attempt)
    assert (carrier.asked, exchange.counts["seats_not_confirmed"]) == ([], 1)
    exchange.seats_unconfirmed.clear()
    await sweep.confirm_seat(exchange, attempt)
    assert (carrier.asked, exchange.seats_unconfirmed) == (["CS1"], set())
