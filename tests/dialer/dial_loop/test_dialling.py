"""One tick of dialling: how many, which, and what the carrier's answers come to."""

from datetime import timedelta

import pytest
from sqlalchemy import literal

from campaigns.dispositions import Outcome
from campaigns.hopper import HELD_TOGETHER
from dialer import call_budget
from dialer.dial_loop import DialLoop
from dialer.events import Ended, Refused, Unsure
from dialer.leases import Leases
from dialer.pacing import events as observed
from tests.dialer.dial_loop.stock import Stubborn, drops, floor
from tests.plans import plans_of_statements

pytestmark = pytest.mark.both_databases


@pytest.fixture
def refill(build):
    """Let a second pass for the calls that may be started: the database's own clock goes on by itself."""
    return lambda: build.change("call_budget", 1, filled_at=0.0)


def states(build):
    return [row["state"] for row in build.rows("attempt")]


async def test_one_line_is_dialled_for_each_free_agent_and_no_more_on_the_next_tick(build, carrier, tick, loop):
    campaign = floor(build, agents=3, leads=10, ring_seconds=25, machine_detection=False)
    build.agent("resting", campaign, "paused")
    for _ in range(3):
        await tick()
    assert len(carrier.requests) == 3
    rows = build.rows("attempt")
    assert [(row["state"], row["agent_reserved"]) for row in rows] == [("dialled", True)] * 3
    assert {row["call_sid"] for row in rows} == set(carrier.calls)
    request = carrier.requests[0]
    attempt = build.row("attempt", id=request.attempt_id)
    assert (request.number, request.caller_id) == (attempt["number"], attempt["caller_id"])
    assert (request.ring_seconds, request.detect) == (25, False)
    assert "3 free, 3 in flight" in loop.reasons[campaign]


async def test_a_line_that_ends_makes_room_for_the_next(build, carrier, exchange, tick):
    floor(build, agents=1, leads=3)
    await tick()
    (first,) = build.rows("attempt")
    await exchange.handle(first["id"], Ended(Outcome.BUSY, first["call_sid"]))
    await tick()
    assert [request.number for request in carrier.requests] == ["+12125550100", "+12125550101"]


@pytest.mark.sqlite_only
async def test_a_tick_reads_the_live_attempts_only_however_many_have_ended(build, database, tick):
    """Searched by campaign alone, a million ended attempts would hold up every decision for a second."""
    floor(build, agents=0, leads=0)
    with plans_of_statements("FROM attempt") as plans:
        await tick()
    assert plans == ["SEARCH attempt USING INDEX attempt_live (campaign_id=? AND state=?)"]


async def test_agents_on_calls_are_dialled_for_by_nobody(build, carrier, tick):
    campaign = floor(build, agents=0, leads=5)
    for name, state in (("a", "on-call"), ("b", "wrap-up"), ("c", "joining"), ("d", "logged-out")):
        build.agent(name, campaign, state)
    await tick()
    assert carrier.requests == []


@pytest.mark.parametrize("intent", ["pause", "stop", "stop-now"])
async def test_only_a_campaign_that_is_wanted_is_dialled(build, carrier, tick, loop, intent):
    floor(build, agents=2, leads=5, intent=intent)
    await tick()
    assert (carrier.requests, loop.reasons) == ([], {})


async def test_calls_per_second_are_shared_by_the_campaigns_most_free_agents_first(
    build, carrier, exchange, tick, refill
):
    small = floor(build, agents=2, leads=9, name="small")
    large = floor(build, agents=6, leads=9, name="large")
    loop = DialLoop(exchange, Leases("one"), 3.0, tick_seconds=0.5)
    await tick(loop)
    assert [row["campaign_id"] for row in build.rows("attempt")] == [large] * 3
    refill()
    await tick(loop)
    assert [row["campaign_id"] for row in build.rows("attempt")] == [large] * 6
    refill()
    await tick(loop)
    assert [row["campaign_id"] for row in build.rows("attempt")] == [large] * 6 + [small] * 2
    assert len(carrier.requests) == 8


async def test_a_tick_of_two_seconds_starts_two_seconds_calls(build, carrier, exchange, tick, monkeypatch):
    floor(build, agents=9, leads=9)
    loop, started = DialLoop(exchange, Leases("one"), 2.0, tick_seconds=2.0), []
    build.change("call_budget", 1, calls=0.0, filled_at=100.0)
    for now in (102.0, 104.5):
        monkeypatch.setattr(call_budget, "clock", lambda _connection, now=now: literal(now))
        await tick(loop)
        started.append(len(carrier.requests))
    assert started == [4, 9]


async def test_a_refusal_for_now_brings_the_lead_back_and_uses_no_try(build, carrier, tick, clock):
    floor(build, agents=1, leads=1)
    carrier.answers.append(Refused("20429: too many requests", retry=True))
    await tick()
    row, lead = build.row("attempt"), build.row("lead")
    assert (row["state"], row["outcome"], row["error"]) == ("ended", "not-placed", "20429: too many requests")
    assert (lead["standing"], lead["attempts"], build.row("phone")["attempts"]) == ("open", 0, 0)
    assert lead["due_at"] == clock.now() + timedelta(minutes=2)
    clock.advance(minutes=2)
    await tick()
    assert states(build) == ["ended", "dialled"]


async def test_what_was_claimed_before_nobody_listened_any_more_is_not_placed_and_its_lead_comes_back(
    build, carrier, exchange, tick, monkeypatch
):
    """Whoever picked up would hear nothing."""
    floor(build, agents=1, leads=1)

    async def until(_turn):
        exchange.listen_no_more()

    monkeypatch.setattr(exchange.clock, "until", until)
    await tick()
    row, lead = build.row("attempt"), build.row("lead")
    assert carrier.requests == []
    assert (row["state"], row["outcome"], row["error"]) == ("ended", "not-placed", "the daemon had stopped listening")
    assert (lead["standing"], lead["attempts"]) == ("open", 0)


async def test_a_refusal_for_good_gives_the_number_up(build, carrier, tick):
    floor(build, agents=1, leads=1)
    carrier.answers.append(Refused("21211: invalid", retry=False))
    await tick()
    assert (build.row("attempt")["outcome"], build.row("phone")["retired"], build.row("lead")["standing"]) == (
        *("rejected", "rejected", "finished"),
    )


async def test_an_attempt_nobody_is_sure_of_counts_as_in_flight_and_is_never_sent_again(build, carrier, tick, clock):
    floor(build, agents=1, leads=3)
    carrier.answers.append(Unsure("read timed out"))
    await tick()
    assert (states(build), build.row("attempt")["error"]) == (["unknown"], "read timed out")
    for _ in range(3):
        clock.advance(30)
        await tick()
    assert len(carrier.requests) == 1


async def test_an_account_that_is_refused_pauses_the_campaign_with_a_note_and_keeps_the_lead(
    build, carrier, exchange, tick, clock
):
    floor(build, agents=2, leads=2)
    carrier.answers.extend([Refused("21210: caller id not verified", retry=True, for_all=True)] * 2)
    await tick()
    assert exchange.metrics.registry.get_sample_value("dialer_campaigns_paused_total") == 1
    campaign = build.row("campaign")
    assert (campaign["intent"], campaign["note"]) == ("pause", "the carrier refuses: 21210: caller id not verified")
    assert [(lead["standing"], lead["attempts"]) for lead in build.rows("lead")] == [("open", 0), ("open", 0)]
    clock.advance(minutes=10)
    await tick()
    assert len(carrier.requests) == 2


async def test_a_refusal_does_not_turn_a_stop_into_a_pause(build, carrier, exchange, tick):
    campaign = floor(build, agents=1, leads=1)

    def refuse():
        build.change("campaign", campaign, intent="stop")
        return Refused("20003: authenticate", retry=True, for_all=True)

    carrier.answers.append(refuse)
    await tick()
    assert (build.row("campaign")["intent"], build.row("campaign")["note"]) == ("stop", "")
    assert exchange.metrics.registry.get_sample_value("dialer_campaigns_paused_total") == 0


async def test_what_the_gate_refuses_is_kept_and_nothing_is_sent(build, carrier, tick, clock):
    campaign = floor(build, agents=1, leads=0)
    build.lead(campaign, "+18085550101", state="HI")
    await tick()
    assert carrier.requests == []
    assert (build.row("decision")["reason"], build.row("lead")["held_reason"]) == ("hours", "hours")


async def test_many_refusals_are_all_kept(build, tick, clock):
    campaign = floor(build, agents=1, leads=0)
    numbers = [f"+1{area}5550{line}" for area in (212, 213, 214) for line in range(100, 200)]
    build.leads(campaign, numbers)
    clock.advance(hours=12)
    await tick()
    assert {row["held_reason"] for row in build.rows("lead")} == {"hours"}
    assert len(build.rows("decision")) == len(numbers) > 2 * HELD_TOGETHER


async def test_no_policy_can_dial_ahead_on_a_used_up_drop_rate_budget(build, carrier, tick, loop, database, clock):
    campaign = floor(build, agents=1, leads=4)
    drops(database, campaign, clock.now(), 100, 3)
    loop.policies[campaign] = Stubborn(dial=3, reserve=False)
    await tick()
    assert carrier.requests == []
    assert {row["held_reason"] for row in build.rows("lead")} == {"drop-rate"}


async def test_predictive_dials_one_to_one_with_agents_reserved_until_the_budget_has_recovered(
    build, carrier, exchange, tick, loop, database, clock
):
    campaign = floor(build, agents=2, leads=0, mode="predictive")
    await tick()
    for call in map(str, range(200)):
        at = exchange.clock.monotonic()
        loop.observe(campaign, observed.Dialled(call, at))
        if int(call) % 4 == 0:
            answered = (observed.PickedUp, observed.Human)
            for event in (*(of(call, at + 5) for of in answered), observed.Connected(call, "x", at + 5)):
                loop.observe(campaign, event)
            loop.observe(campaign, observed.CallEnded(call, "x", at + 50))
            loop.observe(campaign, observed.AgentFree("x", at + 60))
        else:
            loop.observe(campaign, observed.Failed(call, at + 20))
        clock.advance(1)
    for _ in range(40):
        build.lead(campaign)
    drops(database, campaign, clock.now(), 100, 3)
    await tick()
    assert "drop-rate budget used up" in loop.reasons[campaign]
    assert [row["agent_reserved"] for row in build.rows("attempt")] == [True, True]
    drops(database, campaign, clock.now() - timedelta(days=1), 5000, 0)
    clock.advance(1)
    await tick()
    assert len(build.rows("attempt")) == 2, "both agents are held for lines that ring"
    for name in ("third", "fourth", "fifth", "sixth"):
        build.agent(name, campaign)
    clock.advance(1)
    await tick()
    rows = build.rows("attempt")
    assert len(rows) > 6
    assert not any(row["agent_reserved"] for row in rows[2:])


async def test_a_ratio_is_dialled_while_the_drop_rate_budget_lasts(build, carrier, tick, loop, database, clock):
    campaign = floor(build, agents=10, leads=40, mode="ratio", lines_per_agent=1.8)
    drops(database, campaign, clock.now(), 100, 3)
    await tick()
    assert "until the drop-rate budget has room, 0.0 abandoned calls left: 10 free" in loop.reasons[campaign]
    assert [row["agent_reserved"] for row in build.rows("attempt")] == [True] * 10
    drops(database, campaign, clock.now() - timedelta(days=1), 5000, 0)
    clock.advance(1)
    await tick()
    assert [row["agent_reserved"] for row in build.rows("attempt")] == [True] * 10 + [False] * 8
    assert loop.reasons[campaign].startswith("1.8 lines for each agent: 10 free, 0 talking, 10 in flight, ")


async def test_a_talk_is_one_of_the_lines_of_a_ratio(build, carrier, tick, loop, database, clock):
    campaign = floor(build, agents=2, leads=10, mode="ratio", lines_per_agent=3.0)
    drops(database, campaign, clock.now() - timedelta(days=1), 5000, 0)
    build.agent("third", campaign, "on-call")  # of whose talk nothing has been told yet
    await tick()
    assert len(carrier.requests) == 6
    loop.observe(campaign, observed.Connected("elsewhere", "third", loop.exchange.clock.monotonic()))
    await tick()
    assert len(carrier.requests) == 8


async def test_a_line_the_policy_gives_up_is_stopped_when_it_has_rung_as_long_as_the_law_wants(
    build, carrier, exchange, loop, tick, clock
):
    campaign = floor(build, agents=0, leads=0)
    rung = {"ringing_at": clock.now() - timedelta(seconds=15)}
    short = {"ringing_at": clock.now() - timedelta(seconds=14.9)}
    lead = build.lead(campaign)
    ready, early = build.attempt(lead, "ringing", **rung), build.attempt(build.lead(campaign), "ringing", **short)
    others = (build.attempt(build.lead(campaign), state) for state in ("unknown", "connected"))
    loop.policies[campaign] = Stubborn(give_up=(ready, early, *others, "nobody"))
    await tick()
    assert (carrier.stopped, carrier.hung_up) == ([f"CA-{ready}"], [])
    carrier.down = True
    await tick()
    assert exchange.counts == {"orders_failed": 1}


async def test_the_drop_rate_counts_blocks_of_30_days(build, carrier, tick, loop, database, clock):
    """From the first call on, against the campaign's own ceiling when it is the lower one."""
    campaign = floor(build, agents=1, leads=4, drop_rate_ceiling=0.02)
    loop.policies[campaign] = Stubborn(dial=1, reserve=False)
    drops(database, campaign, clock.now() - timedelta(days=40), 1000, 0)
    drops(database, campaign, clock.now() - timedelta(days=9), 99, 1)
    await tick()
    assert carrier.requests == []  # 0.02 x 99 - 1 leaves less than one call to lose
    drops(database, campaign, clock.now(), 1, 0)
    clock.advance(30)
    await tick()
    assert len(carrier.requests) == 1


async def test_the_reason_says_so_only_when_the_list_is_what_ends(build, tick, loop):
    campaign = floor(build, agents=5, leads=3)
    loop.calls_per_second = 1.0
    loop.policies[campaign] = Stubborn(dial=1)
    await tick()
    assert loop.reasons[campaign] == "so"


async def test_a_campaign_that_was_stopped_has_no_decision_any_more(build, tick, loop):
    campaign = floor(build, agents=1, leads=1)
    await tick()
    assert campaign in loop.reasons
    build.change("campaign", campaign, intent="stop")
    await tick()
    assert loop.reasons == {}


async def test_a_campaign_that_cannot_be_read_does_not_stop_the_others(build, carrier, exchange, tick, loop):
    """A node without the rules of a campaign's country."""
    broken = floor(build, agents=3, leads=3, name="broken", region="AQ")
    floor(build, agents=1, leads=1, name="sound", caller_ids=["+12125550198"])
    await tick()
    assert exchange.counts["campaign_errors"] == 1
    assert [request.caller_id for request in carrier.requests] == ["+12125550198"]
    assert loop.reasons[broken].startswith("nothing is dialled: ")


async def test_a_campaign_that_cannot_be_paced_does_not_stop_the_others(build, carrier, exchange, tick):
    """A campaign without a caller id cannot come from the command line; here it stands for whatever may fail."""
    floor(build, agents=3, leads=3, name="broken", caller_ids=[])
    floor(build, agents=1, leads=1, name="sound")
    await tick()
    assert exchange.counts["campaign_errors"] == 1
    assert [request.caller_id for request in carrier.requests] == ["+12125550198"]
