"""Any bytes as a lead file: every record becomes a lead, a duplicate or a reject, or one line says why none does."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.lead_file import LeadRow
from campaigns.lead_store import BatchReceipt
from campaigns.lead_text import LeadFileError
from campaigns.loading import numbers_in, upload
from tests.fuzz.conftest import fuzzed, hostile

cell = st.one_of(hostile, st.sampled_from(("+12125550101", "2125550102", "NY", "a@b.example", "")))
table = st.lists(st.lists(cell, max_size=5), max_size=6)
CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "cp1251", "shift_jis", "latin-1")


def as_file(rows: list[list[str]], delimiter: str, codec: str) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, escapechar="\\").writerows([["phone", "full name", "state", "x"], *rows])
    return written.getvalue().encode(codec, "replace")


made = st.builds(as_file, table, st.sampled_from(",;\t|"), st.sampled_from(CODECS))
cut = st.tuples(made, st.integers(0, 400), st.binary(max_size=6), st.integers(0, 4)).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + parts[3] :]
)
marked = st.tuples(
    st.sampled_from((b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xff\xfe\0\0", b"PK\x03\x04", b"phone\n")),
    st.binary(max_size=300),
).map(b"".join)
content = st.one_of(made, cut, marked)


def loaded(path: Path, data: bytes) -> tuple[list[LeadRow], dict[str, int], int] | str:
    """Leads, rejects by reason and rows; or the one line that says why nothing was loaded."""
    path.write_bytes(data)
    leads: list[LeadRow] = []

    def submit(rows: Sequence[LeadRow]) -> BatchReceipt:
        leads.extend(rows)
        return BatchReceipt(len(rows), 0)

    try:
        receipt = upload(path, region="US", mapping=(), submit=submit, on_progress=lambda _done, _size: None)
    except LeadFileError as error:
        return str(error)
    return leads, receipt.rejected, receipt.rows


def fit_for_a_database(lead: LeadRow) -> bool:
    texts = [*lead[1:8], *lead.custom, *lead.custom.values(), *(label for _number, label in lead.phones)]
    return all("\0" not in (text or "") and (text or "").encode() is not None for text in texts)


@fuzzed
@given(data=content)
def test_any_bytes_are_accounted_for_or_refused_in_one_line(tmp_path, data):
    found = loaded(tmp_path / "leads.csv", data)
    if isinstance(found, str):
        assert found.startswith(str(tmp_path))
        assert len(found.splitlines()) == 1
        return
    leads, rejected, rows = found
    assert len(leads) + sum(rejected.values()) == rows
    assert all(fit_for_a_database(lead) for lead in leads)
    kept = tmp_path / "leads.rejects.csv"
    if rejected:
        with kept.open(encoding="utf-8", newline="") as file:
            assert len(list(csv.reader(file))) == 1 + sum(rejected.values())


def rejects(path: Path) -> list[list[str]]:
    """Reasons and cells, whatever lines they were on."""
    with path.open(encoding="utf-8", newline="") as file:
        return [cells[1:] for cells in csv.reader(file)]


@fuzzed
@given(rows=table)
def test_rejected_rows_loaded_again_are_rejected_alike(tmp_path, rows):
    """So nothing is lost by what is put before a formula."""
    first = loaded(tmp_path / "leads.csv", as_file(rows, ",", "utf-8"))
    if isinstance(first, str) or not first[1]:
        return
    again = loaded(tmp_path / "again.csv", (tmp_path / "leads.rejects.csv").read_bytes())
    assert not isinstance(again, str)
    assert (again[0], again[1]) == ([], first[1])
    assert rejects(tmp_path / "again.rejects.csv") == rejects(tmp_path / "leads.rejects.csv")


@fuzzed
@given(data=content)
def test_any_bytes_as_a_list_of_numbers_are_read_or_refused_in_one_line(tmp_path, data):
    path = tmp_path / "numbers.csv"
    path.write_bytes(data)
    lines, refusal = [], ""
    try:
        lines = [line for line, _text in numbers_in(path)]
    except LeadFileError as error:
        refusal = str(error)
    assert lines == sorted(lines)
    assert len(refusal.splitlines()) <= 1


def test_a_cell_longer_than_the_reader_takes_is_a_reject(tmp_path):
    found = loaded(tmp_path / "leads.csv", b"phone,name\n+12125550101," + b"x" * 200_000 + b"\n+12125550102,b\n")
    assert not isinstance(found, str)
    assert (len(found[0]), sum(found[1].values())) == (1, 1)


@pytest.mark.parametrize("workbook", [b"PK\x03\x04\x14\x00", b"PK\x03\x04"])
def test_a_workbook_is_refused_with_what_to_do(tmp_path, workbook):
    assert "CSV UTF-8" in str(loaded(tmp_path / "leads.xlsx", workbook))
