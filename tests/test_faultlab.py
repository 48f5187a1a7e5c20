"""The fault lab's judge: a clean record passes, and for every invariant there is a forged one that it finds out."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.faultlab import journal, scoreboard
from tests.faultlab.__main__ import _seeds
from tests.faultlab.invariants import Evidence, Window, judge, together
from tests.faultlab.nodes import STRIKES
from tests.faultlab.play import _STRIKES, Result
from tests.faultlab.schedule import CARRIER_FAULTS, OF_A_NODE, Kind, draw

NOON = datetime(2026, 11, 17, 17, tzinfo=UTC)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def call(**changed):
    """A person who talked to an agent for a minute."""
    made = {
        "sid": "CA1",
        "to": "+12125550101",
        "leg": "customer",
        "callee": "human",
        "callback": "http://127.0.0.1:1/voice/progress?a=A1",
        "created": at(0).isoformat(),
        "answered": at(10).isoformat(),
        "ended": at(70).isoformat(),
        "outcome": "completed",
        "ended_by": "callee",
        "longest_silence_seconds": 0.1,
        "seconds_to_agent": 0.1,
        "seconds_to_message": None,
        "heard_message": False,
        "keys": "",
    }
    assert changed.keys() <= made.keys()
    return made | changed


def attempt(**changed):
    made = {
        "id": "A1",
        "campaign_id": 1,
        "number": "+12125550101",
        "state": "ended",
        "call_sid": "CA1",
        "outcome": "answered",
        "abandoned": False,
        "answered_by": None,
    }
    assert changed.keys() <= made.keys()
    return made | changed


def agent(**changed):
    made = {"name": "anna", "state": "ready", "reason": "", "seat_sid": "CA9"}
    assert changed.keys() <= made.keys()
    return made | changed


def claim(**changed):
    made = {"attempt": "A1", "lease": "campaign 1", "node": "one", "holder": "one", "at": at(-5)}
    assert changed.keys() <= made.keys()
    return made | changed


def taking(**changed):
    made = {"lease": "campaign 1", "node": "two", "at": at(-2)}
    assert changed.keys() <= made.keys()
    return made | changed


CLEAN = Evidence(
    calls=[call(), call(sid="CA9", leg="agent", callee="agent", ended=None, outcome=None, to="client:anna")],
    attempts=[attempt()],
    leads=[{"id": 1, "standing": "open"}],
    agents=[agent()],
    call_counts=[{"campaign_id": 1, "placed": 1, "abandoned": 0}],
    decisions=[{"attempt_id": "A1", "number": "+12125550101", "verdict": "cleared"}],
    do_not_call=frozenset(),
    unreachable=(),
    emulator_killed=(),
)
# Claimed, stopped, taken by another, woken and then sent.
WOKEN = {"claims": [claim()], "takings": [taking()], "still": {"one": [Window(at(-4), at(-1))]}}
ABANDONED = {"seconds_to_agent": None, "seconds_to_message": 0.1, "heard_message": True, "ended": at(20).isoformat()}
WORDLESS = {"seconds_to_agent": None, "ended_by": "document", "ended": at(10.1).isoformat()}
OPTED_OUT = replace(
    CLEAN,
    calls=[call(**ABANDONED, keys="9")],
    attempts=[attempt(abandoned=True)],
    call_counts=[{"campaign_id": 1, "placed": 1, "abandoned": 1}],
    do_not_call=frozenset({"+12125550101"}),
)


def broken(seen):
    return {finding.name for finding in judge(seen) if finding.violations}


def excused(seen):
    return {finding.name: finding.excused for finding in judge(seen) if finding.excused}


def test_a_clean_run_breaks_nothing():
    assert broken(CLEAN) == set()
    assert broken(OPTED_OUT) == set()


FORGED = {
    "an attempt that was placed twice": (
        "dialled twice",
        {"calls": [call(), call(sid="CA2", created=at(80).isoformat(), answered=None, outcome="busy")]},
    ),
    "a number in two calls at once": (
        "dialled twice",
        {
            "calls": [
                call(),
                call(sid="CA2", callback="http://h/?a=A2", created=at(30).isoformat(), ended=at(40).isoformat()),
            ],
            "attempts": [attempt(), attempt(id="A2", call_sid="CA2")],
        },
    ),
    "a call without an attempt": ("unaccounted", {"attempts": []}),
    "a call to another number": ("unaccounted", {"attempts": [attempt(number="+12125550102")]}),
    "a call that the attempt does not know": ("unaccounted", {"attempts": [attempt(call_sid=None, outcome="lost")]}),
    "a call that came to something else": ("unaccounted", {"attempts": [attempt(outcome="busy")]}),
    "a call given up as lost": ("unaccounted", {"attempts": [attempt(outcome="lost")]}),
    "an attempt of a call that never was": ("unaccounted", {"calls": []}),
    "an attempt that never ends": ("attempt open", {"attempts": [attempt(state="unknown")]}),
    "a lead that is dialled for ever": ("lead stuck", {"leads": [{"id": 1, "standing": "dialling"}]}),
    "an agent in a call that is over": ("agent stuck", {"agents": [agent(state="on-call")]}),
    "an agent whose wrap-up never ends": ("agent stuck", {"agents": [agent(state="wrap-up")]}),
    "an agent whom nobody rings": ("agent stuck", {"agents": [agent(state="joining")]}),
    "a person who heard nothing": ("in silence", {"calls": [call(seconds_to_agent=None, ended=at(13).isoformat())]}),
    "a person who waited for the agent": ("in silence", {"calls": [call(seconds_to_agent=2.5)]}),
    "a person left alone in the middle": ("in silence", {"calls": [call(longest_silence_seconds=4.0)]}),
    "a person hung up on without a word": ("without a word", {"calls": [call(**WORDLESS)]}),
    "a talk that a restart ended": ("talk cut", {"calls": [call(ended_by="api")]}),
    "a called party nobody hangs up": ("line left open", {"calls": [call(ended=None, outcome=None)]}),
    "an agent's leg without an agent": ("line left open", {"agents": [agent(seat_sid=None)]}),
    "an abandoned call too few in the counts": (
        "drop count",
        {"call_counts": [{"campaign_id": 1, "placed": 1, "abandoned": 1}]},
    ),
    "a placed call too few in the counts": (
        "drop count",
        {"call_counts": [{"campaign_id": 1, "placed": 0, "abandoned": 0}]},
    ),
    "an abandoned call not counted as one": (
        "abandoned",
        {"calls": [call(**ABANDONED)]},
    ),
    "a talk counted as abandoned": ("abandoned", {"attempts": [attempt(abandoned=True)]}),
    "an abandoned call without the message": (
        "abandoned",
        {"calls": [call(**ABANDONED | {"heard_message": False})], "attempts": [attempt(abandoned=True)]},
    ),
    "a claim for another's campaign": ("another's", {"claims": [claim(holder="two")]}),
    "a claim for nobody's campaign": ("another's", {"claims": [claim(holder="")]}),
    "a call that was sent on waking": ("another's", WOKEN),
    "an attempt without a clearance": ("undecided", {"decisions": []}),
    "an attempt that was refused": (
        "undecided",
        {"decisions": [{"attempt_id": "A1", "number": "+12125550101", "verdict": "blocked"}]},
    ),
    "a clearance of another number": (
        "undecided",
        {"decisions": [{"attempt_id": "A1", "number": "+12125550102", "verdict": "cleared"}]},
    ),
}


@pytest.mark.parametrize(("name", "changes"), FORGED.values(), ids=FORGED.keys())
def test_a_forged_record_is_found_out(name, changes):
    assert name in broken(replace(CLEAN, **changes))


def test_every_invariant_but_the_databases_own_has_a_forgery():
    forged = {name for name, _changes in FORGED.values()} | {"after opt-out"}
    assert forged == {finding.name for finding in judge(CLEAN)}


@pytest.mark.parametrize("changes", [{"ended_by": "callee"}, {"seconds_to_agent": 0.1}, {"seconds_to_message": 0.1}])
def test_who_hangs_up_or_has_heard_somebody_was_not_left_without_a_word(changes):
    assert "without a word" not in broken(replace(CLEAN, calls=[call(**WORDLESS | changes)]))
    by_machine = [attempt(answered_by="machine_start", outcome="machine")]
    assert "without a word" not in broken(replace(CLEAN, calls=[call(**WORDLESS)], attempts=by_machine))


def test_an_opt_out_that_is_not_kept_or_not_heeded_is_found_out():
    assert broken(replace(OPTED_OUT, do_not_call=frozenset())) == {"after opt-out"}
    again = call(sid="CA2", callback="http://h/?a=A2", created=at(30).isoformat(), answered=None, outcome="busy")
    assert "after opt-out" in broken(replace(OPTED_OUT, calls=[*OPTED_OUT.calls, again]))


def test_only_an_outage_during_the_call_excuses():
    silent = replace(CLEAN, calls=[call(seconds_to_agent=None, ended=at(13).isoformat())])
    during, before, after = (Window(at(n), at(n + 2)) for n in (11, 5, 14))
    assert "in silence" not in broken(replace(silent, unreachable=[during]))
    assert excused(replace(silent, unreachable=[during])) == {"in silence": 1}
    assert "in silence" in broken(replace(silent, unreachable=[before, after]))
    wordless = replace(CLEAN, calls=[call(**WORDLESS)], unreachable=[Window(at(9), at(10.05))])
    assert ("without a word" in broken(wordless), excused(wordless)) == (False, {"without a word": 1})
    unkept = replace(OPTED_OUT, do_not_call=frozenset(), unreachable=[during])
    assert (broken(unkept), excused(unkept)) == (set(), {"after opt-out": 1})


@pytest.mark.parametrize(
    "changes",
    [
        {"takings": []},
        {"takings": [taking(node="one")]},
        {"takings": [taking(node="")]},  # given back, and had by nobody
        {"takings": [taking(lease="campaign 2")]},
        {"takings": [taking(at=at(-6))]},  # before the claim
        {"takings": [taking(at=at(-0.5))]},  # after the waking
        {"still": {"two": WOKEN["still"]["one"]}},
        {"still": {"one": [Window(at(-4), at(1))]}},  # sent before it woke
        {"claims": [claim(at=at(-0.5))]},
        {"requests_cut": [Window(at(-4.5), at(-3))]},  # what was sent in time may have come late
    ],
)
def test_who_wakes_may_send_what_is_still_its_own(changes):
    assert "another's" not in broken(replace(CLEAN, **WOKEN | changes))


def test_nobody_lives_while_all_are_away():
    one = [Window(at(0), at(10)), Window(at(20), at(30))]
    two = [Window(at(5), at(7)), Window(at(9), at(22)), Window(at(30), at(40))]
    assert together([one]) == one
    assert together([one, two]) == [Window(at(5), at(7)), Window(at(9), at(10)), Window(at(20), at(22))]
    assert together([one, two, [Window(at(6), at(9.5))]]) == [Window(at(6), at(7)), Window(at(9), at(9.5))]
    assert together([one, []]) == []


def test_a_call_may_be_lost_only_when_the_carrier_itself_has_forgotten_it():
    lost = replace(CLEAN, attempts=[attempt(outcome="lost", call_sid=None)], call_counts=[])
    assert "unaccounted" not in broken(replace(lost, emulator_killed=[at(75)]))
    assert "unaccounted" in broken(replace(lost, emulator_killed=[at(60)]))
    assert "unaccounted" in broken(replace(lost, emulator_killed=[at(300)]))


def test_a_journal_is_read_up_to_the_kill():
    open_call = call(ended=None, outcome=None)
    lines = [
        json.dumps({"call": call(ended=None, answered=None)}) + "\n",
        json.dumps({"fault": "callback_lost"}) + "\n",
        json.dumps({"call": open_call}) + "\n",
        json.dumps({"call": call(sid="CA2", created=at(90).isoformat(), ended=None)}) + "\n",
        '{"call": {"sid": "CA3", "crea',
    ]
    account = journal.read(lines, [at(-5), at(50), at(60)])
    assert account.struck == {"callback_lost": 1}
    assert list(account.calls) == [
        open_call | {"ended": at(50).isoformat(), "outcome": "vanished"},
        call(sid="CA2", created=at(90).isoformat(), ended=None),
    ]


def test_the_attempt_is_read_off_the_callback_address():
    assert journal.attempt_of(call()) == "A1"
    assert journal.attempt_of(call(callback=None)) == ""


def test_the_same_seed_is_the_same_schedule_and_another_is_another():
    assert draw(3, 60, server=False) == draw(3, 60, server=False)
    assert draw(3, 60, server=False) != draw(4, 60, server=False)


def test_twenty_seeds_draw_every_fault_in_time():
    for server, never in ((False, {Kind.KILL_DATABASE, Kind.RESTART_DATABASE}), (True, {Kind.DISK_FULL})):
        schedules = [draw(seed, 60, server) for seed in range(1, 21)]
        strikes = [strike for schedule in schedules for strike in schedule.strikes]
        assert {strike.kind for strike in strikes} == set(Kind) - never
        assert {name for schedule in schedules for name in schedule.faults} == set(CARRIER_FAULTS)
        assert all(0 < strike.at <= 60 for strike in strikes)
        assert all(list(each.strikes) == sorted(each.strikes, key=lambda strike: strike.at) for each in schedules)


def test_each_of_several_nodes_is_struck_on_a_course_of_its_own():
    schedules = [draw(seed, 60, server=True, nodes=2) for seed in range(1, 21)]
    assert schedules[0] == draw(1, 60, server=True, nodes=2)
    courses = [course for schedule in schedules for course in schedule.of_nodes]
    assert len(courses) == len(set(courses)) == 40
    assert {strike.kind for course in courses for strike in course} == set(OF_A_NODE) == set(STRIKES)
    assert all(0 < strike.at <= 60 for course in courses for strike in course)
    assert all(one.at < two.at for course in courses for one, two in pairwise(course))
    assert not {strike.kind for schedule in schedules for strike in schedule.strikes} & set(OF_A_NODE)


def test_every_kind_of_fault_is_carried_out():
    assert set(_STRIKES) == set(Kind)


def test_the_scoreboard_adds_up_and_names_what_broke():
    findings = tuple(judge(replace(CLEAN, leads=[{"id": 7, "standing": "dialling"}])))
    results = [Result(seed, 2, 1, 2, Counter({"kill-daemon": 1}), findings, 1.5) for seed in (1, 2)]
    head, first, _second, total, faults, *violations = scoreboard.lines(results)
    assert (first.split()[:4], total.split()[:4]) == (["1", "1", "2", "1"], ["all", "2", "4", "2"])
    assert (first.split()[-1], total.split()[-1]) == ("1.5", "3.0")
    assert faults == "faults of 2 nodes on one PostgreSQL: kill-daemon 2"
    assert violations == ["seed 1: lead stuck: 7", "seed 2: lead stuck: 7"]
    assert scoreboard.violations(results) == 2
    assert len({len(line) for line in (head, first, total)}) == 1
    (one, _two) = json.loads(scoreboard.text(results))
    assert (one["nodes"], one["faults"]) == (2, {"kill-daemon": 1})


def test_seeds_are_a_range_or_a_list():
    assert (_seeds("1-3"), _seeds("3,7"), _seeds("2,5-6")) == ([1, 2, 3], [3, 7], [2, 5, 6])
