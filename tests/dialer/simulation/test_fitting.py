"""What is put into a log comes out of the fit."""

from dataclasses import replace

import numpy as np
import pytest

from dialer.simulation.fitting import Past, TooFewCalls, cut_lognormal, fit, mean_of
from dialer.simulation.scenario import MOST_VARIATION, Scenario

RING = 25.0
BASE = Scenario(name="spring", ring_seconds=20, drop_rate_ceiling=0.02, calls_per_second=3, connect_seconds=0)


def lognormal(rng, mean, variation):
    variance = np.log(1 + variation**2)
    return float(rng.lognormal(np.log(mean) - variance / 2, np.sqrt(variance)))


def log(dials=6000, seed=1, human=lambda _hour: 0.2, machine=0.25, busy=0.1, give_up=None, detector="late"):
    """Days of 8 hours, a dial every 10 seconds; who does not answer within 25 seconds rings in vain.

    `detector`: `late`, its verdict takes the machine off its agent; `early`, no machine reaches an agent; or `none`.
    """
    rng = np.random.default_rng(seed)
    past = []
    for number in range(dials):
        day, place = divmod(number, 2880)
        at = day * 86400.0 + place * 10
        setup = float(rng.uniform(0.5, 1.5))
        drawn = float(rng.random())
        share = human(place * 10 / 3600)
        if drawn >= share + machine:
            refused = drawn < share + machine + busy
            one = Past(at, setup + 2 if refused else RING, "busy" if refused else "no-answer", ringing=setup)
        else:
            one = answered(rng, at, setup, drawn < share, detector)
        if give_up is not None and (one.answered or one.ended) > give_up and one.outcome != "busy":
            one = Past(at, give_up, "canceled", ringing=setup)
        past.append(one)
    return past


def answered(rng, at, setup, person, detector):
    ring = setup + (lognormal(rng, 10, 0.5) if person else lognormal(rng, 19, 0.2))
    if ring >= RING:
        return Past(at, RING, "no-answer", ringing=setup)
    one = Past(at, ring, "answered", ringing=setup, answered=ring, person=person)
    delay = None if detector == "none" else float(rng.uniform(1, 3))
    waited = delay if detector == "early" else 0.2
    if person:
        talk = lognormal(rng, 90, 0.8)
        agent = f"agent-{int(rng.integers(7))}"
        met = {"connected": ring + waited, "talk": talk, "wrap_up": lognormal(rng, 15, 0.5), "agent": agent}
        return replace(one, ended=ring + waited + talk, detection=delay, **met)
    if detector == "early":
        return replace(one, ended=ring + delay, outcome="machine", detected=True, unmet=True, detection=delay)
    kept = 5.0 if detector == "none" else delay
    outcome = "answered" if detector == "none" else "machine"
    return replace(
        one,
        ended=ring + kept,
        outcome=outcome,
        detected=detector == "late",
        unmet=detector == "late" and delay <= 2,
        detection=delay,
        talk=kept,
        agent="agent-0",
    )


def test_shares_and_times_are_those_of_the_log():
    fitted = fit(BASE, log(20_000))
    callees, team = fitted.scenario.callees, fitted.scenario.team
    assert [share for _, share in callees.human] == pytest.approx([0.2] * len(callees.human), abs=0.025)
    assert callees.machine == pytest.approx(0.25, abs=0.015)
    assert callees.busy == pytest.approx(0.1, abs=0.01)
    assert mean_of(callees.setup) == pytest.approx(1.0, abs=0.05)
    assert (callees.human_ring.mean, callees.human_ring.variation) == pytest.approx((10, 0.5), rel=0.05)
    assert (callees.machine_ring.mean, callees.machine_ring.variation) == pytest.approx((19, 0.2), rel=0.05)
    assert (callees.talk.mean, callees.talk.variation) == pytest.approx((90, 0.8), rel=0.06)
    assert (team.wrap_up.mean, team.wrap_up.variation) == pytest.approx((15, 0.5), rel=0.06)
    assert (team.agents, fitted.scenario.ring_seconds) == (7, RING)
    assert team.hours == pytest.approx(8, abs=0.02)


def test_what_the_log_does_not_tell_stays():
    scenario = fit(BASE, log()).scenario
    assert (scenario.name, scenario.drop_rate_ceiling, scenario.calls_per_second) == ("spring", 0.02, 3)
    assert scenario.connect_seconds == 0
    assert scenario.give_up_seconds is None


def test_every_figure_says_how_many_calls_it_rests_on():
    past = log(1000)
    said = {figure.name: figure for figure in fit(BASE, past).figures}
    assert said["a person answers"].calls == 1000
    assert said["talk"].calls == sum(one.person for one in past)
    assert said["talk"].value == pytest.approx(np.mean([one.talk for one in past if one.person]))
    assert said["no answer after"].calls == sum(one.outcome == "no-answer" for one in past)


def test_answers_by_hour_of_the_shift():
    profile = dict(fit(BASE, log(20_000, human=lambda hour: 0.1 if hour < 4 else 0.3)).scenario.callees.human)
    assert profile[1] == pytest.approx(0.1, abs=0.03)
    assert profile[6] == pytest.approx(0.3, abs=0.04)


def test_a_thin_log_has_one_share_for_all_hours():
    assert len(fit(BASE, log(390)).scenario.callees.human) == 1


def test_detection_beside_the_agent_takes_him_off_the_machines_that_it_hears():
    past = log()
    past = [replace(one, detection=1.0) if one.person else one for one in past]
    missed = [
        replace(one, detected=False, unmet=False, talk=9.0, wrap_up=4.0) if one.detected and place % 5 == 0 else one
        for place, one in enumerate(past)
    ]
    fitted = fit(BASE, missed, machine_error=0.1)
    detection = fitted.scenario.detection
    assert detection.beside
    assert detection.delay.mean == pytest.approx(2.0, abs=0.1)
    assert detection.human_taken_for_machine == 0, "those are among the machines of the log"
    assert detection.machine_taken_for_human == pytest.approx(0.2, abs=0.05)
    assert fitted.scenario.callees.machine_talk.mean == pytest.approx(9.0)
    assert fitted.scenario.callees.machine_wrap_up == pytest.approx(4 / 15, abs=0.02)
    assert "machine detection, beside the agent" in {figure.name for figure in fitted.figures}


def test_detection_before_the_agent_is_a_delay_of_every_answer():
    detection = fit(BASE, log(detector="early"), machine_error=0.1).scenario.detection
    assert detection.delay.mean == pytest.approx(2.0, abs=0.1)
    assert detection.machine_taken_for_human == 0
    assert 0.05 < detection.human_taken_for_machine < 0.15


@pytest.mark.parametrize("detector", ["late", "early"])
def test_what_the_detector_gets_wrong_counts_against_the_budget(detector):
    """Beside the call the simulation itself knows which machines no agent had met."""
    past = log(detector=detector)
    scenario = fit(BASE, past, machine_error=0.1).scenario
    assert (scenario.machine_error, scenario.cut_off_error) == (pytest.approx(0.1), 0)
    assert fit(BASE, past, machine_error=0.1, counts_cut_off=True).scenario.cut_off_error == 0.1
    assert fit(BASE, past).scenario.machine_error == 0


def test_machines_that_agents_find_out_are_no_mistakes_of_the_detector():
    past = log(detector="early")
    by_agent = [replace(one, detected=False, unmet=False) if place % 2 else one for place, one in enumerate(past)]
    machines = [one for one in by_agent if one.answered is not None and not one.person]
    unmet = sum(one.unmet for one in machines) / len(machines)
    assert fit(BASE, by_agent, machine_error=0.1).scenario.machine_error == pytest.approx(0.1 * unmet)
    assert 0.4 < unmet < 0.6


@pytest.mark.parametrize(("seconds", "share"), [(0.0, 0.0), (3.0, 0.2), (99.0, 1.0), (None, 0.1)])
def test_the_wrap_up_after_a_machine_is_that_of_the_log(seconds, share):
    past = [one if one.person or one.talk is None else replace(one, wrap_up=seconds) for one in log(detector="none")]
    assert fit(BASE, past).scenario.callees.machine_wrap_up == pytest.approx(share, abs=0.01)


def test_without_detection_agents_find_out_themselves():
    fitted = fit(BASE, log(detector="none"))
    assert fitted.scenario.detection is None
    assert fitted.scenario.callees.machine_talk.mean == pytest.approx(5.0)
    assert not any("detection" in figure.name for figure in fitted.figures)


def test_lines_that_were_given_up_count_with_the_chance_they_had():
    """Who would have answered after 15 seconds, in a log in which only every second line was let ring on."""
    past = [one for pair in zip(log(8000), log(8000, seed=2, give_up=15.0), strict=True) for one in pair]
    scenario = fit(BASE, past).scenario
    assert np.mean([share for _, share in scenario.callees.human]) == pytest.approx(0.2, abs=0.02)
    assert scenario.callees.machine == pytest.approx(0.25, abs=0.03)
    assert scenario.give_up_seconds == 15.0


def test_what_never_was_a_call_is_none():
    past = log(1000)
    never = [Past(one.at, 1.0, outcome) for one in past for outcome in ("rejected", "not-placed", "lost")]
    assert fit(BASE, past + never) == fit(BASE, past)


@pytest.mark.parametrize(("dials", "human", "said"), [(99, 0.7, "99 ended calls"), (400, 0.01, "at least 100 calls")])
def test_too_short_a_log_is_refused(dials, human, said):
    with pytest.raises(TooFewCalls, match=said):
        fit(BASE, log(dials, human=lambda _hour: human, machine=0.1))


def test_extremes_still_make_a_scenario():
    everybody = log(400, human=lambda _hour: 1.0, machine=0.0, busy=0.0)
    assert fit(BASE, everybody).scenario.callees.human[0][1] <= 1.0
    same = [Past(float(n), 0.0, "answered", answered=0.0, person=True, talk=0.0, wrap_up=0.0) for n in range(200)]
    assert fit(BASE, same).scenario.callees.talk.variation == 0.0
    nobody_rings = [replace(one, ringing=600.0) for one in log(400)]
    assert fit(BASE, nobody_rings).scenario.ring_seconds == RING


def test_times_that_the_end_of_ringing_cut_off_are_seen_through():
    rng = np.random.default_rng(3)
    seconds = np.array([lognormal(rng, 20, 0.5) for _ in range(20_000)])
    times, share = cut_lognormal(seconds[seconds < 25], 25.0)
    assert (times.mean, times.variation) == pytest.approx((20, 0.5), rel=0.05)
    assert share == pytest.approx(np.mean(seconds < 25), abs=0.03)


def test_answers_that_come_at_once_or_very_late_still_make_a_scenario():
    """No lognormal is as wide as that; the widest that a scenario may have stands for them."""
    seconds = np.array([0.1] * 120 + [21.0] * 180)
    times, share = cut_lognormal(seconds, 25.0)
    assert 1.0 < times.variation <= MOST_VARIATION
    assert 0.5 <= share <= 1.0
    rare = [replace(one, ended=one.answered + 0.01) for one in log(4000) if one.answered is not None]
    assert fit(BASE, [*rare, *log(400)]).scenario.callees.talk.variation <= MOST_VARIATION
