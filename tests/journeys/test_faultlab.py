"""The fault lab in short: real processes killed, cut off and misled; the whole of it is `make faultlab`."""

import pytest

from tests.faultlab import scoreboard
from tests.faultlab.__main__ import run
from tests.faultlab.schedule import Kind, draw

SECONDS, ATTEMPTS = 12.0, 15
SEED = 16


@pytest.mark.timeout(400)
def test_no_invariant_breaks_under_a_seed_of_faults(tmp_path):
    struck = {strike.kind for strike in draw(SEED, SECONDS, server=False).strikes}
    assert {Kind.KILL_DAEMON, Kind.DISK_FULL} <= struck
    results = run(tmp_path, [SEED], ATTEMPTS, SECONDS, "sqlite")
    assert scoreboard.violations(results) == 0, "\n".join(scoreboard.lines(results))
    assert results[0].attempts >= ATTEMPTS
