"""The rejected rows of a lead file, written so that they can be mended and loaded again.

The line number and the reason come before the file's own columns: a row with too many or too few cells stays as it was
and is rejected again until somebody mends it. Cells that a spreadsheet would run as a formula, numbers with a plus
among them, have an apostrophe put before them, which is taken off again when the file is loaded.
"""

import csv
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from campaigns.formulas import harmless
from campaigns.lead_columns import REJECTS_COLUMNS
from campaigns.lead_file import Rejected
from campaigns.lead_text import LeadFileError, legible


class Rejects:
    """Counts and keeps rejected rows; the file comes into being with the first."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self._header = header
        self._file: IO[str] | None = None

    def add(self, rejected: Rejected) -> None:
        self.counts[rejected.reason.value] += 1
        with self._writing():
            if self._file is None:
                self._file = self._create()
                csv.writer(self._file).writerow([*REJECTS_COLUMNS, *map(_written, self._header)])
            csv.writer(self._file).writerow([rejected.line, rejected.reason, *map(_written, rejected.cells)])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LeadFileError(f"{self.path} cannot be written: {error.strerror}; mend that and load again") from None

    def _create(self) -> IO[str]:
        return tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=self.path.parent, prefix=f".{self.path.name}.", delete=False
        )

    def keep(self) -> None:
        """Put the complete file in its place."""
        if self._file is not None:
            with self._writing():
                self._file.close()
                os.replace(self._file.name, self.path)
            self._file = None

    def drop(self) -> None:
        """Leave nothing behind of a file that was not kept."""
        if self._file is not None:
            self._file.close()
            os.unlink(self._file.name)
            self._file = None


def _written(cell: str) -> str:
    return harmless(legible(cell))


@contextmanager
def rejects_of(path: Path, header: Sequence[str]) -> Iterator[Rejects]:
    """The rejects of one load: all of them at `path` at the end, or nothing when the load fails."""
    rejects = Rejects(path, header)
    try:
        yield rejects
        rejects.keep()
    finally:
        rejects.drop()


def rejects_path(path: Path) -> Path:
    """NAME.rejects.csv beside the file, or in the working directory where that cannot be written."""
    name = f"{path.stem}.rejects.csv"
    for folder in (path.parent, Path()):
        if os.access(folder, os.W_OK | os.X_OK):
            return folder / name
    raise LeadFileError("rejected rows can be kept neither beside it nor here: change to a folder that can be written")
