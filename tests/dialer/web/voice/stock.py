"""Where webhooks are sent, by whom, and all that they may change."""

BASE, TOKEN = "https://dialer.example", "auth-token"
CALLED_BACK = {"CallSid": "CA9", "CallStatus": "in-progress", "From": "+12125550120", "To": "+12125550198"}


def everything(build):
    return [build.rows(table) for table in ("attempt", "agent", "lead", "carrier_event", "do_not_call", "call_count")]
