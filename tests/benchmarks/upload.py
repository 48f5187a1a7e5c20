"""Upload of a generated list into SQLite by the real path, beside plain executemany of the same clean rows.

Each load is a process of its own, so that its peak memory is its own; the floor runs after it in the same minute. Then
the claim on which the cache of exchanges rests is checked for every exchange of North America.
"""

import csv
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import phonenumbers
from sqlmodel import Session, SQLModel

from campaigns.lead_file import LeadRow
from campaigns.lead_store import BatchReceipt, close_list, load_batch, open_list
from campaigns.loading import upload
from campaigns.phone_numbers import SPLIT_EXCHANGES
from campaigns.tables import Campaign
from dialer.db.database import Database
from dialer.db.sqlite import CACHE_KILOBYTES

ROWS = (250_000, 1_000_000)
DUPLICATES, INVALID = 0.05, 0.025
NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
STATES = ("AL", "CA", "FL", "GA", "IL", "NY", "OH", "PA", "TX", "WA")
NAMES = ("Ann", "Bo", "Carmen", "Dmitri", "Eve", "Farid", "Grace", "Hiroshi", "Ines", "José")


def generate(path: Path, rows: int) -> None:
    """A list of people over the whole country, always the same for the same size."""
    pick = random.Random(rows)
    areas = [area for area in map(str, range(200, 1000)) if _valid(f"{area}2345678")]
    exchanges = [f"{area}{pick.randrange(200, 1000)}" for area in areas for _ in range(200)]
    numbers: list[str] = []
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("Lead ID", "First Name", "Last Name", "E-mail", "Address", "City", "State", "ZIP", "Phone"))
        for row in range(rows):
            chance = pick.random()
            if chance < DUPLICATES and numbers:
                number = pick.choice(numbers)
            elif chance < DUPLICATES + INVALID:
                number = pick.choice(("", "n/a", "555-0100", "0005550100"))
            else:
                number = f"{pick.choice(exchanges)}{pick.randrange(10_000):04}"
                number = pick.choice((number, f"({number[:3]}) {number[3:6]}-{number[6:]}", f"+1{number}"))
                numbers.append(number)
            first, last = pick.choice(NAMES), f"Miller{pick.randrange(9999)}"
            address = f"{pick.randrange(9999)} Ross Clark Circle"
            mail = f"{first}.{last}@example.com"
            writer.writerow((row, first, last, mail, address, "Dothan", pick.choice(STATES), "36301", number))


def _valid(national: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.PhoneNumber(country_code=1, national_number=int(national)))


def peak_mb() -> float:
    """This process's own peak; what getrusage says includes its parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise OSError("no peak memory on this system")


def prepare(session: Session) -> None:
    SQLModel.metadata.create_all(session.connection())
    values = {"kind": "telemarketing", "mode": "predictive", "intent": "stop", "client": "x", "contact_number": "x"}
    limits = {"ring_seconds": 20, "wrap_up_seconds": 30, "drop_rate_ceiling": 0.03, "machine_detection": True}
    caps = {"attempts_per_lead": 5, "attempts_per_day": 3, "region": "US", "caller_ids": [], "dispositions": []}
    session.add(Campaign(name="bench", created_at=NOON, **values, **limits, **caps))


def load(source: Path, target: Path) -> dict[str, Any]:
    database = Database.open(f"sqlite:///{target}")
    database.write(prepare)
    start_mb = peak_mb()
    waits: list[float] = []

    def submit(rows: Sequence[LeadRow]) -> BatchReceipt:
        began = time.perf_counter()
        receipt = database.write(lambda session: load_batch(session, list_id, rows))
        waits.append(time.perf_counter() - began)
        return receipt

    began = time.perf_counter()
    list_id = database.write(lambda session: open_list(session, 1, source.name, NOON))
    receipt = upload(source, region="US", mapping=(), submit=submit, on_progress=lambda _done, _size: None)
    database.write(lambda session: close_list(session, list_id, receipt.rejected))
    seconds = time.perf_counter() - began
    database.close()
    waits.sort()
    worst = {"p50_ms": waits[len(waits) // 2] * 1e3, "p99_ms": waits[int(len(waits) * 0.99)] * 1e3}
    return asdict(receipt) | worst | {"seconds": seconds, "peak_mb": peak_mb(), "start_mb": start_mb}


def floor(source: Path, target: Path) -> dict[str, Any]:
    """The rows of the database `source`, in the order of the file they came from, straight into an empty one."""
    database = Database.open(f"sqlite:///{target}")
    database.write(prepare)
    database.write(lambda session: open_list(session, 1, "floor", NOON))
    database.close()
    read = sqlite3.connect(source)
    leads = read.execute("SELECT * FROM lead ORDER BY due_at").fetchall()
    phones = read.execute("SELECT phone.* FROM phone JOIN lead ON lead.id = lead_id ORDER BY due_at").fetchall()
    renumbered = {lead[0]: place for place, lead in enumerate(leads, 1)}
    columns = [column[1] for column in read.execute("PRAGMA table_info(phone)")]
    owner = columns.index("lead_id")
    leads = [(renumbered[lead[0]], *lead[1:]) for lead in leads]
    phones = [(None, *phone[1:owner], renumbered[phone[owner]], *phone[owner + 1 :]) for phone in phones]
    write = sqlite3.connect(target)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"cache_size=-{CACHE_KILOBYTES}"):
        write.execute(f"PRAGMA {pragma}")
    began, cpu = time.perf_counter(), time.process_time()
    write.executemany(f"INSERT INTO lead VALUES ({', '.join('?' * len(leads[0]))})", leads)
    write.executemany(f"INSERT INTO phone VALUES ({', '.join('?' * len(phones[0]))})", phones)
    write.commit()
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "leads": len(leads)}


def in_a_process(what: str, source: Path, target: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.upload", what, str(source), str(target)]
    done: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return done


def uneven_exchanges(area: int) -> list[str]:
    """Exchanges of the area code in which a later digit than the cache looks at decides whether a number is valid."""
    found = []
    looks_at = SPLIT_EXCHANGES.get(str(area), 6)
    for exchange in range(200, 1000):
        prefix = f"{area}{exchange}"
        answers = {
            _valid(f"{prefix}{seventh}{(area * exchange + seventh * 37) % 1000:03}")
            == _valid(f"{prefix}{seventh}"[:looks_at].ljust(10, "0"))
            for seventh in range(10)
        }
        if False in answers:
            found.append(prefix)
    return found


def main() -> None:
    print("Upload of a lead list into SQLite (5 % duplicates, 2.5 % invalid)")
    print(
        f"{'rows':>10} {'seconds':>8} {'rows/s':>8} {'floor':>7} {'ratio':>6} {'peak':>7} {'batch p50':>10} {'p99':>7}"
    )
    for rows in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            source, target, bare = (Path(folder, name) for name in ("leads.csv", "leads.db", "floor.db"))
            generate(source, rows)
            real = in_a_process("load", source, target)
            plain = in_a_process("floor", target, bare)
        accounted = real["accepted"] + real["duplicates"] + sum(real["rejected"].values())
        assert rows == real["rows"] == accounted
        assert plain["leads"] == real["accepted"]
        seconds, least = real["seconds"], plain["seconds"]
        print(
            f"{rows:>10,} {seconds:>7.1f}s {rows / seconds:>8,.0f} {least:>6.1f}s {seconds / least:>5.2f}x "
            f"{real['peak_mb']:>4.0f} MB {real['p50_ms']:>7.1f} ms {real['p99_ms']:>4.0f} ms"
        )
    with ProcessPoolExecutor() as processes:
        uneven = [prefix for some in processes.map(uneven_exchanges, range(200, 1000)) for prefix in some]
    print(f"exchanges of North America that the number cache would get wrong: {', '.join(uneven) or 'none of 640,000'}")


if __name__ == "__main__":
    job = {"load": load, "floor": floor}[sys.argv[1]]
    print(json.dumps(job(Path(sys.argv[2]), Path(sys.argv[3]))))
