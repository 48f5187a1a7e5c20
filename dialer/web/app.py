"""The daemon's HTTP face: webhooks, control API, health."""

from fastapi import FastAPI

from dialer.dial_loop import DialLoop
from dialer.exchange import Exchange
from dialer.telephony.signature import Signatures
from dialer.web import api
from dialer.web.voice import VoiceRoutes


def make_app(exchange: Exchange, signatures: Signatures, loop: DialLoop, token: str) -> FastAPI:
    """Everything the daemon answers to."""
    app = FastAPI(title="Predictive dialer", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(VoiceRoutes(exchange, signatures).router())
    app.include_router(api.make_router(exchange, token, lambda: loop.reasons))

    @app.get("/healthz")
    async def alive() -> dict[str, str]:
        """The process answers."""
        return {"alive": "yes"}

    return app
