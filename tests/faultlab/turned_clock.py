"""`dialer` with a clock that the lab turns while it runs: by the seconds in the file that VARIABLE names."""

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from apscheduler.executors import base as executors
from apscheduler.schedulers import base as schedulers
from apscheduler.triggers import interval

from dialer.cli import main
from dialer.clock import Clock

VARIABLE = "FAULTLAB_CLOCK_FILE"


def turn() -> None:
    file, true_now = Path(os.environ[VARIABLE]), Clock.now

    def turned() -> timedelta:
        return timedelta(seconds=float(file.read_text() or 0))

    class Turned(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + turned()

    Clock.now = lambda self: true_now(self) + turned()  # type: ignore[method-assign]
    for module in (executors, schedulers, interval):
        module.datetime = Turned


if __name__ == "__main__":
    turn()
    main()
