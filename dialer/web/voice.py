"""Twilio's webhooks. Each is checked for its signature, taken once, and answered after the commit.

The only broad `except` outside the loops is here: whatever goes wrong, a person on the line hears who called.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from fastapi import HTTPException, Request, Response
from sqlmodel import Session
from starlette.routing import Route
from structlog.contextvars import bind_contextvars

from campaigns.campaign import E164
from campaigns.store import clients_calling_from, retire_numbers
from compliance.store import add_entry
from dialer import call_control, seats, sweep
from dialer.call import OPT_OUT_KEY, CallState, IllegalEvent, since_answer
from dialer.call_control import Taken, Urls
from dialer.events import CallEvent, CustomerLeft, Ended
from dialer.exchange import Exchange
from dialer.store import UnknownAttempt, load_attempt, remember_event, settle_event
from dialer.telephony import twiml, webhooks
from dialer.telephony.signature import Signatures, first_values, parse_form
from dialer.telephony.webhooks import UnknownValue
from dialer.waiting import left_to_wait, longest_wait
from dialer.web.waiting_room import WaitingRoom

log = structlog.get_logger()

ON_THE_WAY = 0.25  # seconds for the answer, before a proxy asks another node
MET = {CallState.CONNECTED: "agent", CallState.MESSAGE: "message"}  # after a wait, by the state of the call

T = TypeVar("T")
Form = Mapping[str, str]
Answer = tuple[Response, Taken | None]  # what the carrier is told; None for a repeat, a riddle or a failure


@dataclass(frozen=True, slots=True)
class Reply:
    """What one webhook came to, decided in its transaction."""

    text: str
    taken: Taken | None = None
    problem: str = ""


def _simple(event_of: Callable[[Form], CallEvent], text_of: Callable[[Taken], str]) -> "Work":
    def work(exchange: Exchange, session: Session, attempt_id: str, form: Form, now: datetime) -> Reply:
        taken = call_control.take(session, attempt_id, event_of(form), exchange.connect_seconds, now)
        return Reply(text_of(taken), taken)

    return work


def _answer(
    exchange: Exchange, session: Session, attempt_id: str, form: Form, now: datetime, *, may_wait: bool = True
) -> Reply:
    text, taken = call_control.answer(
        session, attempt_id, form, exchange.urls, exchange.connect_seconds, now, may_wait=may_wait
    )
    return Reply(text, taken)


def _left(exchange: Exchange, session: Session, attempt_id: str, form: Form, now: datetime) -> Reply:
    event = webhooks.customer_left(form)
    taken = call_control.take(session, attempt_id, event, exchange.connect_seconds, now)
    if event.on_line and taken.after.state is CallState.MESSAGE:
        return Reply(call_control.message_for(taken.attempt, exchange.urls), taken)
    return Reply(twiml.hang_up(), taken)


Work = Callable[[Exchange, Session, str, Form, datetime], Reply]
WORKS: Mapping[str, Work] = {
    "answer": _answer,
    "progress": _simple(webhooks.call_event, lambda _taken: ""),
    "machine": _simple(webhooks.detected, lambda _taken: ""),
    "key": _simple(
        webhooks.key_pressed, lambda taken: twiml.confirm_opt_out() if taken.after.opted_out else twiml.hang_up()
    ),
    "left": _left,
}
WAITED_LONG_ENOUGH: Work = partial(_answer, may_wait=False)
ANSWERED_IN_TWIML = frozenset({"answer", "key", "left"})


def _once(exchange: Exchange, kind: str, attempt_id: str, form: Form, session: Session, work: Work) -> Reply:
    """Take one webhook in one transaction: a repeat gets the first one's answer, a riddle is kept with its reason.

    No answer is given yet while a call waits for an agent: whoever asks meanwhile waits as well.
    """
    now = exchange.clock.now()
    connection = session.connection()
    key = webhooks.event_key(kind, form)
    before = remember_event(connection, key, kind, attempt_id, form, now)
    if before or (before is not None and kind != "answer"):
        return Reply(_still_true(session, kind, attempt_id, exchange.urls) or before)
    try:
        with connection.begin_nested():
            reply = work(exchange, session, attempt_id, form, now)
    except (UnknownValue, UnknownAttempt, IllegalEvent, KeyError) as error:
        reply = Reply(_for_a_riddle(exchange, session, kind, attempt_id), problem=repr(error))
    settle_event(connection, key, answer=reply.text, problem=reply.problem)
    return reply


def _still_true(session: Session, kind: str, attempt_id: str, urls: Urls) -> str:
    """The message, for whoever asks again after the agent was found too late or has gone; else the empty text."""
    if kind == "answer":
        with contextlib.suppress(UnknownAttempt):
            attempt = load_attempt(session.connection(), attempt_id)
            return call_control.message_for(attempt, urls) if attempt["state"] == CallState.MESSAGE else ""
    return ""


def _for_a_riddle(exchange: Exchange, session: Session, kind: str, attempt_id: str) -> str:
    """Whoever is on the line of an event that makes no sense still hears who called."""
    if kind not in ANSWERED_IN_TWIML:
        return ""
    return _message_or_end(session, attempt_id, exchange.urls)


@dataclass(frozen=True)
class VoiceRoutes:
    """The routes under /voice."""

    exchange: Exchange
    signatures: Signatures
    waiting_room: WaitingRoom

    def routes(self) -> list[Route]:
        """Plain ones: there is nothing in them for FastAPI to check, which would take its time from whoever answers."""
        endpoints: dict[str, Callable[[Request], Awaitable[Response]]] = {
            **{kind: partial(self._call, kind) for kind in WORKS},
            "answer": self._answer,
            "message": self._message,
            "inbound": self._inbound,
            "inbound-key": self._inbound_key,
            "seat": self._seat,
            "seat-progress": self._seat_progress,
        }
        return [Route(f"/voice/{name}", endpoint, methods=["POST"]) for name, endpoint in endpoints.items()]

    async def _form(self, request: Request) -> Form:
        form = parse_form(await request.body())
        # As spelt in the request line, for so it is signed; `request.url` is made of the Host header too.
        path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
        target = f"{path}?{query}" if query else path
        if not self.signatures.genuine(target, form, request.headers.get("X-Twilio-Signature")):
            self.exchange.counts["webhooks_refused"] += 1
            raise HTTPException(403, "wrong or missing signature")
        self.exchange.metrics.events.labels(request.scope["path"].rsplit("/", 1)[1]).inc()
        values = first_values(form)
        bind_contextvars(  # of this request, and of what it starts
            **{key: value for key, value in ids(request, values).items() if value}
        )
        return values

    async def _answer(self, request: Request) -> Response:
        """For whom the writes take longer than a person may wait for an agent there is the message at once."""
        exchange, began = self.exchange, self.exchange.clock.monotonic()
        form, attempt_id = await self._form(request), request.query_params.get("a", "")
        response, taken = await self._in_time(attempt_id, began, self._take("answer", attempt_id, form))
        if taken is not None and taken.after.state is CallState.WAITING and not taken.after.by_machine:
            waiting = self._wait(attempt_id, form, taken, began)
            response, taken = await self._in_time(attempt_id, began, waiting)
            exchange.metrics.waited.labels(MET.get(taken.after.state, "nobody") if taken else "nobody").inc()
        else:
            exchange.metrics.answers.observe(exchange.clock.monotonic() - began)
        return response

    async def _in_time(self, attempt_id: str, began: float, taking: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer, or the message, once that is known, when there is none in time; with no event taken then."""
        exchange, answer = self.exchange, asyncio.ensure_future(taking)
        message, until = exchange.last_words.get(attempt_id), began + exchange.connect_seconds - ON_THE_WAY
        await asyncio.wait({answer}, timeout=max(0.0, until - exchange.clock.monotonic()) if message else None)
        # Who stood still must suppose that another node was asked meanwhile, which gives the agent.
        stood_still = exchange.clock.monotonic() - began > exchange.connect_seconds
        if message is None or stood_still or answer.done():
            return await answer
        exchange.counts["answers_not_written_in_time"] += 1
        exchange.start(self._told_before(answer, attempt_id))
        return _xml(message), None

    async def _wait(self, attempt_id: str, form: Form, taken: Taken, began: float) -> Answer:
        """Claim an agent whenever one may be free; at last without waiting any longer."""
        exchange, limit = self.exchange, self.exchange.connect_seconds
        left = left_to_wait(since_answer(taken.after, exchange.clock.now()), limit)
        until = min(began + longest_wait(limit), exchange.clock.monotonic() + left)
        campaign_id, reserved = taken.attempt["campaign_id"], taken.attempt["agent_reserved"]
        with self.waiting_room.enter(campaign_id, reserved, until) as waiter:
            while not waiter.over:
                await waiter.woken.wait()
                waiter.woken.clear()
                work = WAITED_LONG_ENOUGH if waiter.over else WORKS["answer"]
                response, now_taken = await self._take("answer", attempt_id, form, work)
                if now_taken is None or now_taken.after.state is not CallState.WAITING or now_taken.after.by_machine:
                    return response, now_taken
        return await self._take("answer", attempt_id, form, WAITED_LONG_ENOUGH)

    async def _told_before(self, answer: Awaitable[Answer], attempt_id: str) -> None:
        """The agent who was found in the end is free again; one whom another request found has met the person."""
        _response, taken = await answer
        if taken is not None:
            await self._without_agent(attempt_id, CustomerLeft(on_line=True, never_met=True))

    async def _call(self, kind: str, request: Request) -> Response:
        response, _taken = await self._take(kind, request.query_params.get("a", ""), await self._form(request))
        return response

    async def _take(self, kind: str, attempt_id: str, form: Form, work: Work | None = None) -> Answer:
        exchange = self.exchange
        once = partial(_once, exchange, kind, attempt_id, form, work=work or WORKS[kind])
        try:
            reply = await self._commit(kind, form, once)
        except Exception:
            exchange.counts["webhook_errors"] += 1
            log.exception("webhook_failed", kind=kind, attempt_id=attempt_id)
            return Response("the dialer failed to take this event", 500), None
        if reply.problem:
            exchange.counts["webhook_riddles"] += 1
            log.error("webhook_not_understood", kind=kind, attempt_id=attempt_id, problem=reply.problem)
        if reply.taken is not None:
            exchange.follow_up(reply.taken)
            if reply.taken.before.connected_at is None and reply.taken.after.connected_at is not None:
                exchange.start(sweep.confirm_seat(exchange, attempt_id))
        return _xml(reply.text) if reply.text else Response(status_code=204), reply.taken

    async def _commit(self, kind: str, form: Form, work: Callable[[Session], T]) -> T:
        """An opt-out is all that the carrier can never be asked about."""
        if form.get("Digits") == OPT_OUT_KEY:
            return await self.exchange.commit_in_the_end(webhooks.event_key(kind, form), work)
        return await self.exchange.commit(work)

    async def _message(self, request: Request) -> Response:
        """The carrier's fallback, and where a called party goes whose agent is gone.

        The answer needs no write, and no database where the call is known to be live. Whoever comes here is without an
        agent, which is recorded behind it.
        """
        form = await self._form(request)
        attempt_id, urls = request.query_params.get("a", ""), self.exchange.urls
        text = self.exchange.last_words.get(attempt_id)
        if text is None:
            text = await self.exchange.read(lambda session: _message_or_end(session, attempt_id, urls))
        self.exchange.start(self._without_agent(attempt_id, webhooks.sent_on(form)))
        return _xml(text)

    async def _without_agent(self, attempt_id: str, event: CustomerLeft) -> None:
        with contextlib.suppress(UnknownAttempt):
            await self.exchange.handle(attempt_id, event)

    async def _inbound(self, request: Request) -> Response:
        """Somebody calls a number that we show: the address to give the carrier for it."""
        called = (await self._form(request)).get("To", "")
        clients = await self.exchange.read(lambda session: clients_calling_from(session, called))
        return _xml(twiml.receive(clients, f"{self.exchange.urls.base}/voice/inbound-key"))

    async def _inbound_key(self, request: Request) -> Response:
        """An opt-out counts for the number that calls; one that hides it can only be told so."""
        form, now = await self._form(request), self.exchange.clock.now()
        caller = form.get("From", "")
        if form.get("Digits") != OPT_OUT_KEY:
            return _xml(twiml.hang_up())
        if not E164.fullmatch(caller):
            return _xml(twiml.unknown_caller())

        def opt_out(session: Session) -> None:
            add_entry(session, caller, source="inbound", note=f"called {form.get('To', '')}", now=now)
            retire_numbers(session.connection(), [caller], None, "do-not-call")

        await self._commit("inbound-key", form, opt_out)
        return _xml(twiml.confirm_opt_out())

    async def _seat(self, request: Request) -> Response:
        form = await self._form(request)
        token, now = request.query_params.get("t", ""), self.exchange.clock.now()
        if "CallSid" not in form:
            return _xml(twiml.hang_up())
        held = await self.exchange.commit(lambda session: seats.seat_joined(session, token, form["CallSid"], now))
        return _xml(twiml.seat(call_control.conference_name(token)) if held else twiml.hang_up())

    async def _seat_progress(self, request: Request) -> Response:
        form = await self._form(request)
        try:
            event = webhooks.call_event(form)
        except (UnknownValue, KeyError) as error:  # the look-up of seats finds out
            self.exchange.counts["webhook_riddles"] += 1
            log.error("webhook_not_understood", kind="seat-progress", problem=repr(error))
            return Response(status_code=204)
        if isinstance(event, Ended):
            token = request.query_params.get("t", "")
            await sweep.lose_seat(self.exchange, token, f"seat lost: {form['CallStatus']}")
        return Response(status_code=204)


def _message_or_end(session: Session, attempt_id: str, urls: Urls) -> str:
    try:
        return call_control.message_for(load_attempt(session.connection(), attempt_id), urls)
    except UnknownAttempt:
        return twiml.hang_up()


def ids(request: Request, form: Form) -> dict[str, str | None]:
    """What log lines are found by."""
    return {"attempt_id": request.query_params.get("a"), "call_sid": form.get("CallSid")}


def _xml(text: str) -> Response:
    return Response(text, media_type="text/xml")
