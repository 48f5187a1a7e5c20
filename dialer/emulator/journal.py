"""The record on disk as it grows, for whoever must know what happened when the emulator itself is killed."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dialer.emulator.calls import Call
from dialer.emulator.record import account


class Journal:
    """Append-only JSON lines: `{"call": …}` at every change of a call, as in the record; the last one of a sid counts.

    Each line is one write, which outlives the process; not the machine.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, call: Call) -> None:
        self._write({"call": account(call)})

    def struck(self, fault: str) -> None:
        self._write({"fault": fault})

    def close(self) -> None:
        os.close(self._file)

    def _write(self, line: Mapping[str, Any]) -> None:
        os.write(self._file, f"{json.dumps(line)}\n".encode())
