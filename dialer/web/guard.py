"""What stands before every route: who may ask what, how much they may send and how often they may fail.

A genuine request is never limited. What is limited is failing: the answer to a wrong signature or token becomes 429,
and is no longer logged, so that nobody can fill the disk. Tokens are too long to be guessed (`config`).
"""

import asyncio
import json
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

WEBHOOK_BYTES = 64 * 1024  # the carrier's forms have about 1 to 2 kB
API_BYTES = 64 * 1024 * 1024  # a batch of 1,000 leads with wide rows; only for who has the token
BODY_SECONDS = 10.0  # for the whole of it: the carrier gives up after 15 s
FAILURES, FAILURE_SECONDS = 20, 60.0  # so many from one peer in so long are answered and logged
PEERS = 4096  # remembered; the one that failed longest ago is forgotten first
CLOSED = ("/api", "/metrics")  # only with the token
INNER = (*CLOSED, "/readyz")  # not by way of the public URL
PLACES = (*INNER, "/voice", "/healthz")
FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"})
SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Failures:
    """How often each peer has failed of late; memory is bounded. Seconds are of a rising clock."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, tuple[float, int]] = OrderedDict()  # begin of the peer's minute, failures in it

    def add(self, peer: str, now: float) -> float:
        """One more; seconds until the peer's next minute when it was one too many, else 0."""
        began, count = self._peers.pop(peer, (now, 0))
        if now - began >= FAILURE_SECONDS:
            began, count = now, 0
        self._peers[peer] = (began, count + 1)
        if len(self._peers) > PEERS:
            self._peers.popitem(last=False)
        return FAILURE_SECONDS - (now - began) if count >= FAILURES else 0.0

    def __len__(self) -> int:
        return len(self._peers)


def peer_of(scope: Scope) -> str:
    """Whom failures are counted of: an address, of IPv6 the network that one customer is given (/64)."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return "unknown"
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)


class Guard:
    """Middleware. `public_url` is what the carrier calls; empty where no proxy stands before us."""

    def __init__(
        self, app: ASGIApp, *, token: str, public_url: str, monotonic: Callable[[], float], counts: Counter[str]
    ) -> None:
        url = urlsplit(public_url)
        self._app, self._monotonic, self._counts = app, monotonic, counts
        self._bearer = f"Bearer {token}".encode()
        self._public = netloc(url.netloc, url.scheme)
        self._prefix = url.path.rstrip("/")
        self._failures = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        within = self._without_prefix(scope)
        answer = self._answering(scope, send)
        closed = is_under(scope["path"], CLOSED)
        if is_under(scope["path"], INNER) and (within or self._by_proxy(headers)):
            await _refuse(answer, 404, "not here: ask the daemon at its own address")
            return
        if closed and not secrets.compare_digest(headers.get(b"authorization", b""), self._bearer):
            await _refuse(answer, 401, "send the daemon's token as `Authorization: Bearer …`")
            return
        limit = API_BYTES if closed else WEBHOOK_BYTES
        if declared(headers) > limit:
            await _refuse(answer, 413, f"more than {limit} bytes")
            return
        await self._app(scope, Body(receive, limit).receive, answer)

    def _without_prefix(self, scope: Scope) -> bool:
        """Takes the public URL's path from the request's, for a proxy that leaves it; whether it was there."""
        path = scope["path"].removeprefix(self._prefix)
        if path == scope["path"] or not is_under(path, PLACES):  # a public URL may end in one of our own paths
            return False
        scope["path"] = path
        scope["raw_path"] = scope["raw_path"].removeprefix(self._prefix.encode())
        return True

    def _by_proxy(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request has come by way of the public URL, as far as it can be told."""
        if not self._public:
            return False
        host = headers.get(b"host", b"").decode("latin-1")
        return netloc(host, "https") == self._public or not FORWARDED.isdisjoint(headers)

    def _answering(self, scope: Scope, send: Send) -> Send:
        """Adds the headers that every answer has, and turns one failure too many into 429."""
        muted = False

        async def answer(message: Message) -> None:
            nonlocal muted
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *SAFE_HEADERS]
                status = message["status"]
                if status in (401, 403) and (wait := self._failed(scope, status)):
                    muted = True
                    await _too_often(send, wait)
                    return
                if status in (401, 403, 408, 413):  # what is left of the request is not read
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            if not muted:
                await send(message)

        return answer

    def _failed(self, scope: Scope, status: int) -> float:
        peer = peer_of(scope)
        wait = self._failures.add(peer, self._monotonic())
        if wait:
            self._counts["requests_limited"] += 1
        else:
            log.warning("request_refused", path=scope["path"], peer=peer, code=status)
        return wait


class Body:
    """A request's body as it comes, up to a limit and not for ever. Raises HTTPException: 413, 408."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit, self._read = receive, limit, 0
        self._until: float | None = None
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:  # now only the end of the connection is waited for
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"the request was not sent within {BODY_SECONDS:.0f} s") from None
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            raise HTTPException(413, f"more than {self._limit} bytes")
        self._complete = not message.get("more_body", False)
        return message


def is_under(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def declared(headers: Mapping[bytes, bytes]) -> int:
    """Bytes that the request says it has; 0 when it does not say so."""
    said = headers.get(b"content-length", b"")
    return int(said) if said.isdigit() else 0


def netloc(text: str, scheme: str) -> str:
    """Host and port in one spelling."""
    return text.lower().removesuffix(":443" if scheme == "https" else ":80")


async def _refuse(send: Send, status: int, words: str) -> None:
    body = json.dumps({"detail": words}).encode()
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


async def _too_often(send: Send, wait: float) -> None:
    headers = [(b"retry-after", str(int(wait) + 1).encode()), (b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 429, "headers": [*headers, *SAFE_HEADERS]})
    await send({"type": "http.response.body", "body": b""})
