"""A lead file on disk into a campaign: two passes over the file, flat memory, every row accounted for.

The first pass finds the encoding of the whole file, so that what cannot be loaded is refused before anything is
written. Rows are sorted by number before they are cut into batches: the index of numbers is what a load costs most, and
sorted batches write a third of the pages. The leads come up for dialling in the order of the file all the same
(`lead_store`); numbers dialled in sequence would look like a machine trying them out.
"""

import gc
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import TextIOWrapper
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from campaigns.formulas import restored
from campaigns.lead_columns import REJECTS_COLUMNS, map_columns
from campaigns.lead_file import LeadRow, Rejected, row_reader
from campaigns.lead_store import BatchReceipt
from campaigns.lead_text import LeadFileError, Record, delimiter_of, encoding_of, records
from campaigns.phone_numbers import known_region
from campaigns.rejects_file import Rejects, rejects_of, rejects_path

BATCH_ROWS = 1000  # in one transaction: a live call waits for it, 10 to 20 ms
SORTED_ROWS = 20_000  # sorted together: fewer scatter over the index of numbers, more over the order of dialling
SORTED_BYTES = 16 * 1024 * 1024  # of the file; bounds memory when rows are wide
CHUNK_BYTES = 1024 * 1024
SAMPLE_CHARACTERS = 64 * 1024
NUMBERS = attrgetter("phones")

Submit = Callable[[Sequence[LeadRow]], BatchReceipt]
OnProgress = Callable[[int, int], None]  # bytes done, bytes of the file


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of every row: rows = accepted + duplicates + all rejected."""

    rows: int
    accepted: int
    duplicates: int
    rejected: dict[str, int]  # by reason
    rejects_file: str | None
    encoding: str  # Python's name of the codec the file was read with


def upload(
    path: Path, *, region: str, mapping: Sequence[tuple[str, str]], submit: Submit, on_progress: OnProgress
) -> Receipt:
    """Load a file; `submit` puts a batch of leads into the campaign and says what came of it.

    `region` is the country of numbers without a country code, `mapping` pairs of target and column that go before the
    sense of the column names. Raises LeadFileError: before the first batch is submitted, unless the disk fails later;
    what has been loaded then stays, and loading the file again completes it.
    """
    if not known_region(region):
        raise LeadFileError(f"region {region!r} is no country: write its ISO 3166 code, such as US or GB")
    with _program_out_of_collection(), _opened(path) as file:
        encoding = encoding_of(iter(partial(file.read, CHUNK_BYTES), b""))
        size = file.tell()
        text = _text(file, encoding)  # held here: it closes the file when it is let go
        header, rows = _table(text)
        columns = map_columns(header, mapping)
        read = row_reader(columns, region)
        submitted = accepted = duplicates = 0
        with rejects_of(rejects_path(path), header[columns.first :]) as rejects:
            for leads in _sortable(map(read, rows), rejects, file):
                for start in range(0, len(leads), BATCH_ROWS):
                    batch = leads[start : start + BATCH_ROWS]
                    receipt = submit(batch)
                    submitted += len(batch)
                    accepted += receipt.accepted
                    duplicates += receipt.duplicates
                on_progress(file.tell(), size)
    kept = str(rejects.path) if rejects.counts else None
    return Receipt(submitted + rejects.counts.total(), accepted, duplicates, dict(rejects.counts), kept, encoding)


def numbers_in(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every number in a file that is no lead file: a do-not-call list.

    The phone columns hold them when the first line names such, else the first column; a row without a number gives an
    empty text. Raises LeadFileError before the first is given.
    """
    with _opened(path) as file:
        encoding = encoding_of(iter(partial(file.read, CHUNK_BYTES), b""))
        text = _text(file, encoding)
        rows = _records(text)
        first = next(rows, (1, [""], None))
        try:
            places = [index for index, _name in map_columns(first[1]).phones]
        except LeadFileError:
            if not any(sign.isdigit() for sign in first[1][0]):
                raise LeadFileError(
                    f"no number and no phone column in its first line, {first[1][0][:40]!r}: "
                    "put the numbers into the first column, or name their column phone"
                ) from None
            places, rows = [0], chain([first], rows)
        for line, cells, _flaw in rows:
            found = [cells[place].strip() for place in places if place < len(cells) and cells[place].strip()]
            yield from ((line, cell) for cell in found or [""])


@contextmanager
def _program_out_of_collection() -> Iterator[None]:
    """Keeps the garbage collector from walking every module whenever leads have piled up: a tenth of a load."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file for reading, and its path before every complaint about it."""
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            what = "a directory" if stat.S_ISDIR(kind) else "no regular file"
            raise LeadFileError(f"{path}: is {what}: name a CSV file")
        file = path.open("rb")
    except OSError as error:
        raise LeadFileError(f"{path}: cannot be read: {error.strerror}; check the name and the permissions") from None
    with file:
        try:
            yield file
        except LeadFileError as error:
            raise LeadFileError(f"{path}: {error}") from None


def _text(file: BinaryIO, encoding: str) -> TextIOWrapper:
    file.seek(0)
    errors = "strict" if encoding in ("utf-16", "utf-32") else "surrogateescape"
    return TextIOWrapper(file, encoding, errors, newline="")


def _table(text: TextIOWrapper) -> tuple[list[str], Iterator[Record]]:
    """The header and the records after it. Raises LeadFileError when there are none."""
    rows = _records(text)
    header, first = next(rows, None), next(rows, None)
    if header is None or first is None:
        raise LeadFileError("there is no lead in it: the first line must name the columns, leads come after it")
    _line, names, flaw = header
    if flaw:
        raise LeadFileError(f"its first line, the column names, has {flaw.value}")
    rows = chain([first], rows)
    if tuple(names[: len(REJECTS_COLUMNS)]) == REJECTS_COLUMNS:
        return [restored(name) for name in names], (
            (line, cells if flaw else [restored(cell) for cell in cells], flaw) for line, cells, flaw in rows
        )
    return names, rows


def _records(text: TextIOWrapper) -> Iterator[Record]:
    sample = text.read(SAMPLE_CHARACTERS) + text.readline()
    text.seek(0)
    return records(_lines(text), delimiter_of(sample))


def _lines(text: TextIOWrapper) -> Iterator[str]:
    try:
        yield from text
    except (OSError, UnicodeDecodeError) as error:
        raise LeadFileError(f"reading stopped half way ({error}): load the file again") from None


def _sortable(outcomes: Iterable[LeadRow | Rejected], rejects: Rejects, file: BinaryIO) -> Iterator[list[LeadRow]]:
    """The leads of one stretch of the file after another, sorted by number; what is rejected goes aside."""
    leads: list[LeadRow] = []
    start = file.tell()
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            rejects.add(outcome)
            continue
        leads.append(outcome)
        if len(leads) % BATCH_ROWS == 0 and (len(leads) >= SORTED_ROWS or file.tell() - start >= SORTED_BYTES):
            yield sorted(leads, key=NUMBERS)
            leads.clear()
            start = file.tell()
    yield sorted(leads, key=NUMBERS)
