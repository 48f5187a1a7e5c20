"""Lists are repeatable, true to their shares, and each lead stays what it is."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import fmean, stdev

import pytest

from dialer.simulation.lead_list import Population
from dialer.simulation.scenario import Leads

MORNING = datetime(2027, 3, 2, 14, tzinfo=UTC)  # 9 o'clock in New York, 6 in Los Angeles
ANY = Leads(area_codes=("212", "312", "303", "213"))


def test_the_same_seed_draws_the_same_list_and_another_seed_or_campaign_another():
    drawn = [Population(ANY, *seeds).drawn(50, MORNING) for seeds in ((1, 0), (1, 0), (2, 0), (1, 1))]
    numbers = [[lead.number for lead in leads] for leads in drawn]
    assert numbers[0] == numbers[1]
    assert len({tuple(one) for one in numbers}) == 3


def test_numbers_are_those_of_the_area_codes_each_once_over_all_lists():
    population = Population(ANY, 1, 0)
    leads = population.drawn(2000, MORNING) + population.drawn(2000, MORNING, 1.0)
    assert len({lead.number for lead in leads}) == 4000
    assert [lead.id for lead in leads] == list(range(4000))
    assert {lead.number[2:5] for lead in leads} == set(ANY.area_codes)
    assert {lead.area_code: lead.clock.key for lead in leads} == {
        "212": "America/New_York",
        "312": "America/Chicago",
        "303": "America/Denver",
        "213": "America/Los_Angeles",
    }


@pytest.mark.parametrize("hours", [0, 4, 12])
def test_all_together_answer_in_the_share_wanted_whatever_the_hour(hours):
    leads = Leads(spread=1.3, area_spread=0.6, hour_spread=0.8, dead=0.1)
    population = Population(leads, 3, 0)
    drawn = population.drawn(6000, MORNING)
    at = MORNING + timedelta(hours=hours)
    answers = [0.0 if lead.dead else population.human(lead, 0.2, at) for lead in drawn]
    assert fmean(answers) == pytest.approx(0.2, abs=0.01)
    assert fmean(lead.dead for lead in drawn) == pytest.approx(0.1, abs=0.02)


def test_leads_differ_as_said_and_a_better_list_is_better():
    population = Population(Leads(spread=1.2, area_spread=0.0), 1, 0)
    first, better = population.drawn(4000, MORNING), population.drawn(4000, MORNING, 0.7)
    assert stdev(lead.odds for lead in first) == pytest.approx(1.2, abs=0.05)
    assert fmean(lead.odds for lead in better) - fmean(lead.odds for lead in first) == pytest.approx(0.7, abs=0.1)


def test_area_codes_differ_and_are_the_same_for_each_list():
    population = Population(Leads(spread=0.0, area_spread=0.5, area_codes=("212", "312", "303")), 1, 0)
    of_area = [{lead.area_code: lead.odds for lead in population.drawn(200, MORNING)} for _ in range(2)]
    assert of_area[0] == of_area[1]
    assert len(set(of_area[0].values())) == 3


def test_the_best_part_of_the_day_is_by_the_clock_of_the_lead():
    population = Population(Leads(spread=0.0, area_spread=0.0, hour_spread=1.0, area_codes=("212", "213")), 1, 0)
    drawn = population.drawn(300, MORNING)
    assert Counter(lead.best for lead in drawn).keys() == {0, 1, 2}
    at = datetime(2027, 3, 2, 18, tzinfo=UTC)  # 13 o'clock in New York, 10 in Los Angeles
    high = {(lead.area_code, lead.best) for lead in drawn if population.human(lead, 0.2, at) > 0.3}
    assert high == {("212", 1), ("213", 0)}
