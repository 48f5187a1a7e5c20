"""The names the emulator takes are those that the SDK can send, read from a client that sends nothing."""

import inspect
import re

import pytest
from twilio.rest.api.v2010.account.call import CallContext, CallList
from twilio.rest.api.v2010.account.conference import ConferenceContext, ConferenceList
from twilio.rest.api.v2010.account.conference.participant import ParticipantContext, ParticipantList

from dialer.emulator import names


@pytest.mark.parametrize(
    ("method", "taken"),
    [
        (CallList._create, names.CREATE_CALL),
        (CallContext._update, names.UPDATE_CALL),
        (CallList.page, names.LIST_CALLS),
        (ConferenceList.page, names.LIST_CONFERENCES),
        (ConferenceContext._update, names.UPDATE_CONFERENCE),
        (ParticipantList._create, names.CREATE_PARTICIPANT),
        (ParticipantList.page, names.LIST_PARTICIPANTS),
        (ParticipantContext._update, names.UPDATE_PARTICIPANT),
    ],
)
def test_the_names_are_the_sdks(method, taken):
    assert set(re.findall(r'"([A-Z]\w*[<>]?)":', inspect.getsource(method))) == taken
