"""Encoding, delimiter and records of any text that a spreadsheet may write."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.lead_text import Flaw, LeadFileError, Record, delimiter_of, encoding_of, legible, records

HEADER = ["phone", "full name", "note"]


def read(data: bytes, chunk: int = 7) -> list[list[str]]:
    encoding = encoding_of(data[start : start + chunk] for start in range(0, len(data), chunk))
    text = data.decode(encoding, "surrogateescape")
    return [cells for _line, cells, _flaw in records(io.StringIO(text, newline=""), delimiter_of(text))]


def parse(text: str) -> list[Record]:
    return list(records(io.StringIO(text, newline=""), ","))


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    rows=st.lists(st.lists(cell, min_size=3, max_size=3), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_comes_back(rows, delimiter, line_end, encoding):
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([HEADER, *rows])
    assert read(written.getvalue().encode(encoding)) == [HEADER, *rows]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_are_found_out_without_quotes(line_end):
    text = line_end.join(["phone;note", "1;a", "2;b"])
    assert read(text.encode()) == [["phone", "note"], ["1", "a"], ["2", "b"]]


def test_a_file_of_one_column_needs_no_delimiter():
    assert read(b"phone\n2125550123\n") == [["phone"], ["2125550123"]]


def test_the_delimiter_is_the_one_that_cuts_the_rows_evenly():
    assert delimiter_of("Name, full;Phone (home, work)\nLee, Ann;1\nRay, Bo;2\n") == ";"


def test_western_bytes_are_read_as_windows_1252():
    data = "phone,name\n1,José\n2,O’Brien\n".encode("cp1252")
    assert encoding_of([data]) == "cp1252"
    assert read(data)[1:] == [["1", "José"], ["2", "O’Brien"]]


def test_another_script_is_guessed():
    name = "Александр Сергеевич Пушкин родился в Москве и жил в Петербурге"
    data = f"phone,имя\n1,{name}\n2,Наталья Николаевна Гончарова\n".encode("cp1251")
    assert name in [row[1] for row in read(data)]


def test_a_damaged_byte_does_not_change_how_the_rest_is_read():
    data = "phone,name\n1,José\n2,Zoë\n".encode() + b"3,Jos\xe9\n"
    assert encoding_of([data]) == "utf-8"
    assert [row[1] for row in read(data)] == ["name", "José", "Zoë", "Jos\udce9"]
    assert [flaw for _line, _cells, flaw in parse("1,Jos\udce9\n2,Zoë\n")] == [Flaw.BYTES, None]
    assert legible("Jos\udce9") == "José"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "CSV UTF-8"),
        (b"phone\n" + b"x" * 20 + b"\0", "binary"),
        ("phone\n1".encode("utf-16") + b"\0", "utf-16 but is damaged"),
    ],
)
def test_what_is_no_text_is_refused_with_the_remedy(data, complaint):
    with pytest.raises(LeadFileError, match=complaint):
        encoding_of([data[:9], data[9:]])


def test_a_record_is_placed_at_its_first_line():
    found = parse('a,b\n\n1,"two\nlines"\n3,4\n')
    assert found == [(1, ["a", "b"], None), (3, ["1", "two\nlines"], None), (5, ["3", "4"], None)]


def test_an_unclosed_quote_costs_one_row_however_long_the_file():
    rows = "".join(f"{n},good\n" for n in range(30_000))
    found = parse(f'a,b\n0,"open\n{rows}')
    assert found[1] == (2, ['0,"open'], Flaw.QUOTES)
    assert [line for line, _cells, _flaw in found[2:]] == list(range(3, 30_003))


def test_a_quote_that_closes_in_another_row_does_not_swallow_those_between():
    found = parse('a,b\n1,"open\n2,good\n3","x"\n')
    assert found[1:3] == [(2, ['1,"open'], Flaw.QUOTES), (3, ["2", "good"], None)]


@given(st.text('",ab ', min_size=1, max_size=12), st.integers(1, 5))
def test_one_line_of_garbage_leaves_every_other_row(garbage, place):
    rows = [[str(n), "good"] for n in range(6)]
    lines = [",".join(row) for row in rows]
    lines.insert(place, garbage)
    found = [cells for _line, cells, _flaw in parse("a,b\n" + "\n".join(lines) + "\n")]
    assert [cells for cells in found if cells in rows] == rows


def test_a_record_of_wrong_width_over_two_lines_stays_one():
    assert parse('a,b\n1,"x\ny",2\n')[1] == (2, ["1", "x\ny", "2"], None)
