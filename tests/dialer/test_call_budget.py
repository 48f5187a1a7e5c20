"""Calls per second of all nodes together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal

from dialer import call_budget
from dialer.call_budget import Held, Rate, available, filled, held, seconds_until_turn, spend

rates = st.builds(Rate, st.floats(0.1, 50), st.floats(0.1, 10))


@given(rate=rates, steps=st.lists(st.tuples(st.floats(-2, 5), st.integers(0, 100)), max_size=40))
def test_no_stretch_of_time_sees_more_calls_than_the_rate_and_what_the_bucket_holds(rate, steps):
    """Also where the clock goes back, which fills nothing."""
    calls, passed, spent = 0.0, 0.0, 0
    for seconds, wanted in steps:
        passed += max(0.0, seconds)
        calls = filled(calls, seconds, rate)
        taken = min(wanted, int(calls))
        calls, spent = calls - taken, spent + taken
    assert spent <= rate.most + rate.calls_per_second * passed + 1e-6


@given(rate=rates, steps=st.lists(st.tuples(st.floats(0, 5), st.integers(0, 100)), max_size=40))
def test_whoever_takes_calls_places_them_behind_those_that_were_taken_before_and_no_later(rate, steps):
    now = last = 0.0  # when the last of all calls has had its turn
    bucket = Held(rate.most, 0.0)
    for seconds, wanted in steps:
        now += seconds
        bucket = Held(filled(bucket.calls, seconds, rate), now)
        assert now + seconds_until_turn(bucket, rate) == pytest.approx(max(now, last), abs=1e-6)
        taken = min(wanted, int(bucket.calls))
        last = max(now, last) + taken / rate.calls_per_second
        bucket = Held(bucket.calls - taken, now)


@given(
    rate=st.builds(Rate, st.floats(1, 50), st.floats(0.1, 2)),
    late=st.lists(st.floats(0, 0.99), min_size=2, max_size=40),
)
def test_ticks_that_are_less_than_one_tick_late_lose_no_call(rate, late):
    at, spent = 0.0, 0.0
    for number, part in enumerate(late, 1):
        now = (number + part) * rate.tick_seconds
        spent, at = spent + filled(0.0, now - at, rate), now
    assert spent == pytest.approx(rate.calls_per_second * at)


def test_it_holds_two_ticks_from_one_to_four_seconds_and_at_least_one_call():
    rate = Rate(4.0, 1.0)
    assert [filled(0.0, seconds, rate) for seconds in (0.5, 1.0, 99.0)] == [2.0, 4.0, 8.0]
    assert [Rate(4.0, tick).most for tick in (0.1, 0.75, 1.5, 10.0)] == [4.0, 6.0, 12.0, 16.0]
    assert filled(0.0, 99.0, Rate(0.1, 1.0)) == 1.0


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
    started, rate = [], Rate(2.0, 1.0)
    for now in (1000.0, 1000.5, 1001.0, 400.0, 400.25, 400.5, 400.75, 401.0):
        monkeypatch.setattr(call_budget, "clock", lambda _connection, now=now: literal(now))
        with database.read() as session:
            wanted = available(session.connection(), rate)
        started.append(take(wanted, rate))
    assert started == [0, 1, 1, 0, 0, 1, 0, 1]


@pytest.mark.both_databases
def test_what_one_takes_another_cannot(database, take):
    rate = Rate(0.001, 1.0)  # nothing is filled while the test runs

    def left():
        with database.read() as session:
            return available(session.connection(), rate)

    assert left() == 1
    assert [take(wanted, rate) for wanted in (0, 5, 5)] == [0, 1, 0]
    assert left() == 0
