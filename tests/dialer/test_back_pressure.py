"""New dialling gives way to what is slow, and comes back."""

from math import inf, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.back_pressure import GIVEN_BACK, LEAST, QUEUE, REMEMBERED_SECONDS, Pace, Signs, Strain, give_way

RATE = 30.0
FIELDS = ("write_seconds", "oldest_write_seconds", "late_seconds", "placing_seconds", "refused", "queue_seconds")
ALL_SLOW = {field: 1.0 if field == "refused" else 60.0 for field in FIELDS}
strains = st.builds(Strain, **{field: st.floats(0, ALL_SLOW[field]) for field in FIELDS})
seconds = st.floats(-5, 60)
paces = st.builds(Pace, st.floats(0, 1), st.one_of(st.just(inf), st.floats(0, 100)))


def test_nothing_slow_slows_nothing():
    assert give_way(Pace(), Strain(), RATE, 1.0) == Pace(1.0, inf, "")


@pytest.mark.parametrize(
    ("field", "half", "words"),
    [
        ("write_seconds", 0.575, "the database takes 0.6 s for a write"),
        ("oldest_write_seconds", 1.25, "a write has waited for 1.2 s"),
        ("late_seconds", 1.125, "the loop is 1.1 s late"),
        ("placing_seconds", 3.0, "the carrier takes 3.0 s to accept a call"),
        ("refused", 0.275, "the carrier refuses 28% of the calls for now"),
        ("queue_seconds", 1.25, "calls wait 1.2 s in the carrier's queue"),
    ],
)
def test_each_slowness_alone_slows_and_is_named(field, half, words):
    pace = give_way(Pace(), Strain(**{field: half}), RATE, 1.0)
    assert (pace.share, pace.calls) == (pytest.approx(0.5), pytest.approx(15.0))
    assert pace.reason == f"slowed to 50% of the calls per second, {words}"
    stopped = give_way(Pace(), Strain(**{field: ALL_SLOW[field]}), RATE, 1.0)
    assert (stopped.calls, stopped.reason.startswith("no new calls, ")) == (0.0, True)


@given(paces, strains, strains, seconds)
def test_more_strain_never_leaves_more(before, one, other, passed):
    worse = Strain(**{field: max(getattr(one, field), getattr(other, field)) for field in FIELDS})
    assert give_way(before, worse, RATE, passed).share <= give_way(before, one, RATE, passed).share


@given(paces, strains, seconds)
def test_full_rate_comes_back_little_by_little_and_a_reason_stands_until_then(before, strain, passed):
    pace = give_way(before, strain, RATE, passed)
    assert 0 <= pace.share <= min(1.0, before.share + GIVEN_BACK * max(0.0, passed))
    assert (pace.share == 1.0) == (pace.reason == "") == (pace.calls == inf)
    assert pace.calls >= 0 or before.calls < 0
    if isfinite(pace.calls):
        assert pace.calls <= max(1.0, pace.share * RATE)
        assert pace.share >= LEAST or pace.calls == 0


@given(st.lists(strains, max_size=20), st.floats(0.1, 2))
def test_when_all_is_quick_again_full_rate_is_back_within_so_many_seconds(past, tick):
    pace = Pace()
    for strain in past:
        pace = give_way(pace, strain, RATE, tick)
    for _tick in range(int(1 / GIVEN_BACK / tick) + 2):
        pace = give_way(pace, Strain(), RATE, tick)
    assert pace == Pace()


@pytest.mark.parametrize("tick", [0.1, 1.0, 3.0])
def test_a_share_is_a_share_of_the_rate_whatever_the_tick(tick):
    pace, dialled, half = Pace(0.5), 0, Strain(queue_seconds=1.25)
    for _tick in range(round(60 / tick)):
        pace = give_way(pace, half, RATE, tick)
        calls = int(pace.calls)
        dialled += calls
        pace = pace.spent(calls)
    wanted = 60 * RATE / 2 if tick <= 1 else 60 * RATE / 2 / tick  # no more than a second of it at once
    assert dialled == pytest.approx(wanted, rel=0.02)


def test_one_call_a_second_slowed_is_less_and_not_none():
    pace, dialled = Pace(0.25), 0
    for _tick in range(40):
        pace = give_way(pace, Strain(refused=0.3875), 1.0, 1.0)
        dialled += int(pace.calls)
        pace = pace.spent(int(pace.calls))
    assert dialled == pytest.approx(10, abs=2)


def test_what_is_spent_is_gone():
    assert Pace(0.5, 10.0, "x").spent(4) == Pace(0.5, 6.0, "x")
    assert Pace().spent(4) == Pace()


@pytest.mark.parametrize("real", [3.0, 10.0, 29.0])
def test_at_a_carrier_that_starts_less_than_agreed_its_queue_stays_short_and_its_rate_is_used(real):
    """The loop closed: what is dialled queues there, and its answers tell how long."""
    signs, pace, started_at, waits = Signs(), Pace(), 0.0, list[float]()
    for tick in range(300):
        now = float(tick)
        pace = give_way(pace, signs.strain(now, 0.0, 0.0), RATE, 1.0)
        for _call in range(int(min(RATE, pace.calls))):
            started_at = max(started_at, now) + 1 / real
            waits.append(started_at - now)
            signs.answered(signs.ask(now), now, queue_seconds=started_at - now)
        pace = pace.spent(int(min(RATE, pace.calls)))
    late = waits[int(RATE) :]  # the first second cannot be foreseen
    assert max(late) < QUEUE.limit + 1.1
    assert len(waits) / 300 >= 0.8 * real


def test_only_the_last_seconds_count():
    signs = Signs()
    signs.written(3.0, now=0.0)
    signs.answered(signs.ask(0.0), 0.0, refused=True)
    assert signs.strain(1.0, 0.0, 0.0) == Strain(write_seconds=3.0, refused=1.0)
    assert signs.strain(REMEMBERED_SECONDS + 0.1, 0.0, 0.0) == Strain()


def test_a_request_under_way_is_as_slow_as_it_is_old():
    signs = Signs()
    request = signs.ask(0.0)
    assert signs.strain(4.0, 0.0, 0.0) == Strain(placing_seconds=4.0)
    signs.answered(request, 6.0)
    assert signs.strain(7.0, 0.25, 0.5) == Strain(placing_seconds=6.0, late_seconds=0.25, oldest_write_seconds=0.5)


def test_the_carriers_queue_empties_while_nobody_dials():
    signs = Signs()
    signs.answered(signs.ask(0.0), 0.0, queue_seconds=3.0)
    signs.answered(signs.ask(0.0), 0.0, queue_seconds=1.0)
    left = [signs.strain(at, 0.0, 0.0).queue_seconds for at in (0.0, 1.0, 3.0, 4.0)]
    assert left == [3.0, 2.0, 0.0, 0.0]
