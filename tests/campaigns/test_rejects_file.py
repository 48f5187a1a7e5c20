"""The rejects file: complete or not there, original cells, mended and loaded again."""

import csv
import os
from pathlib import Path

import pytest

from campaigns.lead_file import Reason, Rejected
from campaigns.lead_text import LeadFileError
from campaigns.rejects_file import rejects_of, rejects_path

HEADER = ["phone", "note"]


def written(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def test_rows_keep_their_cells_line_and_reason(tmp_path):
    path = tmp_path / "leads.rejects.csv"
    with rejects_of(path, HEADER) as rejects:
        rejects.add(Rejected(3, Reason.BAD_PHONE, ["=1+1", 'a "b"\r\nc,d']))
        rejects.add(Rejected(7, Reason.RAGGED, ["1", "2", "3"]))
        assert not path.exists()
    assert written(path) == [
        ["line", "reason", "phone", "note"],
        ["3", "bad-phone", "'=1+1", 'a "b"\r\nc,d'],
        ["7", "ragged", "1", "2", "3"],
    ]
    assert rejects.counts == {"bad-phone": 1, "ragged": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_bytes_are_written_as_readable_text(tmp_path):
    with rejects_of(tmp_path / "x.csv", HEADER) as rejects:
        rejects.add(Rejected(3, Reason.BAD_ENCODING, ["1", "Jos\udce9"]))
    assert written(tmp_path / "x.csv")[1][3] == "José"


def test_without_rejects_there_is_no_file(tmp_path):
    with rejects_of(tmp_path / "x.csv", HEADER):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_load_that_fails_leaves_the_rejects_of_the_load_before(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("older")
    with pytest.raises(RuntimeError), rejects_of(path, HEADER) as rejects:  # noqa: PT012
        rejects.add(Rejected(3, Reason.NO_PHONE, ["", ""]))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "older"


def test_a_folder_that_takes_no_file_is_named(tmp_path):
    with (
        pytest.raises(LeadFileError, match="cannot be written"),
        rejects_of(tmp_path / "gone" / "x.csv", HEADER) as rejects,
    ):
        rejects.add(Rejected(3, Reason.NO_PHONE, ["", ""]))


def test_the_file_lies_beside_the_list(tmp_path):
    assert rejects_path(tmp_path / "leads.txt") == tmp_path / "leads.rejects.csv"


def test_it_lies_in_the_working_directory_where_the_list_s_folder_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert rejects_path(tmp_path / "gone" / "leads.csv") == Path("leads.rejects.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="every folder can be written by root")
def test_nowhere_to_write_is_told_before_the_load(tmp_path, monkeypatch):
    tmp_path.chmod(0o500)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LeadFileError, match="change to a folder"):
        rejects_path(tmp_path / "leads.csv")
