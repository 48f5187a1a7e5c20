"""What tests of the moving parts share: a migrated database each, a clock moved by hand, a carrier with a script."""

import asyncio
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Integer, insert, select, update
from sqlmodel import SQLModel

from campaigns.dispositions import Kind, for_kind
from compliance.gate import Cleared
from compliance.packs import read_pack
from compliance.rulebook import Rulebook, make_rulebook
from dialer.call_control import Urls
from dialer.clock import Clock
from dialer.db import schema
from dialer.db.database import Database, place_of
from dialer.db.sqlite import SqliteFile
from dialer.events import CallEvent, Placed, Progress, Refused
from dialer.exchange import Exchange
from dialer.leases import Leases
from dialer.shares import TIMETABLE
from dialer.telephony.carrier import CarrierError, CarrierRefusesUs, Placement, SeatRing
from tests.postgres import Server, running_server

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)  # a Monday noon in New York
NEW_YORK_NUMBERS = [f"+12125550{n}" for n in range(100, 200)]

# Eight to nine and the usual drop rate, so that tests of the moving parts do not change with the law.
PLAIN_LAW = """
country = "US"
version = 2026-11-23
[[hours]]
id = "us.hours"
jurisdiction = "US"
scope = ["telemarketing", "survey"]
open = { mon-sun = ["08:00-21:00"] }
basis = "law"
citation = "a law for tests"
confidence = "high"
[[abandonment]]
id = "us.abandonment"
jurisdiction = "US"
scope = ["telemarketing", "survey"]
ceiling = 0.03
of = "live-answers"
window = "30-day-blocks"
across = "campaign"
counts_cut_off = false
basis = "law"
citation = "a law for tests"
confidence = "high"
[[connect]]
id = "us.connect"
jurisdiction = "US"
scope = ["telemarketing", "survey"]
seconds = 2
counted_from = "greeting"
basis = "law"
citation = "a law for tests"
confidence = "high"
[[ring]]
id = "us.ring"
jurisdiction = "US"
scope = ["telemarketing", "survey"]
seconds_minimum = 15
basis = "law"
citation = "a law for tests"
confidence = "high"
"""


class HandClock(Clock):
    """Stands still until a test moves it."""

    time = NOON

    def __init__(self) -> None:
        super().__init__()
        self.waited_for: list[float] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 1000.0 + (self.time - NOON).total_seconds()

    def advance(self, seconds: float = 0, **parts: float) -> datetime:
        self.time += timedelta(seconds=seconds, **parts)
        return self.time

    async def until(self, moment: float) -> None:
        """At once, but after whatever else is due."""
        self.waited_for.append(moment)
        await asyncio.sleep(0)


@dataclass
class KnownCall:
    """A call as the scripted carrier has it; `news` is what a look-up finds, or raises."""

    number: str
    at: datetime
    news: CallEvent | Exception | Callable[[], CallEvent]

    def told(self) -> CallEvent:
        if isinstance(self.news, Exception):
            raise self.news
        return self.news() if callable(self.news) else self.news


@dataclass(frozen=True)
class Request:
    """A call the carrier was asked to place."""

    number: str
    attempt_id: str
    caller_id: str
    ring_seconds: int
    detect: bool


class ScriptedCarrier:
    """The carrier port in memory: accepts every call unless `answers` says otherwise, and keeps what it was asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # To the next requests, before the usual yes; a function is called while the request is under way.
        self.answers: deque[Placement | Callable[[], Placement]] = deque()
        self.seat_answers: deque[SeatRing] = deque()
        self.down = False  # cannot be reached
        self.refuses_us = False  # account or token are wrong
        self.requests: list[Request] = []
        self.calls: dict[str, KnownCall] = {}
        self.seats: list[tuple[str, str, str]] = []  # address, caller id, token
        self.hung_up: list[str] = []
        self.stopped: list[str] = []  # rings
        self.messages: list[tuple[str, str]] = []  # sid, attempt id
        self.meetings: set[tuple[str, str]] = set()  # calls that have ended, and the seats they were at
        self.asked: list[str] = []  # sids and numbers that were looked up

    def add(self, sid: str, number: str, news: CallEvent | Exception | Callable[[], CallEvent]) -> None:
        """Let there be a call, made now."""
        self.calls[sid] = KnownCall(number, self._clock.now(), news)

    def place(self, cleared: Cleared, attempt_id: str, caller_id: str, ring_seconds: int, detect: bool) -> Placement:
        with self._lock:
            if not cleared.covers(cleared.number, self._clock.now()):
                return Refused("the clearance expired", retry=True)
            self.requests.append(Request(cleared.number, attempt_id, caller_id, ring_seconds, detect))
            sid = f"CA{len(self.requests):03}"
            answer = self.answers.popleft() if self.answers else Placed(sid)
            if callable(answer):
                answer = answer()
            if isinstance(answer, Placed):
                self.add(answer.sid, cleared.number, Progress(answer.sid, ringing=False))
            return answer

    def ring_seat(self, address: str, caller_id: str, token: str) -> SeatRing:
        with self._lock:
            self.seats.append((address, caller_id, token))
            sid = f"CS{len(self.seats):03}"
            answer = self.seat_answers.popleft() if self.seat_answers else SeatRing(sid)
            if answer.sid is not None:
                self.add(answer.sid, address, Progress(answer.sid, ringing=True))
            return answer

    def hang_up(self, sid: str) -> None:
        self._reach()
        self.hung_up.append(sid)

    def stop_ringing(self, sid: str) -> None:
        self._reach()
        self.stopped.append(sid)

    def play_message(self, sid: str, attempt_id: str) -> None:
        self._reach()
        self.messages.append((sid, attempt_id))

    def look_up(self, sid: str) -> CallEvent | None:
        self._reach()
        self.asked.append(sid)
        return self.calls[sid].told() if sid in self.calls else None

    def met(self, sid: str, seat_sid: str) -> bool:
        self._reach()
        return (sid, seat_sid) in self.meetings

    def in_progress(self) -> frozenset[str]:
        self._reach()
        self.asked.append("in progress")
        talking = (sid for sid, call in self.calls.items() if isinstance(call.news, Progress) and call.news.picked_up)
        return frozenset(talking)

    def find(self, number: str, since: datetime) -> tuple[str, CallEvent] | None:
        self._reach()
        self.asked.append(number)
        to_it = [(call.at, sid) for sid, call in self.calls.items() if call.number == number and call.at >= since]
        if not to_it:
            return None
        sid = max(to_it)[1]
        return sid, self.calls[sid].told()

    def check(self) -> None:
        self._reach()

    def _reach(self) -> None:
        if self.down:
            raise CarrierError("the carrier could not be reached")
        if self.refuses_us:
            raise CarrierRefusesUs("the carrier refuses our account (20003)")


class Build:
    """Puts rows into a database and reads them back; every builder gives the id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids = count(1)
        self._numbers = iter(NEW_YORK_NUMBERS)

    def campaign(self, name: str = "spring", **changes: Any) -> int:
        values = {
            **{"name": name, "kind": "telemarketing", "mode": "progressive", "intent": "run", "client": "Acme"},
            **{"contact_number": "+12125550199", "region": "US", "caller_ids": ["+12125550198"], "ring_seconds": 20},
            **{"wrap_up_seconds": 30, "drop_rate_ceiling": 0.03, "attempts_per_lead": 6, "attempts_per_day": 3},
            **{
                "machine_detection": True,
                "machine_error": 0.0,
                "business": False,
                "without": [],
                "created_at": NOON,
                "note": "",
                "dispositions": CODES,
            },
        }
        campaign_id = self.add("campaign", values | changes)
        self.add("lead_list", _list_of(campaign_id))
        return campaign_id

    def lead(self, campaign_id: int, *numbers: str, **changes: Any) -> int:
        """A fresh lead in New York, due now, with a number of its own unless some are given."""
        where = {
            "first_name": "",
            "last_name": "",
            "email": "",
            "state": "NY",
            "postal_code": "",
            "time_zone": "",
            "line_type": "",
        }
        work = {"custom": {}, "standing": "open", "priority": 2, "due_at": NOON, "attempts": 0}
        list_id = self.row("lead_list", campaign_id=campaign_id)["id"]
        lead_id = self.add("lead", {"campaign_id": campaign_id, "list_id": list_id, **where, **work} | changes)
        for rank, number in enumerate(numbers or [next(self._numbers)]):
            phone = {"campaign_id": campaign_id, "lead_id": lead_id, "number": number, "rank": rank, "label": "phone"}
            self.add("phone", phone | {"attempts": 0})
        return lead_id

    def leads(self, campaign_id: int, numbers: Sequence[str]) -> list[int]:
        """Many fresh leads at once, a number each."""
        first = self.lead(campaign_id, numbers[0])
        lead, phone = dict(self.row("lead", id=first)), dict(self.row("phone", lead_id=first))
        del lead["id"], phone["id"]
        ids = self.add_all("lead", [lead] * (len(numbers) - 1))
        new = zip(ids, numbers[1:], strict=True)
        self.add_all("phone", [{**phone, "number": number, "lead_id": lead_id} for lead_id, number in new])
        return [first, *ids]

    def agent(self, name: str, campaign_id: int | None = None, state: str = "ready", **changes: Any) -> int:
        seat = {} if state == "logged-out" else {"seat_token": f"seat-of-{name}", "seat_sid": f"CS-{name}"}
        work = {"campaign_id": campaign_id, "state": state, "since": NOON, "reason": "", "afterwards": "ready"}
        return self.add("agent", {"name": name, "address": f"client:{name}", **work, **seat} | changes)

    def attempt(self, lead_id: int, state: str = "dialled", **changes: Any) -> str:
        """A live attempt on a lead's first phone, as a claim would have left it."""
        lead, phone = self.row("lead", id=lead_id), self.rows("phone", lead_id=lead_id)[0]
        attempt_id = changes.get("id", f"a{next(self._ids)}")
        whose = {"campaign_id": lead["campaign_id"], "list_id": lead["list_id"], "lead_id": lead_id}
        line = {"phone_id": phone["id"], "number": phone["number"], "caller_id": "+12125550198", "ring_seconds": 20}
        life = {"state": state, "sequence": -1, "last_event_at": NOON, "placing_at": NOON}
        flags = {"agent_reserved": True, "abandoned": False, "opted_out": False}
        known = {} if state in ("placing", "unknown") else {"call_sid": f"CA-{attempt_id}"}
        if known:
            known["dialled_at"] = changes.get("placing_at", NOON)
        self.add("attempt", {"id": attempt_id, **whose, **line, **life, **flags, **known} | changes)
        if state != "ended":
            self.change("lead", lead_id, standing="dialling", attempts=lead["attempts"] + 1)
            self.change("phone", phone["id"], attempts=phone["attempts"] + 1)
        return attempt_id

    def change(self, table: str, key: int | str, **values: Any) -> None:
        columns = SQLModel.metadata.tables[table]
        changed = update(columns).where(columns.c.id == key).values(values)
        self._database.write(lambda session: session.connection().execute(changed) and None)

    def rows(self, table: str, **where: Any) -> list[Mapping[str, Any]]:
        """In the order of their ids where those are numbers: that in which they were added."""
        columns = SQLModel.metadata.tables[table]
        query = select(columns).where(*(columns.c[name] == value for name, value in where.items()))
        query = query.order_by(*(key for key in columns.primary_key if isinstance(key.type, Integer)))
        with self._database.read() as session:
            return [dict(row) for row in session.connection().execute(query).mappings()]

    def row(self, table: str, **where: Any) -> Mapping[str, Any]:
        (found,) = self.rows(table, **where)
        return found

    def add(self, table: str, values: Mapping[str, Any]) -> Any:
        new = insert(SQLModel.metadata.tables[table]).values(values)
        return self._database.write(lambda session: session.connection().execute(new).inserted_primary_key[0])

    def add_all(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        columns = SQLModel.metadata.tables[table]
        new = insert(columns).returning(columns.c.id, sort_by_parameter_order=True)
        return self._database.write(lambda session: list(session.connection().execute(new, rows).scalars()))


CODES = [entry.code for entry in for_kind(Kind.TELEMARKETING)]


def _list_of(campaign_id: int) -> dict[str, Any]:
    counts = {"rows": 0, "accepted": 0, "duplicates": 0, "rejected": {}}
    return {"campaign_id": campaign_id, "name": "leads.csv", "loaded_at": NOON, **counts}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `both_databases` run on each, but for those among them that are marked `sqlite_only`."""
    marked = {mark.name for mark in metafunc.definition.iter_markers()}
    if "backend" in metafunc.fixturenames and "both_databases" in marked and "sqlite_only" not in marked:
        metafunc.parametrize("backend", ["sqlite", "postgresql"])


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file as `dialer db upgrade` makes it."""
    path = tmp_path_factory.mktemp("template") / "dialer.db"
    schema.upgrade(SqliteFile(path))
    return path


@pytest.fixture(scope="session")
def migrated_on_server(server: Server) -> str:
    """The same on the server."""
    name = server.create()
    schema.upgrade(place_of(server.url(name)))
    return name


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database of the test's own."""
    if backend == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated"), tmp_path / "dialer.db")
        yield f"sqlite:///{tmp_path}/dialer.db"
    else:
        server = request.getfixturevalue("server")
        name = server.create(request.getfixturevalue("migrated_on_server"))
        yield server.url(name)
        server.drop(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database.open(database_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def rules() -> Rulebook:
    return make_rulebook([read_pack("us.toml", PLAIN_LAW)])


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def carrier(clock: HandClock) -> ScriptedCarrier:
    return ScriptedCarrier(clock)


@pytest.fixture
def build(database: Database) -> Build:
    return Build(database)


@pytest.fixture
def seen() -> list[Any]:
    """What the exchange let pacing observe."""
    return []


@pytest.fixture
def leases() -> Leases:
    """Of the node that does what is done once for all."""
    return Leases("one", held=frozenset({TIMETABLE}))


@pytest.fixture
def exchange(
    database: Database, carrier: ScriptedCarrier, clock: HandClock, rules: Rulebook, seen: list[Any]
) -> Iterator[Exchange]:
    with ThreadPoolExecutor(2) as threads:
        yield Exchange(
            *(database, carrier, clock, rules, Urls("https://dialer.example")),
            connect_seconds=2.0,
            carrier_threads=threads,
            placing_threads=threads,
            observe=lambda _campaign_id, event: seen.append(event),
        )
