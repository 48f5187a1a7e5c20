"""The audit finds each kind of violation; a clean run has none."""

import pytest

from dialer.demonstration.audit import audit

NOON = "2026-11-17T17:00:{:02}+00:00"  # in New York


def call(**changes):
    return {
        **{"sid": "CA1", "to": "+12125550101", "leg": "customer", "callee": "human", "outcome": "completed"},
        **{"created": NOON.format(0), "answered": NOON.format(5), "ended": NOON.format(30), "keys": ""},
        **{"seconds_to_agent": 0.01, "seconds_to_message": None, "heard_message": False},
    } | changes


def attempt(**changes):
    return {
        **{"id": "a1", "call_sid": "CA1", "number": "+12125550101", "state": "ended", "outcome": "answered"},
        "abandoned": False,
    } | changes


def violated(calls, attempts, leads=(), agents=()):
    return {check.name for check in audit({"calls": calls}, attempts, leads, agents) if check.violations}


def test_a_clean_run():
    assert violated([call()], [attempt()], [{"id": 1, "standing": "open"}], [{"name": "a", "state": "ready"}]) == set()


@pytest.mark.parametrize(
    ("calls", "attempts", "name"),
    [
        ([call(), call(sid="CA2", created=NOON.format(40))], [attempt()], "no number dialled twice by mistake"),
        (
            [call(), call(sid="CA2", created=NOON.format(10))],
            [attempt(), attempt(id="a2", call_sid="CA2")],
            "no number dialled twice by mistake",
        ),
        ([call()], [], "every call accounted for"),
        ([call()], [attempt(outcome="busy")], "every call accounted for"),
        ([], [attempt()], "every call accounted for"),
        ([call()], [attempt(state="connected")], "no attempt left open"),
        ([call(seconds_to_agent=2.5)], [attempt()], "nobody kept in silence"),
        ([call(seconds_to_agent=None)], [attempt()], "nobody kept in silence"),
        ([call(to="+18085550101")], [attempt(number="+18085550101")], "no call outside calling hours"),
        (
            [call(keys="9"), call(sid="CA2", created=NOON.format(40), ended=NOON.format(50))],
            [attempt(), attempt(id="a2", call_sid="CA2")],
            "no call after an opt-out",
        ),
        ([call()], [attempt(abandoned=True)], "every abandoned call heard who called"),
    ],
)
def test_each_violation_is_found(calls, attempts, name):
    assert name in violated(calls, attempts)


def test_stuck_leads_and_agents_are_found():
    assert violated([], [], [{"id": 1, "standing": "dialling"}]) == {"no lead stuck"}
    assert violated([], [], (), [{"name": "a", "state": "on-call"}]) == {"no agent stuck"}
