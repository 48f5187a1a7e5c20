"""The text of a lead file: its encoding, its delimiter and its records, found out and never trusted.

Malformed quoting must not swallow the rows after it: a record that cannot be read is given up by its first line, and
reading goes on with the next.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from itertools import chain

from charset_normalizer import from_bytes

DELIMITERS = ",;\t|"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"  # what spreadsheets on Windows write in western Europe and the Americas
FOREIGN_SHARE = 0.2  # of the bytes; western languages have less in their accents, other scripts have more
DAMAGE = re.compile("[\udc80-\udcff]")  # bytes that are no text in the file's encoding, as `surrogateescape` keeps them
EVIDENCE_BYTES = 32 * 1024
BINARY = "the file is binary, no text: save the list as “CSV UTF-8” and load that"


class LeadFileError(Exception):
    """The file cannot be loaded, and nothing was; the message says why and what to do."""


class Flaw(Enum):
    QUOTES = "quotes that do not close: the raw line is the only cell"
    BYTES = "bytes that are no text in the file's encoding"


Record = tuple[int, list[str], Flaw | None]  # with the line on which it begins, from 1


def encoding_of(chunks: Iterable[bytes]) -> str:
    """The codec in which the whole file can be read with `surrogateescape`. Raises LeadFileError.

    Without a byte order mark it is UTF-8 when most of what is not ASCII is valid UTF-8 (the rows with the rest are then
    damaged), else a legacy code page: charset_normalizer's guess for a text in another script, or Windows-1252.
    """
    chunks = iter(chunks)
    head = next(chunks, b"")
    if not head:
        raise LeadFileError("the file is empty: it must have a line of column names and at least one lead")
    if head.startswith(b"PK\x03\x04"):
        raise LeadFileError("the file is a workbook or an archive: save the sheet as “CSV UTF-8” and load that")
    codec = next((codec for mark, codec in BYTE_ORDER_MARKS if head.startswith(mark)), "utf-8")
    if codec in ("utf-16", "utf-32"):
        _check_wide(codec, chain([head], chunks))
        return codec
    valid = damaged = 0  # bytes: those that continue a character, and those that are none
    evidence = b""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for chunk in chain([head], chunks):
        if b"\0" in chunk:
            raise LeadFileError(BINARY)
        text = decoder.decode(chunk)
        if not text.isascii():
            valid += len(chunk) - len(text)
            damaged += _damage(text)
            if len(evidence) < EVIDENCE_BYTES:
                evidence += _around_damage(text)
    damaged += len(decoder.decode(b"", True))
    return codec if valid >= damaged or codec == "utf-8-sig" else _legacy(evidence)


def _check_wide(codec: str, chunks: Iterable[bytes]) -> None:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for chunk in chunks:
            if "\0" in decoder.decode(chunk):
                raise LeadFileError(BINARY)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        raise LeadFileError(f"the file begins as {codec} but is damaged: save the list as “CSV UTF-8”") from None


def _damage(text: str) -> int:
    try:
        text.encode()  # five times as fast as looking for what is mostly not there
    except UnicodeEncodeError:
        return len(DAMAGE.findall(text))
    return 0


def _around_damage(text: str) -> bytes:
    found = DAMAGE.search(text)
    if found is None:
        return b""
    piece = text[max(0, found.start() - EVIDENCE_BYTES) : found.start() + EVIDENCE_BYTES]
    return piece.encode("utf-8", "surrogateescape")


def _legacy(evidence: bytes) -> str:
    foreign = len(evidence) - len(evidence.decode("ascii", "ignore"))
    best = from_bytes(evidence).best() if foreign >= FOREIGN_SHARE * len(evidence) else None
    return best.encoding if best is not None else WESTERN


def legible(cell: str) -> str:
    """The cell with damaged bytes shown as Windows-1252, which is what they usually are."""
    return DAMAGE.sub(lambda byte: bytes([ord(byte[0]) - 0xDC00]).decode(WESTERN, "replace"), cell)


def delimiter_of(sample: str) -> str:
    """The delimiter that splits the header and cuts most rows of the sample (whole lines) to the header's width."""
    return max(DELIMITERS, key=lambda delimiter: _fit(sample, delimiter))


def _fit(sample: str, delimiter: str) -> tuple[bool, float, int]:
    widths = []
    with suppress(csv.Error):
        for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if cells:
                widths.append(len(cells))
    if not widths:
        return False, 0.0, 0
    return widths[0] > 1, widths.count(widths[0]) / len(widths), widths[0]


def records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The records that are not blank; the first is the header. `lines` keep their line ends."""
    lines = iter(lines)
    again: deque[str] = deque()
    taken: list[str] = []
    done = width = 0
    reader = csv.reader(_feed(lines, again, taken), delimiter=delimiter, strict=True)
    while True:
        flaw = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells, flaw = [], Flaw.QUOTES
        if len(taken) > 1 and (flaw or _swallowed(cells, taken, delimiter, width)):
            again.extendleft(reversed(taken[1:]))
            del taken[1:]
            flaw = Flaw.QUOTES
            reader = csv.reader(_feed(lines, again, taken), delimiter=delimiter, strict=True)
        if flaw:
            cells = [taken[0].rstrip("\r\n")]
        elif not (len(taken) == 1 and taken[0].isascii()) and DAMAGE.search("".join(taken)):
            flaw = Flaw.BYTES
        if cells:
            width = width or len(cells)
            yield done + 1, cells, flaw
        done += len(taken)
        taken.clear()


def _feed(lines: Iterator[str], again: deque[str], taken: list[str]) -> Iterator[str]:
    while True:
        line = again.popleft() if again else next(lines, None)
        if line is None:
            return
        taken.append(line)
        yield line


def _swallowed(cells: Sequence[str], taken: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether a record of the wrong width holds lines that are good records by themselves."""
    if len(cells) == width:
        return False
    for line in taken[1:]:
        if line.count('"') % 2:
            continue
        try:
            alone = next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error:
            continue
        if len(alone) == width:
            return True
    return False
