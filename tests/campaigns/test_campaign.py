from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.campaign import (
    CampaignPlan,
    ImpossibleVerb,
    Intent,
    State,
    Verb,
    check_deletable,
    intend,
    problems_of,
    state_of,
)
from tests.campaigns.stock import LAW

SOUND = CampaignPlan(
    name="Autumn offer",
    kind="telemarketing",
    mode="predictive",
    client="Example Insurance",
    contact_number="+12125550100",
    region="US",
    caller_ids=("+12125550123", "+442079460123"),
    ring_seconds=25,
    wrap_up_seconds=30,
    drop_rate_ceiling=0.03,
    attempts_per_lead=6,
    attempts_per_day=3,
    machine_detection=True,
    dispositions=("sale", "not-interested", "callback"),
)


def problems(**changes):
    return problems_of(replace(SOUND, **changes), LAW)


@pytest.mark.parametrize(
    ("intent", "live", "state"),
    [
        (Intent.RUN, 0, State.RUNNING),
        (Intent.RUN, 3, State.RUNNING),
        (Intent.PAUSE, 1, State.PAUSING),
        (Intent.PAUSE, 0, State.PAUSED),
        (Intent.STOP, 1, State.STOPPING),
        (Intent.STOP, 0, State.STOPPED),
        (Intent.STOP_NOW, 1, State.STOPPING),
        (Intent.STOP_NOW, 0, State.STOPPED),
    ],
)
def test_the_state_follows_from_the_intent_and_the_live_attempts(intent, live, state):
    assert state_of(intent, live) is state


@given(st.sampled_from(Intent), st.sampled_from(Verb))
def test_a_verb_that_is_possible_may_be_said_again_with_no_further_effect(intent, verb):
    try:
        once = intend(intent, verb)
    except ImpossibleVerb:
        return
    assert intend(once, verb) is once


@pytest.mark.parametrize(
    ("intent", "verb", "then"),
    [
        (Intent.STOP, Verb.START, Intent.RUN),
        (Intent.STOP_NOW, Verb.START, Intent.RUN),
        (Intent.RUN, Verb.PAUSE, Intent.PAUSE),
        (Intent.PAUSE, Verb.RESUME, Intent.RUN),
        (Intent.RUN, Verb.RESUME, Intent.RUN),
        (Intent.PAUSE, Verb.STOP, Intent.STOP),
        (Intent.STOP, Verb.STOP_NOW, Intent.STOP_NOW),
        (Intent.STOP_NOW, Verb.STOP, Intent.STOP_NOW),
    ],
)
def test_verbs(intent, verb, then):
    assert intend(intent, verb) is then


@pytest.mark.parametrize(
    ("intent", "verb", "remedy"),
    [
        (Intent.PAUSE, Verb.START, "is paused: use resume"),
        (Intent.STOP, Verb.RESUME, "is stopped: use start"),
        (Intent.STOP_NOW, Verb.RESUME, "is stopped: use start"),
        (Intent.STOP, Verb.PAUSE, "nothing to pause"),
        (Intent.STOP_NOW, Verb.PAUSE, "nothing to pause"),
    ],
)
def test_an_impossible_verb_says_what_to_do_instead(intent, verb, remedy):
    with pytest.raises(ImpossibleVerb, match=remedy):
        intend(intent, verb)


@given(st.sampled_from(Intent))
def test_a_campaign_can_be_stopped_at_any_time(intent):
    assert state_of(intend(intent, Verb.STOP), 0) is State.STOPPED
    assert intend(intent, Verb.STOP_NOW) is Intent.STOP_NOW


def test_only_a_stopped_campaign_whose_last_call_has_ended_may_be_deleted():
    check_deletable(Intent.STOP, 0)
    check_deletable(Intent.STOP_NOW, 0)
    with pytest.raises(ImpossibleVerb, match="is stopping, 2 attempts have not ended"):
        check_deletable(Intent.STOP, 2)
    with pytest.raises(ImpossibleVerb, match="is running: stop it first"):
        check_deletable(Intent.RUN, 0)
    with pytest.raises(ImpossibleVerb, match="is paused: stop it first"):
        check_deletable(Intent.PAUSE, 0)


def test_a_sound_plan_has_no_problems():
    assert problems() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "name ' '"),
        ({"name": ""}, "name ''"),
        ({"name": "two\nlines"}, "name 'two"),
        ({"name": "-x"}, "leading dash"),
        ({"name": "x" * 81}, "longer than 80"),
        ({"client": " "}, "client: missing"),
        ({"kind": "fundraising"}, "kind 'fundraising': give telemarketing or survey"),
        ({"mode": "preview"}, "mode 'preview': give progressive or predictive or ratio"),
        ({"region": "XX"}, "region 'XX'"),
        ({"caller_ids": ()}, "caller id: none"),
        ({"caller_ids": ("+12125550123", "2125550124")}, "caller id '2125550124'"),
        ({"contact_number": ""}, "contact number ''"),
        ({"ring_seconds": 14}, "ring seconds 14: give 15 to 120"),
        ({"ring_seconds": 121}, "ring seconds 121"),
        ({"wrap_up_seconds": -1}, "wrap-up seconds -1"),
        ({"wrap_up_seconds": 601}, "wrap-up seconds 601"),
        ({"mode": "ratio", "lines_per_agent": 0.99}, "lines per agent 0.99: give 1 to 10"),
        ({"mode": "ratio", "lines_per_agent": 10.1}, "lines per agent 10.1: give 1 to 10"),
        ({"mode": "ratio", "lines_per_agent": float("nan")}, "lines per agent nan: give 1 to 10"),
        ({"lines_per_agent": 1.5}, "lines per agent 1.5: only mode ratio has them, not predictive"),
        ({"mode": "progressive", "lines_per_agent": 20.0}, "lines per agent 20: only mode ratio has them"),
        ({"drop_rate_ceiling": 0.0}, "drop-rate ceiling 0.0"),
        ({"drop_rate_ceiling": 0.031}, "at most 0.03"),
        ({"drop_rate_ceiling": float("nan")}, "drop-rate ceiling nan"),
        ({"attempts_per_lead": 0}, "attempts per lead 0"),
        ({"attempts_per_day": 0}, "attempts per day 0"),
        ({"dispositions": ()}, "dispositions: none"),
        ({"dispositions": ("sale", "complete")}, "telemarketing campaign: complete"),
    ],
)
def test_a_problem_is_named(changes, words):
    found = problems(**changes)
    assert len(found) == 1
    assert words in found[0]


LIMITS = [
    *({"ring_seconds": 15}, {"ring_seconds": 120}, {"wrap_up_seconds": 0}),
    *({"mode": "ratio", "lines_per_agent": 1.0}, {"mode": "ratio", "lines_per_agent": 10.0}, {"mode": "ratio"}),
]


@pytest.mark.parametrize("changes", LIMITS)
def test_limits_are_inclusive(changes):
    assert problems(**changes) == []


def test_the_laws_limits_are_the_ones_given():
    assert len(problems_of(SOUND, replace(LAW, ring_seconds_minimum=26, ceiling=0.029))) == 2


def test_all_problems_are_told_at_once():
    assert len(problems(name="", kind="x", mode="x", caller_ids=(), ring_seconds=1, drop_rate_ceiling=1)) == 6
