"""Leads for trying things out. Every number is kept for fiction by its country; nobody can be reached."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from importlib import resources
from random import Random

from compliance.area_codes import AREA_CODES

SAMPLE = resources.files("dialer.demonstration") / "sample_leads.csv"  # `sample_file(SAMPLE_ROWS)`, to look at
SAMPLE_ROWS = 600
HEADER = ("phone", "first name", "last name", "state", "product of interest")

# Area codes with their states, east to west; 555-0100 to 555-0199 is kept for fiction in each (NANPA).
EAST = (("212", "NY"), ("617", "MA"), ("215", "PA"), ("305", "FL"), ("404", "GA"), ("202", "DC"), ("704", "NC"))
MIDDLE = (("312", "IL"), ("214", "TX"), ("612", "MN"), ("504", "LA"), ("314", "MO"), ("414", "WI"), ("205", "AL"))
WEST = (("303", "CO"), ("602", "AZ"), ("505", "NM"), ("415", "CA"), ("206", "WA"), ("702", "NV"), ("213", "CA"))
ASLEEP = (("808", "HI"), ("671", "GU"))  # at noon in New York it is before eight there
ISLANDS = ("AK", "AS", "GU", "HI", "MP", "PR", "VI")  # the states and territories beyond the continent's four zones
FIRST_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo", "Iris", "Jon", "Kim", "Leo", "Mia", "Noah")
LAST_NAMES = ("Abbot", "Brown", "Cruz", "Diaz", "Evans", "Frost", "Green", "Hale", "Ito", "Jones", "Klein", "Lopez")
PRODUCTS = ("solar", "fibre", "insurance", "travel")
ABROAD_EVERY = 40  # rows
ASLEEP_EVERY = 8


def sample_file(count: int) -> str:
    """A lead file of `count` rows and a header, the same each time: mostly reachable, some asleep, some abroad.

    There are some 32,000 such numbers; a longer file is not made.
    """
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(HEADER)
    rows.writerows(_rows(count))
    return written.getvalue()


def consent_file(leads: str) -> str:
    """Written consent of everybody in a lead file: without it some states may not be called, or not without a list."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(("phone", "kind", "source", "text_version", "given_at"))
    numbers = (row[0] for row in list(csv.reader(io.StringIO(leads)))[1:])
    rows.writerows((number, "written", "demonstration", "1", "2026-01-02T12:00:00Z") for number in numbers)
    return written.getvalue()


def _rows(count: int) -> Iterator[tuple[str, ...]]:
    random = Random(1)
    awake = [(code, state, line) for line in range(100, 200) for code, state in (*EAST, *MIDDLE, *WEST)]
    asleep = deque((code, state, line) for line in range(100, 200) for code, state in ASLEEP)
    random.shuffle(awake)
    further = [(code, state, line) for line in range(100, 200) for code, state in _further_codes()]
    Random(2).shuffle(further)
    reachable = deque(awake + further)
    abroad = iter(range(100, 200))
    for row in range(count):
        person = (random.choice(FIRST_NAMES), random.choice(LAST_NAMES))
        line = next(abroad, None) if row % ABROAD_EVERY == ABROAD_EVERY - 1 else None
        if line is not None:
            # Jamaica shares the numbering plan and has no rule pack, so the gate refuses.
            yield (f"(876) 555-0{line}", *person, "", random.choice(PRODUCTS))
        else:
            source = asleep if row % ASLEEP_EVERY == ASLEEP_EVERY - 1 and asleep else reachable
            if not source:
                return
            code, state, line = source.popleft()
            yield (f"({code}) 555-0{line}", *person, state, random.choice(PRODUCTS))


def _further_codes() -> Iterator[tuple[str, str]]:
    used = {code for code, _state in (*EAST, *MIDDLE, *WEST)}
    for code, places in sorted(AREA_CODES.items()):
        (country, state), *_others = (place.split("-") for place in sorted(places))
        if country == "US" and code not in used and state not in ISLANDS:
            yield code, state
