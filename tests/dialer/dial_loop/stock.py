"""A floor to dial for, a policy that decides the same always, and drops that were counted before."""

from sqlalchemy import insert

from dialer.counts import CALL_COUNT
from dialer.pacing.policy import Decision

PLENTY = 1000.0


def floor(build, agents, leads, **campaign):
    """A campaign with ready agents and fresh leads."""
    campaign_id = build.campaign(**campaign)
    name = campaign.get("name", "spring")
    for number in range(agents):
        build.agent(f"{name}-{number}", campaign_id)
    for _ in range(leads):
        build.lead(campaign_id)
    return campaign_id


class Stubborn:
    """A policy that decides the same whatever it sees."""

    def __init__(self, **decision):
        self.decision = Decision(**{"dial": 0, "reserve": True, "reason": "so"} | decision)
        self.learned, self.floors = [], []

    def observe(self, event):
        self.learned.append(event)

    def decide(self, now, floor):
        self.floors.append(floor)
        return self.decision


def drops(database, campaign, day, answers, abandoned):
    counts = {"live_answers": answers, "abandoned": abandoned, "placed": answers, "machines": 0, "given_up": 0}
    row = {"campaign_id": campaign, "hour": day.replace(minute=0, second=0), **counts}
    database.write(lambda session: session.connection().execute(insert(CALL_COUNT), [row]) and None)
