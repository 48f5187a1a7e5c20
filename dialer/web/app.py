"""The daemon's HTTP face: webhooks, control API, health."""

from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from dialer.dial_loop import DialLoop
from dialer.exchange import Exchange
from dialer.telephony.signature import Signatures
from dialer.web import api, health
from dialer.web.guard import Guard
from dialer.web.patience import PatientProtocol
from dialer.web.voice import VoiceRoutes
from dialer.web.waiting_room import WaitingRoom

LATE_TICKS, LATE_SECONDS = 5, 5.0  # so many, and so long, without one that was finished: the loop is late


def make_app(
    exchange: Exchange,
    signatures: Signatures,
    loop: DialLoop,
    token: str,
    *,
    draining: Callable[[], bool],
    tick_seconds: float,
    public_url: str = "",
) -> FastAPI:
    """Everything the daemon answers to; `public_url` is empty where no proxy stands before it."""
    app = FastAPI(title="Predictive dialer", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.routes.extend(VoiceRoutes(exchange, signatures, WaitingRoom(exchange)).routes())
    app.include_router(api.make_router(exchange, lambda: loop.reasons))
    late_seconds = max(LATE_SECONDS, LATE_TICKS * tick_seconds)
    app.include_router(health.make_router(exchange, loop.leases, token, draining, late_seconds))
    app.add_middleware(
        Guard, token=token, public_url=public_url, monotonic=exchange.clock.monotonic, counts=exchange.counts
    )
    return app


def web_server(app: FastAPI, trusted_proxies: str) -> uvicorn.Config:
    """How it is served. X-Forwarded-For is believed of trusted proxies only; uvicorn by itself believes loopback."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        server_header=False,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
