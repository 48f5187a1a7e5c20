"""Rows to leads, or to the reason why not."""

import pytest

from campaigns.lead_columns import map_columns
from campaigns.lead_file import LeadRow, Reason, Rejected, row_reader
from campaigns.lead_text import Flaw


def read(row: dict[str, str], region: str = "US") -> LeadRow | Rejected:
    return row_reader(map_columns(list(row)), region)((2, list(row.values()), None))


def reason_of(row: dict[str, str], region: str = "US") -> Reason:
    outcome = read(row, region)
    assert isinstance(outcome, Rejected)
    return outcome.reason


def test_a_full_row():
    row = {
        "Lead ID": " 7 ",
        "Name": "Ann B. Lee",
        "E-mail": "ann@example.com",
        "State": "NY ",
        "ZIP": "10001",
        "Time zone": "America/New_York",
        "Line type": "Cell",
        "Business": "Yes",
        "Phone": "(212) 555-0123",
        "Mobile": "+44 20 7946 0123",
        "Plan": " =1+1",
    }
    assert read(row) == LeadRow(
        line=2,
        external_id="7",
        first_name="Ann B.",
        last_name="Lee",
        email="ann@example.com",
        state="NY",
        postal_code="10001",
        time_zone="America/New_York",
        line_type="mobile",
        business=True,
        phones=(("+12125550123", "Phone"), ("+442079460123", "Mobile")),
        custom={"Plan": " =1+1"},
    )


@pytest.mark.parametrize(
    ("line_type", "business", "read_as"),
    [("wireless", "no", ("mobile", False)), ("Landline", "0", ("landline", False)), ("satellite", "?", ("", None))],
)
def test_line_type_and_business_in_words_of_the_trade(line_type, business, read_as):
    lead = read({"phone": "2125550123", "line type": line_type, "business": business})
    assert (lead.line_type, lead.business) == read_as


def test_what_the_file_does_not_say_is_empty():
    lead = read({"phone": "2125550123"})
    assert lead == LeadRow(2, None, "", "", "", "", "", "", "", None, (("+12125550123", "phone"),), {})


@pytest.mark.parametrize(
    ("name", "parts"),
    [("Ann Lee", ("Ann", "Lee")), ("Lee, Ann B.", ("Ann B.", "Lee")), ("Ann", ("Ann", "")), ("", ("", ""))],
)
def test_a_full_name_is_split(name, parts):
    lead = read({"phone": "2125550123", "name": name})
    assert isinstance(lead, LeadRow)
    assert (lead.first_name, lead.last_name) == parts


def test_a_number_named_twice_is_one_phone():
    lead = read({"phone": "2125550123", "mobile": "+1 212 555 0123"})
    assert isinstance(lead, LeadRow)
    assert lead.phones == (("+12125550123", "phone"),)


def test_a_bad_number_beside_a_good_one_is_kept_as_a_field():
    lead = read({"phone": "n/a", "mobile": "2125550123"})
    assert isinstance(lead, LeadRow)
    assert (lead.phones, lead.custom) == ((("+12125550123", "mobile"),), {"phone": "n/a"})


@pytest.mark.parametrize(
    ("phones", "reason"),
    [
        (("", " "), Reason.NO_PHONE),
        (("", "n/a"), Reason.BAD_PHONE),
        (("2125550123 x9", ""), Reason.EXTENSION),
        (("2125550123 x9", "n/a"), Reason.BAD_PHONE),
        (("n/a", "2125550123 x9"), Reason.BAD_PHONE),
    ],
)
def test_a_row_without_a_number_says_why(phones, reason):
    assert reason_of(dict(zip(("phone", "mobile"), phones, strict=True))) == reason


@pytest.mark.parametrize("zone", ["Eastern", "EST", "America/Atlantis", "../etc/passwd"])
def test_a_zone_that_is_no_place_s_is_refused(zone):
    assert reason_of({"phone": "2125550123", "tz": zone}) == Reason.BAD_TIME_ZONE


def test_a_state_that_the_gate_cannot_read_is_refused():
    assert reason_of({"phone": "2125550123", "state": "Nowhere"}) == Reason.BAD_STATE


@pytest.mark.parametrize("state", ["NY", "ny", "New York", "ON", "PR", ""])
def test_states_and_provinces_go_by_code_or_name(state):
    assert isinstance(read({"phone": "2125550123", "state": state}), LeadRow)


def test_states_of_other_countries_are_not_judged():
    assert isinstance(read({"phone": "+61491570156", "state": "NSW"}), LeadRow)


def test_damaged_text_is_refused():
    reader = row_reader(map_columns(["phone", "name"]), "US")
    cells = ["2125550123", "Jos\udce9"]
    assert reader((5, cells, Flaw.BYTES)) == Rejected(5, Reason.BAD_ENCODING, cells)


@pytest.mark.parametrize("cells", [["2125550123"], ["2125550123", "a", ""], ["2125550123", "a", "b", "c"]])
def test_a_row_of_another_width_than_the_header_is_ragged(cells):
    reader = row_reader(map_columns(["phone", "note"]), "US")
    assert reader((5, cells, None)) == Rejected(5, Reason.RAGGED, cells)


def test_a_line_with_broken_quotes_is_ragged_whatever_its_width():
    reader = row_reader(map_columns(["phone"]), "US")
    assert reader((5, ['"2125550123'], Flaw.QUOTES)) == Rejected(5, Reason.RAGGED, ['"2125550123'])


def test_a_row_refused_again_sheds_the_columns_of_the_rejects_file():
    reader = row_reader(map_columns(["line", "reason", "phone", "note"]), "US")
    assert reader((2, ["9", "bad-phone", "n/a", "x"], None)) == Rejected(2, Reason.BAD_PHONE, ["n/a", "x"])
    assert reader((3, ["8", "ragged", "n/a"], None)) == Rejected(3, Reason.RAGGED, ["n/a"])
