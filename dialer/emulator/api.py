"""Twilio's voice API of 2010-04-01, as far as a dialler needs it: calls, conferences, participants."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from dialer.emulator import names
from dialer.emulator.calls import Call, CallStatus
from dialer.emulator.conferences import Conference, Member
from dialer.emulator.errors import ApiError, invalid, not_found
from dialer.emulator.exchange import Exchange
from dialer.emulator.life import place
from dialer.emulator.line import By
from dialer.emulator.listing import page_of, select_calls, select_conferences
from dialer.emulator.parameters import call_request, call_update, flag, known, participant_request
from dialer.emulator.resources import call_json, conference_json, participant_json
from dialer.emulator.twiml import Room
from dialer.emulator.wire import answer, authorized, form_of, query_of, reset_connection

EARLY_CALLBACK_SECONDS = 5.0  # how long a create waits for the callback that is to come before its answer

router = APIRouter(prefix="/2010-04-01/Accounts/{account_sid}")
Authorized = Annotated[Exchange, Depends(authorized)]


def steady(exchange: Authorized) -> Exchange:
    """For every request but a create: fails when the fault says so."""
    if exchange.dice.strikes("other_requests_fail"):
        raise _unavailable()
    return exchange


Steady = Annotated[Exchange, Depends(steady)]


@router.post("/Calls.json")
async def create_call(request: Request, exchange: Authorized) -> Response:
    form = await form_of(request)
    return await _create(request, exchange, lambda: place(exchange, call_request(form)), call_json)


@router.get("/Calls.json")
async def list_calls(request: Request, exchange: Steady) -> JSONResponse:
    query = query_of(request)
    given = known(query, names.LIST_CALLS)
    visible_before = exchange.clock.now() - timedelta(seconds=exchange.dice.faults.list_lag_seconds)
    calls = exchange.by_number.get(given["To"], []) if "To" in given else _calls_of(exchange, given.get("Status"))
    visible = [call for call in reversed(list(calls)) if call.created_at <= visible_before]
    page = page_of(select_calls(visible, given), lambda call: call.sid, query, request.url.path)
    return answer({"calls": [call_json(call) for call in page.pop("items")], **page})


@router.get("/Calls/{sid}.json")
async def fetch_call(request: Request, sid: str, exchange: Steady) -> JSONResponse:
    return answer(call_json(_call(request, exchange, sid)))


@router.post("/Calls/{sid}.json")
async def update_call(request: Request, sid: str, exchange: Steady) -> JSONResponse:
    """`canceled` spares an answered call; `completed` ends a call that was not answered as `canceled`."""
    call = _call(request, exchange, sid)
    update = call_update(await form_of(request))
    if call.ending is not None:
        raise ApiError(400, 21220, f"Call {sid} is not in-progress. Cannot redirect.")
    if update.source is not None and call.status is not CallStatus.IN_PROGRESS:
        raise ApiError(400, 21220, f"Call {sid} is not in-progress. Cannot redirect.")
    call.request = replace(
        call.request,
        fallback=update.fallback or call.request.fallback,
        callback=update.callback or call.request.callback,
    )
    if update.source is not None:
        call.line.redirect(update.source)
    if update.end == "completed" or (update.end == "canceled" and call.answered_at is None):
        call.line.hang_up(By.API)
        await asyncio.wait({call.over})
    return answer(call_json(call))


@router.get("/Conferences.json")
async def list_conferences(request: Request, exchange: Steady) -> JSONResponse:
    query = query_of(request)
    newest_first = reversed(list(exchange.conferences.by_sid.values()))
    chosen = select_conferences(newest_first, known(query, names.LIST_CONFERENCES))
    page = page_of(chosen, lambda conference: conference.sid, query, request.url.path)
    return answer({"conferences": [conference_json(each) for each in page.pop("items")], **page})


@router.get("/Conferences/{sid}.json")
async def fetch_conference(request: Request, sid: str, exchange: Steady) -> JSONResponse:
    return answer(conference_json(_conference(request, exchange, sid)))


@router.post("/Conferences/{sid}.json")
async def update_conference(request: Request, sid: str, exchange: Steady) -> JSONResponse:
    conference = _conference(request, exchange, sid)
    end = known(await form_of(request), names.UPDATE_CONFERENCE).get("Status")
    if end not in (None, "completed"):
        raise invalid("Status", str(end), "give completed")
    if end:
        exchange.conferences.end(conference)
    return answer(conference_json(conference))


@router.post("/Conferences/{sid}/Participants.json")
async def create_participant(request: Request, sid: str, exchange: Authorized) -> Response:
    """`sid` may be a name, of a conference that begins with this participant."""
    form = await form_of(request)
    existing = exchange.conferences.find(sid)
    wanted = participant_request(form, existing.name if existing else sid)

    def shown(call: Call) -> dict[str, Any]:
        assert isinstance(wanted.source, Room)
        conference = exchange.conferences.find(wanted.source.name)
        assert conference is not None
        return participant_json(conference.members[call.sid], conference)

    return await _create(request, exchange, lambda: place(exchange, wanted), shown)


@router.get("/Conferences/{sid}/Participants.json")
async def list_participants(request: Request, sid: str, exchange: Steady) -> JSONResponse:
    conference = _conference(request, exchange, sid)
    query = query_of(request)
    given = known(query, names.LIST_PARTICIPANTS)
    muted, hold = flag(given, "Muted"), flag(given, "Hold")
    chosen = [
        member
        for member in conference.members.values()
        if muted in (None, member.muted) and hold in (None, member.hold)
    ]
    page = page_of(chosen, lambda member: member.call.sid, query, request.url.path)
    return answer({"participants": [participant_json(each, conference) for each in page.pop("items")], **page})


@router.get("/Conferences/{sid}/Participants/{call}.json")
async def fetch_participant(request: Request, sid: str, call: str, exchange: Steady) -> JSONResponse:
    conference = _conference(request, exchange, sid)
    return answer(participant_json(_member(request, conference, call), conference))


@router.post("/Conferences/{sid}/Participants/{call}.json")
async def update_participant(request: Request, sid: str, call: str, exchange: Steady) -> JSONResponse:
    conference = _conference(request, exchange, sid)
    member = _member(request, conference, call)
    given = known(await form_of(request), names.UPDATE_PARTICIPANT)
    end_on_exit = flag(given, "EndConferenceOnExit")
    if end_on_exit is not None:
        member.end_on_exit = end_on_exit
    exchange.conferences.change(conference, member, flag(given, "Muted"), flag(given, "Hold"))
    return answer(participant_json(member, conference))


@router.delete("/Conferences/{sid}/Participants/{call}.json")
async def delete_participant(request: Request, sid: str, call: str, exchange: Steady) -> Response:
    conference = _conference(request, exchange, sid)
    exchange.conferences.kick(conference, _member(request, conference, call))
    return Response(status_code=204)


def _calls_of(exchange: Exchange, status: str | None) -> Iterable[Call]:
    """Those that may have the status: of the many calls of a long run only the live ones can be in progress."""
    return exchange.live.values() if status == CallStatus.IN_PROGRESS else exchange.calls.values()


async def _create(
    request: Request, exchange: Exchange, start: Callable[[], Call], show: Callable[[Call], dict[str, Any]]
) -> Response:
    dice = exchange.dice
    if dice.strikes("too_many_requests"):
        raise ApiError(429, 20429, "Too Many Requests")
    if dice.strikes("error_before_placing"):
        raise _unavailable()
    call = start()
    created = answer(show(call), 201)  # as it is now, whatever a fault lets happen before it is sent
    if dice.strikes("callback_before_create"):
        with suppress(TimeoutError):
            await asyncio.wait_for(call.first_told.wait(), EARLY_CALLBACK_SECONDS)
    if dice.strikes("slow_create"):
        await asyncio.sleep(dice.faults.slow_seconds)
    if dice.strikes("reset_after_placing"):
        await reset_connection(request)
    elif dice.strikes("error_after_placing"):
        raise _unavailable()
    return created


def _unavailable() -> ApiError:
    return ApiError(503, 20503, "Service is unavailable. Please try again.")


def _call(request: Request, exchange: Exchange, sid: str) -> Call:
    call = exchange.calls.get(sid)
    if call is None:
        raise not_found(request.url.path)
    return call


def _conference(request: Request, exchange: Exchange, sid: str) -> Conference:
    conference = exchange.conferences.find(sid)
    if conference is None:
        raise not_found(request.url.path)
    return conference


def _member(request: Request, conference: Conference, sid_or_label: str) -> Member:
    for member in conference.members.values():
        if sid_or_label in (member.call.sid, member.label):
            return member
    raise not_found(request.url.path)
