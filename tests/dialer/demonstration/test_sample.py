"""The sample lead list: fictional, over many zones, the same each time."""

import csv
import io

import phonenumbers

from dialer.demonstration.sample import SAMPLE, SAMPLE_ROWS, sample_file


def test_the_shipped_file_is_what_the_generator_makes():
    assert SAMPLE.read_text() == sample_file(SAMPLE_ROWS)


def test_every_number_is_kept_for_fiction_and_valid():
    """NANP 555-0100 to 555-0199, and Ofcom's drama range of London, 020 7946 0000 to 0999."""
    for row in csv.DictReader(io.StringIO(sample_file(3000))):
        number = phonenumbers.parse(row["phone"], "US")
        assert phonenumbers.is_valid_number(number), row
        national = str(number.national_number)
        if number.country_code == 1:
            assert 5550100 <= int(national[3:]) <= 5550199
        else:
            assert (number.country_code, national[:6]) == (44, "207946")


def test_no_number_comes_twice():
    rows = list(csv.DictReader(io.StringIO(sample_file(1500))))
    assert len({row["phone"] for row in rows}) == len(rows) == 1500


def test_a_large_floor_for_ten_minutes_does_not_run_out_of_leads():
    """`dialer demo --agents 50 --minutes 10` asks for so many."""
    rows = list(csv.DictReader(io.StringIO(sample_file(30_000))))
    assert len({row["phone"] for row in rows}) == len(rows) == 30_000
