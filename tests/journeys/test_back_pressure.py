"""A carrier that starts fewer calls than agreed queues the others; dialling slows to what it really starts."""

import time

from dialer.back_pressure import QUEUE
from dialer.demonstration.agents import Agents
from dialer.demonstration.processes import stage
from dialer.demonstration.sample import sample_file

AGREED, REAL = 10, 2  # calls a second
AT_FIRST = 2 * AGREED  # calls that are sent before the first answers tell


def test_dialling_slows_to_what_the_carrier_starts_and_says_so(tmp_path, offset, prepare):
    with stage(tmp_path, offset, ("--fast", "--calls-per-second", str(REAL))) as on_stage:
        prepare(on_stage, sample_file(400), 0, "--wrap-up-seconds", "5")
        players = Agents(on_stage, "spring", 30, seed=3)
        since = on_stage.floor("2026-11-17T00:00:00Z")["now"]
        decisions = set()
        started = False
        deadline = time.monotonic() + 45
        while time.monotonic() < deadline:
            floor = on_stage.floor(since)
            players.act(floor["agents"], time.monotonic())
            if not started and sum(agent["state"] == "ready" for agent in floor["agents"]) == 30:
                on_stage.do("campaign/verb", campaign="spring", verb="start")
                started = True
            decisions.add(floor["campaigns"][0]["decision"])
            time.sleep(0.25)
        calls = [call for call in on_stage.record()["calls"] if call["leg"] == "customer"]
        begun = [call for call in calls if call["begun"]]
    assert any("in the carrier's queue" in decision for decision in decisions)
    later = [call["queue_seconds"] for call in calls[AT_FIRST:]]
    assert len(begun) > AT_FIRST
    assert max(later) < QUEUE.limit + 3  # what one tick still sends before it knows; 15 s if nothing slowed it
