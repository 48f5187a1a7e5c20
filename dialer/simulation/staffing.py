"""What a team of some size would make of a campaign: how long its leads last, and what that costs."""

from dataclasses import dataclass

from dialer.simulation.figures import Figures
from dialer.simulation.scenario import Team


@dataclass(frozen=True, slots=True)
class Work:
    """What is left to do: leads, the dials that they will take, and the started minutes of one at the carrier."""

    leads: int
    dials: float
    minutes_per_dial: float


@dataclass(frozen=True, slots=True)
class Rates:
    """Money, in whatever currency it was given."""

    agent_hour: float
    minute: float


@dataclass(frozen=True, slots=True)
class Staffing:
    """One team's answer. Hours are hours of the shift, breaks included, as they are paid."""

    agents: int
    utilisation: float
    drop_rate: float
    contacts_per_hour: float  # persons who talked to an agent, all agents together
    dials_per_hour: float
    hours_until_done: float | None  # of dialling, without the waits between two dials of a lead; None for never
    shifts_until_done: float | None
    cost: float | None  # until then; None without rates


def staffing(team: Team, figures: Figures, work: Work, rates: Rates | None = None) -> Staffing:
    """From a simulated run of this team."""
    played = team.days * team.hours
    dials = figures.dials / played
    hours = work.dials / dials if dials else None
    cost = None
    if rates is not None and hours is not None:
        cost = hours * team.agents * rates.agent_hour + work.dials * work.minutes_per_dial * rates.minute
    return Staffing(
        agents=team.agents,
        utilisation=figures.utilisation,
        drop_rate=figures.drop_rate,
        contacts_per_hour=(figures.live - figures.live_abandoned) / played,
        dials_per_hour=dials,
        hours_until_done=hours,
        shifts_until_done=None if hours is None else hours / team.hours,
        cost=cost,
    )
