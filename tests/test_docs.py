"""The documents promise only what is there."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from config import Settings
from dialer.cli import app
from dialer.simulation.draws import fates
from dialer.simulation.shipped import scenario_named

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = [block.strip() for block in re.findall(r"^ *```sh\n(.*?)^ *```", README, re.S | re.M)]
LINES = [line.strip() for block in BLOCKS for line in block.splitlines()]
GUIDES = [file.read_text() for file in ROOT.glob("*/**/README.md") if ".venv" not in file.parts]
GUIDED = [
    line for text in GUIDES for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()
]


def commands(group=None, path=()):
    """Every command of the tree with its words."""
    group = group or get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())


PACING = (ROOT / "dialer" / "pacing" / "README.md").read_text()


def test_the_pacing_guides_example_runs_and_dials_one_to_one_at_first(capsys):
    exec(re.search(r"```python\n(.*?)```", PACING, re.S).group(1), {})
    assert capsys.readouterr().out.endswith("10 free, 0 in flight: dial 10\n")


def test_the_pacing_guides_scenario_draws_its_talks_from_the_file_beside_it(tmp_path):
    (tmp_path / "own.toml").write_text(re.search(r"```toml\n(.*?)```", PACING, re.S).group(1))
    (tmp_path / "calls.csv").write_text("duration\n45\n")
    scenario = scenario_named(str(tmp_path / "own.toml"))
    assert next(fates(scenario, seed=1)).talk == 45.0
    assert scenario.team.agents == 20


def test_the_readme_is_short():
    assert len(README.split()) < 600


@pytest.mark.parametrize("line", [line for line in LINES + GUIDED if line.startswith("make ")])
def test_the_readmes_make_targets_exist(line):
    done = subprocess.run([*line.split(), "-n"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", [line for line in LINES + GUIDED if line.startswith("dialer ")])
def test_the_readmes_dialer_commands_parse(line):
    """The journey `test_readme` runs them; this one says at once when an option was renamed."""
    words = line.split()[1:]
    found = next(COMMANDS[tuple(words[:n])] for n in (2, 1) if tuple(words[:n]) in COMMANDS)
    known = {option for parameter in found.params for option in parameter.opts}
    assert [word for word in words if word.startswith("--") and word not in known] == []


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("export ")])
def test_the_readmes_variables_are_settings(line):
    name = line.split()[1].split("=")[0]
    names = {f"DIALER_{field.upper()}" for field in Settings.model_fields} | {"PATH"}
    assert name in names | {"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}


@pytest.mark.parametrize("path", re.findall(r"^- `([^`]+)`", README, re.M))
def test_what_the_readme_points_to_is_there(path):
    assert path.startswith("dialer COMMAND") or (ROOT / path).exists()


def test_the_readmes_pictures_of_output_name_what_the_program_prints():
    """The words of the sample output are those of the live view, the report and the audit."""
    from dialer.demonstration.audit import audit

    names = {check.name for check in audit({"calls": []}, [], [], [])}
    shown = re.findall(r"│ ((?:no|nobody)[a-z ]+?) +│", README)
    assert shown
    assert set(shown) <= names


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help(words):
    command = COMMANDS[words]
    assert command.help
    assert command.help.strip().endswith(".")
    without = [parameter.name for parameter in command.params if not parameter.help and parameter.name != "help"]
    assert without == []


READS = [words for words in COMMANDS if words[-1] in ("list", "show", "dispositions", "codes")]


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_every_reading_command_prints_json(words):
    assert any("--json" in parameter.opts for parameter in COMMANDS[words].params)
