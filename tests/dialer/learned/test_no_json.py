"""A saved state that is no JSON: only SQLite can hold one, PostgreSQL does not take it."""

from sqlmodel import Session
from structlog.testing import capture_logs

from campaigns.tables import Campaign
from dialer.choice import Choice
from dialer.dial_loop import DialLoop
from dialer.leases import Leases
from dialer.pacing.leads import LeadChances
from dialer.pacing.predictive import Predictive

NO_JSON = "UPDATE pacing_state SET state = 'so much', leads = '{'"


async def test_it_stops_no_campaign_and_is_replaced(build, database, exchange):
    own, other = (build.campaign(name=name, mode="predictive", intent="run") for name in ("own", "other"))
    loop = DialLoop(exchange, Leases("one"), 10.0)
    await loop.keep_leases()
    loop.policies[own], loop.choices[own] = Predictive(), Choice(LeadChances())
    await loop.save()
    database.write(_damage)
    restarted = DialLoop(exchange, Leases("one"), 10.0)
    await restarted.keep_leases()
    with capture_logs() as logs:
        await restarted.tick()
    assert [one["event"] for one in logs if "problem" in one] == ["pacing_state_not_used", "lead_chances_not_used"]
    assert restarted.policies.keys() == {own, other}
    await restarted.save()
    with database.read() as session:
        assert session.get(Campaign, own) is not None
    assert [row["state"]["format"] for row in build.rows("pacing_state")] == ["predictive-5"] * 2


def _damage(session: Session) -> None:
    session.connection().exec_driver_sql(NO_JSON)
