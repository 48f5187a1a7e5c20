"""The scenarios that come with the program, and the way to one's own."""

from importlib import resources
from pathlib import Path

from dialer.simulation.scenario import Scenario, ScenarioError, load


def shipped() -> dict[str, Path]:
    """Name -> file, in order of names."""
    folder = Path(str(resources.files("dialer.simulation") / "scenarios"))
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def scenario_named(name: str) -> Scenario:
    """A shipped scenario, or the one in this TOML file. Raises ScenarioError."""
    known = shipped()
    if name in known:
        return load(known[name])
    if not name.endswith(".toml"):
        raise ScenarioError(f"no scenario {name!r}: name a TOML file or choose from {', '.join(known)}")
    return load(Path(name))
