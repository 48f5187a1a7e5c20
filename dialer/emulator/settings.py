"""How an emulator is set up."""

from dataclasses import dataclass
from pathlib import Path

from dialer.simulation.callees import DEFAULT, Population


@dataclass(frozen=True)
class EmulatorSettings:
    """`clock_offset_seconds` shifts the dates it tells; time passes at its usual speed. Numbers are E.164."""

    account_sid: str
    auth_token: str
    calls_per_second: float = 10.0
    seed: int = 1
    population: Population = DEFAULT
    clock_offset_seconds: float = 0.0
    agent_numbers: frozenset[str] = frozenset()
    journal: Path | None = None  # written as the record grows
