"""Which leads a campaign dials next, and what is learned from their calls."""

from datetime import UTC, datetime

import pytest

from campaigns.lead import Priority
from campaigns.prospects import Candidate
from campaigns.search import Fit, Look, Offer
from campaigns.turns import Turn
from compliance.facts import Facts
from compliance.gate import check
from compliance.locating import locate
from compliance.packs import read_pack
from compliance.rulebook import make_rulebook
from dialer.choice import DISPOSED_WITHIN, Choice
from dialer.pacing.events import Abandoned, Connected, Disposed, Failed, Human, Machine, PickedUp
from dialer.pacing.leads import LeadChances
from tests.conftest import PLAIN_LAW

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
PLACE = locate("+12125550123")
FACTS = Facts(
    number="+12125550123",
    kind="survey",
    jurisdictions=PLACE.jurisdictions,
    zones=PLACE.zones,
    ring_seconds=20,
    attempts_per_day=3,
    agent_reserved=True,
)
CLEARED = check(FACTS, make_rulebook([read_pack("us.toml", PLAIN_LAW)]), NOON)
CALL = "call"


def fit(number: int, *traits: str, priority: int = 2) -> Fit:
    candidate = Candidate(number, 1, number, "+12125550123", priority, NOON, None, 0, None, None)
    return Fit(candidate, FACTS, CLEARED, traits)


def offer(chance: float = 0.3) -> Offer:
    one = fit(1, "area 1212")
    return Offer(one.candidate, one.facts, one.cleared, Turn.CHANCE, one.traits, chance)


def lived(*events) -> LeadChances:
    """What is known after one call."""
    choice = Choice(LeadChances())
    choice.dialled(CALL, offer())
    for event in events:
        choice.observe(event)
    return choice.known


def learned(known: LeadChances) -> str:
    new = LeadChances()
    if known.dials == 0:
        return "nothing"
    assert known.dials == 1
    return "a person" if known.chances([("area 1212",)])[0] > new.chances([("area 1212",)])[0] else "nobody"


@pytest.mark.parametrize(
    ("events", "who"),
    [
        ([Failed(CALL, 25.0)], "nobody"),
        ([PickedUp(CALL, 9.0), Machine(CALL, 12.0)], "nobody"),
        ([PickedUp(CALL, 9.0), Connected(CALL, "anna", 9.0), Machine(CALL, 12.0)], "nobody"),
        ([PickedUp(CALL, 9.0), Abandoned(CALL, 11.0), Human("other", 11.0 + DISPOSED_WITHIN)], "a person"),
        ([PickedUp(CALL, 9.0), Abandoned(CALL, 11.0), Machine(CALL, 13.0)], "nobody"),
        ([Human(CALL, 9.0), Connected(CALL, "anna", 9.0), Disposed(CALL, True, 70.0)], "a person"),
        ([Human(CALL, 9.0), Connected(CALL, "anna", 9.0), Disposed(CALL, False, 20.0)], "nobody"),
        ([Human(CALL, 9.0), Connected(CALL, "anna", 9.0)], "nothing"),
        ([Human(CALL, 9.0), Human("other", 9.0 + DISPOSED_WITHIN)], "a person"),
        ([Human(CALL, 9.0), Human("other", 8.0 + DISPOSED_WITHIN)], "nothing"),
        ([Failed("other", 25.0), Disposed("other", True, 30.0)], "nothing"),
        ([Failed(CALL, 25.0), Failed(CALL, 26.0), Disposed(CALL, True, 30.0)], "nobody"),
    ],
)
def test_who_answered_is_learned_once_from_the_last_word_on_it(events, who):
    assert learned(lived(*events)) == who


def test_a_call_that_was_refused_teaches_nothing():
    choice = Choice(LeadChances())
    choice.dialled(CALL, offer())
    choice.forget(CALL)
    choice.observe(Failed(CALL, 20.0))
    assert learned(choice.known) == "nothing"


def taught() -> LeadChances:
    chances = LeadChances()
    for number in range(1000):
        chances.learn(("good",), number % 2 == 0)
        chances.learn(("bad",), number % 20 == 0)
    return chances


def test_a_chance_is_told_over_the_mean_one():
    choice = Choice(taught())
    good, bad = (choice.dialled(name, offer(choice.known.chances([(name,)])[0])) for name in ("good", "bad"))
    assert (good, bad) == (pytest.approx(1.8, abs=0.2), pytest.approx(0.2, abs=0.1))
    assert (good + bad) / 2 == pytest.approx(1.0, abs=0.1)


def test_the_next_look_goes_on_where_the_last_one_ended():
    choice = Choice(taught())
    places = {Priority.FRESH: (NOON, 3)}
    look = Look([fit(9, "bad", priority=0)], [fit(1, "bad"), fit(2, "good")], [], places)
    offers = choice.offers(look, 2)
    assert [one.candidate.lead_id for one in offers] == [9, 1]  # promised; and the first turn is the longest waiting's
    assert choice.places == places


def test_turns_go_on_from_look_to_look():
    choice = Choice(taught())
    look = Look([], [fit(1, "bad"), fit(2, "good"), fit(3, "good")], [], {})
    firsts = [choice.offers(look, 1)[0].candidate.lead_id for _ in range(6)]
    assert firsts == [1, 2, 2, 2, 2, 1]


def test_who_was_offered_and_put_back_has_not_had_a_turn():
    choice = Choice(taught())
    look = Look([], [fit(1, "bad"), fit(2, "good"), fit(3, "good")], [], {})
    choice.put_back(choice.offers(look, 3))
    assert choice.offers(look, 1)[0].candidate.lead_id == 1, "the first turn is the longest waiting's"
