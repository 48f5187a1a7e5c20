"""One event of one call: lock the attempt, ask the state machine, keep the result, carry out what it asks for.

Every event takes this way, whether a webhook, an agent, the sweep or the carrier's answer brought it. What belongs to
the database happens in the event's own transaction; what belongs to the carrier is handed back, for after the commit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import RowMapping
from sqlmodel import Session

from campaigns.dispositions import Kind, lookup
from campaigns.store import recycle_lead, retire_numbers
from compliance.store import add_entry
from dialer.call import Call, CallState, receive
from dialer.commands import HangUp, PlayMessage, Recycle, ReleaseAgent, Suppress
from dialer.counts import count_call
from dialer.events import MACHINES, Answered, CallEvent
from dialer.news import tell
from dialer.pacing import events as observed
from dialer.store import (
    UNMET,
    as_call,
    claim_agent,
    load_attempt,
    release_agent,
    save_call,
    seat_of,
)
from dialer.telephony import twiml, webhooks


@dataclass(frozen=True, slots=True)
class Taken:
    """An event and what it changed. `orders` are for the carrier."""

    attempt: RowMapping
    before: Call
    after: Call
    orders: tuple[HangUp | PlayMessage, ...]


def take(
    session: Session,
    attempt_id: str,
    event: CallEvent | Callable[[RowMapping, Call], CallEvent],
    connect_seconds: float,
    now: datetime,
) -> Taken:
    """Apply an event, or one made from the attempt as it is now. Raises UnknownAttempt, IllegalEvent."""
    connection = session.connection()
    attempt = load_attempt(connection, attempt_id, to_change=True)
    before = as_call(attempt, connect_seconds)
    after, commands = receive(before, event(attempt, before) if callable(event) else event, now)
    save_call(connection, attempt_id, before, after, now)
    count_call(connection, attempt["campaign_id"], before, after)
    orders: list[HangUp | PlayMessage] = []
    for command in commands:
        match command:
            case ReleaseAgent(wrap_up=wrap_up):
                release_agent(connection, attempt_id, wrap_up, attempt["campaign_wrap_up_seconds"], now)
            case Suppress(source=source):
                add_entry(
                    session, attempt["number"], source=source, note=f"campaign {attempt['campaign_name']}", now=now
                )
                retire_numbers(connection, [attempt["number"]], None, "do-not-call")
            case Recycle(code=code):
                recycle_lead(connection, attempt, code, after.callback_at)
            case HangUp() | PlayMessage():
                orders.append(command)
    taken = Taken(attempt, before, after, tuple(orders))
    tell(connection, attempt["campaign_id"], observations(taken, 0.0))  # heard elsewhere, at another time
    return taken


def observations(taken: Taken, at: float) -> list[observed.Event]:
    """What pacing learns from it about calls, agents apart; `at` in seconds."""
    call, before, after = str(taken.attempt["id"]), taken.before, taken.after
    seen: list[observed.Event] = []
    if after.answered_at is not None and before.answered_at is None:
        seen.append(observed.PickedUp(call, at))
        if not taken.attempt["campaign_machine_detection"]:
            seen.append(observed.Human(call, at))
    if after.connected_at is not None and before.connected_at is None and after.agent is not None:
        seen.append(observed.Connected(call, after.agent, at))
    begins_to_wait = after.state is CallState.WAITING and before.state is not CallState.WAITING
    if begins_to_wait and taken.attempt["campaign_machine_detection"]:
        seen.append(observed.Human(call, at))  # the detector is not waited for
    if after.answered_by != before.answered_by:
        seen.append(observed.Machine(call, at) if after.by_machine else observed.Human(call, at))
    if after.disposed_by == "agent" and before.disposition is None and after.disposition is not None:
        seen.append(observed.Disposed(call, lookup(after.disposition).human, at))
    if after.abandoned and not before.abandoned:
        seen.append(observed.Abandoned(call, at))
    if after.state is CallState.ENDED and before.state is not CallState.ENDED and after.answered_at is None:
        seen.append(observed.Failed(call, at))
    return seen


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the carrier finds us, under the public base URL."""

    base: str

    def of(self, path: str, attempt_id: str) -> str:
        return f"{self.base}/voice/{path}?a={attempt_id}"


def answer(
    session: Session,
    attempt_id: str,
    form: Mapping[str, str],
    urls: Urls,
    connect_seconds: float,
    now: datetime,
    *,
    may_wait: bool = False,
) -> tuple[str, Taken]:
    """What the called party hears now, decided in one transaction: the agent who waited longest, or who called.

    Nothing yet while the call waits: then ask again when an agent is free, and in the end without `may_wait`.
    """
    connection = session.connection()
    seat: str | None = None

    def with_agent(attempt: RowMapping, call: Call) -> Answered:
        nonlocal seat
        event = webhooks.answered(form, None)
        if call.state not in UNMET or call.by_machine or event.answered_by in MACHINES:
            seat = seat_of(connection, attempt_id)
            return event
        agent, seat = claim_agent(connection, attempt, now)
        return replace(event, agent=agent, may_wait=may_wait)

    taken = take(session, attempt_id, with_agent, connect_seconds, now)
    if taken.after.by_machine:
        return twiml.hang_up(), taken
    if taken.after.state is CallState.CONNECTED and seat is not None:
        return twiml.connect(conference_name(seat), urls.of("left", attempt_id)), taken
    return "" if taken.after.state is CallState.WAITING else message_for(taken.attempt, urls), taken


def message_for(attempt: RowMapping, urls: Urls) -> str:
    """The abandoned-call message of the attempt's campaign."""
    key_url = urls.of("key", attempt["id"])
    kind = Kind(attempt["campaign_kind"])
    return twiml.message(kind, attempt["campaign_client"], attempt["campaign_contact_number"], key_url)


def conference_name(seat_token: str) -> str:
    return f"seat-{seat_token}"
