"""The parameter names of Twilio's voice API, method by method: all that the official SDK can send; a test checks it."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CREATE_CALL = _names("""
    To From Method FallbackUrl FallbackMethod StatusCallback StatusCallbackEvent StatusCallbackMethod SendDigits
    Timeout Record RecordingChannels RecordingStatusCallback RecordingStatusCallbackMethod RecordingConfigurationId
    SipAuthUsername SipAuthPassword MachineDetection MachineDetectionTimeout RecordingStatusCallbackEvent Trim CallerId
    MachineDetectionSpeechThreshold MachineDetectionSpeechEndThreshold MachineDetectionSilenceTimeout AsyncAmd
    AsyncAmdStatusCallback AsyncAmdStatusCallbackMethod Passports Byoc CallReason CallToken RecordingTrack TimeLimit
    ClientNotificationUrl Url Twiml ApplicationSid
""")
UPDATE_CALL = _names("Url Method Status FallbackUrl FallbackMethod StatusCallback StatusCallbackMethod Twiml TimeLimit")
LIST_CALLS = _names(
    "To From ParentCallSid Status StartTime StartTime< StartTime> EndTime EndTime< EndTime> PageSize Page PageToken"
)
LIST_CONFERENCES = _names("""
    DateCreated DateCreated< DateCreated> DateUpdated DateUpdated< DateUpdated> FriendlyName Status
    PageSize Page PageToken
""")
UPDATE_CONFERENCE = _names("Status AnnounceUrl AnnounceMethod")
CREATE_PARTICIPANT = _names("""
    From To StatusCallback StatusCallbackMethod StatusCallbackEvent Label Timeout Record Muted Beep
    StartConferenceOnEnter EndConferenceOnExit WaitUrl WaitMethod EarlyMedia MaxParticipants ConferenceRecord
    ConferenceTrim ConferenceStatusCallback ConferenceStatusCallbackMethod ConferenceStatusCallbackEvent
    RecordingChannels RecordingStatusCallback RecordingStatusCallbackMethod RecordingConfigurationId SipAuthUsername
    SipAuthPassword Region ConferenceRecordingStatusCallback ConferenceRecordingStatusCallbackMethod
    RecordingStatusCallbackEvent ConferenceRecordingStatusCallbackEvent Coaching CallSidToCoach JitterBufferSize Byoc
    CallerId CallReason RecordingTrack TimeLimit MachineDetection MachineDetectionTimeout
    MachineDetectionSpeechThreshold MachineDetectionSpeechEndThreshold MachineDetectionSilenceTimeout
    AmdStatusCallback AmdStatusCallbackMethod Trim CallToken Passports ClientNotificationUrl CallerDisplayName
    EmergencyCallerPosition EmergencyCallerLocation EmergencyName EmergencyAddress EmergencyZipCode EmergencyCity
    EmergencyState EmergencyCountry
""")
UPDATE_PARTICIPANT = _names("""
    Muted Hold HoldUrl HoldMethod AnnounceUrl AnnounceMethod WaitUrl WaitMethod BeepOnExit EndConferenceOnExit
    Coaching CallSidToCoach
""")
LIST_PARTICIPANTS = _names("Muted Hold Coaching PageSize Page PageToken")
