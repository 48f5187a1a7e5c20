"""A file on disk into a campaign: every row accounted for, nothing half done, safe to repeat."""

import csv
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.lead_file import LeadRow
from campaigns.lead_store import BatchReceipt
from campaigns.lead_text import LeadFileError
from campaigns.loading import BATCH_ROWS, SORTED_ROWS, Receipt, numbers_in, upload

HOSPITALS = Path(__file__).parents[2] / "../shared/data/cms_hospitals.csv"


class Campaign:
    """Remembers numbers, as the database does."""

    def __init__(self) -> None:
        self.batches: list[list[LeadRow]] = []
        self.numbers: set[str] = set()
        self.progress: list[tuple[int, int]] = []

    def submit(self, rows: Sequence[LeadRow]) -> BatchReceipt:
        self.batches.append(list(rows))
        accepted = 0
        for row in rows:
            new = {number for number, _label in row.phones} - self.numbers
            self.numbers |= new
            accepted += bool(new)
        return BatchReceipt(accepted, len(rows) - accepted)

    def load(self, path: Path, region: str = "US", mapping: Sequence[tuple[str, str]] = ()) -> Receipt:
        receipt = upload(
            path,
            region=region,
            mapping=mapping,
            submit=self.submit,
            on_progress=lambda done, size: self.progress.append((done, size)),
        )
        assert receipt.rows == receipt.accepted + receipt.duplicates + sum(receipt.rejected.values())
        return receipt


@pytest.fixture
def campaign():
    return Campaign()


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_every_row_is_accounted_for(tmp_path, campaign):
    path = write(
        tmp_path / "leads.csv",
        "phone,name\n2125550101,Ann\n2125550101,Al\n,Bo\nn/a,Cy\n2125550102\n\n2125550103 x4,Di\n2125550104,Ed\n",
    )
    assert campaign.load(path) == Receipt(
        rows=7,
        accepted=2,
        duplicates=1,
        rejected={"no-phone": 1, "bad-phone": 1, "ragged": 1, "extension": 1},
        rejects_file=str(tmp_path / "leads.rejects.csv"),
        encoding="utf-8",
    )
    with (tmp_path / "leads.rejects.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "phone", "name"],
            ["4", "no-phone", "", "Bo"],
            ["5", "bad-phone", "n/a", "Cy"],
            ["6", "ragged", "2125550102"],
            ["8", "extension", "2125550103 x4", "Di"],
        ]


def test_loading_again_finds_only_duplicates_and_the_same_rejects(tmp_path, campaign):
    path = write(tmp_path / "leads.csv", "phone\n2125550101\n2125550101\n2125550102\nn/a\n")
    first = campaign.load(path)
    assert (first.accepted, first.duplicates) == (2, 1)
    second = campaign.load(path)
    assert (second.accepted, second.duplicates, second.rejected) == (0, 3, first.rejected)


def test_a_rejects_file_is_mended_and_loaded(tmp_path, campaign):
    campaign.load(write(tmp_path / "leads.csv", "phone,note\nn/a,x\n2125550101\n"))
    rejects = tmp_path / "leads.rejects.csv"
    unmended = campaign.load(rejects)
    assert unmended.rejected == {"bad-phone": 1, "ragged": 1}
    rejects.write_text(rejects.read_text().replace("n/a", "2125550102").replace("2125550101", "2125550101,y"))
    mended = campaign.load(rejects)
    assert (mended.accepted, mended.rejected, mended.rejects_file) == (2, {}, None)
    assert [(row.phones[0][0], row.custom) for row in campaign.batches[-1]] == [
        ("+12125550101", {"note": "y"}),
        ("+12125550102", {"note": "x"}),
    ]


def test_region_and_choices_are_followed(tmp_path, campaign):
    path = write(tmp_path / "leads.csv", "phone;direct\n2125550101;020 7946 0123\n")
    campaign.load(path, region="GB", mapping=[("phone", "direct")])
    assert campaign.numbers == {"+442079460123"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_names_arrive_whole_and_the_encoding_is_told(tmp_path, campaign, encoding):
    receipt = campaign.load(write(tmp_path / "leads.csv", "phone,first name\n2125550101,José\n", encoding))
    assert campaign.batches[0][0].first_name == "José"
    assert receipt.encoding == encoding


def test_batches_are_small_sorted_by_number_and_reported(tmp_path, campaign):
    count = SORTED_ROWS + 2 * BATCH_ROWS + 500
    exchanges = range(count // 100)
    path = write(
        tmp_path / "leads.csv", "phone\n" + "".join(f"212{e + 300}01{n:02}\n" for n in range(100) for e in exchanges)
    )
    receipt = campaign.load(path)
    assert receipt.accepted == count
    assert [len(batch) for batch in campaign.batches] == [BATCH_ROWS] * 22 + [500]
    sorted_together = [row.phones for batch in campaign.batches[: SORTED_ROWS // BATCH_ROWS] for row in batch]
    assert sorted_together == sorted(sorted_together)
    size = path.stat().st_size
    assert campaign.progress[-1] == (size, size)
    assert campaign.progress == sorted(campaign.progress)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("empty.csv", "", "is empty"),
        ("header.csv", "phone,name\n", "no lead in it"),
        ("no_phone.csv", "name\nAnn\n", "no phone column among 'name'"),
        ("quote.csv", 'phone,"name\n2125550101,Ann\n', "quotes that do not close"),
        ("binary.csv", "phone\n\0\n", "binary"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named_and_nothing_is_submitted(tmp_path, campaign, name, text, complaint):
    with pytest.raises(LeadFileError, match=f"{name}: .*{complaint}"):
        campaign.load(write(tmp_path / name, text))
    assert campaign.batches == []
    assert [left.name for left in tmp_path.iterdir()] == [name]


def test_paths_that_are_no_readable_file(tmp_path, campaign):
    os.mkfifo(tmp_path / "pipe")
    for name, complaint in (("", "directory"), ("gone.csv", "No such file"), ("pipe", "no regular file")):
        with pytest.raises(LeadFileError, match=complaint):
            campaign.load(tmp_path / name)


def test_an_unknown_region_is_refused(tmp_path, campaign):
    with pytest.raises(LeadFileError, match="'UK' is no country"):
        campaign.load(write(tmp_path / "leads.csv", "phone\n2125550101\n"), region="UK")


def test_a_load_that_is_stopped_leaves_no_rejects_file(tmp_path, campaign):
    def fail(_rows: Sequence[LeadRow]) -> BatchReceipt:
        raise ConnectionError

    path = write(tmp_path / "leads.csv", "phone\nn/a\n2125550101\n")
    with pytest.raises(ConnectionError):
        upload(path, region="US", mapping=(), submit=fail, on_progress=lambda _done, _size: None)
    assert list(tmp_path.iterdir()) == [path]


@given(st.binary(max_size=300).map(lambda data: data.replace(b"\0", b"")))
def test_garbage_is_rejected_row_by_row_and_never_stops_a_load(tmp_path_factory, garbage):
    path = tmp_path_factory.mktemp("garbage") / "leads.csv"
    path.write_bytes(b"phone,name\n2125550101,Ann\n" + garbage)
    campaign = Campaign()
    assert campaign.load(path).rows >= 1
    assert "+12125550101" in campaign.numbers


@pytest.mark.skipif(not HOSPITALS.exists(), reason="the public hospital list lies outside the project")
def test_the_public_hospital_list(tmp_path, campaign):
    """Two of its numbers are not in use; sixteen hospitals answer under the number of another."""
    path = tmp_path / "hospitals.csv"
    shutil.copy(HOSPITALS, path)
    receipt = campaign.load(path)
    assert (receipt.rows, receipt.accepted, receipt.duplicates) == (4807, 4789, 16)
    assert receipt.rejected == {"bad-phone": 2}
    assert receipt.encoding == "cp1252"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"+12125550101\n\n+12125550102\n", [(1, "+12125550101"), (3, "+12125550102")]),
        (b"phone\r\n2125550101\r\nnone\r\n", [(2, "2125550101"), (3, "none")]),
        (b"name;phone\nAnn 2;2125550101\nBob;\n", [(2, "2125550101"), (3, "")]),
        (b"home phone,work phone\n2125550101,2125550102\n", [(2, "2125550101"), (2, "2125550102")]),
        ("phone\n2125550101\n".encode("utf-16"), [(2, "2125550101")]),
        (b"phone,name\n2125550101,Zo\xeb\n", [(2, "2125550101")]),
    ],
)
def test_every_row_of_a_list_of_numbers_is_told(tmp_path, content, found):
    (tmp_path / "numbers.csv").write_bytes(content)
    assert list(numbers_in(tmp_path / "numbers.csv")) == found


@pytest.mark.parametrize(("content", "words"), [(b"name\nAnn\n", "no phone column"), (b"2125550101\n\0", "binary")])
def test_a_list_without_numbers_is_refused_before_its_first_row(tmp_path, content, words):
    (tmp_path / "numbers.csv").write_bytes(content)
    with pytest.raises(LeadFileError, match=rf"numbers\.csv: .*{words}"):
        next(numbers_in(tmp_path / "numbers.csv"))
