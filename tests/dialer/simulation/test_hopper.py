"""A list is dialled as the daemon would: who is next, when, how often, and never against the law."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from campaigns.lead import Priority
from campaigns.recycling import RETRIES
from campaigns.turns import WAITING_EVERY
from dialer.simulation.figures import Figures
from dialer.simulation.hopper import Hopper, Turn
from dialer.simulation.lead_list import Population
from dialer.simulation.scenario import Leads, Scenario

ZONES = {  # by area code
    "212": "America/New_York",
    "312": "America/Chicago",
    "303": "America/Denver",
    "213": "America/Los_Angeles",
    "808": "Pacific/Honolulu",
}
OPENS, CLOSES = time(8), time(21)  # 47 CFR 64.1200(c)(1)
BEFORE_DAWN = datetime(2027, 3, 2, 5, tzinfo=ZoneInfo("America/New_York"))
UNREACHED = ("no-answer", "busy", "machine", "failed", "abandoned", "canceled")
STEP = 300.0


class Dial(NamedTuple):
    lead: int
    number: str
    at: datetime
    code: str


def scenario(begins: datetime = BEFORE_DAWN, **values: Any) -> Scenario:
    usual: dict[str, Any] = {"number": 120, "area_codes": tuple(ZONES), "dead": 0.0}
    return Scenario(begins=begins, leads=Leads(**(usual | values)))


def hopper(played: Scenario | None = None, **values: Any) -> Hopper:
    return Hopper(played or scenario(**values), Figures(), 1, 0)


def driven(hours: float, each: int = 6, reached: float = 0.1, **values: Any) -> tuple[list[Dial], Hopper]:
    """Up to six leads every five minutes, with any outcome."""
    rng, dials = np.random.default_rng(1), []
    one = hopper(**values)
    for now in np.arange(0, hours * 3600, STEP).tolist():
        one.due(now)
        for turn in one.take(each, True, now):
            code = "sale" if rng.random() < reached else str(rng.choice(UNREACHED))
            dials.append(Dial(turn.lead.id, turn.lead.number, one.wall(now), code))
            if code == "sale":
                one.talked(turn, now, now + 60)
            else:
                one.settle(turn, code, now, now + 25)
    return dials, one


@pytest.fixture(scope="module", params=[False, True], ids=["in order", "by chance"])
def week(request: pytest.FixtureRequest) -> dict[int, list[Dial]]:
    """By lead."""
    by_lead = defaultdict(list)
    for dial in driven(6 * 24, lead_aware=request.param, attempts_per_lead=4)[0]:
        by_lead[dial.lead].append(dial)
    return by_lead


def test_the_week_has_all_there_is(week):
    codes = Counter(dial.code for dials in week.values() for dial in dials)
    assert set(codes) == {"sale", *UNREACHED}
    assert max(len(dials) for dials in week.values()) >= 4
    assert len(week) == 120


def test_nobody_is_dialled_after_a_result(week):
    assert all(dial.code != "sale" for dials in week.values() for dial in dials[:-1])


def test_nobody_is_dialled_more_often_than_allowed(week):
    for dials in week.values():
        assert sum(dial.code != "canceled" for dial in dials) <= 4


def test_nobody_is_dialled_outside_the_legal_hours_of_the_zone(week):
    local = [dial.at.astimezone(ZoneInfo(ZONES[dial.number[2:5]])) for dials in week.values() for dial in dials]
    assert all(at.time() >= OPENS and (at + timedelta(seconds=25)).time() < CLOSES for at in local)
    assert {at.tzinfo.key for at in local} == set(ZONES.values())
    assert min(at.time() for at in local) < time(8, 10), "who waits is dialled once it is legal"


def test_nobody_is_dialled_before_the_time_to_try_again(week):
    pairs = 0
    for dials in week.values():
        tries: Counter[str] = Counter()
        for dial, following in pairwise(dials):
            tries[dial.code] += 1
            waits = RETRIES[dial.code].waits
            assert following.at - dial.at >= waits[min(tries[dial.code], len(waits)) - 1], dial
            pairs += 1
    assert pairs > 100


def test_a_number_that_failed_twice_is_given_up(week):
    for dials in week.values():
        assert [dial.code for dial in dials].count("failed") <= 2


def test_no_number_is_dialled_more_often_in_a_day_than_the_campaign_allows():
    dials, one = driven(20, each=30, number=10, reached=0.0, attempts_per_day=1)
    assert max(Counter(dial.lead for dial in dials).values()) == 1
    assert one.figures.refused["cap"] > 0


def test_refusals_are_counted_by_reason_and_the_lead_waits_until_it_is_legal():
    one = hopper(area_codes=("213",), number=5)
    one.due(0.0)
    assert one.take(5, True, 0.0) == []
    assert one.figures.refused == {"hours": 5}
    opens = (datetime(2027, 3, 2, 8, tzinfo=ZoneInfo("America/Los_Angeles")) - BEFORE_DAWN) / timedelta(seconds=1)
    assert one.due(opens - 1) == 0
    assert one.due(opens) == 5
    assert len(one.take(5, True, opens)) == 5


def test_a_state_that_wants_consent_refuses_without_it():
    one = hopper(
        scenario(datetime(2027, 3, 2, 12, tzinfo=UTC) + timedelta(hours=4), area_codes=("305",), consent="none")
    )
    one.due(0.0)
    assert one.take(3, True, 0.0) == []
    assert set(one.figures.refused) == {"consent"}


def test_without_a_reserved_agent_a_used_up_budget_refuses():
    noon = scenario(datetime(2027, 3, 2, 18, tzinfo=UTC), area_codes=("212",))
    figures = Figures()
    one = Hopper(noon, figures, 1, 0)
    one.due(0.0)
    assert one.take(3, False, 0.0) == []
    assert one.figures.refused == {"drop-rate": 1}, "and nobody after the first is asked about"
    figures.answers = 1000
    assert len(one.take(3, False, 0.0)) == 3


def test_the_ceilings_are_those_of_the_law_and_its_own():
    assert Hopper(scenario(), Figures(), 1, 0).ceilings == (0.03,)
    own = scenario().model_copy(update={"drop_rate_ceiling": 0.01})
    assert Hopper(own, Figures(), 1, 0).ceilings == (0.01, 0.03)


def test_a_list_that_comes_later_waits_until_then():
    noon = datetime(2027, 3, 2, 17, tzinfo=UTC)
    one = hopper(scenario(noon, number=3, later=({"at_hours": 2, "number": 4},)))
    assert (one.due(7199.0), one.due(7200.0)) == (3, 7)
    assert one.figures.loaded == 7


@pytest.fixture
def promised() -> tuple[Hopper, Turn]:
    one = hopper(scenario(datetime(2027, 3, 2, 15, tzinfo=UTC), area_codes=("212",), callbacks=1.0, callback_hours=5))
    one.due(0.0)
    turn = one.take(1, True, 0.0)[0]
    one.talked(turn, 0.0, 60.0)
    return one, turn


def test_who_asks_for_another_time_is_first_then_and_reached_once(promised):
    one, turn = promised
    assert turn.lead.priority is Priority.CALLBACK
    due = 60.0 + 5 * 3600
    for now, first in ((due - 1, False), (due, True)):
        one.due(now)
        again = one.take(1, True, now)[0]
        assert (again.lead is turn.lead) is first
    one.talked(again, due, due + 60)
    assert (one.figures.reached, one.figures.exhausted) == (1, 0)


def test_leads_without_an_attempt_left_are_exhausted_but_not_who_was_reached():
    dials, one = driven(5 * 24, number=30, reached=0.3, attempts_per_lead=2, area_codes=("212",))
    reached = {dial.lead for dial in dials if dial.code == "sale"}
    assert one.figures.reached == len(reached) > 5
    assert one.figures.exhausted == 30 - len(reached)
    assert one.due(5 * 24 * 3600.0) == 0


def test_by_chance_the_better_area_code_is_dialled_more():
    """Of two, one never answers; both have waited as long."""

    def share(aware: bool) -> float:
        noon = datetime(2027, 3, 2, 17, tzinfo=UTC)
        one = hopper(scenario(noon, number=1500, area_codes=("212", "312"), lead_aware=aware))
        taken: list[Turn] = []
        for now in range(0, 3600, 20):
            one.due(float(now))
            for turn in one.take(4, True, float(now)):
                taken.append(turn)
                if turn.lead.area_code == "212":
                    one.talked(turn, float(now), now + 10.0)
                else:
                    one.settle(turn, "no-answer", float(now), now + 10.0)
        late = taken[len(taken) // 2 :]
        return sum(turn.lead.area_code == "212" for turn in late) / len(late)

    assert share(False) == pytest.approx(0.5, abs=0.08)
    assert share(True) > 0.7


def test_chances_are_those_over_the_usual_one():
    plain, aware = (hopper(scenario(datetime(2027, 3, 2, 17, tzinfo=UTC), lead_aware=aware)) for aware in (False, True))
    for one in (plain, aware):
        one.due(0.0)
        assert [turn.chance for turn in one.take(2, True, 0.0)] == pytest.approx([1.0, 1.0], abs=0.2)


def test_a_refusal_takes_no_turn_from_the_longest_waiting():
    """Who waits longest is still asleep: the next in that order is dialled, though others are likelier to answer."""
    morning = datetime(2027, 3, 2, 14, 30, tzinfo=UTC)  # 9.30 in New York, 6.30 in Los Angeles
    played = scenario(morning, area_codes=("213", "212", "617"), number=60, lead_aware=True)
    assert played.leads is not None
    one = Hopper(played, Figures(), 1, 0)
    for lead in Population(played.leads, 2, 0).drawn(600, morning):
        turn = Turn(lead, 1.0, (f"area 1{lead.area_code}",))
        if lead.area_code == "212":
            one.talked(turn, 0.0, 0.0)
        else:
            one.settle(turn, "no-answer", 0.0, 0.0)
    one.due(0.0)
    order = Population(played.leads, 1, 0).drawn(60, morning)
    first = next(lead for lead in order if lead.area_code != "213")
    assert (order[0].area_code, first.area_code) == ("213", "617")
    taken = [one.take(1, True, 0.0)[0].lead for _ in range(WAITING_EVERY)]
    assert taken[0].number == first.number
    assert [lead.area_code for lead in taken[1:]] == ["212"] * (WAITING_EVERY - 1)
