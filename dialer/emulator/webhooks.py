"""The carrier's requests to the application: signed, timed out, and spoilt on demand."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from twilio.request_validator import RequestValidator
from yarl import URL

from dialer.clock import Clock
from dialer.emulator.errors import WebhookFailed
from dialer.emulator.faults import Dice
from dialer.emulator.parameters import Form, Hook

TOTAL_SECONDS = 15.0  # Twilio's limits for voice webhooks
CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 2.0  # below uvicorn's 5, so that a connection is never used while the other side closes it
HTTP_TROUBLE = 11200
CONNECTION_FAILED = 11205
USER_AGENT = "TwilioProxy/1.1"


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that the application did not answer with 2xx."""

    at: str
    url: str
    call_sid: str
    code: int
    problem: str


class Webhooks:
    """`ask` wants a document back; `tell` wants none, and keeps the order of all that is told under one `order`."""

    def __init__(self, auth_token: str, dice: Dice, clock: Clock) -> None:
        self.failures: list[Failure] = []
        self.sent = 0
        self._validator = RequestValidator(auth_token)
        self._dice = dice
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._last: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS),
            headers={"User-Agent": USER_AGENT},
        )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._session is not None
        await self._session.close()

    async def ask(self, hook: Hook, form: Form) -> str:
        """The application's answer. Raises WebhookFailed, which is also kept."""
        try:
            return await self._request(hook, form)
        except WebhookFailed as failed:
            self._keep(hook, form, failed)
            raise

    def tell(self, hook: Hook, form: Form, order: str) -> "asyncio.Task[None] | None":
        """Send it in the background; None when a fault swallows it."""
        if self._dice.strikes("callback_lost"):
            return None
        copies = 2 if self._dice.strikes("callback_doubled") else 1
        if self._dice.strikes("callback_late"):
            return self._start(self._deliver(hook, form, copies, self._dice.faults.late_seconds))
        if self._dice.strikes("callback_reordered"):
            return self._start(self._deliver(hook, form, copies, self._dice.faults.reorder_seconds))
        task = self._start(self._deliver_after(self._last.get(order), hook, form, copies))
        self._last[order] = task
        task.add_done_callback(lambda done: self._forget(order, done))
        return task

    def _start(self, delivery: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(delivery)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _forget(self, order: str, task: "asyncio.Task[None]") -> None:
        if self._last.get(order) is task:
            del self._last[order]

    async def _deliver_after(self, previous: "asyncio.Task[None] | None", hook: Hook, form: Form, copies: int) -> None:
        if previous is not None:
            await asyncio.wait({previous})
        await self._deliver(hook, form, copies, 0.0)

    async def _deliver(self, hook: Hook, form: Form, copies: int, delay_seconds: float) -> None:
        if delay_seconds:
            await asyncio.sleep(delay_seconds)
        for _ in range(copies):
            try:
                await self._request(hook, form)
            except WebhookFailed as failed:
                self._keep(hook, form, failed)

    async def _request(self, hook: Hook, form: Form) -> str:
        url = hook.url.partition("#")[0]
        if hook.method == "GET":
            url = f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(form)}"
        try:
            return await self._send(hook.method, url, form)
        except aiohttp.ClientConnectorError:
            pass  # nothing was sent: Twilio tries a failed connection once more
        try:
            return await self._send(hook.method, url, form)
        except aiohttp.ClientConnectorError as error:
            raise WebhookFailed(CONNECTION_FAILED, f"no connection: {error}") from error

    async def _send(self, method: str, url: str, form: Form) -> str:
        assert self._session is not None
        self.sent += 1
        signed = {} if method == "GET" else dict(form)
        headers = {"X-Twilio-Signature": self._validator.compute_signature(url, signed)}
        body = None if method == "GET" else urlencode(form).encode()
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        try:
            async with self._session.request(
                method, URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                text = await response.text(errors="replace")
        except aiohttp.ClientConnectorError:
            raise
        except TimeoutError as error:
            raise WebhookFailed(HTTP_TROUBLE, f"no answer within {TOTAL_SECONDS:g} s") from error
        except aiohttp.ClientError as error:
            raise WebhookFailed(HTTP_TROUBLE, f"the connection broke: {error!r}") from error
        if not 200 <= response.status < 300:
            raise WebhookFailed(HTTP_TROUBLE, f"answered {response.status}")
        return text

    def _keep(self, hook: Hook, form: Form, failed: WebhookFailed) -> None:
        sid = dict(form).get("CallSid", "")
        self.failures.append(Failure(self._clock.now().isoformat(), hook.url, sid, failed.code, str(failed)))
