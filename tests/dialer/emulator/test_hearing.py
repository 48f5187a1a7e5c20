"""Reactions of the called party; a key and a hang-up end up on its line."""

import pytest

from dialer.emulator.hearing import Hearing, Hears
from dialer.emulator.line import By, HungUp, Line
from dialer.simulation.callees import Callee, Kind


def heard(kind: Kind = Kind.HUMAN, **seconds) -> tuple[Hearing, Line]:
    line = Line()
    hearing = Hearing(Callee(kind=kind, **seconds), line)
    hearing.answer()
    return hearing, line


async def hung_up(line: Line) -> By | None:
    try:
        await line.wait(0.05)
    except HungUp as end:
        return end.by
    return None


@pytest.mark.parametrize(
    ("hears", "seconds"),
    [
        (Hears.SILENCE, {"patience_seconds": 0.01}),
        (Hears.MESSAGE, {"listen_seconds": 0.01}),
        (Hears.PERSON, {"talk_seconds": 0.01}),
        (Hears.PERSON, {"stay_seconds": 0.01}),
    ],
)
async def test_it_hangs_up_after_what_it_hears(hears, seconds):
    hearing, line = heard(**seconds)
    hearing.change(hears)
    assert await hung_up(line) is By.CALLEE


async def test_a_change_in_time_calls_the_hang_up_off():
    hearing, line = heard(patience_seconds=0.02)
    hearing.change(Hears.PERSON)
    assert await hung_up(line) is None


async def test_the_key_is_pressed_once():
    hearing, line = heard(key="9", key_seconds=0.0)
    hearing.change(Hears.MESSAGE)
    assert await line.wait_for_key(0.05) == "9"
    hearing.change(Hears.SILENCE)
    hearing.change(Hears.MESSAGE)
    assert await line.wait_for_key(0.02) is None
    assert hearing.keys == ["9"]


async def test_first_moments_and_silence_are_timed():
    hearing, line = heard()
    await line.wait(0.03)
    hearing.change(Hears.MESSAGE)
    await line.wait(0.02)
    hearing.change(Hears.PERSON)
    hearing.change(Hears.SILENCE)
    await line.wait(0.01)
    hearing.end()
    assert hearing.message_after_seconds == pytest.approx(0.03, abs=0.02)
    assert hearing.person_after_seconds == pytest.approx(0.05, abs=0.03)
    assert hearing.longest_silence_seconds == pytest.approx(hearing.message_after_seconds)
    assert hearing.silence_seconds > hearing.longest_silence_seconds
    assert hearing.message_seconds == pytest.approx(0.02, abs=0.02)


async def test_an_ended_call_reacts_no_more():
    hearing, line = heard(patience_seconds=0.01, stay_seconds=0.01)
    hearing.end()
    assert await hung_up(line) is None
