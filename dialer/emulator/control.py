"""What Twilio does not have: the emulator's own account, faults to switch, agents to lose. Without authentication."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request

from dialer.emulator.faults import Faults
from dialer.emulator.line import By
from dialer.emulator.record import record
from dialer.emulator.wire import exchange_of

router = APIRouter(prefix="/emulator")


@router.get("/health")
async def health(request: Request) -> dict[str, Any]:
    exchange = exchange_of(request)
    return {"ok": True, "now": exchange.clock.now().isoformat(), "live_calls": len(exchange.live)}


@router.get("/record")
async def read_record(request: Request) -> dict[str, Any]:
    return record(exchange_of(request))


@router.get("/faults")
async def read_faults(request: Request) -> Faults:
    return exchange_of(request).dice.faults


@router.post("/faults")
async def change_faults(request: Request, faults: Faults) -> Faults:
    """Changes the faults that are named; an empty object changes nothing."""
    dice = exchange_of(request).dice
    dice.change(faults)
    return dice.faults


@router.post("/agents/{address:path}/drop")
async def drop_agent(request: Request, address: str) -> dict[str, int]:
    """Hangs up every live leg to an agent's address, as if the agent's line were lost."""
    legs = [
        call
        for call in exchange_of(request).live.values()
        if call.request.to == address and call.answered_at is not None
    ]
    if not legs:
        raise HTTPException(404)
    for leg in legs:
        leg.line.hang_up(By.CALLEE)
    return {"dropped": len(legs)}
