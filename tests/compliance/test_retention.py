"""How long records are kept: the law's years, and what caps and pauses look back on."""

from datetime import UTC, datetime, timedelta

import pytest

from compliance import rulebook
from compliance.retention import FOR_EVER, looked_back_on, reach_of, retained

BOOK = rulebook.load()
DAY = datetime(2026, 11, 23, 17, tzinfo=UTC)
NEW_YORK, TORONTO, BERLIN, ROME, BRATISLAVA = "+12125550101", "+14165550101", "+4930123456", "+390612345", "+421212345"


@pytest.mark.parametrize(
    ("number", "kind", "record", "years", "rules"),
    [
        (NEW_YORK, "telemarketing", "attempts", 5, ("us.retention.telemarketing",)),
        (NEW_YORK, "debt-collection", "attempts", 3, ("us.retention.debt-collection",)),
        (NEW_YORK, "survey", "attempts", 0, ()),
        (NEW_YORK, "telemarketing", "consents", 5, ("us.retention.telemarketing",)),
        (
            *(NEW_YORK, "telemarketing", "do-not-call", 10),
            ("us-sc.retention", "us-va.retention", "us-wa.retention", "us.retention.telemarketing"),
        ),
        (TORONTO, "telemarketing", "attempts", 3, ("ca.retention.attempts",)),
        (TORONTO, "telemarketing", "do-not-call", 4, ("ca.retention.do-not-call",)),
        (BERLIN, "telemarketing", "consents", 5, ("de.retention.telemarketing",)),
        (ROME, "telemarketing", "attempts", 2, ("it.retention.telemarketing",)),
        (BRATISLAVA, "telemarketing", "consents", 4, ("sk.retention.telemarketing",)),
    ],
)
def test_each_law_keeps_its_years(number, kind, record, years, rules):
    kept = retained(BOOK, reach_of(BOOK, number, kind, "", ""), record, DAY)
    assert kept == (DAY.replace(year=DAY.year + years), rules)


def test_a_number_that_cannot_be_placed_is_kept_as_long_as_any_law_asks():
    assert retained(BOOK, reach_of(BOOK, "+999123456", "telemarketing", "", ""), "attempts", DAY).until.year == 2031


def test_a_leap_day_ends_on_the_first_of_march():
    leap = datetime(2028, 2, 29, tzinfo=UTC)
    kept = retained(BOOK, reach_of(BOOK, NEW_YORK, "telemarketing", "", ""), "attempts", leap)
    assert kept.until == datetime(2033, 3, 1, tzinfo=UTC)


def test_a_pause_for_ever_keeps_the_attempt_that_began_it():
    italy = reach_of(BOOK, ROME, "telemarketing", "", "")
    assert looked_back_on(BOOK, italy, "abandoned", DAY) == FOR_EVER
    assert looked_back_on(BOOK, italy, "", DAY) < FOR_EVER


def test_a_cap_keeps_attempts_for_its_window():
    germany = reach_of(BOOK, BERLIN, "telemarketing", "", "")
    assert looked_back_on(BOOK, germany, "", DAY) == DAY + timedelta(days=7)
