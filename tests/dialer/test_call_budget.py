"""Calls per second of all nodes together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal

from dialer import call_budget
from dialer.call_budget import available, filled, held, spend


@given(
    rate=st.floats(0.1, 50),
    steps=st.lists(st.tuples(st.floats(-2, 5), st.integers(0, 100)), max_size=40),
)
def test_no_stretch_of_time_sees_more_calls_than_the_rate_and_one_second_of_it(rate, steps):
    """Also where the clock goes back, which fills nothing."""
    calls, passed, spent = 0.0, 0.0, 0
    for seconds, wanted in steps:
        passed += max(0.0, seconds)
        calls = filled(calls, seconds, rate)
        taken = min(wanted, int(calls))
        calls, spent = calls - taken, spent + taken
    assert spent <= max(1.0, rate) + rate * passed + 1e-6


def test_it_holds_one_second_and_at_least_one_call():
    assert [filled(0.0, seconds, 4.0) for seconds in (0.5, 1.0, 99.0)] == [2.0, 4.0, 4.0]
    assert filled(0.0, 99.0, 0.1) == 1.0


@pytest.fixture
def take(database):
    def take(wanted, rate):
        def work(session):
            now = held(session.connection(), rate)
            taken = min(wanted, int(now.calls))
            spend(session.connection(), now, taken)
            return taken

        return database.write(work)

    return take


@pytest.mark.both_databases
def test_a_database_clock_set_back_fills_nothing_and_goes_on_filling_from_there(build, database, take, monkeypatch):
    build.change("call_budget", 1, calls=0.0, filled_at=5000.0)
    started = []
    for now in (1000.0, 1000.5, 1001.0, 400.0, 400.25, 400.5, 400.75, 401.0):
        monkeypatch.setattr(call_budget, "clock", lambda _connection, now=now: literal(now))
        with database.read() as session:
            wanted = available(session.connection(), 2.0)
        started.append(take(wanted, 2.0))
    assert started == [0, 1, 1, 0, 0, 1, 0, 1]


@pytest.mark.both_databases
def test_what_one_takes_another_cannot(database, take):
    rate = 0.001  # nothing is filled while the test runs

    def left():
        with database.read() as session:
            return available(session.connection(), rate)

    assert left() == 1
    assert [take(wanted, rate) for wanted in (0, 5, 5)] == [0, 1, 0]
    assert left() == 0
