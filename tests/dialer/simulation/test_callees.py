"""The population: repeatable, true to its shares, and scripted where asked."""

from collections import Counter
from dataclasses import replace
from math import inf
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.simulation.callees import DEFAULT, DEMO, Kind, Population, Script, Spread, callee_for

NUMBERS = [f"+1212555{number:04d}" for number in range(6000)]


def kinds(population: Population, seed: int = 1, tries: int = 1) -> Counter[Kind]:
    return Counter(callee_for(number, each + 1, seed, population).kind for number in NUMBERS for each in range(tries))


@given(number=st.sampled_from(NUMBERS), attempt=st.integers(1, 9), seed=st.integers(0, 99))
def test_the_same_dial_meets_the_same_callee(number, attempt, seed):
    assert callee_for(number, attempt, seed, DEFAULT) == callee_for(number, attempt, seed, DEFAULT)


def test_another_seed_or_try_meets_another():
    first = [callee_for(number, 1, 1, DEFAULT) for number in NUMBERS[:50]]
    assert first != [callee_for(number, 1, 2, DEFAULT) for number in NUMBERS[:50]]
    assert first != [callee_for(number, 2, 1, DEFAULT) for number in NUMBERS[:50]]


@pytest.mark.parametrize("population", [DEFAULT, DEMO])
def test_the_shares_are_kept(population):
    met = kinds(population)
    share = {kind: met[kind] / len(NUMBERS) for kind in Kind}
    assert share[Kind.HUMAN] == pytest.approx(population.human * (1 - population.declines), abs=0.02)
    assert share[Kind.DECLINED] == pytest.approx(population.human * population.declines, abs=0.01)
    assert share[Kind.MACHINE] == pytest.approx(population.machine, abs=0.02)
    assert share[Kind.BUSY] == pytest.approx(population.busy, abs=0.01)
    assert share[Kind.FAILED] == pytest.approx(population.failed, abs=0.01)
    assert share[Kind.FAX] == pytest.approx(population.fax, abs=0.01)


def test_dead_numbers_and_faxes_stay_what_they_are():
    for number in NUMBERS[:500]:
        met = {callee_for(number, attempt, 1, DEFAULT).kind for attempt in range(1, 8)}
        for lasting in (Kind.FAILED, Kind.FAX):
            assert lasting not in met or met == {lasting}


def test_detection_errs_as_often_as_said():
    met = [callee_for(number, 1, 1, replace(DEFAULT, human=0.45, machine=0.4)) for number in NUMBERS]
    humans = Counter(callee.verdict for callee in met if callee.kind is Kind.HUMAN)
    machines = Counter(callee.verdict for callee in met if callee.kind is Kind.MACHINE)
    assert humans["machine_start"] / humans.total() == pytest.approx(DEFAULT.human_taken_for_machine, abs=0.015)
    assert machines["human"] / machines.total() == pytest.approx(DEFAULT.machine_taken_for_human, abs=0.02)
    assert machines["unknown"] / machines.total() == pytest.approx(DEFAULT.undecided, abs=0.01)


def test_only_people_press_the_key_and_they_hear_the_message_until_then():
    met = [callee_for(number, 1, 1, DEMO) for number in NUMBERS]
    pressing = [callee for callee in met if callee.key is not None]
    humans = sum(callee.kind is Kind.HUMAN for callee in met)
    assert {callee.kind for callee in pressing} == {Kind.HUMAN}
    assert len(pressing) / humans == pytest.approx(DEMO.opts_out, abs=0.03)
    assert all(callee.key == "9" and callee.key_seconds < callee.listen_seconds for callee in pressing)


def test_who_does_not_answer_rings_for_ever():
    met = [callee_for(number, 1, 1, DEFAULT) for number in NUMBERS[:500]]
    for callee in met:
        answers = callee.kind in (Kind.HUMAN, Kind.MACHINE, Kind.FAX, Kind.DECLINED)
        assert (callee.ring_seconds < inf) is answers


def test_a_demo_of_a_minute_has_room_for_three_whole_calls_of_anyone():
    humans = [callee for number in NUMBERS if (callee := callee_for(number, 1, 1, DEMO)).kind is Kind.HUMAN]
    assert all(callee.setup_seconds + callee.ring_seconds + callee.talk_seconds <= 20 for callee in humans)


def test_a_spread_has_its_mean_and_variation():
    rng = Random(1)
    drawn = [Spread(60.0, 0.5).draw(rng) for _ in range(20_000)]
    assert fmean(drawn) == pytest.approx(60.0, rel=0.02)
    assert stdev(drawn) / fmean(drawn) == pytest.approx(0.5, rel=0.05)
    assert Spread(7.0).draw(rng) == 7.0


@given(seed=st.integers(0, 1000))
def test_a_spread_stays_within_its_limits(seed):
    assert 9.0 <= Spread(10.0, 1.0, 9.0, 11.0).draw(Random(seed)) <= 11.0


def test_whoever_passes_for_a_machine_has_been_heard_for_as_long_as_one():
    met = [callee_for(number, 1, 1, DEFAULT) for number in NUMBERS]
    for kind in (Kind.HUMAN, Kind.MACHINE):
        heard = {verdict: [] for verdict in ("human", "machine_start", "unknown")}
        for callee in met:
            if callee.kind is kind:
                heard[callee.verdict].append(callee.detection_seconds)
        assert min(heard["machine_start"]) >= 2.5
        assert fmean(heard["machine_start"]) > 3.5
        assert fmean(heard["human"]) < 2.5


@pytest.mark.parametrize(
    ("script", "kind", "verdict"),
    [
        (Script.HUMAN, Kind.HUMAN, "human"),
        (Script.OPT_OUT, Kind.HUMAN, "human"),
        (Script.HANGS_UP, Kind.HUMAN, "human"),
        (Script.HUMAN_AS_MACHINE, Kind.HUMAN, "machine_start"),
        (Script.MACHINE, Kind.MACHINE, "machine_start"),
        (Script.MACHINE_AS_HUMAN, Kind.MACHINE, "human"),
        (Script.FAX, Kind.FAX, "fax"),
        (Script.BUSY, Kind.BUSY, "unknown"),
        (Script.REJECT, Kind.DECLINED, "unknown"),
        (Script.NO_ANSWER, Kind.NO_ANSWER, "unknown"),
        (Script.FAILED, Kind.FAILED, "unknown"),
    ],
)
def test_a_script_decides_whatever_the_seed(script, kind, verdict):
    population = replace(DEFAULT, opts_out=1.0, scripts={NUMBERS[0]: script})
    for seed in range(20):
        callee = callee_for(NUMBERS[0], 1, seed, population)
        assert (callee.kind, callee.verdict) == (kind, verdict)
        assert (callee.key == "9") is (script is Script.OPT_OUT)
        assert (callee.stay_seconds < 1) is (script is Script.HANGS_UP)


def test_unknown_scripts_and_impossible_shares_are_refused():
    with pytest.raises(ValueError, match="unknown script 'dance'"):
        Population(scripts={"+12125550101": "dance"})
    with pytest.raises(ValueError, match="add up to"):
        Population(human=0.9)
