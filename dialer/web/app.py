"""The daemon's HTTP face: webhooks, control API, health."""

from collections.abc import Callable

from fastapi import FastAPI

from dialer.dial_loop import DialLoop
from dialer.exchange import Exchange
from dialer.telephony.signature import Signatures
from dialer.web import api, health
from dialer.web.voice import VoiceRoutes

LATE_TICKS, LATE_SECONDS = 5, 5.0  # so many, and so long, without one that was finished: the loop is late


def make_app(
    exchange: Exchange,
    signatures: Signatures,
    loop: DialLoop,
    token: str,
    *,
    draining: Callable[[], bool],
    tick_seconds: float,
) -> FastAPI:
    """Everything the daemon answers to."""
    app = FastAPI(title="Predictive dialer", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(VoiceRoutes(exchange, signatures).router())
    app.include_router(api.make_router(exchange, token, lambda: loop.reasons))
    app.include_router(
        health.make_router(exchange, loop.leases, token, draining, max(LATE_SECONDS, LATE_TICKS * tick_seconds))
    )
    return app
