"""What the loop tells pacing: what happened and when, who is busy, what the law and the list leave."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest
from sqlalchemy import Engine, event

from compliance.packs import read_pack
from compliance.rulebook import make_rulebook
from dialer.choice import Choice
from dialer.dial_loop import LOOK_AHEAD_SECONDS, DialLoop
from dialer.events import Refused
from dialer.leases import Leases
from dialer.pacing import events as observed
from dialer.pacing.leads import LeadChances
from tests.conftest import PLAIN_LAW
from tests.dialer.dial_loop.stock import PLENTY, Stubborn, floor

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize(
    ("law", "seconds"),
    [
        (PLAIN_LAW.partition("[[ring]]")[0], inf),  # no law says how long it must ring
        (PLAIN_LAW, 17.0),  # and two until it rings
        (PLAIN_LAW.replace("of = ", "counts_given_up = true\nof = "), inf),
    ],
)
async def test_lines_may_be_given_up_where_a_law_says_after_how_long(build, exchange, law, seconds):
    loop = DialLoop(replace(exchange, rulebook=make_rulebook([read_pack("us.toml", law)])), Leases("one"), PLENTY)
    policy = loop.policies[build.campaign()] = Stubborn()
    await loop.keep_leases()
    await loop.tick()
    assert [floor.give_up_seconds for floor in policy.floors] == [seconds]


async def test_calls_that_wait_for_an_agent_are_told_of_and_for_how_long_they_may(build, exchange):
    loop = DialLoop(exchange, Leases("one"), PLENTY)
    campaign = build.campaign()
    for state, reserved in (("ringing", True), ("waiting", True), ("waiting", False), ("message", True)):
        build.attempt(build.lead(campaign), state, agent_reserved=reserved)
    policy = loop.policies[campaign] = Stubborn()
    await loop.keep_leases()
    await loop.tick()
    (floor,) = policy.floors
    assert (floor.in_flight, floor.reserved, floor.connect_seconds) == (3, 2, exchange.connect_seconds / 2)


OWN_DROPS = """
client = "Acme"
version = 2026-11-23
[[abandonment]]
id = "acme.abandonment"
jurisdiction = "*"
scope = ["telemarketing"]
ceiling = 0.01
of = "calls-placed"
window = "24-hours"
across = "everyone"
basis = "custom"
citation = "the client's contract"
confidence = "high"
"""


@pytest.mark.parametrize(("client", "ceiling"), [("Acme", 0.01), ("Other", 0.03)])
async def test_a_clients_own_drop_rate_is_paced_by_in_its_campaigns_alone(build, exchange, client, ceiling):
    own = make_rulebook([read_pack("us.toml", PLAIN_LAW), read_pack("acme.toml", OWN_DROPS)])
    loop = DialLoop(replace(exchange, rulebook=own), Leases("one"), PLENTY)
    policy = loop.policies[build.campaign(client=client)] = Stubborn()
    await loop.keep_leases()
    await loop.tick()
    (seen,) = policy.floors
    assert min(budget.ceiling for budget in seen.budgets) == ceiling


async def test_a_call_that_began_and_ended_between_two_ticks_leaves_its_agent_free(build, exchange, tick, loop, clock):
    campaign = build.campaign()
    anna = build.agent("anna", campaign)
    policy = loop.policies[campaign] = Stubborn()
    await tick()
    clock.advance(1)
    build.change("agent", anna, since=clock.now())
    await tick()
    free = observed.AgentFree("anna", exchange.clock.monotonic())
    assert [type(event) for event in policy.learned] == [observed.AgentFree] * 2
    assert policy.learned[-1] == free


async def test_pacing_learns_what_agents_did_between_two_ticks(build, exchange, tick, loop):
    campaign = build.campaign()
    anna = build.agent("anna", campaign)
    policy = loop.policies[campaign] = Stubborn()
    await tick()
    for change in ({"state": "on-call", "attempt_id": "a1"}, {"state": "wrap-up"}, {"state": "paused"}):
        build.change("agent", anna, **change)
        await tick()
    at = exchange.clock.monotonic()
    assert policy.learned == [
        *(observed.AgentFree("anna", at), observed.CallEnded("a1", "anna", at), observed.AgentGone("anna", at)),
    ]


async def test_a_lead_that_is_likelier_to_answer_is_dialled_first_and_pacing_is_told(
    build, carrier, exchange, tick, loop, clock
):
    """The second of two, once the first dial, which is always the longest waiting's, is made."""
    campaign = build.campaign()
    policy = loop.policies[campaign] = Stubborn(dial=1)
    known = LeadChances()
    for number in range(400):
        known.learn(("area 1646",), number % 2 == 0)
        known.learn(("area 1212",), number % 20 == 0)
    loop.choices[campaign] = Choice(known)
    for number in ("+12125550101", "+12125550102", "+16465550103"):
        build.lead(campaign, number)
    await tick()
    clock.advance(1)
    await tick()
    assert [request.number for request in carrier.requests] == ["+12125550101", "+16465550103"]
    first, second = (event.chance for event in policy.learned if isinstance(event, observed.Dialled))
    assert first < 0.7
    assert second > 1.3
    assert [row["turn"] for row in build.rows("attempt")] == ["waiting", "chance"]


async def test_what_comes_of_a_dial_is_learned_of_its_traits_but_not_if_it_was_refused(build, carrier, tick, loop):
    campaign = floor(build, agents=2, leads=2)
    carrier.answers.append(Refused("no such number", retry=False))
    await tick()
    known = loop.choices[campaign].known
    (refused,) = build.rows("attempt", state="ended")
    loop.observe(campaign, observed.Failed(refused["id"], 1.0))
    assert known.dials == 0
    (live,) = build.rows("attempt", state="dialled")
    loop.observe(campaign, observed.Failed(live["id"], 1.0))
    assert known.dials == 1
    assert set(known.state()["features"]) == {"", *live["traits"]}


async def test_a_line_that_was_given_up_has_not_been_answered(build, carrier, tick, loop, clock):
    campaign = floor(build, agents=1, leads=1)
    await tick()
    (attempt,) = build.rows("attempt")
    build.change("attempt", attempt["id"], state="ringing", ringing_at=clock.now())
    clock.advance(15)
    loop.policies[campaign] = Stubborn(give_up=(attempt["id"],))
    await tick()
    assert carrier.stopped == [attempt["call_sid"]]
    loop.observe(campaign, observed.Failed(attempt["id"], 17.0))
    known = loop.choices[campaign].known
    assert known.dials == 1
    assert known.chances([attempt["traits"]])[0] < LeadChances().chances([attempt["traits"]])[0]


async def test_what_a_stopped_campaign_learned_is_saved_once_and_no_longer_kept_in_mind(build, tick, loop, clock):
    """Else it would look as new as that of the client's running campaign for ever."""
    stopped, running = floor(build, agents=1, leads=1, mode="predictive"), build.campaign("autumn", mode="predictive")
    await tick()
    build.change("campaign", stopped, intent="stop")
    await tick()
    await loop.save()
    first = clock.now()
    clock.advance(60)
    await tick()
    await loop.save()
    saved = {row["campaign_id"]: row["saved_at"] for row in build.rows("pacing_state")}
    assert saved == {stopped: first, running: clock.now()}
    assert set(loop.policies) == set(loop.choices) == {running}


async def test_pacing_learns_when_it_happened_and_not_when_it_was_seen(build, exchange, tick, loop, clock):
    """But never what the row's clock says when that lies outside the tick: it may have been set right."""
    campaign = build.campaign()
    names = {"early": -5.0, "timely": 0.4, "ahead": 9.0}
    agents = {name: build.agent(name, campaign, "on-call", attempt_id=name) for name in names}
    policy = loop.policies[campaign] = Stubborn()
    await tick()
    before, now = exchange.clock.monotonic(), clock.now()
    for name, seconds in names.items():
        build.change("agent", agents[name], state="wrap-up", since=now + timedelta(seconds=seconds))
    clock.advance(1)
    await tick()
    told = {event.agent: event.at - before for event in policy.learned if isinstance(event, observed.CallEnded)}
    assert told == pytest.approx({"early": 0.0, "timely": 0.4, "ahead": 1.0})


async def test_a_node_that_takes_over_tells_of_the_talks_that_go_on(build, exchange, tick, loop, clock):
    """Else nobody would be expected back from them, and a ratio would dial for agents who talk."""
    campaign = build.campaign(mode="ratio", lines_per_agent=2.0)
    began = clock.now() - timedelta(seconds=40)
    build.agent("anna", campaign, "on-call", attempt_id="a1", since=began)
    build.agent("bert", campaign)
    policy = loop.policies[campaign] = Stubborn()
    at = exchange.clock.monotonic()
    for _ in range(2):
        await tick()
    assert policy.learned == [observed.Connected("a1", "anna", at - 40), observed.AgentFree("bert", at)]


async def test_no_more_is_promised_than_leads_are_due(build, tick, loop, clock):
    """Else pacing would hold on to lines as if others could still be dialled, and say so."""
    campaign = floor(build, agents=9, leads=2)
    build.lead(campaign, due_at=clock.now() + timedelta(hours=1))
    policy = loop.policies[campaign] = Stubborn(dial=2)
    await tick()
    assert loop.reasons[campaign] == "so; no more leads are due"
    await tick()
    assert [seen.max_dials for seen in policy.floors] == [2, 0]


async def test_pacing_hears_who_is_busy(build, tick, loop):
    campaign = build.campaign()
    for state in ("on-call", "wrap-up", "wrap-up", "ready", "paused", "joining", "logged-out"):
        build.agent(f"{state}-{len(build.rows('agent'))}", campaign, state)
    policy = loop.policies[campaign] = Stubborn()
    await tick()
    assert [(seen.free_agents, seen.busy_agents) for seen in policy.floors] == [(1, 3)]


async def test_pacing_hears_when_nobody_may_be_called_any_more(build, tick, loop, clock):
    campaign = floor(build, agents=1, leads=3)
    policy = loop.policies[campaign] = Stubborn()
    await tick()
    clock.advance(hours=9, minutes=-5)
    for seconds in (1, 30, 30):
        await tick()
        clock.advance(seconds)
    assert [seen.closes_in for seen in policy.floors] == [inf, inf, 299.0, 269.0]
    assert [seen.day_ends_in for seen in policy.floors] == [inf, 300.0, 299.0, 269.0]


async def test_an_end_that_cannot_be_looked_for_is_not_believed_any_longer(build, tick, loop, clock, monkeypatch):
    """Once it has passed it would say that nobody may be dialled, for good."""
    campaign = floor(build, agents=1, leads=3)
    policy = loop.policies[campaign] = Stubborn()
    clock.advance(hours=9, minutes=-5)
    await tick()
    await tick()

    def fail(*_given):
        raise RuntimeError("a lead nobody can make sense of")

    monkeypatch.setattr("dialer.dial_loop.ends_of_calling", fail)
    clock.advance(LOOK_AHEAD_SECONDS)
    await tick()
    await tick()
    assert policy.floors[1].closes_in == 300.0
    assert (policy.floors[-1].closes_in, policy.floors[-1].day_ends_in) == (inf, inf)


async def test_the_end_of_calling_hours_is_looked_for_once_a_minute(build, tick, loop, database, clock):
    floor(build, agents=1, leads=1)
    looks = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_rest):
        if "FROM do_not_call" in statement:
            looks.append(clock.now())

    try:
        loop.policies[1] = Stubborn()
        for _ in range(130):
            await tick()
            clock.advance(1)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(set(looks)) == 3
