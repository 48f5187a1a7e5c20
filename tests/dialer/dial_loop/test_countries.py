"""A campaign is paced by the law of every country whose leads it is offered, not by that of its region alone."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest

from compliance.packs import read_pack
from compliance.rulebook import make_rulebook
from dialer.choice import CALLED_LATELY
from dialer.dial_loop import DialLoop
from dialer.leases import Leases
from tests.conftest import PLAIN_LAW
from tests.dialer.dial_loop.stock import PLENTY, Stubborn, drops, floor

pytestmark = pytest.mark.both_databases

GERMAN = "+4930901820"
GERMAN_LAW = (
    PLAIN_LAW.replace('"US"', '"DE"')
    .replace('"us.', '"de.')
    .replace("ceiling = 0.03", "ceiling = 0.01\ncounts_given_up = true")
    .replace("30-day-blocks", "24-hours")
    .replace("seconds_minimum = 15", "seconds_minimum = 15\nseconds_maximum = 18")
)


@pytest.fixture
def loop(exchange):
    book = make_rulebook([read_pack("us.toml", PLAIN_LAW), read_pack("de.toml", GERMAN_LAW)])
    return DialLoop(replace(exchange, rulebook=book), Leases("one"), PLENTY)


async def test_nobody_abroad_is_dialled_before_the_law_there_binds_the_pacing(build, carrier, loop, tick, clock):
    campaign = floor(build, agents=2, leads=0, ring_seconds=20)
    build.lead(campaign, GERMAN, state="")
    policy = loop.policies[campaign] = Stubborn(dial=1)
    await tick(loop)
    assert carrier.requests == []
    assert "none yet, for the law of DE binds now too" in loop.reasons[campaign]
    clock.advance(1)
    await tick(loop)
    assert [(request.number, request.ring_seconds) for request in carrier.requests] == [(GERMAN, 18)]
    home, both = policy.floors
    assert (min(budget.ceiling for budget in home.budgets), home.give_up_seconds, home.ring_seconds) == (0.03, 17, 20)
    assert (min(budget.ceiling for budget in both.budgets), both.give_up_seconds, both.ring_seconds) == (0.01, inf, 18)


async def test_a_budget_that_is_used_up_abroad_alone_is_earned_back_one_to_one(
    build, carrier, loop, tick, clock, database
):
    campaign = floor(build, agents=1, leads=0, mode="ratio", lines_per_agent=2.0)
    drops(database, campaign, clock.now() - timedelta(days=2), 5000, 0)
    build.lead(campaign, GERMAN, state="")
    for _ in range(40):
        await tick(loop)
        clock.advance(1)
    assert [row["agent_reserved"] for row in build.rows("attempt")] == [True]


async def test_the_law_abroad_binds_no_longer_when_nobody_is_called_there(build, loop, tick, clock):
    campaign = floor(build, agents=2, leads=0)
    build.lead(campaign, GERMAN, state="")
    policy = loop.policies[campaign] = Stubborn(dial=1)
    for seconds in (1, CALLED_LATELY - 1, 1, 1):
        await tick(loop)
        clock.advance(seconds)
    assert [min(budget.ceiling for budget in seen.budgets) for seen in policy.floors] == [0.03, 0.01, 0.01, 0.03]
