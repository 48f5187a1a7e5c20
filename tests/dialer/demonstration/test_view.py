"""The live view says in words why so many lines are dialled."""

from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from dialer.demonstration.view import as_line, as_panel

ZONE = ZoneInfo("America/New_York")
DECISION = "3 free, 2 more within 28 s, answer rate 40%, 5 in flight: dial 4"


def floor(decision):
    campaign = {
        **{"decision": decision, "drop_rate_ceiling": 0.03, "leads": {"open": 7}, "held": {"hours": 2}},
        **{"live": {"ringing": 5, "connected": 1}, "attempts": 20, "dialled": 20, "answers": 8},
        **{"live_answers": 8, "abandoned": 1},
    }
    return {"now": "2026-11-17T17:00:00+00:00", "agents": [{"state": "ready"}] * 3, "campaigns": [campaign]}


def on_screen(seen):
    console = Console(width=200)
    with console.capture() as captured:
        console.print(as_panel(seen, ZONE, "demonstration"))
    return captured.get()


@pytest.mark.parametrize("shown", [lambda seen: as_line(seen, ZONE), on_screen], ids=["line", "screen"])
@pytest.mark.parametrize(("decision", "words"), [(DECISION, DECISION), ("", "no decision yet")])
def test_the_last_decision_is_shown_in_words(shown, decision, words):
    assert f"pacing: {words}" in shown(floor(decision))
