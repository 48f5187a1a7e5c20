"""What pacing may learn from an event of a call, told to the other nodes: the one that paces the campaign is another.

Sent by the event's own transaction, so it is heard after the commit or not at all. It is a help only: a notification is
lost when nobody listens, and each tick reads agents and calls anew. PostgreSQL commits transactions that notify one
after the other; ours are far too few to feel it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, text

from dialer.pacing import events
from dialer.pacing.events import Event

CHANNEL = "dialer"
KINDS = {
    kind.__name__: kind for kind in (events.PickedUp, events.Human, events.Machine, events.Connected, events.Disposed)
} | {kind.__name__: kind for kind in (events.Abandoned, events.Failed)}

_NOTIFY = text("SELECT pg_notify(:channel, current_setting('application_name') || ' ' || :told)")


def tell(connection: Connection, campaign_id: int, seen: Sequence[Event]) -> None:
    """Tell the nodes that listen; on SQLite there are none."""
    if not seen or connection.dialect.name == "sqlite":
        return
    told = [[type(event).__name__, {**asdict(event), "at": None}] for event in seen]
    connection.execute(_NOTIFY, {"channel": CHANNEL, "told": json.dumps([campaign_id, told])})


def told(payload: str, at: float) -> tuple[str, int, list[Event]]:
    """The node that tells, the campaign, and what was seen, at the moment of hearing. Raises ValueError."""
    node, _blank, rest = payload.partition(" ")
    try:
        campaign_id, seen = json.loads(rest)
        return node, int(campaign_id), [KINDS[kind](**{**values, "at": at}) for kind, values in seen]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no news of ours: {error!r}") from None
