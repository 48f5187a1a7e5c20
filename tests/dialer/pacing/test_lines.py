"""The calls in flight: who will ask for an agent, and when."""

import json
from heapq import heappop, heappush
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.ages import RING_AGES
from dialer.pacing.grid import HORIZON, STEP, STEPS
from dialer.pacing.lines import Lines
from tests.dialer.pacing.lines.histories import regular

RING_SECONDS = 25.0
HUMAN, MACHINE, REFUSED = 0.3, 0.25, 0.1
LATE = 16.0  # most pick-ups after so much ringing are a machine's


class Calls:
    """One call every half second. With `detects` a verdict comes 1 to 3 s after the pick-up, else everybody asks."""

    def __init__(self, detects: bool, seed: int = 1) -> None:
        self.lines, self.detects = Lines(), detects
        self.asked: list[tuple[float, float]] = []  # dialled, asked
        self._rng = np.random.default_rng(seed)
        self._heap: list[tuple[float, str, str]] = []
        self._dialled: dict[str, float] = {}
        self._machines: set[str] = set()
        self._next = 0.0

    def run(self, until: float) -> None:
        while True:
            if self._next < until and (not self._heap or self._next <= self._heap[0][0]):
                self._dial(f"call-{len(self._dialled)}", self._next)
                self._next += 0.5
            elif self._heap and self._heap[0][0] < until:
                at, what, call = heappop(self._heap)
                getattr(self, what)(call, at)
            else:
                return

    def _dial(self, call: str, at: float) -> None:
        self._dialled[call] = at
        self.lines.dialled(call, at, 1.0)
        kind = self._rng.random()
        rings = RING_SECONDS
        if kind < HUMAN:
            rings = self._rng.lognormal(2.2, 0.5)
        elif kind < HUMAN + MACHINE:
            self._machines.add(call)
            rings = self._rng.lognormal(2.9, 0.2)
        elif kind < HUMAN + MACHINE + REFUSED:
            heappush(self._heap, (at + self._rng.uniform(1, 4), "fails", call))
            return
        what = "picks_up" if rings < RING_SECONDS else "fails"
        heappush(self._heap, (at + min(rings, RING_SECONDS), what, call))

    def fails(self, call: str, at: float) -> None:
        self.lines.failed(call, at)

    def picks_up(self, call: str, at: float) -> None:
        self.lines.picked_up(call, at)
        heappush(self._heap, (at + (self._rng.uniform(1, 3) if self.detects else 0.0), "is_known", call))

    def is_known(self, call: str, at: float) -> None:
        if self.detects and call in self._machines:
            self.lines.machine(call, at)
        else:
            self.asked.append((self._dialled[call], at))
            self.lines.connected(call, at)
            self.lines.disposed(call, call not in self._machines)


@pytest.fixture(scope="module", params=[True, False], ids=["detection", "no-detection"])
def calls(request) -> Calls:
    return learned(request.param)


def learned(detects: bool) -> Calls:
    calls = Calls(detects)
    for at in range(10, 2001, 10):
        calls.run(float(at))
        calls.lines.settle(float(at))
    return calls


@pytest.fixture(scope="module")
def saved() -> Any:
    return learned(True).lines.state()


@pytest.fixture
def lines(saved) -> Lines:
    """Who learned of calls with machine detection, and has none in flight."""
    lines = Lines()
    lines.restore(saved, another=False)
    return lines


@pytest.mark.parametrize(("delay", "at_once"), [(0.02, True), (0.4, False)])
def test_a_verdict_that_takes_no_time_to_speak_of_is_at_once(delay, at_once):
    def taught(delay: float) -> Lines:
        lines = Lines()
        for number in range(400):
            call, at = f"call-{number}", 60.0 * number
            lines.dialled(call, at, 1.0)
            lines.picked_up(call, at + 5.5)
            lines.connected(call, at + 5.5 + delay)
        lines.settle(30_000.0)
        lines.dialled("now", 30_000.0, 1.0)
        return lines

    late, prompt = (taught(seconds).expected_answers(30_000.5) for seconds in (delay, 0.0))
    assert (late == pytest.approx(prompt)) == at_once


def expected(lines: Lines, now: float) -> float:
    return float(lines.expected_answers(now).sum())


def test_as_many_ask_within_the_next_seconds_as_was_expected(calls):
    found, asked = np.zeros(STEPS), np.zeros(STEPS)
    looks = range(2000, 3500, 10)
    for at in looks:
        found += calls.lines.expected_answers(float(at))
        calls.run(at + 10.0)
        calls.lines.settle(at + 10.0)
    calls.run(looks[-1] + 2.0 * HORIZON)
    for at in looks:
        ahead = [ask - at for dialled, ask in calls.asked if dialled < at <= ask < at + HORIZON]
        asked += np.bincount([int(seconds // STEP) for seconds in ahead], minlength=STEPS)
    assert found.sum() == pytest.approx(asked.sum(), rel=0.08)
    by_pair, asked_by_pair = found.reshape(-1, 2).sum(1), asked.reshape(-1, 2).sum(1)
    assert by_pair == pytest.approx(asked_by_pair, rel=0.2, abs=40)


def test_a_new_line_is_expected_to_ask_as_often_as_lines_do(calls):
    in_time = 0.97  # of those who would answer, within the ring time
    human, machine = HUMAN * in_time, (0.0 if calls.detects else MACHINE * 0.9)
    assert calls.lines.answer_chance == pytest.approx(human + machine, rel=0.12)
    assert calls.lines.line_answers.sum() <= calls.lines.answer_chance / calls.lines.level.value + 1e-9


def test_before_anything_is_seen_no_answer_is_certain():
    lines = Lines()
    lines.dialled("a", 0.0, 1.0)
    assert 0.0 < expected(lines, 0.0) < 1.5
    assert 0.0 < lines.answer_chance < 1.0


def test_better_leads_answer_more_often(lines):
    lines.dialled("a", 9000.0, 1.0)
    average = expected(lines, 9003.0)
    lines.dialled("b", 9000.0, 2.0)
    assert expected(lines, 9003.0) == pytest.approx(3 * average)


def test_a_good_hour_raises_what_is_expected(lines):
    lines.dialled("a", 9000.0, 1.0)
    usual = expected(lines, 9003.0)
    lines.learned()
    lines.level.add(300.0, 150.0)
    lines.level.settle(9000.0)
    assert expected(lines, 9003.0) > 1.5 * usual


def test_a_line_that_has_rung_long_will_hardly_ask(lines):
    lines.dialled("a", 9000.0, 1.0)
    assert expected(lines, 9000.0 + LATE) < expected(lines, 9005.0) / 2


def test_who_has_picked_up_is_a_person_the_likelier_the_sooner(lines):
    lines.dialled("soon", 9000.0, 1.0)
    lines.picked_up("soon", 9005.0)
    person = expected(lines, 9005.0)
    assert lines.expected_answers(9005.0)[3:].sum() < 0.01, "detection takes three seconds at most"
    lines.forget_running()
    lines.dialled("late", 9000.0, 1.0)
    lines.picked_up("late", 9018.0)
    assert person > 0.8
    assert expected(lines, 9018.0) < 0.3


def test_where_the_verdict_is_machine_nobody_asks(lines):
    before = lines.answers
    lines.dialled("a", 9000.0, 1.0)
    lines.picked_up("a", 9005.0)
    lines.machine("a", 9007.0)
    assert (len(lines), lines.answers) == (0, before)


def test_who_asks_waits_until_an_agent_is_there(lines):
    before = lines.answers
    lines.dialled("a", 9000.0, 1.0)
    lines.asked("a", 9005.0)
    assert (list(lines.waiting), expected(lines, 9005.0)) == (["a"], 0.0)
    assert "a" in lines
    lines.connected("a", 9006.0)
    assert (len(lines), lines.answers) == (0, before + 1)


@pytest.mark.parametrize("end", ["connected", "lost"])
def test_an_end_tells_what_went_before_it(lines, end):
    """Events may be left out: a call that is handed over, or lost, has been answered."""
    before = lines.answers
    lines.dialled("a", 9000.0, 1.0)
    getattr(lines, end)("a", 9005.0)
    assert (len(lines), lines.answers) == (0, before + 1)


@pytest.mark.parametrize("stage", ["ringing", "detecting", "waiting"])
@pytest.mark.parametrize("end", ["failed", "given_up"])
def test_a_call_can_end_at_any_stage(lines, stage, end):
    lines.dialled("a", 9000.0, 1.0)
    if stage != "ringing":
        lines.picked_up("a", 9005.0)
    if stage == "waiting":
        lines.asked("a", 9006.0)
    getattr(lines, end)("a", 9007.0)
    assert len(lines) == 0


def test_nobody_answers_after_the_carrier_has_given_up():
    """Where every line is hung up before, nothing else would say so."""
    lines = regular(400, 5, 8.0, Lines.given_up, 18.0)
    lines.settle(500.0)
    whenever = lines.answer_chance
    lines.settle(500.0, 25.0)
    assert 0.2 < lines.answer_chance < whenever - 0.05


def test_lines_that_we_hang_up_do_not_make_others_look_worse(lines):
    """As failures they would: half of them could still have been answered."""
    chances = []
    for end in (lines.given_up, lines.failed):
        for number in range(1500):
            lines.dialled(f"{end.__name__}-{number}", 9000.0, 1.0)
            end(f"{end.__name__}-{number}", 9004.0)
        lines.learned()
        lines.settle(9004.0)
        chances.append(lines.answer_chance)
    assert chances[0] > 0.25 > 1.3 * chances[1]


@given(st.lists(st.sampled_from(["picked_up", "asked", "machine", "connected", "lost", "failed", "given_up"])))
def test_what_was_not_dialled_is_ignored(events):
    lines = Lines()
    for number, event in enumerate(events):
        getattr(lines, event)("unknown", float(number))
        lines.disposed("unknown", True)
    assert (len(lines), lines.answers) == (0, 0)
    assert lines.state() == Lines().state()


@given(
    st.lists(
        st.sampled_from(["dialled", "picked_up", "asked", "machine", "connected", "lost", "failed", "given_up"]),
        max_size=12,
    )
)
def test_no_order_of_events_counts_a_call_twice(events):
    lines = Lines()
    lines.dialled("a", 0.0, 1.0)
    for number, event in enumerate(events):
        if event == "dialled":
            lines.dialled("a", float(number), 1.0) if "a" in lines else None
        else:
            getattr(lines, event)("a", float(number))
        assert len(lines) <= 1
        assert lines.answers <= 1


def test_a_line_is_not_dialled_anew_by_being_told_twice(lines):
    lines.dialled("a", 9000.0, 1.0)
    lines.picked_up("a", 9005.0)
    lines.dialled("a", 9000.0, 1.0)
    assert (len(lines), list(lines.detecting)) == (1, ["a"])


@pytest.mark.parametrize("end", ["picked_up", "failed", "machine", "connected", "lost", "given_up"])
def test_a_dial_told_after_what_became_of_it_begins_nothing(lines, end):
    """Such a line would ring for ever, and teach that lines are not answered."""
    before = len(lines)
    getattr(lines, end)("late", 9005.0)
    lines.dialled("late", 9000.0, 1.0)
    assert len(lines) == before
    assert "late" not in lines


def test_lines_whose_end_was_not_told_are_forgotten(lines):
    lines.dialled("ringing", 9000.0, 1.0)
    for call in ("detecting", "waiting"):
        lines.dialled(call, 9000.0, 1.0)
        lines.picked_up(call, 9010.0)
    lines.asked("waiting", 9012.0)
    lines.forget_overdue(9039.0, RING_SECONDS)
    assert len(lines) == 3
    lines.forget_overdue(9041.0, RING_SECONDS)
    assert list(lines.ringing) == ["ringing"]
    assert len(lines) == 1
    lines.forget_overdue(9056.0, RING_SECONDS)
    assert len(lines) == 0


def test_the_oldest_ringing_lines_come_first_and_only_those_of_an_age(lines):
    for number in range(4):
        lines.dialled(f"call-{number}", 9000.0 + 5 * number, 1.0)
    lines.picked_up("call-1", 9006.0)
    found = lines.oldest(9020.0, 10.0)
    assert [name for name, _, _ in found] == ["call-0", "call-2"]
    (_, by_step, ever), (_, younger_by_step, younger_ever) = found
    assert by_step.sum() <= ever + 1e-9 < younger_ever
    assert by_step.sum() < younger_by_step.sum()


def test_who_answers_late_is_less_often_a_person():
    """Without detection agents say who it was, and a lost call is judged by its ring age."""
    lines = learned(False).lines
    assert lines.live_share == pytest.approx(HUMAN / (HUMAN + MACHINE), abs=0.08)
    answered, lost = lines.live_shares
    assert lost == answered < 0.9
    for number in range(20):
        lines.dialled(f"soon-{number}", 9000.0, 1.0)
        lines.lost(f"soon-{number}", 9004.0)
    assert lines.live_shares[1] > answered + 0.1
    for number in range(500):
        lines.dialled(f"late-{number}", 9000.0, 1.0)
        lines.lost(f"late-{number}", 9020.0)
    answered, lost = lines.live_shares
    assert lost == answered, "lost calls never look better than answered ones"


@pytest.mark.parametrize("disposed", [True, False, None])
def test_a_call_that_its_agent_had_too_late_is_abandoned_once_and_learned_like_any_other(disposed):
    lines = Lines()
    for what in (lines.connected, lines.lost, lines.lost):
        lines.dialled("call", 0.0, 1.0)
        what("call", 10.0)
    if disposed is not None:
        lines.disposed("call", disposed)
    assert (lines.abandoned, lines.answers) == (1, 1)
    assert (sum(lines.state()["live"]), sum(lines.state()["not_live"])) == ((0, 1) if disposed is False else (1, 0))
    lines.lost("call", 15.0)
    lines.machine("call", 16.0)
    assert lines.abandoned == lines.state()["tally"][2] == 0
    Lines().restore(lines.state(), another=False)
    assert sum(lines.state()["live"]) + sum(lines.state()["not_live"]) == 1
    assert sum(lines.state()["live"]) == (disposed is True)


def test_a_lost_call_that_was_a_machine_is_taken_back():
    """Lost calls that machines turn out to have been leave shares and counts as if they had been none."""
    found, spared = learned(False).lines, learned(False).lines
    for lines in (found, spared):
        for number in range(40):
            lines.dialled(f"person-{number}", 9000.0, 1.0)
            lines.lost(f"person-{number}", 9004.0)
    before = found.live_shares
    for number in range(400):
        found.dialled(f"machine-{number}", 9000.0, 1.0)
        found.lost(f"machine-{number}", 9020.0)
    assert found.live_shares[1] < before[1] - 0.1
    for number in range(400):
        found.machine(f"machine-{number}", 9022.0)
        found.machine(f"machine-{number}", 9022.0)
    assert found.live_shares == pytest.approx(before)
    assert sum(found.state()["not_live"]) == sum(spared.state()["not_live"]) + 400


def test_machines_that_agents_have_got_leave_the_share_of_the_answered_as_well():
    """Else lost calls, of which they are taken out, would look better than answered ones."""
    lines = learned(False).lines
    for number in range(400):
        lines.dialled(f"person-{number}", 9000.0, 1.0)
        lines.connected(f"person-{number}", 9004.0)
    before = lines.live_shares
    for number in range(400):
        lines.dialled(f"machine-{number}", 9000.0, 1.0)
        lines.connected(f"machine-{number}", 9020.0)
        lines.machine(f"machine-{number}", 9022.0)
    assert lines.live_shares == pytest.approx(before)


@pytest.mark.parametrize("given", ["connected", "lost"])
def test_a_person_whom_detection_hears_beside_the_call_was_one(given):
    """Else only machines would count where agents give no disposition, and an abandoned call would cost nothing."""
    lines = Lines()
    for number in range(50):
        lines.dialled(f"call-{number}", 0.0, 1.0)
        getattr(lines, given)(f"call-{number}", 10.0)
        lines.asked(f"call-{number}", 12.0)
        lines.asked(f"call-{number}", 12.0)
        getattr(lines, given)(f"call-{number}", 12.0)  # told again
    assert sum(lines.state()["live"]) == 50
    assert lines.live_share > 0.95
    assert (lines.answers, len(lines)) == (50, 0)


def test_the_agents_word_outweighs_the_detectors():
    lines = Lines()
    for call, live in (("a", False), ("b", True)):
        lines.dialled(call, 0.0, 1.0)
        lines.connected(call, 10.0)
        lines.asked(call, 12.0)
        lines.disposed(call, live)
    assert [sum(lines.state()[key]) for key in ("live", "not_live")] == [1, 1]


def test_a_call_without_an_end_yet_may_be_disposed_only_after_an_agent_had_it():
    lines = Lines()
    lines.dialled("a", 0.0, 1.0)
    lines.disposed("a", False)
    assert lines.live_share == Lines().live_share


def test_time_that_goes_back_is_borne(lines):
    lines.dialled("a", 9000.0, 1.0)
    lines.picked_up("a", 8000.0)
    lines.asked("a", 7000.0)
    lines.dialled("b", 9000.0, 1.0)
    lines.settle(8000.0)
    assert expected(lines, 8000.0) == pytest.approx(expected(lines, 9000.0))


def test_saving_changes_nothing():
    lines, unsaved = learned(True).lines, learned(True).lines
    for found in (lines, unsaved):
        found.dialled("a", 2000.0, 1.0)
    lines.state()
    for found in (lines, unsaved):
        found.settle(2010.0)
    assert (lines.expected_answers(2010.0) == unsaved.expected_answers(2010.0)).all()
    assert lines.state() == unsaved.state()


def test_the_restored_expect_the_same(calls):
    lines, again = learned(calls.detects).lines, Lines()
    again.restore(json.loads(json.dumps(lines.state())), another=False)
    lines.forget_running()
    for found in (again, lines):
        found.dialled("b", 2010.0, 1.0)
    assert again.answers == lines.answers
    assert again.live_shares == lines.live_shares
    assert again.expected_answers(2012.0) == pytest.approx(lines.expected_answers(2012.0), rel=1e-6)


def test_another_campaign_gives_its_chances_and_not_its_counts(calls):
    again = Lines()
    again.restore(calls.lines.state(), another=True)
    assert (again.answers, again.level.value, again.live_shares) == (0, 1.0, (1.0, 1.0))
    usual = calls.lines.answer_chance / calls.lines.level.value
    assert again.answer_chance == pytest.approx(usual, rel=0.2)
    assert again.answer_chance != pytest.approx(Lines().answer_chance, rel=0.2)


@pytest.mark.parametrize(
    "damage",
    [
        {"humans": [1.0]},
        {"live": [0.0] * (len(RING_AGES) - 1), "not_live": [0.0] * (len(RING_AGES) - 1)},
        {"delays": [[0.0] * 24]},
        {"tally": [0.0, float("nan"), 0.0]},
        {"answers": "many"},
        {"answers": 3.5},
        {"humans": [-1.0] * len(RING_AGES)},
        {"machines": [100.0] * len(RING_AGES)},
        {"live": [-1.0] * len(RING_AGES)},
        {"not_live": [1e9] * len(RING_AGES)},
        {"delays": [[0.0] * 24, [1000.0] * 24]},
        *({"answers": 10, "tally": tally} for tally in ([-1, 0, 0, 0], [0, -1, 0, 0], [6, 5, 0, 0], [5, 5, 6, 6])),
        *({"answers": 10, "tally": tally} for tally in ([5, 0, 0, -1], [5, 0, 2, 1], [5, 0, -1, 1])),
        {"level": {"seen": 1.0, "expected": 1.0}},
    ],
)
@pytest.mark.parametrize("another", [False, True])
def test_a_damaged_state_is_refused(damage, another):
    with pytest.raises(ValueError):
        Lines().restore({**Lines().state(), **damage}, another)
