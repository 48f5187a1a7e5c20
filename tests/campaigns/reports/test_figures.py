from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine
from sqlmodel import Session, SQLModel

from campaigns.lead import Standing
from campaigns.reports.figures import campaign_figures
from campaigns.reports.tally import Ratio
from campaigns.tables import Attempt, Lead

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
MORNING = NOON - timedelta(hours=3)


@pytest.fixture
def session():
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def lead(standing="open", held_reason=None, campaign_id=1):
    return Lead(campaign_id=campaign_id, list_id=1, due_at=NOON, standing=standing, held_reason=held_reason)


def attempt(number, placing_at=NOON, *, campaign_id=1, **values):
    return Attempt(
        id=f"attempt-{number}",
        campaign_id=campaign_id,
        list_id=1,
        lead_id=1,
        phone_id=1,
        number="+12125550123",
        caller_id="+12125550101",
        ring_seconds=20,
        last_event_at=placing_at,
        placing_at=placing_at,
        **({"state": "ended"} | values),
    )


def test_leads_are_counted_by_standing_and_the_held_by_reason(session):
    session.add_all([lead(), lead(held_reason="hours"), lead(held_reason="hours"), lead(held_reason="cap")])
    session.add_all([lead("dialling"), lead("finished", "do-not-call"), lead(held_reason="hours", campaign_id=2)])
    session.flush()
    figures = campaign_figures(session, 1, MORNING)
    assert figures.leads == {Standing.OPEN: 4, Standing.DIALLING: 1, Standing.FINISHED: 1}
    assert list(figures.held.items()) == [("hours", 2), ("cap", 1), ("do-not-call", 1)]


def test_live_attempts_are_counted_by_state_however_old(session):
    states = ["placing", "ringing", "ringing", "ended"]
    session.add_all([attempt(number, MORNING - timedelta(days=9), state=state) for number, state in enumerate(states)])
    session.add(attempt("other", state="ringing", campaign_id=2))
    session.flush()
    assert campaign_figures(session, 1, MORNING).live == {"placing": 1, "ringing": 2}


def test_rates_are_of_the_attempts_since_then_and_count_calls_on_the_line_as_answered(session):
    answered = {"answered_at": NOON, "answered_by": "human"}
    session.add_all(
        [
            attempt(1, disposition="sale", **answered),
            attempt(2, disposition="abandoned", abandoned=True, **answered),
            attempt(3, disposition="machine", answered_at=NOON, answered_by="machine_start"),
            attempt(4, disposition="busy"),
            attempt(5, state="connected", **answered),
            attempt(6, MORNING - timedelta(seconds=1), disposition="abandoned", abandoned=True, **answered),
            attempt(7, disposition="sale", campaign_id=2, **answered),
        ]
    )
    session.flush()
    since_then = campaign_figures(session, 1, MORNING).since_then
    assert since_then.attempts == 5
    assert since_then.answer_rate == Ratio(2, 4)
    assert since_then.drop_rate == Ratio(1, 3)


def test_an_empty_campaign_shows_every_standing_and_undefined_rates(session):
    figures = campaign_figures(session, 1, MORNING)
    assert figures.leads == dict.fromkeys(Standing, 0)
    assert figures.held == figures.live == {}
    assert figures.since_then.drop_rate.value is None
