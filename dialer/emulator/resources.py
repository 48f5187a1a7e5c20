"""Calls, conferences and participants as Twilio's JSON: RFC 2822 dates, numbers as strings, null for the unknown."""

from datetime import datetime
from typing import Any

from dialer.emulator.calls import API_VERSION, Call, CallStatus, rfc2822
from dialer.emulator.conferences import Conference, Member

PRICE_PER_MINUTE = 0.014  # US dollars; made up


def account_uri(account_sid: str) -> str:
    return f"/{API_VERSION}/Accounts/{account_sid}"


def call_json(call: Call) -> dict[str, Any]:
    uri = f"{account_uri(call.account_sid)}/Calls/{call.sid}"
    minutes = -(-call.seconds // 60)
    return {
        "sid": call.sid,
        "account_sid": call.account_sid,
        "parent_call_sid": call.parent.sid if call.parent else None,
        "to": call.request.to,
        "to_formatted": _formatted(call.request.to),
        "from": call.request.from_,
        "from_formatted": _formatted(call.request.from_),
        "phone_number_sid": None,
        "status": call.status,
        "date_created": rfc2822(call.created_at),
        "date_updated": rfc2822(call.updated_at),
        "start_time": _date(call.begun_at),
        "end_time": _date(call.ended_at),
        "duration": str(call.seconds) if call.ended_at else None,
        "price": f"{-minutes * PRICE_PER_MINUTE:.5f}" if call.ended_at and minutes else None,
        "price_unit": "USD",
        "direction": call.direction,
        "answered_by": call.answered_by,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": str(round(call.queue_seconds * 1000)),
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {"events": f"{uri}/Events.json", "recordings": f"{uri}/Recordings.json"},
    }


def conference_json(conference: Conference) -> dict[str, Any]:
    uri = f"{account_uri(conference.account_sid)}/Conferences/{conference.sid}"
    return {
        "sid": conference.sid,
        "account_sid": conference.account_sid,
        "friendly_name": conference.name,
        "status": conference.status,
        "date_created": rfc2822(conference.created_at),
        "date_updated": rfc2822(conference.updated_at),
        "api_version": API_VERSION,
        "region": "us1",
        "reason_conference_ended": conference.reason_ended,
        "call_sid_ending_conference": conference.call_sid_ending,
        "uri": f"{uri}.json",
        "subresource_uris": {"participants": f"{uri}/Participants.json"},
    }


def participant_json(member: Member, conference: Conference) -> dict[str, Any]:
    uri = f"{account_uri(conference.account_sid)}/Conferences/{conference.sid}/Participants/{member.call.sid}"
    return {
        "account_sid": conference.account_sid,
        "call_sid": member.call.sid,
        "conference_sid": conference.sid,
        "label": member.label or None,
        "status": _participant_status(member),
        "muted": member.muted,
        "hold": member.hold,
        "coaching": False,
        "call_sid_to_coach": None,
        "start_conference_on_enter": member.start_on_enter,
        "end_conference_on_exit": member.end_on_exit,
        "date_created": rfc2822(member.created_at),
        "date_updated": rfc2822(member.updated_at),
        "queue_time": str(round(member.call.queue_seconds * 1000)),
        "uri": f"{uri}.json",
    }


def _participant_status(member: Member) -> str:
    if member.joined_at is not None:
        return "connected"
    match member.call.status:
        case CallStatus.QUEUED:
            return "queued" if member.call.begun_at is None else "connecting"
        case CallStatus.RINGING:
            return "ringing"
        case CallStatus.IN_PROGRESS:
            return "connecting"
    return "failed"


def _date(moment: datetime | None) -> str | None:
    return rfc2822(moment) if moment else None


def _formatted(address: str) -> str:
    if address.startswith("+1") and len(address) == 12:
        return f"({address[2:5]}) {address[5:8]}-{address[8:]}"
    return address
