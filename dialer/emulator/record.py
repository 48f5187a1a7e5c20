"""The emulator's own account of what happened, to audit the dialler against. Seconds, ISO 8601 dates, null if never."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from dialer.emulator.calls import Call
from dialer.emulator.exchange import Exchange


def record(exchange: Exchange) -> dict[str, Any]:
    """`calls` in order of creation; `dials` is calls per number, agents included."""
    return {
        "calls": [account(call) for call in exchange.calls.values()],
        "dials": {number: len(calls) for number, calls in exchange.by_number.items()},
        "live": len(exchange.live),
        "webhooks_sent": exchange.webhooks.sent,
        "webhook_failures": [asdict(failure) for failure in exchange.webhooks.failures],
        "twiml_errors": [asdict(trouble) for trouble in exchange.troubles],
        "faults_struck": exchange.dice.struck,
    }


def account(call: Call) -> dict[str, Any]:
    """One call. `outcome` is Twilio's final status, null while it lasts; silence is counted for people only."""
    hearing = call.hearing
    return {
        "sid": call.sid,
        "to": call.request.to,
        "from": call.request.from_,
        "callback": call.request.callback.url if call.request.callback else None,
        "leg": "agent" if call.is_agent else "customer",
        "parent_sid": call.parent.sid if call.parent else None,
        "callee": call.callee.kind,
        "created": call.created_at.isoformat(),
        "begun": _iso(call.begun_at),
        "ringing": _iso(call.ringing_at),
        "answered": _iso(call.answered_at),
        "ended": _iso(call.ended_at),
        "outcome": call.ending.status if call.ending else None,
        "ended_by": call.ending.by if call.ending else None,
        "problem": call.problem,
        "queue_seconds": call.queue_seconds,
        "ring_seconds": _seconds(call.ringing_at, call.answered_at or call.ended_at),
        "seconds_to_document": call.document_seconds,
        "answered_by": call.answered_by,
        "silence_seconds": hearing.silence_seconds,
        "longest_silence_seconds": hearing.longest_silence_seconds,
        "seconds_to_agent": None if call.is_agent else hearing.person_after_seconds,
        "seconds_to_message": hearing.message_after_seconds,
        "heard_message": hearing.message_seconds > 0,
        "message_seconds": hearing.message_seconds,
        "keys": "".join(hearing.keys),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None
