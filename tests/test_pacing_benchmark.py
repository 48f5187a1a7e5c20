"""What `make bench-pacing` says of runs: means, ours over theirs, and goals that are missed when they are."""

from dataclasses import replace

import pytest

from dialer.simulation.figures import Figures
from tests.benchmarks.pacing.cases import (
    BEST_RATIO,
    EVERY_PEER,
    HANGING_UP,
    IN_LIST_ORDER,
    OURS,
    Run,
    cases,
    runs,
    scenario_of,
)
from tests.benchmarks.pacing.goals import SETTLED, goals
from tests.benchmarks.pacing.kept import keep, kept
from tests.benchmarks.pacing.play import Played, play
from tests.benchmarks.pacing.plot import draw
from tests.benchmarks.pacing.table import as_table, in_order, rows

TEAM = next(case for case in cases(quick=False) if case.name == "10 agents")
LISTED = next(case for case in cases(quick=False) if case.name == "lead-list, 10 agents")
EXPONENTIAL = next(case for case in cases(quick=False) if case.chance == 0.5)


def played(case, policy, busy, abandoned=28, seed=1, target=None, peak=0.03, dials=3000):
    counts = {"dials": dials} | {"live": 1000, "live_abandoned": abandoned, "answers": 1000, "abandoned": abandoned}
    figures = Figures(staffed=100, talking=busy, peak=peak, **counts)
    return Played(Run(case, policy, seed, target), figures, seconds=1.0)


def missed(some, best=None):
    return [words for reached, words in goals(rows(some, best or {}), some) if not reached]


def test_a_row_is_the_mean_of_the_seeds_and_ours_over_it():
    some = [played(TEAM, OURS, 70), played(TEAM, OURS, 80, seed=2), played(TEAM, "vicidial", 50)]
    ours, theirs = rows(some, {})
    assert (ours.utilisation, ours.runs, ours.ours) == (pytest.approx(0.75), 2, None)
    assert ours.utilisation_spread == pytest.approx(0.0707, abs=0.001)
    assert theirs.ours == pytest.approx(1.5)


def test_runs_at_other_ceilings_stand_in_no_row():
    some = [played(TEAM, OURS, 70), played(TEAM, OURS, 60, target=0.01)]
    assert [row.utilisation for row in rows(some, {})] == [pytest.approx(0.7)]


def test_a_run_of_few_answers_may_end_above_its_target():
    few = played(TEAM, OURS, 70, abandoned=16, target=0.01)
    few = replace(few, figures=replace(few.figures, live=SETTLED - 1))
    assert missed([played(TEAM, OURS, 75), few]) == []


def test_good_figures_reach_every_goal():
    some = [played(TEAM, OURS, 75), played(TEAM, "vicidial", 45), played(TEAM, OURS, 70, abandoned=10, target=0.01)]
    some += [played(EXPONENTIAL, OURS, 75), played(TEAM, HANGING_UP, 75), played(TEAM, OURS, 77, 50, target=0.05)]
    assert missed(some, {EXPONENTIAL.name: 0.7560}) == []


def test_a_world_of_the_optimum_alone_can_be_asked_for():
    some = [played(EXPONENTIAL, OURS, 75), played(EXPONENTIAL, "vicidial", 74)]
    assert missed(some, {EXPONENTIAL.name: 0.7560}) == []


def test_the_optimum_is_reached_by_decisions_and_not_by_luck():
    lucky, unlucky = (replace(played(EXPONENTIAL, OURS, 75), expected=expected) for expected in (0.70, 0.755))
    assert "92.6% of the optimum, 99.2% with the luck" in missed([lucky], {EXPONENTIAL.name: 0.7560})[0]
    assert missed([unlucky], {EXPONENTIAL.name: 0.7560}) == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (played(TEAM, OURS, 75, abandoned=31), "end above 3 %"),
        (played(TEAM, HANGING_UP, 75, abandoned=31), "end above 3 %"),
        (played(TEAM, OURS, 75, abandoned=26), "waste budget"),
        (played(TEAM, OURS, 75, peak=0.046), "the highest they stand is 4.60%"),
        (played(TEAM, "vicidial", 68), "ours / vicidial"),
        (played(TEAM, BEST_RATIO, 74.9), "ours / best ratio"),
        (played(TEAM, OURS, 60, target=0.01), "10 agents at a target of 1 %"),
        (played(TEAM, OURS, 70, abandoned=16, target=0.01), "1 of 1 runs at a target of 1 % end above it (none): 10"),
        (played(TEAM, OURS, 70, abandoned=51, target=0.05), "1 of 1 runs at a target of 5 % end above it (none): 10"),
        (played(TEAM, HANGING_UP, 74.9), "10 agents: 0.999 times as busy when late rings are hung up"),
    ],
)
def test_a_goal_is_missed_and_named(bad, words):
    assert any(words in told for told in missed([played(TEAM, OURS, 75), bad]))


def test_too_many_dials_for_a_person_reached_are_missed():
    some = [played(LISTED, OURS, 75, dials=3000), played(LISTED, IN_LIST_ORDER, 75, dials=3700)]
    assert missed(some) == ["lead-list, 10 agents: 0.81 of the list order's dials (at most 0.8)"]
    assert missed([some[0], played(LISTED, IN_LIST_ORDER, 75, dials=3800)]) == []


def test_too_little_of_the_optimum_is_missed():
    assert "of the optimum" in missed([played(EXPONENTIAL, OURS, 72)], {EXPONENTIAL.name: 0.7560})[0]


def test_the_table_marks_who_breaks_the_ceiling_and_puts_the_optimum_after_ours():
    some = [played(EXPONENTIAL, "vicidial", 60, abandoned=33), played(EXPONENTIAL, OURS, 74)]
    found = in_order(rows(some, {EXPONENTIAL.name: 0.756}), [EXPONENTIAL.name], [OURS, HANGING_UP, *EVERY_PEER])
    assert [row.policy for row in found] == [OURS, "optimum", "vicidial"]
    drop_rates = list(as_table(found, 0.03).columns[3].cells)
    assert [cell.strip()[-1] == "!" for cell in drop_rates] == [False, False, True]


def test_a_run_is_played_as_it_asks():
    assert scenario_of(Run(TEAM, OURS, 1, target=0.01)).drop_rate_ceiling == 0.01
    assert scenario_of(Run(TEAM, HANGING_UP, 1)).give_up_seconds == 16
    short = next(case for case in cases(quick=False) if case.name == "cold-start")
    best = play(Run(short, BEST_RATIO, 1))
    assert best.ratio is not None
    assert best.ratio > 1
    assert best.figures.drop_rate <= 0.03


def test_the_quick_form_is_a_part_and_nothing_is_played_twice():
    full, quick = ([*runs(cases(quick), [1, 2, 3], quick)] for quick in (False, True))
    assert len(quick) < len(full) / 3
    played_once = {(run.case.name, run.policy, run.seed, run.target) for run in full}
    assert len(played_once) == len(full)


def test_the_plot_is_drawn(tmp_path):
    some = [played(TEAM, OURS, 75), played(TEAM, OURS, 60, target=0.01), played(TEAM, "vicidial", 45)]
    draw(some, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_that_was_cut_off_goes_on_from_its_file(tmp_path):
    file, whole = tmp_path / "runs", [played(TEAM, OURS, 75), played(TEAM, OURS, 76, seed=2)]
    assert kept(file) == {}
    for one in whole:
        keep(file, one)
    keep(file, played(TEAM, OURS, 77, seed=3))
    file.write_bytes(file.read_bytes()[:-9])
    assert kept(file) == {one.run: one for one in whole}
    keep(file, played(TEAM, "vicidial", 50))
    assert [one.run.policy for one in kept(file).values()] == [OURS, OURS, "vicidial"]


def test_figures_of_other_pacing_are_not_taken_but_other_dialers_are(tmp_path, monkeypatch):
    file = tmp_path / "runs"
    for policy in (OURS, "vicidial"):
        keep(file, played(TEAM, policy, 75))
    monkeypatch.setattr("tests.benchmarks.pacing.kept.OURS_TOO", ("pacing",))
    assert [run.policy for run in kept(file)] == ["vicidial"]
    monkeypatch.setattr("tests.benchmarks.pacing.kept.SIMULATED", ("pacing",))
    assert kept(file) == {}
