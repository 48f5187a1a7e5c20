"""The Twilio-compatible carrier as a web application. To be served on a loopback address only: it proves nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dialer.emulator import api, control
from dialer.emulator.errors import ApiError, not_found
from dialer.emulator.exchange import Exchange
from dialer.emulator.journal import Journal
from dialer.emulator.settings import EmulatorSettings as EmulatorSettings
from dialer.emulator.wire import answer


def make_app(settings: EmulatorSettings) -> FastAPI:
    """The application; its lifespan starts the carrier and ends its calls."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        journal = Journal(settings.journal) if settings.journal else None
        exchange = Exchange(settings, journal.note) if journal else Exchange(settings)
        if journal:
            exchange.dice.on_strike = journal.struck
        await exchange.open()
        app.state.exchange = exchange
        yield
        await exchange.close()
        if journal:
            journal.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(api.router)
    app.include_router(control.router)
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(HTTPException, _no_such_path)
    return app


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return answer(error.body(), error.http)


async def _no_such_path(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return await _refused(request, ApiError(405, 20004, "Method not allowed"))
    return await _refused(request, not_found(request.url.path))
