"""`dialer` with a clock that the lab turns while it runs: by the seconds in the file that CLOCK_FILE names."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from dialer.cli import main
from dialer.clock import Clock

VARIABLE = "FAULTLAB_CLOCK_FILE"


def turn() -> None:
    file, true_now = Path(os.environ[VARIABLE]), Clock.now

    def now(self: Clock) -> datetime:
        return true_now(self) + timedelta(seconds=float(file.read_text() or 0))

    Clock.now = now  # type: ignore[method-assign]


if __name__ == "__main__":
    turn()
    main()
