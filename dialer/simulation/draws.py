"""What chance decides about one call, drawn in blocks: the same for a call number whatever the policy did before."""

import csv
from collections.abc import Iterator
from math import log, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dialer.simulation.scenario import Scenario, Times

BLOCK = 4096
Array = NDArray[np.float64]


class Fate(NamedTuple):
    """`pick_up`: seconds from dialling for a person and for a voicemail; who it is, `chance` decides at dialling."""

    chance: float  # uniform in 0 to 1, against the shares of the hour
    odds: float  # the lead's own log odds of answering, over the average's
    known: float  # the part of them that its features tell
    human_pick_up: float
    machine_pick_up: float
    setup: float  # until it rings
    refused: float  # seconds until busy or dead is said
    detection: float
    mistake: float  # uniform in 0 to 1, against the detector's error
    talk: float
    machine_talk: float
    wrap_up: float


def fates(scenario: Scenario, seed: int, campaign: int = 0) -> Iterator[Fate]:
    """One for each dial, without end; campaigns of other numbers draw others."""
    callees, detection = scenario.callees, scenario.detection
    block = 0
    logs: dict[Path, Array] = {}  # as they have been read
    while True:
        rng = np.random.default_rng((seed, block, 0, campaign))
        setup = _draw(callees.setup, rng, logs)
        known = rng.normal(0, callees.spread * sqrt(callees.known), BLOCK)
        columns = (
            rng.random(BLOCK),
            known + rng.normal(0, callees.spread * sqrt(1 - callees.known), BLOCK),
            known,
            setup + _draw(callees.human_ring, rng, logs),
            setup + _draw(callees.machine_ring, rng, logs),
            setup,
            setup + rng.uniform(1, 4, BLOCK),
            _draw(detection.delay, rng, logs) if detection else np.zeros(BLOCK),
            rng.random(BLOCK),
            _draw(callees.talk, rng, logs),
            _draw(callees.machine_talk, rng, logs),
            _draw(scenario.team.wrap_up, rng, logs),
        )
        yield from map(Fate._make, zip(*(column.tolist() for column in columns), strict=True))
        block += 1


def _draw(times: Times, rng: np.random.Generator, logs: dict[Path, Array]) -> Array:
    match times.shape:
        case "exponential":
            return rng.exponential(times.mean, BLOCK)
        case "uniform":
            return rng.uniform(times.low, times.high, BLOCK)
        case "log" if times.file is not None:
            if times.file not in logs:
                logs[times.file] = read_log(times.file)
            return rng.choice(logs[times.file], BLOCK) * times.scale
    variance = log(1 + times.variation**2)
    return rng.lognormal(log(times.mean) - variance / 2, sqrt(variance), BLOCK)


def read_log(file: Path) -> Array:
    """The column `duration` of a CSV file, in seconds; comma or semicolon. Raises ValueError when there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no UTF-8 text: {error}") from None
    rows = csv.DictReader(lines, delimiter=";" if lines and ";" in lines[0] else ",")
    if "duration" not in (rows.fieldnames or ()):
        raise ValueError(f"{file} has no column duration")
    try:
        recorded = np.array([float(row["duration"]) for row in rows if float(row["duration"]) > 0])
    except (TypeError, ValueError, csv.Error):
        raise ValueError(f"{file}, line {rows.line_num}: the duration is no number") from None
    if not (recorded.size and np.isfinite(recorded).all()):
        raise ValueError(f"{file} has no call with a duration")
    return recorded
