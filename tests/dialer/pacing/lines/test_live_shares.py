"""Who of those that asked for an agent were persons: as agents and detection say, not as the age of the ring has it."""

import pytest

from dialer.pacing.lines import Lines


def test_a_machine_that_an_agent_has_got_was_no_person():
    lines = Lines()
    before = lines.live_share
    for number in range(50):
        lines.dialled(f"call-{number}", 0.0, 1.0)
        lines.connected(f"call-{number}", 10.0)
        lines.machine(f"call-{number}", 13.0)
        lines.disposed(f"call-{number}", True)  # comes too late
    assert lines.live_share < 0.1 < before
    assert sum(lines.state()["not_live"]) == 50


def test_of_calls_that_agents_had_persons_are_those_they_say():
    """Machines that answer while no person does must not count as the persons that usually answer after so long."""
    lines = Lines()
    for number in range(40):
        lines.dialled(f"call-{number}", 0.0, 1.0)
        lines.connected(f"call-{number}", 10.0)
        lines.disposed(f"call-{number}", number >= 30)
    answered, _lost = lines.live_shares
    assert answered == pytest.approx(0.25)


def test_with_detection_beside_the_call_one_lost_call_weighs_as_one():
    """Half of those who ask at pick-up are machines, which no agent keeps: whoever is left is a person."""
    lines = Lines()
    for number in range(400):
        lines.dialled(f"call-{number}", 9000.0, 1.0)
        lines.connected(f"call-{number}", 9010.0)
        if number % 2:
            lines.machine(f"call-{number}", 9012.0)
        else:
            lines.asked(f"call-{number}", 9012.0)
            lines.disposed(f"call-{number}", True)
        lines.settle(9013.0)
    lines.dialled("lost", 9020.0, 1.0)
    lines.lost("lost", 9024.0)
    answered, lost = lines.live_shares
    assert lost / answered < 1.05


def told(lines: Lines, calls: int, persons: int, begin: float) -> None:
    """So many answered calls, a second apart, of which each has had an agent."""
    for number in range(calls):
        call, at = f"call-{begin}-{number}", begin + number
        lines.dialled(call, at, 1.0)
        lines.connected(call, at + 10.0)
        lines.disposed(call, number % calls < persons)
        if number % 10 == 9:
            lines.settle(at + 10.0)


def test_another_list_is_believed_after_some_thousand_calls():
    lines = Lines()
    told(lines, 5000, 2500, 0.0)
    told(lines, 4000, 4000, 10_000.0)
    assert lines.live_share > 0.9
    assert min(*lines.state()["live"], *lines.state()["not_live"]) >= 0


def test_who_was_heard_as_a_person_and_was_none_is_taken_back_however_much_has_faded():
    lines = Lines()
    lines.dialled("first", 0.0, 1.0)
    lines.connected("first", 10.0)
    lines.asked("first", 12.0)  # detection beside the call
    told(lines, 4000, 0, 100.0)
    lines.disposed("first", False)
    assert min(lines.state()["live"]) == 0, "less than none could not be restored"
    assert lines.live_share < 0.05


def test_persons_of_whom_detection_alone_speaks_fade_as_well():
    lines = Lines()
    for number in range(6000):
        call, at = f"call-{number}", float(number)
        lines.dialled(call, at, 1.0)
        lines.connected(call, at + 10.0)
        lines.asked(call, at + 12.0)
        if number % 10 == 9:
            lines.settle(at + 12.0)
    assert sum(lines.state()["live"]) < 2000


def test_when_three_times_as_many_answer_the_others_are_persons():
    """As many machines pick up as before. Fewer answers say nothing, nor do a few more."""
    shares = {}
    for level in (0.5, 1.0, 1.1, 3.0):
        lines = Lines()
        told(lines, 400, 200, 0.0)
        lines.learned()
        lines.level.restore({"seen": 500 * level, "expected": 500.0}, 10_000)
        lines.dialled("lost", 9020.0, 1.0)
        lines.lost("lost", 9030.0)
        shares[level] = lines.live_shares[1]
    assert shares[0.5] == shares[1.0] == shares[1.1] == pytest.approx(0.5, abs=0.05)
    assert shares[3.0] == pytest.approx(1 - 0.5 / 3, abs=0.05)


def test_a_machine_heard_while_it_waits_for_an_agent_counts_no_more():
    lines = Lines()
    for call in ("machine", "person"):
        lines.dialled(call, 0.0, 1.0)
        lines.asked(call, 10.0)
    before, *_ = lines.state()["tally"]
    lines.machine("machine", 10.5)
    live, machines, *_ = lines.state()["tally"]
    assert (list(lines.waiting), machines) == (["person"], 1)
    assert sum(lines.state()["not_live"]) == 1
    assert live == pytest.approx(before / 2)
