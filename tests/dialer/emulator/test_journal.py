"""What outlives the emulator."""

import json


def lines(journal):
    return [json.loads(line) for line in journal.read_text().splitlines()]


def test_the_last_line_of_a_call_is_its_account_in_the_record(tmp_path, another_emulator, application):
    journal = tmp_path / "journal"
    emulator = another_emulator(journal=journal)
    application.answers["/answer"] = "<Response><Say>Sorry</Say><Hangup/></Response>"
    call = emulator.call("opt-out")
    application.wait_end(call.sid)
    assert [line["call"] for line in lines(journal) if "call" in line][-1] == emulator.record(call.sid)


def test_every_step_of_a_call_is_on_the_disk_before_the_next(tmp_path, another_emulator, application):
    journal = tmp_path / "journal"
    emulator = another_emulator(journal=journal)
    application.answers["/answer"] = "<Response><Say>Sorry</Say><Hangup/></Response>"
    application.wait_end(emulator.call("opt-out").sid)
    calls = [line["call"] for line in lines(journal)]
    steps = ("ringing", "answered", "seconds_to_message", "keys", "ended")
    first = [next(n for n, call in enumerate(calls) if call[step] not in (None, "")) for step in steps]
    assert first[0] > 0
    assert first == sorted(set(first))


def test_faults_are_kept_as_they_strike(tmp_path, another_emulator, application):
    journal = tmp_path / "journal"
    emulator = another_emulator(journal=journal)
    emulator.faults(callback_doubled={"next": 2})
    application.wait_end(emulator.call("busy").sid)
    assert [line for line in lines(journal) if "fault" in line] == [{"fault": "callback_doubled"}] * 2
