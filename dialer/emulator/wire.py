"""HTTP as Twilio speaks it: basic auth and forms in, JSON with a request id out, and a broken connection on demand."""

import asyncio
import binascii
import socket
import struct
from base64 import b64decode
from secrets import compare_digest
from typing import Any, cast
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import Request
from fastapi.responses import JSONResponse

from dialer.emulator.errors import ApiError
from dialer.emulator.exchange import Exchange
from dialer.emulator.parameters import Form


def answer(body: Any, http: int = 200) -> JSONResponse:
    return JSONResponse(body, http, headers={"Twilio-Request-Id": f"RQ{uuid4().hex}"})


def exchange_of(request: Request) -> Exchange:
    return cast(Exchange, request.app.state.exchange)


def authorized(request: Request) -> Exchange:
    """The exchange, for whoever knows the account's token. Raises ApiError 20003."""
    exchange = exchange_of(request)
    settings = exchange.settings
    expected = f"{settings.account_sid}:{settings.auth_token}".encode()
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        given = b64decode(credentials, validate=True)
    except binascii.Error:
        given = b""
    same_account = request.path_params.get("account_sid") == settings.account_sid
    if scheme.lower() != "basic" or not compare_digest(given, expected) or not same_account:
        raise ApiError(401, 20003, "Authenticate")
    return exchange


async def form_of(request: Request) -> Form:
    return parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)


def query_of(request: Request) -> Form:
    return parse_qsl(request.url.query, keep_blank_values=True)


async def reset_connection(request: Request) -> None:
    """Break the client's connection without an answer. Works under uvicorn, whose request cycle holds the transport."""
    transport: asyncio.Transport = cast(Any, request.receive).__self__.transport
    # Linger of no time makes the kernel send a reset instead of an orderly end.
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await request.receive()
