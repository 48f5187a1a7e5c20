"""Each lead's chance that a person answers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.leads import ALWAYS, FEATURES, LeadChances
from dialer.pacing.policy import ForeignState

TRAITS = {"hour": 12, "weekend": 2, "area": 100, "attempt": 6, "last": 6}
GOOD, BAD = ("last busy",), ("attempt 3", "last no-answer")


class World:
    """Leads with a spread of log-odds, a share of which the traits explain."""

    def __init__(self, spread: float, explained: float, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.hidden = spread * np.sqrt(1 - explained)
        each = spread * np.sqrt(explained / len(TRAITS))
        self.effects = {trait: self.draw.normal(0, each, size) for trait, size in TRAITS.items()}

    def dial(self, rate: float) -> tuple[tuple[str, ...], bool]:
        levels = {trait: int(self.draw.integers(size)) for trait, size in TRAITS.items()}
        log_odds = np.log(rate / (1 - rate)) + sum(self.effects[trait][level] for trait, level in levels.items())
        chance = 1 / (1 + np.exp(-log_odds - self.draw.normal(0, self.hidden)))
        return tuple(f"{trait} {level}" for trait, level in levels.items()), bool(self.draw.random() < chance)


def lived(chances: LeadChances, world: World, rate: float, dials: int) -> tuple[np.ndarray, np.ndarray]:
    """What was foretold of each dial just before it was learned, and what came of it."""
    foretold, came = np.empty(dials), np.empty(dials)
    for number in range(dials):
        features, answered = world.dial(rate)
        foretold[number], came[number] = chances.chances([features])[0], answered
        chances.learn(features, answered)
    return foretold, came


def taught(times: int = 300) -> LeadChances:
    chances = LeadChances()
    for number in range(times):
        chances.learn(GOOD, number % 2 == 0)
        chances.learn(BAD, number % 10 == 0)
    return chances


def errors_by_bin(foretold: np.ndarray, came: np.ndarray) -> list[float]:
    """Observed less foretold share in each fifth of what was foretold, in standard errors."""
    fifths = np.array_split(np.argsort(foretold), 5)
    return [
        float((came[part].mean() - foretold[part].mean()) / np.sqrt(foretold[part].mean() / len(part)))
        for part in fifths
    ]


@pytest.mark.parametrize("spread", [0.7, 1.0, 1.5])
def test_of_those_said_to_answer_so_often_so_many_do(spread):
    """Four worlds together, so that one world's luck does not decide."""
    lives = []
    for seed in range(4):
        chances, world = LeadChances(), World(spread, 0.45, seed)
        lived(chances, world, 0.2, 1000)
        lives.append(lived(chances, world, 0.2, 2000))
    foretold, came = (np.concatenate(parts) for parts in zip(*lives, strict=True))
    assert max(map(abs, errors_by_bin(foretold, came))) < 4
    order = np.argsort(foretold)
    assert came[order[-1600:]].mean() > 1.3 * came[order[:1600]].mean()


def test_another_list_on_which_three_times_as_many_answer_is_followed():
    chances, world = LeadChances(), World(1.0, 0.45, seed=1)
    lived(chances, world, 0.15, 3000)
    lived(chances, world, 0.45, 600)
    foretold, came = lived(chances, world, 0.45, 2000)
    assert max(map(abs, errors_by_bin(foretold, came))) < 4
    assert chances.usual == pytest.approx(came.mean(), abs=0.04)


def test_a_trait_that_turns_round_is_followed_although_much_was_learned_of_it():
    chances = LeadChances()
    for number in range(20_000):
        chances.learn((("evening",), ("morning",))[number % 2], number % 8 == 0)
    for number in range(4000):
        chances.learn((("evening",), ("morning",))[number % 2], number % 8 == 1)
    evening, morning = chances.chances([("evening",), ("morning",)])
    assert morning > evening


def test_what_answers_more_often_is_ranked_first():
    chances = taught()
    (good, bad), ranked = chances.chances([GOOD, BAD]), chances.ranking([GOOD, BAD])
    assert ranked[0] > ranked[1]
    assert (good, bad) == (pytest.approx(0.5, abs=0.1), pytest.approx(0.1, abs=0.1))


def test_of_two_that_are_as_likely_the_one_in_doubt_is_tried_first():
    """The average one is well known; of the better one little is, and where nothing is known it is much the same."""
    chances = LeadChances()
    for number in range(2000):
        chances.learn(("area 212",), number % 4 == 0)
    known, new = ("area 212",), ("area 212", "area 907")
    assert chances.ranking([new])[0] / chances.ranking([known])[0] > 1.05
    assert chances.chances([new])[0] / chances.chances([known])[0] < 1.02


def test_doubt_draws_a_chance_towards_a_half():
    new, some = LeadChances(), taught(5)
    assert 0.25 < new.chances([()])[0] < 0.5
    assert some.chances([BAD])[0] < some.chances([(*BAD, "area 907")])[0] < 0.5


def test_rows_may_have_different_features_or_none():
    chances = taught()
    together = chances.chances([GOOD, (), BAD, ("never seen",)])
    alone = [chances.chances([row])[0] for row in (GOOD, (), BAD, ("never seen",))]
    assert together.tolist() == alone
    assert chances.chances([]).tolist() == chances.ranking([]).tolist() == []


@given(st.lists(st.tuples(st.sets(st.sampled_from("abcdef"), max_size=4), st.booleans()), max_size=60))
def test_chances_lie_between_0_and_1_and_a_saved_state_goes_on_as_if_never_stopped(dials):
    chances = LeadChances()
    for features, answered in dials[:30]:
        chances.learn(sorted(features), answered)
    restored = LeadChances.restored(json.loads(json.dumps(chances.state())))
    for one in (chances, restored):
        for features, answered in dials[30:]:
            one.learn(sorted(features), answered)
    rows = [sorted(features) for features, _ in dials]
    values = chances.chances(rows)
    assert ((values > 0) & (values < 1)).all()
    assert restored.chances(rows).tolist() == values.tolist()
    assert restored.ranking(rows).tolist() == chances.ranking(rows).tolist()
    assert restored.usual == chances.usual


@given(st.lists(st.sets(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=40), st.sampled_from("abcdef"))
def test_an_answer_never_lowers_a_chance_of_the_same_features_and_none_never_raises_it(dials, feature):
    chances = LeadChances()
    for number, features in enumerate(dials):
        chances.learn(sorted(features), number % 3 == 0)
    before = chances.ranking([(feature,)])[0]
    for answered in (True, False):
        after = LeadChances.restored(chances.state())
        after.learn((feature,), answered)
        moved = after.chances([(feature,)])[0] - chances.chances([(feature,)])[0]
        assert moved >= 0 if answered else moved <= 0
    assert chances.ranking([(feature,)])[0] == before


def test_memory_is_bounded_and_the_rarest_are_forgotten_first():
    chances = taught()
    for number in range(3 * FEATURES):
        chances.learn((f"area {number}",), number % 4 == 0)
    assert len(chances.state()["features"]) <= FEATURES
    assert {*GOOD, *BAD, ALWAYS} <= chances.state()["features"].keys()
    good, bad = chances.chances([GOOD, BAD])
    assert good > bad + 0.2


def test_what_is_left_after_forgetting_can_be_saved():
    chances = LeadChances()
    for number in range(FEATURES + 1):
        chances.learn((f"area {number}",), number % 4 == 0)
    saved = json.loads(json.dumps(chances.state(), allow_nan=False))
    assert saved["features"][ALWAYS][2] == FEATURES + 1
    assert LeadChances.restored(saved).state() == saved


def test_another_campaign_begins_with_it_in_doubt():
    own = taught()
    another = LeadChances.restored(own.state(), another=True)
    assert another.chances([GOOD])[0] > another.chances([BAD])[0] + 0.2
    for _ in range(30):
        for chances in (own, another):
            chances.learn(BAD, True)
    assert another.chances([BAD])[0] > own.chances([BAD])[0] + 0.05


@pytest.mark.parametrize(
    "damage",
    [
        {"format": "leads-0"},
        {"features": None},
        {"features": {}},
        {"features": {"last busy": [0.1, 0.01, 3]}},
        {"features": {ALWAYS: [float("nan"), 0.01, 3]}},
        {"features": {ALWAYS: [0.0, 0.0, 3]}},
        {"features": {ALWAYS: [0.0, 50.0, 3]}},
        {"features": {ALWAYS: [0.0, 0.01, float("inf")]}},
        {"features": {ALWAYS: [0.0, 0.01]}},
        {"features": {ALWAYS: ["many", 0.01, 3]}},
        {"usual": 0.0},
        {"dials": -1},
        {"dials": None},
        {"dials": 2.5},
        {"usual": "0.2"},
        {"features": {ALWAYS: [1e300, 0.01, 3]}},
        {"features": {ALWAYS: [0.0, 1e-9, 3]}},
        {"features": {ALWAYS: [0.0, 0.01, 1e300]}},
        {"features": {ALWAYS: [0.0, 0.01, "3"]}},
        {"features": {name or ALWAYS: [0.0, 0.01, 3] for name in ("", *map(str, range(FEATURES)))}},
    ],
)
def test_a_state_of_another_version_or_a_damaged_one_is_refused_and_says_so(damage):
    with pytest.raises(ForeignState, match="they are learned anew"):
        LeadChances.restored({**taught(3).state(), **damage})


@pytest.mark.parametrize("state", [None, [], "x", 3])
def test_what_is_no_state_at_all_is_refused(state):
    with pytest.raises(ForeignState, match="they are learned anew"):
        LeadChances.restored(state)
