"""Hears what other nodes see of the calls of campaigns that this one paces."""

import asyncio

import structlog
from psycopg import OperationalError

from dialer.db.postgres import PostgresDatabase
from dialer.exchange import Exchange
from dialer.news import CHANNEL, told

log = structlog.get_logger()

AGAIN_SECONDS = 1.0  # after the connection broke


async def hear_others(exchange: Exchange, place: PostgresDatabase, node: str) -> None:
    """Until cancelled. What comes while the connection is down is lost, and pacing goes by the tables alone."""
    while True:
        try:
            async for payload in place.notifications(CHANNEL):
                hear(exchange, payload, node)
        except OperationalError as error:
            exchange.counts["listener_lost"] += 1
            log.warning("listener_lost", problem=" ".join(str(error).split()))
        except Exception:
            exchange.counts["listener_errors"] += 1
            log.exception("listener_failed")
        await asyncio.sleep(AGAIN_SECONDS)


def hear(exchange: Exchange, payload: str, node: str) -> None:
    """Let pacing observe what another node tells; what this one saw it has observed already."""
    try:
        sender, campaign_id, seen = told(payload, exchange.clock.monotonic())
    except ValueError as error:  # a node of another version
        exchange.counts["news_not_understood"] += 1
        log.warning("news_not_understood", problem=str(error))
        return
    if sender != node:
        for event in seen:
            exchange.observe(campaign_id, event)
