"""A week of calling in every state and province: the real daemon over HTTP against the emulator, the clock moved along.

Not one call may begin, or ring, outside its rules. Judged from the emulator's own record by the oracle that reads the
rule files by itself.
"""

import asyncio
import signal
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from phonenumbers import parse
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

import dialer.emulator.exchange
from compliance import consents, lists
from compliance.area_codes import AREA_CODES
from compliance.places import PLACES
from config import Settings
from dialer import daemon
from dialer.clock import Clock
from dialer.demonstration.processes import ACCOUNT_SID, AUTH_TOKEN, free_ports
from dialer.emulator.server import make_app
from dialer.emulator.settings import EmulatorSettings
from dialer.simulation.callees import Population, Spread
from tests.compliance.oracle import PACKS, WHERE, applies, legal

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)  # the week of Thanksgiving
# Eighteen seconds before every half hour, when a call would ring into it, and the half hour itself.
STEPS = [MONDAY + timedelta(minutes=30 * step - early) for step in range(7 * 48) for early in (0.3, 0)]
AGENTS = 12
TOKEN = "a-token-of-the-week"
SHORT = Spread(0.05)
QUICK = Population(
    **{"human": 0.1, "machine": 0.1, "busy": 0.8, "failed": 0.0, "fax": 0.0, "opts_out": 0.0},
    **dict.fromkeys(("setup", "human_ring", "machine_ring", "greeting", "recording", "talk"), SHORT),
    **dict.fromkeys(("detection", "machine_detection"), SHORT),
)
SPLIT = {  # area codes in states of two zones, for leads without an address: both clocks bind where both are there
    "915": ("US-TX", {"America/Denver"}),
    "850": ("US-FL", {"America/Chicago", "America/New_York"}),
    "812": ("US-IN", {"America/Chicago", "America/New_York"}),
    "541": ("US-OR", {"America/Los_Angeles", "America/Boise"}),
    "701": ("US-ND", {"America/Chicago", "America/Denver"}),
    "605": ("US-SD", {"America/Chicago", "America/Denver"}),
    "308": ("US-NE", {"America/Chicago", "America/Denver"}),
    "906": ("US-MI", {"America/Detroit", "America/Menominee"}),
}


class MovedClock(Clock):
    """Goes at its usual pace, and is moved forward between."""

    ahead = MONDAY - timedelta(seconds=30) - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move_to(self, moment: datetime) -> None:
        self.ahead = max(self.ahead, moment - datetime.now(UTC))


@pytest.fixture
def clock(monkeypatch):
    clock = MovedClock()
    for module in (daemon, dialer.emulator.exchange):
        monkeypatch.setattr(module, "Clock", lambda _offset=0.0: clock)
    return clock


@pytest.fixture
def people(build, database):
    """Number -> place and zones: three in every state and province for each kind of campaign, with the address, and
    some in split area codes without."""
    found = {}
    for prefix, kind in enumerate(("telemarketing", "survey")):
        options = {"machine_detection": False, "wrap_up_seconds": 0, "attempts_per_lead": 99, "attempts_per_day": 9}
        campaign = build.campaign(kind, kind=kind, ring_seconds=15, **options)
        for index, place in enumerate(sorted({place.jurisdiction for place in PLACES.values()})):
            area = min(area for area, places in AREA_CODES.items() if place in places)
            for line in range(3):
                number = f"+1{area}555{prefix}{index:02}{line}"
                build.lead(campaign, number, state=place[3:], line_type="landline")
                listed = frozenset(time_zones_for_number(parse(number))) - {UNKNOWN_TIMEZONE}
                found[number] = (place, listed or WHERE[place])
        for area, (place, zones) in SPLIT.items():
            number = f"+1{area}555{prefix}199"
            build.lead(campaign, number, state="", line_type="landline")
            found[number] = (place, frozenset(zones))
    database.write(lambda session: _settle(session, list(found)))
    return found


def _settle(session, numbers):
    """Everybody has agreed in writing and every list is at hand, so that only the clock and the caps refuse."""
    given = {"kind": "written", "source": "web", "given_at": MONDAY - timedelta(days=9)}
    consents.add(session, [consents.NewConsent(number=number, **given) for number in numbers], MONDAY)
    for name in {rule["list"] for pack in ("us", "ca") for rule in PACKS[pack]["do_not_call"]}:
        copy = lists.open_copy(session, name, MONDAY.date() - timedelta(days=3), MONDAY)
        lists.add_numbers(session, copy, ["+12125550190"])
        lists.activate(session, copy)


@asynccontextmanager
async def running(database, database_url, clock):
    """Emulator and daemon in this process; a client of the daemon's API and of the emulator's record."""
    emulator_port, port = free_ports(2)
    settings = Settings(
        **{"twilio_account_sid": ACCOUNT_SID, "twilio_auth_token": AUTH_TOKEN, "api_token": TOKEN, "port": port},
        **{"twilio_base_url": f"http://127.0.0.1:{emulator_port}", "calls_per_second": 100, "tick_seconds": 0.1},
        database_url=database_url,
    )
    carrier = EmulatorSettings(ACCOUNT_SID, AUTH_TOKEN, calls_per_second=200, population=QUICK)
    server = daemon.Server(
        uvicorn.Config(make_app(carrier), log_config=None, access_log=False), asyncio.Event(), lambda: None
    )
    serving = asyncio.create_task(server.serve([daemon.listen("127.0.0.1", emulator_port)]))
    await server.listens.wait()
    working = asyncio.create_task(daemon.run(settings, database, daemon.listen("127.0.0.1", port)))
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=30) as client:

        async def do(action, **parameters):
            (await client.post(f"http://127.0.0.1:{port}/api/do/{action}", json=parameters)).raise_for_status()

        async def record():
            return (await client.get(f"http://127.0.0.1:{emulator_port}/emulator/record")).json()

        await asyncio.sleep(2)
        yield do, record
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(working, 60)
    server.should_exit = True
    await serving


@pytest.mark.timeout(900)
async def test_a_week_without_a_call_outside_its_rules(database, database_url, clock, people):
    async with running(database, database_url, clock) as (do, record):
        for number in range(AGENTS):
            agent = {"agent": f"agent{number}"}
            await do("agent/add", address=f"client:agent{number}", **agent)
            await do("agent/login", campaign="survey" if number % 2 else "telemarketing", **agent)
            await do("agent/ready", **agent)
        for moment in STEPS:
            clock.move_to(moment)
            await asyncio.sleep(0.4)
        for campaign in ("survey", "telemarketing"):
            await do("campaign/verb", campaign=campaign, verb="stop")
        calls = [call for call in (await record())["calls"] if call["leg"] == "customer"]
    judge(calls, people)


def judge(calls, people):
    """Fails with the calls that broke a rule; and when the oracle would not have found one."""
    placed = [(people[call["to"]], call["to"], datetime.fromisoformat(call["created"])) for call in calls]
    broken = [(str(at), number, where) for where, number, at in placed if not _legal(where, number, at)]
    assert broken == []
    elsewhere = [at for where, number, at in placed if not _legal(where, number, at + timedelta(hours=12))]
    assert len(elsewhere) > len(placed) / 3
    assert list(_over_caps(placed)) == []
    assert len(placed) > 1000
    assert {at.date() for _where, _number, at in placed} >= {MONDAY.date() + timedelta(days=day) for day in range(7)}
    called = Counter(place for (place, _zones), _number, _at in placed)
    assert {place for place, _zones in people.values()} - called.keys() == set()


def _kind(number):
    return "survey" if number[8] == "1" else "telemarketing"


def _legal(where, number, at):
    place, zones = where
    return legal(place, _kind(number), at, zones=zones, ring=timedelta(seconds=15))


def _over_caps(placed):
    """Caps that no consent lifts, and the campaign's own of nine in a day."""
    times = defaultdict(list)
    for (place, _zones), number, at in placed:
        times[place, number].append(at)
    caps = [rule for pack in ("us", "ca") for rule in PACKS[pack]["cap"] if "lifted_by" not in rule]
    for (place, number), moments in times.items():
        limits = [(9, 24.0)]
        limits += [(r["attempts"], r["hours"]) for r in caps if applies(r, place, _kind(number), MONDAY.date())]
        for cap, hours in limits:
            for first, last in zip(moments, moments[cap:], strict=False):
                if last - first < timedelta(hours=hours):
                    yield number, place, cap, str(first), str(last)
