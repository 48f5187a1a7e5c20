"""The control API under /api: the same actions as the command line's, and the floor; `guard` asks for the token."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.encoders import jsonable_encoder
from pydantic import AwareDatetime, ValidationError
from sqlmodel import Session

from dialer.action import Context
from dialer.actions import ACTIONS, REFUSALS
from dialer.call_control import Taken
from dialer.commands import HangUp
from dialer.db.turns import Urgency
from dialer.desk import desk
from dialer.exchange import Exchange
from dialer.floor import floor
from dialer.seats import UnknownAgent

IN_BULK = frozenset({"leads/batch", "dnc/fill-copy", "consent/add"})  # of files: live calls are written before them


def make_router(exchange: Exchange, reasons: Callable[[], dict[int, str]]) -> APIRouter:
    """`POST /api/do/{noun}/{verb}` for each action, `GET /api/floor`."""
    router = APIRouter(prefix="/api")

    @router.post("/do/{noun}/{verb}")
    async def do(noun: str, verb: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Carry out one action; 404 for an unknown one, 422 for wrong parameters, 409 with the reason for a refusal."""
        return await _do(exchange, f"{noun}/{verb}", parameters)

    @router.get("/desk/{agent}")
    async def get_desk(agent: str) -> dict[str, Any]:
        """An agent's state, who is on the line, and the dispositions to choose from; 404 for an unknown agent."""
        try:
            return await exchange.read(lambda session: desk(session, agent, exchange.clock.now()))
        except UnknownAgent as error:
            raise HTTPException(404, str(error)) from None

    @router.get("/floor")
    async def get_floor(since: AwareDatetime | None = None) -> dict[str, Any]:
        """Agents, calls, leads and drop rates now; attempts count from `since` (24 hours ago by default).

        `counts` is what went wrong since the daemon began, `ticks` how punctual the last 3,600 were, in seconds.
        """
        now = exchange.clock.now()
        start = since or now - timedelta(days=1)
        seen = await exchange.read(lambda session: floor(session, start, now, reasons()))
        return {**jsonable_encoder(seen), "counts": dict(exchange.counts), "ticks": exchange.ticks.summary()}

    return router


async def _do(exchange: Exchange, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if action not in ACTIONS:
        raise HTTPException(404, f"no action {action}; there is: {', '.join(ACTIONS)}")
    request_type, act = ACTIONS[action]
    try:
        request = request_type.model_validate(parameters)
    except ValidationError as error:
        raise HTTPException(422, jsonable_encoder(error.errors(include_url=False, include_context=False))) from None
    now = exchange.clock.now()

    def work(session: Session) -> tuple[dict[str, Any], list[tuple[HangUp, str]], list[Taken]]:
        context = Context(session, exchange.rulebook, now, exchange.connect_seconds)  # anew each time it is tried
        return act(context, request), context.orders, context.taken

    try:
        result, orders, taken = await exchange.commit(work, Urgency.BULK if action in IN_BULK else Urgency.CALL)
    except REFUSALS as refusal:
        raise HTTPException(409, str(refusal)) from None
    for order, attempt_id in orders:
        exchange.start(exchange.carry_out(order, attempt_id))
    for event in taken:
        exchange.follow_up(event)
    return result
