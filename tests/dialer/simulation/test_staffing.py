"""How long the leads last a team, and what that costs."""

import pytest

from dialer.simulation.figures import Figures
from dialer.simulation.scenario import Team
from dialer.simulation.staffing import Rates, Work, staffing

TEAM = Team(agents=10, hours=8, days=2)
WORK = Work(leads=1500, dials=4000, minutes_per_dial=0.5)


def test_until_the_last_lead():
    one = staffing(TEAM, Figures(dials=3200, live=640, live_abandoned=16), WORK, Rates(18, 0.014))
    assert (one.agents, one.dials_per_hour, one.contacts_per_hour) == (10, 200, 39)
    assert (one.hours_until_done, one.shifts_until_done) == (20, 2.5)
    assert one.cost == pytest.approx(20 * 10 * 18 + 2000 * 0.014)


def test_no_rates_no_cost_and_no_dials_no_end():
    assert staffing(TEAM, Figures(dials=1), WORK).cost is None
    idle = staffing(TEAM, Figures(), WORK, Rates(18, 0.014))
    assert (idle.hours_until_done, idle.shifts_until_done, idle.cost) == (None, None, None)


def test_nothing_left_is_done_at_once():
    assert staffing(TEAM, Figures(dials=1), Work(0, 0, 0.5), Rates(18, 0.014)).cost == 0
