"""Leases: one holder at a time, by the database's clock, and a token that tells an old holder from the present one."""

import pytest

from dialer.db import lease
from dialer.shares import Cluster

pytestmark = pytest.mark.both_databases

LONG, OVER = 60.0, -1.0  # seconds


@pytest.fixture
def do(database):
    return lambda work: database.write(lambda session: work(session.connection()))


@pytest.fixture
def take(do):
    return lambda node, *names, seconds=LONG: do(lambda connection: lease.take(connection, names, node, seconds))


@pytest.fixture
def still_held(do):
    return lambda node, token: do(lambda connection: lease.still_held(connection, "campaign 1", node, token))


def test_a_lease_is_one_nodes_until_it_runs_out_and_its_token_grows_with_the_holder(take, still_held):
    assert take("a", "campaign 1", "campaign 2") == {"campaign 1": 1, "campaign 2": 1}
    assert take("b", "campaign 1") == {}
    assert take("a", "campaign 1") == {"campaign 1": 1}
    assert take("a", "campaign 1", seconds=OVER) == {"campaign 1": 1}
    assert still_held("a", 1)
    assert take("b", "campaign 1", "campaign 2") == {"campaign 1": 2}
    assert (still_held("a", 1), still_held("b", 1), still_held("b", 2)) == (False, False, True)


def test_who_lets_its_lease_run_out_while_nobody_wants_it_goes_on_with_the_same_token(take):
    take("a", "campaign 1", seconds=OVER)
    assert take("a", "campaign 1") == {"campaign 1": 1}


def test_what_is_given_back_is_had_at_once_with_a_new_token_also_by_who_gave_it(take, do):
    take("a", "campaign 1", "campaign 2", "campaign 3")
    do(lambda connection: lease.give_back(connection, "a", ["campaign 1"]))
    assert take("b", "campaign 1", "campaign 2") == {"campaign 1": 2}
    do(lambda connection: lease.give_back(connection, "a"))
    assert take("a", "campaign 2") == {"campaign 2": 2}
    assert take("b", "campaign 3") == {"campaign 3": 2}


def test_nodes_are_seen_until_they_step_back_or_have_not_shown_up_for_long(take, do):
    for node in ("a", "b"):
        do(lambda connection, node=node: lease.show_up(connection, node))
    take("a", "campaign 1")
    take("b", "campaign 2", seconds=OVER)
    look = {
        seconds: do(lambda connection, seconds=seconds: lease.look(connection, seconds)) for seconds in (60.0, -60.0)
    }
    assert look[60.0] == Cluster(frozenset("ab"), {"campaign 1": "a"})
    assert look[-60.0].nodes == frozenset()
    do(lambda connection: lease.step_back(connection, "a"))
    assert do(lambda connection: lease.look(connection, 60.0)).nodes == {"b"}
