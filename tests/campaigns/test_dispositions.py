import json
from pathlib import Path

import pytest

from campaigns.dispositions import CATALOGUE, Kind, Outcome, UnknownDisposition, allowed, by_dialler, for_kind, lookup

AAPOR = Path(__file__).parents[2] / "../shared/reference/aapor.json"
REACHED = {
    by_dialler(outcome, abandoned, opted_out)
    for outcome in Outcome
    for abandoned in (False, True)
    for opted_out in (False, True)
}


def test_whatever_the_dialer_finds_is_in_the_catalogue():
    assert {lookup(code).code for code in REACHED} == REACHED


def test_every_entry_can_be_given_by_an_agent_or_by_the_dialer():
    assert {entry.code for entry in CATALOGUE.values() if not entry.by_agent} <= REACHED
    assert {entry.code for kind in Kind for entry in for_kind(kind)} | REACHED == set(CATALOGUE)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ANSWERED])
def test_a_network_outcome_is_its_own_disposition(outcome):
    assert by_dialler(outcome, abandoned=False, opted_out=False) == outcome.value


def test_an_opt_out_outweighs_the_abandoned_call_it_came_from():
    assert by_dialler(Outcome.ANSWERED, abandoned=True, opted_out=True) == "opted-out"
    assert by_dialler(Outcome.ANSWERED, abandoned=True, opted_out=False) == "abandoned"


def test_an_answered_call_whose_agent_said_nothing_has_no_disposition():
    assert by_dialler(Outcome.ANSWERED, abandoned=False, opted_out=False) == "no-disposition"


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_flags_do_not_contradict_each_other(entry):
    assert not (entry.contact and not entry.human), "who was talked to is human"
    assert not (entry.sale and not entry.contact), "a conversion is a part of the contacts"
    assert not (entry.sale and not entry.final)
    assert not (entry.do_not_call and not entry.final)
    assert not (entry.final and (entry.callback or entry.retire_phone))
    assert entry.kinds
    assert entry.code == entry.code.lower().replace(" ", "-")


def test_every_disposition_of_a_survey_has_a_survey_code():
    assert [e.code for e in CATALOGUE.values() if Kind.SURVEY in e.kinds and e.survey_code is None] == []


def test_survey_codes_that_aapor_counts_as_contacts_are_contacts():
    """CON rates count interviews (1.x), refusals (2.1x) and other eligible cases (2.3x), not non-contacts (2.2x)."""
    for entry in CATALOGUE.values():
        if entry.survey_code is not None and entry.survey_code.startswith(("1.", "2.1", "2.3")):
            assert entry.human
            assert entry.contact or entry.code == "opted-out", entry.code


@pytest.mark.skipif(not AAPOR.exists(), reason="the AAPOR code list is not beside this checkout")
def test_survey_codes_are_final_telephone_codes_of_aapor():
    final = {code["code"] for code in json.loads(AAPOR.read_text())["codes"] if code["telephone"] and code["symbol"]}
    assert {entry.survey_code for entry in CATALOGUE.values()} - {None} <= final


def test_each_kind_offers_its_aim_and_not_the_other_ones():
    telemarketing = {entry.code for entry in for_kind(Kind.TELEMARKETING)}
    survey = {entry.code for entry in for_kind(Kind.SURVEY)}
    assert "sale" in telemarketing - survey
    assert {"complete", "partial", "refusal", "quota-full"} <= survey - telemarketing
    assert {"callback", "do-not-call", "wrong-number"} <= survey & telemarketing


def test_agents_are_offered_nothing_that_only_the_dialer_can_know():
    assert not {"abandoned", "lost", "not-placed", "opted-out"} & {e.code for kind in Kind for e in for_kind(kind)}


def test_allowed_keeps_the_order_asked_for():
    assert [entry.code for entry in allowed(Kind.SURVEY, ["refusal", "complete"])] == ["refusal", "complete"]


def test_allowed_names_every_code_that_does_not_fit():
    with pytest.raises(UnknownDisposition, match="sale, abandoned, nonsense; choose from complete"):
        allowed(Kind.SURVEY, ["sale", "complete", "abandoned", "nonsense"])


def test_an_unknown_code_is_refused():
    with pytest.raises(UnknownDisposition, match="no disposition 'nonsense'"):
        lookup("nonsense")
