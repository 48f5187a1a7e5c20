"""How many calls the gate decides in a second on one core, warm: lists, hours, caps, pauses and the budget asked."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from compliance import rulebook
from compliance.facts import OWN_MEASURE, DropCount, Facts, Past
from compliance.gate import Cleared, check
from compliance.locating import locate

FLOOR = 50_000  # decisions a second
NUMBERS = [
    f"+1{area}5550{line}" for area in (212, 305, 214, 312, 415, 602, 915, 850, 404, 617) for line in range(100, 200)
]
NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 9, tzinfo=UTC)
ROUNDS = 50


def main() -> None:
    book = rulebook.load()
    begun = time.perf_counter()
    places = [locate(number) for number in NUMBERS]
    print(f"gate: {len(NUMBERS) / (time.perf_counter() - begun):,.0f} numbers located a second, cold")
    copies = dict.fromkeys(book.lists(), NOON.date())
    drops = tuple(DropCount(measure, 10_000, 10, NOON + timedelta(days=1)) for measure in (OWN_MEASURE, *book.measures))
    called = [
        Facts(
            number=number,
            kind="telemarketing",
            campaign="spring",
            client="Acme",
            jurisdictions=place.jurisdictions,
            zones=place.zones,
            ring_seconds=30,
            copies=copies,
            consent="written",
            attempts=(Past(NOON - timedelta(days=1), NOON - timedelta(days=1), number, "spring", "Acme", "machine"),),
            attempts_per_day=3,
            drops=drops,
            drop_ceiling=0.03,
        )
        for number, place in zip(NUMBERS, places, strict=True)
    ]
    _measure("cleared by day", called, NOON, True, book)
    _measure("refused at night", called, NIGHT, False, book)
    _measure("refused without consent", [replace(one, consent="none") for one in called], NOON, None, book)


def _measure(what: str, called: Sequence[Facts], now: datetime, clear: bool | None, book: rulebook.Rulebook) -> None:
    verdicts = [check(one, book, now) for one in called]
    assert clear is None or all(isinstance(verdict, Cleared) is clear for verdict in verdicts)
    begun = time.perf_counter()
    for _ in range(ROUNDS):
        for one in called:
            check(one, book, now)
    rate = ROUNDS * len(called) / (time.perf_counter() - begun)
    print(f"gate: {rate:,.0f} decisions a second, {what}: {rate / FLOOR:.2f} of the floor of {FLOOR:,}")
