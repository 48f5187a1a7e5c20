"""The scenarios that ship, their worlds, and scenario files of one's own."""

import pytest

from dialer.pacing.progressive import Progressive
from dialer.simulation.draws import fates, read_log
from dialer.simulation.figures import Figures
from dialer.simulation.peers.fixed_ratio import FixedRatio
from dialer.simulation.scenario import ScenarioError, resized
from dialer.simulation.shipped import scenario_named, shipped
from dialer.simulation.world import World

LOG = "age;duration\n30;20\n31;0\n32;400\n"


def played(name: str, agents: int | None = None) -> Figures:
    """One line for each agent; where there is a list the gate wants an agent held for it."""
    scenario = resized(scenario_named(name), agents, days=1)
    first, *others = [
        FixedRatio(1.0) if campaign.leads is None else Progressive() for campaign in scenario.by_campaign()
    ]
    return World(scenario, first, 1, *others).run()


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_can_be_played(name):
    figures = played(name, agents=1 if scenario_named(name).leads else None)
    assert 0.2 < figures.utilisation < 0.8
    assert figures.live > 50


def test_its_name_is_that_of_its_file():
    assert scenario_named("default").name == "default"
    assert {"default", "list-change", "exponential"} <= set(shipped())


def test_machine_detection_can_be_left_out():
    assert scenario_named("detection-off").detection is None


def test_in_the_exponential_world_one_line_for_each_agent_keeps_him_as_busy_as_queueing_says():
    """Of each cycle he is busy 80 s and waits 15 s for each of 1 / 0.2 dials, and half a tick before each."""
    figures = played("exponential", agents=50)
    assert figures.utilisation == pytest.approx(80 / (80 + 5 * 15.5), abs=0.015)


def test_a_scenario_of_ones_own_is_read_with_the_log_beside_it(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "calls.csv").write_text(LOG)
    (tmp_path / "mine" / "own.toml").write_text('[callees.talk]\nshape = "log"\nfile = "calls.csv"\n')
    monkeypatch.chdir(tmp_path)
    scenario = scenario_named("mine/own.toml")
    assert scenario.name == "own"
    figures = World(resized(scenario, agents=5, days=1), FixedRatio(1.0), seed=1).run()
    assert figures.talking / figures.live == pytest.approx(210, rel=0.2)


TIMES = {
    "callees.setup": "human_pick_up",
    "callees.human_ring": "human_pick_up",
    "callees.machine_ring": "machine_pick_up",
    "callees.talk": "talk",
    "callees.machine_talk": "machine_talk",
    "detection.delay": "detection",
    "team.wrap_up": "wrap_up",
}


@pytest.mark.parametrize(("key", "drawn"), TIMES.items())
def test_every_time_can_be_drawn_from_a_log(tmp_path, key, drawn):
    (tmp_path / "calls.csv").write_text("duration\n1000\n3000\n")
    (tmp_path / "own.toml").write_text(f'[{key}]\nshape = "log"\nfile = "calls.csv"\nscale = 2\n')
    fate = fates(scenario_named(str(tmp_path / "own.toml")), seed=1)
    seconds = [getattr(next(fate), drawn) for _ in range(100)]
    assert {round(one, -3) for one in seconds} == {2000, 6000}  # before it rings and until it is answered: added up


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("team = 3", "team"),
        ("[team]\nagents = 0", "team.agents: .*greater than or equal to 1"),
        ("[team]\nteeth = 1", "team.teeth: Extra inputs"),
        ("[callees]\nhuman = 0.9", "add up to 1.270"),
        ("[callees]\nhuman = [[1, 0.2]]", "rising from 0"),
        ("[detection]\ndelay = 3", "detection.delay"),
        ("detection = true", "detection"),
        ("ring_seconds = 10\ngive_up_seconds = 15", "not below ring_seconds"),
        ("[[team.breaks]]\nat_hours = 9\nshare = 0.5\nminutes = 5", "at hour 9 ends after the shift of 8 hours"),
        ("[[team.breaks]]\nat_hours = 7.9\nshare = 0.5\nminutes = 10", "at hour 7.9 ends after the shift of 8 hours"),
        ("[team]\nhours = 0.5\nmeal_minutes = 300", "team: meal_minutes 300 is no shorter than the shift of 0.5 hours"),
        ("[team]\nhours = 0.5\nbreak_minutes = 30", "team: break_minutes 30 is no shorter than the shift of 0.5 hours"),
        ("give_up_seconds = 1", "give_up_seconds: Input should be greater than or equal to 15"),
        ('[callees.talk]\nshape = "log"\nfile = "none.csv"', "there is no none.csv"),
        ('[team.wrap_up]\nshape = "log"\nfile = "none.csv"', "team.wrap_up.file: there is no none.csv"),
        ('[detection.delay]\nshape = "log"\nfile = "none.csv"', "detection.delay.file: there is no none.csv"),
        ("ring_seconds = inf", "ring_seconds: .*finite"),
        ("[callees.talk]\nvariation = 1.2", "callees.talk: mean is missing"),
        ("[callees.talk]\nlow = 20\nhigh = 90", "callees.talk: high: shape lognormal has mean and variation"),
        ('[callees.talk]\nshape = "uniform"\nmean = 60', "callees.talk: mean: shape uniform has low and high"),
        ("[callees.talk]\nmean = 60\nscale = 2", "callees.talk: scale: shape lognormal has"),
        ("[callees.talk]\nmean = 60\nvariation = 1e200", "callees.talk.variation: .*less than or equal"),
        ("[callees]\nspread = 1e6", "callees.spread: .*less than or equal"),
        ("[callees.talk]\nmean = inf", "callees.talk.mean: .*finite"),
        ("[leads]\nspread = 1e5", "leads.spread: .*less than or equal to 10"),
        ("[leads]\narea_spread = 1e5", "leads.area_spread: .*less than or equal to 10"),
        ("[leads]\nhour_spread = 1e5", "leads.hour_spread: .*less than or equal to 10"),
        ("[leads]\n[[leads.later]]\nat_hours = 1\nnumber = 5\nodds = 1e5", "odds: .*less than or equal to 10"),
        ("[leads]\ncallback_hours = 1e12", "leads.callback_hours: .*less than or equal to 1000"),
        ("[team]\nbreaks_per_hour = 1e12", "team.breaks_per_hour: .*less than or equal to 60"),
        ("[team]\nhours = 26\ndays = 2", "team.hours: .*less than or equal to 23"),
        ("tick_seconds = 1e-7", "tick_seconds: .*greater than or equal to 0.01"),
        ("[callees]\nhuman = [[0, 0.1], [inf, 0.2]]", "callees.human.*finite"),
        ("agents = ", "own.toml: "),
        ("[leads]\nnumber = 0", "leads.number: .*greater than or equal to 1"),
        ('[leads]\narea_codes = ["212", "999"]', "leads.area_codes.1: .*'999' is no area code of the United States"),
        ('[leads]\narea_codes = ["416"]', "'416' is no area code of the United States"),
        ("[leads]\narea_codes = []", "leads.area_codes: "),
        ("[leads]\n[callees]\nspread = 1", "callees.spread is for callees without a list: give leads.spread"),
        ("[leads]\ndead = 0.2", "leads.dead 0.2 is part of callees.busy 0.12: give at most that"),
        ("[leads]\ndead = 1\n[callees]\nhuman = 0\nmachine = 0\nbusy = 1", "leads.dead: .*less than 1"),
        ("[leads]\n[[leads.later]]\nat_hours = 9\nnumber = 5", "a list at hour 9, and the last shift ends at hour 8"),
        ('[leads]\nconsent = "oral"', "leads.consent: "),
        ("begins = 2027-03-02T09:00:00", "begins: .*timezone"),
        ("begins = 9999-12-31T23:00:00Z", "begins: .*less than 2200"),
        ('[[campaigns]]\nname = "a"\n[[campaigns]]\nname = "a"', "campaigns a, a: give each a name of its own"),
        ('[[campaigns]]\nname = "a"\n[campaigns.leads]\ndead = 0.5', "leads.dead 0.5 is part of"),
        (
            '[[campaigns]]\nname = "a"\n[campaigns.callees.talk]\nshape = "log"\nfile = "no.csv"',
            "campaigns.0.callees.talk",
        ),
    ],
)
def test_a_scenario_that_cannot_be_says_file_key_and_why_in_one_line(tmp_path, text, words):
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=words) as told:
        scenario_named(str(file))
    assert str(file) in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["nothing", "no/such/file.toml", "."])
def test_a_scenario_that_is_not_there_is_said(name):
    with pytest.raises(ScenarioError, match="name a"):
        scenario_named(name)


@pytest.mark.parametrize(
    ("log", "words"),
    [("age\n3\n", "no column"), ("duration\n", "no call"), ("duration\nx\n", "line 2"), ("duration\nnan\n", "no call")],
)
def test_a_log_that_tells_nothing_is_refused(tmp_path, log, words):
    (tmp_path / "calls.csv").write_text(log)
    (tmp_path / "own.toml").write_text('[callees.talk]\nshape = "log"\nfile = "calls.csv"\n')
    with pytest.raises(ValueError, match=words):
        World(scenario_named(str(tmp_path / "own.toml")), FixedRatio(1.0), seed=1)


def test_a_campaign_has_what_it_names_and_else_what_the_scenario_says(tmp_path):
    (tmp_path / "calls.csv").write_text(LOG)
    file = tmp_path / "own.toml"
    file.write_text(
        "drop_rate_ceiling = 0.02\nring_seconds = 20\n[callees]\nhuman = 0.3\n"
        '[[campaigns]]\nname = "a"\n[campaigns.leads]\nnumber = 7\n'
        '[[campaigns]]\nname = "b"\ndrop_rate_ceiling = 0.01\n'
        '[campaigns.callees.talk]\nshape = "log"\nfile = "calls.csv"\n'
    )
    first, second = scenario_named(str(file)).by_campaign()
    assert (first.name, first.drop_rate_ceiling, first.callees.human_at(0), first.ring_seconds) == ("a", 0.02, 0.3, 20)
    assert (second.name, second.drop_rate_ceiling, second.callees.human_at(0), second.leads) == ("b", 0.01, 0.2, None)
    assert first.leads is not None
    assert first.leads.number == 7
    assert second.callees.talk.file == tmp_path / "calls.csv"


def test_another_team_size_is_checked_like_any_other():
    assert resized(scenario_named("default"), agents=7, days=3).team.agents == 7
    assert resized(scenario_named("default")) == scenario_named("default")
    with pytest.raises(ScenarioError, match=r"default: team.agents"):
        resized(scenario_named("default"), agents=0)
    with pytest.raises(ScenarioError, match=r"team.days"):
        resized(scenario_named("default"), days=401)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"duration\n12\n\xff\n", "is no UTF-8 text"),
        (b"seconds\n12\n", "has no column duration"),
        (b"", "has no column duration"),
        (b"duration\n12\nlong\n", "line 3: the duration is no number"),
        (b"duration\n12\n" + b"1" * 200_000 + b"\n", "line 2: the duration is no number"),
        (b"duration\n0\n", "has no call with a duration"),
    ],
)
def test_a_talk_log_that_cannot_be_read_says_which_and_where(tmp_path, data, words):
    (tmp_path / "calls.csv").write_bytes(data)
    with pytest.raises(ValueError, match=f"calls.csv.*{words}"):
        read_log(tmp_path / "calls.csv")
