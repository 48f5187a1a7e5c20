"""The fault lab in short: real processes killed, cut off and misled; the whole of it is `make faultlab`."""

import pytest

from tests.faultlab import scoreboard
from tests.faultlab.__main__ import run
from tests.faultlab.schedule import Kind

SEED, SECONDS, ATTEMPTS = 197, 16.0, 15
STRIKES = {Kind.KILL_DAEMON, Kind.DISK_FULL, Kind.SEAT_DROP, Kind.CUT_TO_CARRIER}


@pytest.mark.timeout(400)  # on a busy machine a process takes ten seconds to start
def test_no_invariant_breaks_under_a_seed_of_faults(tmp_path):
    results = run(tmp_path, [SEED], ATTEMPTS, SECONDS, "sqlite")
    assert scoreboard.violations(results) == 0, "\n".join(scoreboard.lines(results))
    assert results[0].attempts >= ATTEMPTS
    assert results[0].faults.keys() >= STRIKES | {"callback_lost"}, "the run proves nothing about the others"
