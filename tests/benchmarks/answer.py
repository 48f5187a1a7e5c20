"""The answer webhook under load: a real daemon process, signed requests over HTTP, a commit before each answer.

Open loop: requests leave on a schedule whatever the answers do, and latency counts from the scheduled moment, so a
stall is seen in full. The floor is the same client, rate and process with a request that touches nothing (`/healthz`).
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

import aiohttp
from sqlmodel import Session, func, select
from twilio.request_validator import RequestValidator

from campaigns.tables import Attempt, Campaign, Lead, LeadList, Phone
from dialer.db.database import Database
from dialer.db.schema import upgrade
from dialer.db.sqlite import SqliteFile
from dialer.demonstration.processes import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    end,
    environment_for,
    free_ports,
    start,
    wait_for_answer,
    wait_for_token,
)
from dialer.tables import Agent

RATE = 50  # live answers a second
SECONDS = 20
AGENTS = 400
TALK_SECONDS = 2.0
WRAP_UP_SECONDS = 1
AIM_MS = 50.0
CAMPAIGN = {
    **{"name": "load", "kind": "telemarketing", "mode": "predictive", "intent": "stop", "client": "Acme"},
    **{"contact_number": "+12125550199", "region": "US", "caller_ids": ["+12125550100"], "ring_seconds": 25},
    **{"wrap_up_seconds": WRAP_UP_SECONDS, "drop_rate_ceiling": 0.03, "attempts_per_lead": 6, "attempts_per_day": 3},
    **{"machine_detection": True, "dispositions": ["sale"]},
}


def fill(session: Session) -> None:
    """A campaign whose calls all ring, and agents who are ready."""
    now = datetime.now(UTC)
    numbers = [f"+1212{n:07}" for n in range(RATE * SECONDS)]
    session.add(Campaign(**CAMPAIGN, created_at=now))
    session.add(LeadList(campaign_id=1, name="load", loaded_at=now))
    session.flush()
    for n, number in enumerate(numbers, 1):
        session.add(Lead(id=n, campaign_id=1, list_id=1, standing="dialling", due_at=now, attempts=1))
        session.add(Phone(id=n, campaign_id=1, lead_id=n, number=number, attempts=1))
    session.flush()
    times = dict.fromkeys(("last_event_at", "placing_at", "dialled_at", "ringing_at"), now)
    keys = {"campaign_id": 1, "list_id": 1, "caller_id": "+12125550100", "ring_seconds": 25, "sequence": 1}
    for n, number in enumerate(numbers, 1):
        call = {"id": f"a{n}", "call_sid": f"CA{n:032}", "state": "ringing", "number": number}
        session.add(Attempt(**keys, **call, **times, lead_id=n, phone_id=n))
    for n in range(AGENTS):
        seat = {"name": f"g{n}", "address": f"client:g{n}", "seat_token": f"t{n}"}
        session.add(Agent(**seat, campaign_id=1, state="joining", since=now, afterwards="ready"))


async def take_seats(emulator_url: str, daemon_url: str, folder: Path) -> None:
    """Let the emulator ring every agent into the seat, so that the daemon has seats to look after."""
    calls = f"{emulator_url}/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json"
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    async with aiohttp.ClientSession(headers=headers) as client:
        for n in range(AGENTS):
            form = {"To": f"client:g{n}", "From": "+12125550100", "Url": f"{daemon_url}/voice/seat?t=t{n}"}
            async with client.post(calls, data=form) as answer:
                assert answer.status == 201, await answer.text()
    database = Database.open_to_read(f"sqlite:///{folder / 'dialer.db'}")
    ready = select(func.count()).where(Agent.state == "ready")
    for _second in range(60):
        with database.read() as session:
            if session.exec(ready).one() == AGENTS:
                break
        await asyncio.sleep(1)
    else:
        raise RuntimeError("the agents did not get their seats")
    database.close()


async def on_schedule(send: Callable[[int], Awaitable[None]]) -> list[float]:
    """Milliseconds from each scheduled moment to its answer."""
    began = asyncio.get_running_loop().time()
    latencies: list[float] = []

    async def one(number: int) -> None:
        due = began + number / RATE
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        await send(number)
        latencies.append((asyncio.get_running_loop().time() - due) * 1000)

    await asyncio.gather(*(one(number) for number in range(1, RATE * SECONDS + 1)))
    return latencies


async def measure(url: str) -> tuple[list[float], list[float], int]:
    """Latencies of the floor and of the answers, and how many answers led to an agent."""
    validator = RequestValidator(AUTH_TOKEN)
    connected = 0
    later: list[asyncio.Task[None]] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as client:

        async def post(path: str, form: dict[str, str]) -> str:
            signature = validator.compute_signature(f"{url}{path}", form)
            async with client.post(f"{url}{path}", data=form, headers={"X-Twilio-Signature": signature}) as answer:
                assert answer.status in (200, 204), answer.status
                return await answer.text()

        async def hang_up(number: int) -> None:
            await asyncio.sleep(TALK_SECONDS)
            form = {"CallSid": f"CA{number:032}", "CallStatus": "completed", "SequenceNumber": "3", "CallDuration": "2"}
            await post(f"/voice/progress?a=a{number}", form)

        async def answer(number: int) -> None:
            nonlocal connected
            form = {
                "CallSid": f"CA{number:032}",
                "CallStatus": "in-progress",
                "To": f"+1212{number:07}",
                "From": "+12125550100",
            }
            connected += "<Conference" in await post(f"/voice/answer?a=a{number}", form)
            later.append(asyncio.create_task(hang_up(number)))

        async def nothing(_number: int) -> None:
            async with client.get(f"{url}/healthz") as answered:
                await answered.text()

        floor = await on_schedule(nothing)
        answers = await on_schedule(answer)
        await asyncio.gather(*later)
    return floor, answers, connected


def main() -> None:
    """Print p50, p99 and worst of the webhook beside the floor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        upgrade(SqliteFile(folder / "dialer.db"))
        database = Database.open(f"sqlite:///{folder / 'dialer.db'}")
        database.write(fill)
        database.close()
        emulator_port, daemon_port = free_ports(2)
        environment = environment_for(folder, emulator_port, daemon_port, 0.0) | {"DIALER_QUIET_SECONDS": "600"}
        emulator = start(folder, environment, "emulator", "--port", str(emulator_port), "--calls-per-second", "100")
        wait_for_answer(f"http://127.0.0.1:{emulator_port}/emulator/health", emulator, folder / "emulator.log")
        daemon = start(folder, environment, "run")
        try:
            wait_for_token(daemon, folder)
            urls = (f"http://127.0.0.1:{emulator_port}", f"http://127.0.0.1:{daemon_port}")
            asyncio.run(take_seats(*urls, folder))
            floor, answers, connected = asyncio.run(measure(urls[1]))
        finally:
            end(daemon)
            end(emulator)
    print(
        f"\nanswer webhook to TwiML, {RATE} live answers a second for {SECONDS} s, {AGENTS} agents in held seats (ms)"
    )
    for label, values in (("floor: /healthz", floor), ("answer", answers)):
        cuts = quantiles(values, n=100)
        print(f"  {label:<16} p50 {cuts[49]:7.2f}   p99 {cuts[98]:7.2f}   worst {max(values):7.2f}")
    ratio = quantiles(answers, n=100)[49] / quantiles(floor, n=100)[49]
    print(f"  answered by an agent {connected} of {len(answers)}")
    print(f"  p50 is {ratio:.1f} x the floor; aim: p99 under {AIM_MS:.0f} ms")


if __name__ == "__main__":
    main()
