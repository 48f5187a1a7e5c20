"""Twilio behind the carrier port: the official SDK over an HTTP client with time-outs and no repeats of a create."""

import threading
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from tenacity import (
    retry,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance

from compliance.gate import Cleared
from dialer.clock import Clock
from dialer.events import CallEvent, Placed, Refused, Unsure
from dialer.telephony.carrier import CarrierError, CarrierRefusesUs, Placement, SeatRing
from dialer.telephony.webhooks import call_event

CONNECT_SECONDS = 3.0
READ_SECONDS = 27.0  # Twilio's own limit on a request is reported as about 26 s
# A server may close an idle connection just as a create is sent on it, and nobody can tell that from a reset behind the
# placing. Servers commonly wait 5 s or longer (uvicorn 5, nginx 75); one idle for longer than this is not used again.
IDLE_SECONDS = 3.0
SEAT_RING_SECONDS = 30
CLOCK_DIFFERENCE = timedelta(seconds=2)  # tolerated between our clock and the carrier's second-resolution dates

RATE_CODES = frozenset({20429, 10004, 22005})  # too many requests, too many calls, queue full: nothing was placed
ACCOUNT_CODES = frozenset({20003, 20005, 20403})  # wrong credentials, suspended, forbidden
# Caller id not ours or not verified, no permission for the country, our URL refused: true for the next call as well.
CAMPAIGN_CODES = frozenset({21210, 21212, 21213, 21203, 21215, 13227, 21219, 21205, 21218})
CALL_IS_OVER = 21220
NOT_FOUND = 20404
REQUEST_TIMED_OUT = 408  # of HTTP: what was done until then is not known
UNREADABLE = (ValueError, AttributeError)  # what the SDK lets through when an answer is no JSON or no object


class SdkHttpClient(HttpClient):  # type: ignore[misc]  # the SDK is not typed
    """The SDK's requests over our own connections: one session a thread, time-outs, every product to one base URL."""

    def __init__(self, base_url: str, clock: Clock) -> None:
        super().__init__(None, False, None)
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._threads = threading.local()

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        path = url.split("://", 1)[1].split("/", 1)[1]
        answer = self._session().request(
            method,
            f"{self._base_url}/{path}",
            params=params,  # type: ignore[arg-type]
            data=data,
            headers=headers,
            auth=auth,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=allow_redirects,
        )
        return Response(answer.status_code, answer.text, answer.headers)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            adapter = HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=2)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._threads.session = session
        elif self._clock.monotonic() - self._threads.used_at > IDLE_SECONDS:
            session.close()
        self._threads.used_at = self._clock.monotonic()
        return session


# Reads and hang-ups may be repeated; a create never takes this way.
_again = retry(
    retry=retry_if_exception_type(CarrierError) & retry_if_not_exception_type(CarrierRefusesUs),
    stop=stop_after_attempt(4) | stop_after_delay(20),
    wait=wait_random_exponential(multiplier=0.1, max=2),
    reraise=True,
)


class TwilioCarrier:
    """The carrier port over Twilio's API, or any API that speaks like it."""

    def __init__(self, account_sid: str, auth_token: str, base_url: str, webhook_base: str, clock: Clock) -> None:
        self._client = Client(account_sid, auth_token, http_client=SdkHttpClient(base_url, clock))
        self._account_sid = account_sid
        self._webhooks = webhook_base
        self._clock = clock

    def _url(self, path: str, attempt_id: str) -> str:
        return f"{self._webhooks}/voice/{path}?a={quote(attempt_id)}"

    def place(self, cleared: Cleared, attempt_id: str, caller_id: str, ring_seconds: int, detect: bool) -> Placement:
        if not cleared.covers(cleared.number, self._clock.now()):
            return Refused("the clearance expired before the carrier was asked", retry=True, asked=False)
        detection: dict[str, Any] = {}
        if detect:
            detection = {
                "machine_detection": "Enable",
                "async_amd": "true",
                "async_amd_status_callback": self._url("machine", attempt_id),
            }
        try:
            call = self._client.calls.create(
                to=cleared.number,
                from_=caller_id,
                url=self._url("answer", attempt_id) + "#ct=2000&rt=5000&rc=2&rp=ct,rt",
                fallback_url=self._url("message", attempt_id),
                status_callback=self._url("progress", attempt_id),
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                timeout=ring_seconds,
                **detection,
            )
        except requests.ConnectTimeout as error:
            return Refused(f"no connection to the carrier: {error}", retry=True)
        except requests.ConnectionError as error:
            refused = "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
            return Refused(f"no connection to the carrier: {error}", retry=True) if refused else Unsure(repr(error))
        except requests.RequestException as error:
            return Unsure(repr(error))
        except TwilioException as error:
            return classify(error)
        except UNREADABLE as error:
            return Unsure(f"the carrier's answer could not be read: {error!r}")
        return Placed(str(call.sid), _queued(call)) if call.sid else Unsure("the carrier's answer holds no call sid")

    def ring_seat(self, address: str, caller_id: str, token: str) -> SeatRing:
        try:
            call = self._client.calls.create(
                to=address,
                from_=caller_id,
                url=f"{self._webhooks}/voice/seat?t={token}",
                status_callback=f"{self._webhooks}/voice/seat-progress?t={token}",
                status_callback_event=["completed"],
                timeout=SEAT_RING_SECONDS,
            )
        except (requests.RequestException, TwilioException, *UNREADABLE) as error:
            return SeatRing(None, _words(error))
        return SeatRing(str(call.sid))

    @_again
    def hang_up(self, sid: str) -> None:
        self._end(sid, "completed")  # whether it is queued, ringing or picked up

    @_again
    def stop_ringing(self, sid: str) -> None:
        self._end(sid, "canceled")  # spares a call that was picked up

    def _end(self, sid: str, status: str) -> None:
        try:
            self._guarded(lambda: self._client.calls(sid).update(status=status))
        except TwilioRestException as error:
            if error.code not in (CALL_IS_OVER, NOT_FOUND):
                raise CarrierError(_words(error)) from error

    @_again
    def play_message(self, sid: str, attempt_id: str) -> None:
        try:
            self._guarded(lambda: self._client.calls(sid).update(url=self._url("message", attempt_id), method="POST"))
        except TwilioRestException as error:
            if error.code not in (CALL_IS_OVER, NOT_FOUND):
                raise CarrierError(_words(error)) from error

    @_again
    def look_up(self, sid: str) -> CallEvent | None:
        try:
            return _news(self._guarded(lambda: self._client.calls(sid).fetch()))
        except TwilioRestException as error:
            if error.code == NOT_FOUND:
                return None
            raise CarrierError(_words(error)) from error

    @_again
    def in_progress(self) -> frozenset[str]:
        try:
            calls = self._guarded(lambda: self._client.calls.list(status="in-progress", page_size=1000))
        except TwilioRestException as error:
            raise CarrierError(_words(error)) from error
        return frozenset(str(call.sid) for call in calls)

    @_again
    def met(self, sid: str, seat_sid: str) -> bool:
        try:
            call, seat = (self._guarded(self._client.calls(one).fetch) for one in (sid, seat_sid))
        except TwilioRestException as error:
            if error.code == NOT_FOUND:
                return False
            raise CarrierError(_words(error)) from error
        if call.end_time is None or seat.end_time is None:
            return False
        answered_at: datetime = call.end_time - timedelta(seconds=int(call.duration or 0))
        return bool(seat.end_time - answered_at >= CLOCK_DIFFERENCE)

    @_again
    def find(self, number: str, since: datetime) -> tuple[str, CallEvent] | None:
        # By number, for a queued call has no start time to filter by.
        try:
            calls = self._guarded(lambda: self._client.calls.list(to=number, page_size=50, limit=50))
        except TwilioRestException as error:
            raise CarrierError(_words(error)) from error
        ours = [call for call in calls if call.date_created and call.date_created >= since - CLOCK_DIFFERENCE]
        newest = max(ours, key=lambda call: call.date_created, default=None)
        return (str(newest.sid), _news(newest)) if newest is not None else None

    def check(self) -> None:
        # A fetch, for the SDK reports a refused list without its code. No call has this sid.
        self.look_up("CA" + "0" * 32)

    def _guarded(self, ask: Any) -> Any:
        try:
            return ask()
        except requests.RequestException as error:
            raise CarrierError(f"the carrier could not be reached: {error}") from error
        except TwilioRestException as error:
            if error.code in ACCOUNT_CODES or error.status == 401:
                raise CarrierRefusesUs(f"the carrier refuses our account ({error.code}): {error.msg}") from error
            if error.status == 429 or error.status >= 500:
                raise CarrierError(f"the carrier answered {error.status}: {error.msg}") from error
            raise
        except (TwilioException, *UNREADABLE) as error:
            raise CarrierError(f"the carrier answered oddly: {error}") from error


def classify(error: TwilioException) -> Placement:
    """What a failed create means: refused for good, refused for now, or unsure (5xx and unreadable answers)."""
    if isinstance(error, TwilioRestException):
        if error.status == 429 or error.code in RATE_CODES:
            return Refused(f"{error.code}: {error.msg}", retry=True)
        if 400 <= error.status < 500 and error.status != REQUEST_TIMED_OUT:
            for_all = error.status == 401 or error.code in ACCOUNT_CODES | CAMPAIGN_CODES
            return Refused(f"{error.code}: {error.msg}", retry=for_all, for_all=for_all)
        return Unsure(f"{error.status}: {error.msg}")
    if isinstance(error, TwilioServiceException) and 400 <= (error.status or 0) < 500:
        return Refused(f"{error.code}: {error.title}", retry=error.status == 429)
    return Unsure(str(error))


def _queued(call: CallInstance) -> float:
    """Seconds until the carrier dials it; it tells milliseconds, as text or not at all."""
    text = str(call.queue_time or "")
    return int(text) / 1000 if text.isdecimal() else 0.0


def _words(error: Exception) -> str:
    """One line; the SDK's own text is a coloured page on a terminal."""
    return f"{error.code}: {error.msg}" if isinstance(error, TwilioRestException) else repr(error)


def _news(call: CallInstance) -> CallEvent:
    return call_event({"CallSid": str(call.sid), "CallStatus": str(call.status)})
