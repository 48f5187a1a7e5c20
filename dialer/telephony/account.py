"""What one request tells of the account: that it is accepted, the carrier's clock, how long calls waited to start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from dialer.telephony.carrier import CarrierError, CarrierRefusesUs

TIMEOUT_SECONDS = (3.0, 27.0)  # to connect, to answer
CALLS_SEEN = 50
LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Account:
    """`date` is the carrier's clock, whole seconds. `queued_seconds` are of the latest calls, of an hour at most."""

    date: datetime
    queued_seconds: Sequence[float]


def ask(account_sid: str, auth_token: str, base_url: str) -> Account:
    """Ask for the latest calls. Raises CarrierRefusesUs for a wrong account or token, CarrierError for all else."""
    with requests.Session() as session:
        session.trust_env = False
        url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Calls.json"
        try:
            answer = session.get(
                url,
                params={"PageSize": CALLS_SEEN},
                auth=(account_sid, auth_token),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise CarrierError(f"{base_url} cannot be reached ({type(error).__name__})") from error
    if answer.status_code in (401, 403):
        raise CarrierRefusesUs(f"the carrier refuses the account: {_reason(answer)}")
    if answer.status_code != 200:
        raise CarrierError(f"{base_url} answers {answer.status_code}: {_reason(answer)}")
    try:
        date = parsedate_to_datetime(answer.headers["Date"])
        return Account(date, [_queued(call) for call in answer.json()["calls"] if _is_late(call, date)])
    except (ValueError, KeyError, TypeError) as error:
        raise CarrierError(f"{base_url} does not answer as a Twilio-compatible carrier: {error!r}") from error


def _reason(answer: requests.Response) -> str:
    try:
        told = answer.json()
        return f"{told['code']} {told['message']}"
    except (ValueError, KeyError, TypeError):
        return answer.reason


def _is_late(call: Mapping[str, Any], now: datetime) -> bool:
    return now - parsedate_to_datetime(call["date_created"]) <= LATELY


def _queued(call: Mapping[str, Any]) -> float:
    return int(call["queue_time"] or 0) / 1000  # milliseconds, as text
