"""When each agent of a simulated team comes and goes, for one day."""

import numpy as np

from dialer.simulation.scenario import Team

HOUR, MINUTE = 3600.0, 60.0


def day(team: Team, seed: int, number: int) -> list[tuple[float, int, bool]]:
    """(seconds since the shift began, agent, whether it comes) in order of time; the last ends with the shift."""
    rng = np.random.default_rng((seed, 7, number))
    end = team.hours * HOUR
    edge = min(team.log_in_within_minutes * MINUTE, end / 4)
    moves: list[tuple[float, int, bool]] = []
    for agent in range(team.agents):
        comes, goes = rng.uniform(0, edge), end - rng.uniform(0, edge)
        away = _away(team, rng, comes, goes)
        away += _together(team, rng)
        moves.append((comes, agent, True))
        for begins, ends in _apart(sorted(away), comes, goes):
            moves += [(begins, agent, False), (ends, agent, True)]
        moves.append((goes, agent, False))
    return sorted(moves)


def _away(team: Team, rng: np.random.Generator, comes: float, goes: float) -> list[tuple[float, float]]:
    short = rng.poisson(team.breaks_per_hour * (goes - comes) / HOUR)
    away = [(at, at + team.break_minutes * MINUTE) for at in rng.uniform(comes, goes, short).tolist()]
    if team.meal_minutes:
        at = rng.uniform(team.hours * HOUR / 3, team.hours * HOUR * 2 / 3)
        away.append((at, at + team.meal_minutes * MINUTE))
    return away


def _together(team: Team, rng: np.random.Generator) -> list[tuple[float, float]]:
    away = []
    for rest in team.breaks:
        leaves, at = rng.random() < rest.share, rest.at_hours * HOUR + rng.uniform(0, rest.within_seconds)
        if leaves:
            away.append((at, at + rest.minutes * MINUTE))
    return away


def _apart(away: list[tuple[float, float]], comes: float, goes: float) -> list[tuple[float, float]]:
    """Those that begin after the one before has ended, inside the agent's day."""
    kept: list[tuple[float, float]] = []
    free_from = comes + MINUTE
    for begins, ends in away:
        if begins >= free_from and ends < goes - MINUTE:
            kept.append((begins, ends))
            free_from = ends + MINUTE
    return kept
