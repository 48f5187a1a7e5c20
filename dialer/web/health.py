"""What monitoring asks: is the process alive, may it take new work, what are its figures."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from campaigns.campaign import Intent
from campaigns.on_hand import due_leads
from dialer.agent import AgentState
from dialer.call import CallState
from dialer.db.place import DatabaseError
from dialer.db.schema import HEAD
from dialer.exchange import Exchange
from dialer.leases import Leases
from dialer.store import AGENT, ATTEMPT, CAMPAIGN
from dialer.web.proof import proof

DATABASE_SECONDS = 2.0  # an answer that waits longer for its commit is too late for whoever picked up
FORMAT = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' own name for it


def make_router(
    exchange: Exchange, leases: Leases, token: str, draining: Callable[[], bool], late_seconds: float
) -> APIRouter:
    """`GET /healthz` and `/readyz` for anybody, `GET /metrics` for whom `guard` lets in.

    `late_seconds` after its beginning, a tick is followed by the next, or the loop is late.
    """
    router = APIRouter()

    @router.get("/healthz")
    async def alive(nonce: Annotated[str, Query(max_length=64)] = "") -> dict[str, str]:
        """The process answers; with a nonce, it also shows that it is the daemon whose token the asker knows."""
        return {"alive": "yes", **({"proof": proof(token, nonce)} if nonce else {})}

    @router.get("/readyz")
    async def ready(response: Response) -> dict[str, bool | str | list[str]]:
        """200 when new calls may be started, 503 with the reasons otherwise; and what this node holds of the work.

        For alarms and rolling restarts. A proxy must not keep the carrier's webhooks back because of it: the calls that
        live still need their answers.
        """
        reasons = await not_ready(exchange, late_seconds)
        if draining():
            reasons.append("draining: the daemon is stopping, and waits for the last answers")
        response.status_code = 503 if reasons else 200
        return {"ready": not reasons, "reasons": reasons, "node": leases.node, "leases": sorted(leases.held)}

    @router.get("/metrics")
    async def metrics() -> Response:
        live = await exchange.read(live_attempts)
        for state in CallState:
            if state is not CallState.ENDED:
                exchange.metrics.in_flight.labels(state.value).set(live.get(state, 0))
        now = exchange.clock.now()
        with_work = await exchange.read(lambda session: campaigns_with_work(session.connection(), now))
        exchange.metrics.campaigns_with_work.set(with_work)
        exchange.metrics.leases.labels("campaign").set(len(leases.campaigns))
        exchange.metrics.leases.labels("timetable").set(leases.timetable)
        exchange.metrics.inbox_age.set(exchange.oldest_write())
        return Response(exchange.metrics.text(), media_type=FORMAT)

    return router


def live_attempts(session: Session) -> dict[str, int]:
    """Attempts that have not ended, by state."""
    query = select(ATTEMPT.c.state, func.count()).where(ATTEMPT.c.state != CallState.ENDED).group_by(ATTEMPT.c.state)
    return {state: count for state, count in session.connection().execute(query)}


def campaigns_with_work(connection: Connection, now: datetime) -> int:
    """How many campaigns run with an agent ready and a lead due: some call should be started soon."""
    ready = select(AGENT.c.campaign_id).where(AGENT.c.state == AgentState.READY)
    staffed = select(CAMPAIGN.c.id).where(CAMPAIGN.c.intent == Intent.RUN, CAMPAIGN.c.id.in_(ready))
    return sum(due_leads(connection, campaign, 1, now) for campaign in connection.execute(staffed).scalars().all())


async def not_ready(exchange: Exchange, late_seconds: float) -> list[str]:
    """Why no new call should be started now; empty when nothing stands against it."""
    reasons = await _database_faults(exchange)
    began = exchange.ticks.began
    if began is None:
        reasons.append("loop: no tick yet, the daemon has just started or its first tick fails: see the log")
    elif (since := exchange.clock.monotonic() - began) > late_seconds:
        reasons.append(f"loop late: the last tick that was finished began {since:.1f} s ago: see the log")
    if exchange.health.carrier_refuses_us:
        reasons.append("account: the carrier refuses it: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
    elif exchange.health.seats_unseen_since is not None:
        reasons.append("carrier: it could not be asked, and agents' seats are not looked up again yet: see the log")
    return reasons


async def _database_faults(exchange: Exchange) -> list[str]:
    version = text("SELECT version_num FROM alembic_version")
    late = "it did not answer within {:.0f} s: does the server run, can it be reached? See `dialer db check`"
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            found = await exchange.read(lambda session: session.connection().execute(version).scalar())
            late = "no write got through within {:.0f} s: is the disk slow or full?"
            await exchange.commit(lambda _session: None)
    except TimeoutError:
        return [f"database: {late.format(DATABASE_SECONDS)}"]
    except DatabaseError as error:
        return [f"database: {error}"]
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        return [f"database: {reason}: see `dialer db check`"]
    return [] if found == HEAD else [f"schema: {found}, this dialer wants {HEAD}: stop it and run `dialer db upgrade`"]
