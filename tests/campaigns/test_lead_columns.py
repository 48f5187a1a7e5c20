"""Column names to meanings."""

import pytest

from campaigns.lead_columns import Target, map_columns
from campaigns.lead_text import LeadFileError

HOSPITALS = ["Provider ID", "Hospital Name", "Address", "City", "State", "ZIP Code", "County Name", "Phone Number"]


def test_a_public_list_of_hospitals_is_understood():
    columns = map_columns(HOSPITALS)
    assert columns.phones == ((7, "Phone Number"),)
    assert columns.senses == {Target.EXTERNAL_ID: 0, Target.STATE: 4, Target.POSTAL_CODE: 5}
    assert columns.custom == ((1, "Hospital Name"), (2, "Address"), (3, "City"), (6, "County Name"))


@pytest.mark.parametrize(
    "name",
    [
        "phone",
        "Phone Number",
        "PHONE_NO.",
        "phone2",
        "PhoneNumber",
        "Mobile",
        "cell",
        "Tel.",
        "Telephone",
        "Home Phone",
    ],
)
def test_phone_columns_are_known_by_their_names(name):
    assert map_columns([name]).phones == ((0, name),)


@pytest.mark.parametrize("name", ["alt_phone", "Phone 1 - Value", "Cell Phone #"])
def test_qualified_phone_columns_are_known_too(name):
    assert map_columns([name]).phones == ((0, name),)


@pytest.mark.parametrize("name", ["Phone Type", "phone_code", "Fax", "Mobile Carrier", "Do not phone", "Contact", ""])
def test_other_columns_about_phones_are_not_dialled(name):
    assert map_columns(["phone", name]).phones == ((0, "phone"),)


def test_several_phones_keep_the_order_of_the_file():
    columns = map_columns(["mobile", "notes", "home phone", "Phone 2"])
    assert columns.phones == ((0, "mobile"), (2, "home phone"), (3, "Phone 2"))


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("First Name", Target.FIRST_NAME),
        ("surname", Target.LAST_NAME),
        ("Full Name", Target.NAME),
        ("E-mail", Target.EMAIL),
        ("Province", Target.STATE),
        ("Postcode", Target.POSTAL_CODE),
        ("TimeZone", Target.TIME_ZONE),
        ("vendor_lead_code", Target.EXTERNAL_ID),
    ],
)
def test_names_are_taken_by_sense(name, target):
    assert map_columns(["phone", name]).senses == {target: 1}


def test_the_preferred_name_wins_and_the_other_stays_a_custom_field():
    columns = map_columns(["id", "phone", "Lead ID"])
    assert columns.senses == {Target.EXTERNAL_ID: 2}
    assert columns.custom == ((0, "id"),)


def test_a_full_name_is_a_custom_field_beside_a_first_or_last_name():
    columns = map_columns(["Name", "First Name", "phone"])
    assert columns.senses == {Target.FIRST_NAME: 1}
    assert columns.custom == ((0, "Name"),)


def test_a_choice_replaces_what_the_name_says():
    columns = map_columns(["phone", "Direct", "id"], [("phone", "direct"), ("custom", "id")])
    assert columns.phones == ((1, "Direct"),)
    assert columns.senses == {}
    assert columns.custom == ((0, "phone"), (2, "id"))


def test_several_phone_columns_can_be_chosen_in_an_order():
    columns = map_columns(["a", "b"], [("phone", "b"), ("phone", "a")])
    assert columns.phones == ((1, "b"), (0, "a"))


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        (("fon", "phone"), "known are phone, name"),
        (("phone", "Tel"), "the file has 'phone', 'city'"),
        (("status", "city"), "there is no 'status'"),
    ],
)
def test_an_impossible_choice_names_what_there_is(choice, complaint):
    with pytest.raises(LeadFileError, match=complaint):
        map_columns(["phone", "city"], [choice])


def test_a_column_or_a_meaning_is_not_chosen_twice():
    with pytest.raises(LeadFileError, match="chosen twice"):
        map_columns(["a", "b"], [("phone", "a"), ("email", "a")])
    with pytest.raises(LeadFileError, match="two columns are chosen for email"):
        map_columns(["a", "b", "phone"], [("email", "a"), ("email", "b")])


def test_without_a_phone_column_the_columns_and_the_remedy_are_named():
    with pytest.raises(LeadFileError, match=r"no phone column among 'name', 'city'.*--map phone="):
        map_columns(["name", "city"])


def test_a_long_header_is_cut_in_the_complaint():
    with pytest.raises(LeadFileError, match="and 70 more"):
        map_columns([f"c{n}" for n in range(100)])


def test_nameless_and_doubled_columns_become_fields_of_their_own():
    columns = map_columns(["phone", "", "note", "note", ""])
    assert [name for _index, name in columns.custom] == ["column 2", "note", "note (4)", "column 5"]


def test_a_rejects_file_s_own_columns_are_passed_over():
    columns = map_columns(["line", "reason", "phone", "note"])
    assert (columns.first, columns.width, columns.custom) == (2, 4, ((3, "note"),))
