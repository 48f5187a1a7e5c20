"""The life of a call: waits for its turn, rings, is answered or not, talks, ends."""

import asyncio

from dialer.emulator.calls import Call, CallStatus, Ending
from dialer.emulator.conversation import Conversation, DialLeg
from dialer.emulator.exchange import Exchange
from dialer.emulator.line import By, HungUp, Redirected
from dialer.emulator.parameters import CallRequest, Detection
from dialer.emulator.twiml import Room
from dialer.simulation.callees import Callee, Kind

OK = 200  # SIP codes
NOT_FOUND = 404
BUSY = 486
RING_TIMED_OUT = 487
DECLINED = 603


def place(exchange: Exchange, request: CallRequest) -> Call:
    """A call by request of the application. Raises ApiError when it cannot have its place in a conference."""
    if isinstance(request.source, Room):
        exchange.conferences.check_label(request.source)
    call = exchange.admit(request)
    if isinstance(request.source, Room):
        exchange.conferences.expect(call, request.source)
    exchange.run(_live(call, exchange))
    return call


async def _live(call: Call, exchange: Exchange) -> None:
    try:
        ending = await _ring(call, exchange) or await _talk(call, exchange)
    except HungUp as hung_up:
        answered = call.answered_at is not None
        ending = (
            Ending(CallStatus.COMPLETED, OK, hung_up.by)
            if answered
            else Ending(CallStatus.CANCELED, RING_TIMED_OUT, hung_up.by)
        )
    exchange.end(call, ending)


async def _ring(call: Call, exchange: Exchange) -> Ending | None:
    """None when it was answered. Raises HungUp."""
    callee, line = call.callee, call.line
    await line.wait(call.queue_seconds)
    call.begun_at = call.updated_at = exchange.clock.now()
    exchange.tell(call, "initiated")
    await line.wait(callee.setup_seconds)
    if callee.kind is Kind.FAILED:
        return Ending(CallStatus.FAILED, NOT_FOUND)
    if callee.kind is Kind.BUSY:
        return Ending(CallStatus.BUSY, BUSY)
    call.status = CallStatus.RINGING
    call.ringing_at = call.updated_at = exchange.clock.now()
    exchange.note(call)
    exchange.tell(call, "ringing")
    await line.wait(min(callee.ring_seconds, call.request.ring_seconds))
    if callee.ring_seconds > call.request.ring_seconds:
        return Ending(CallStatus.NO_ANSWER, RING_TIMED_OUT)
    return Ending(CallStatus.BUSY, DECLINED) if callee.kind is Kind.DECLINED else None


async def _talk(call: Call, exchange: Exchange) -> Ending:
    """Raises HungUp."""
    call.status = CallStatus.IN_PROGRESS
    call.answered_at = call.updated_at = exchange.clock.now()
    call.hearing.answer()
    loop = asyncio.get_running_loop()
    call.timers.append(loop.call_later(call.request.limit_seconds, call.line.hang_up, By.CARRIER))
    exchange.tell(call, "answered")
    call.picked_up.set_result(True)
    source = call.request.source
    try:
        await _detect(call, exchange)
        if source is None:
            await call.line.wait(None)
    except Redirected as redirected:
        source = redirected.source
        call.let_go()
    if source is not None:
        await Conversation(call, exchange, _dial_leg(exchange)).follow(source)
    return Ending(CallStatus.COMPLETED, OK, By.DOCUMENT)


def _dial_leg(exchange: Exchange) -> DialLeg:
    def dial(parent: Call, request: CallRequest) -> Call:
        leg = exchange.admit(request, parent)
        exchange.run(_live(leg, exchange))
        return leg

    return dial


async def _detect(call: Call, exchange: Exchange) -> None:
    """Raises HungUp or Redirected."""
    detection = call.request.detection
    if detection is None or call.is_agent:
        return
    verdict, seconds = verdict_of(call.callee, detection)
    if detection.blocking:
        await call.line.wait(seconds)
        exchange.detected(call, verdict, seconds)
    else:
        call.timers.append(asyncio.get_running_loop().call_later(seconds, exchange.detected, call, verdict, seconds))


def verdict_of(callee: Callee, detection: Detection) -> tuple[str, float]:
    """What machine detection says, and how many seconds after the answer."""
    verdict, seconds = callee.verdict, callee.detection_seconds
    if detection.to_message_end and verdict == "machine_start":
        ending = "beep" if callee.kind is Kind.MACHINE else "silence"
        verdict, seconds = f"machine_end_{ending}", max(seconds, callee.greeting_seconds)
    return (verdict, seconds) if seconds <= detection.limit_seconds else ("unknown", detection.limit_seconds)
