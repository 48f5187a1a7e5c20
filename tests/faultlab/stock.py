"""What every seed starts from: two campaigns over the same people, made once and then copied."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from typer.testing import CliRunner

from dialer.cli import app
from dialer.demonstration.processes import environment_for
from dialer.demonstration.sample import ASLEEP, consent_file, sample_file
from tests.faultlab import witness
from tests.postgres import Server, running_server

NOON = datetime(2026, 11, 17, 12, tzinfo=ZoneInfo("America/New_York"))  # a Tuesday
LEADS = 500
OPTS_OUT_EVERY = 2  # number
SALES, SURVEY = "spring", "panel"
COMMON = ("--contact", "+12125550199", "--ring-seconds", "15", "--wrap-up-seconds", "5")
CAMPAIGNS = {
    SALES: ("--client", "Acme Travel", "--caller-id", "+12125550100", "--machine-detection"),
    # Two lines an agent, so that some hear the message and may opt out.
    SURVEY: (
        *("--client", "Panel Research", "--caller-id", "+12125550101", "--kind", "survey"),
        *("--mode", "ratio", "--lines-per-agent", "2.5", "--no-machine-detection"),
    ),
}

Supply = Callable[[Path], tuple[str, Server | None]]  # a seed's folder -> the URL of its own copy, and its server


@contextmanager
def stocked(folder: Path, database: str) -> Iterator[Supply]:
    """Makes the stock in `folder`; `database` is sqlite or postgresql."""
    folder.mkdir()
    if database == "sqlite":
        _fill(folder, f"sqlite:///{folder / 'dialer.db'}")

        def copy(to: Path) -> tuple[str, Server | None]:
            shutil.copy(folder / "dialer.db", to / "dialer.db")
            return f"sqlite:///{to / 'dialer.db'}", None

        yield copy
        return
    with running_server() as server:
        stock = server.create()
        _fill(folder, server.url(stock))
        witness.install(server.url(stock))
        yield lambda _to: (server.url(server.create(stock)), server)


def scripts() -> list[str]:
    """For the emulator: every second person presses the key when a message plays."""
    numbers = ["+1" + "".join(filter(str.isdigit, line.split(",")[0])) for line in _leads()[1:]]
    return [word for number in numbers[::OPTS_OUT_EVERY] for word in ("--script", f"{number}=opt-out")]


def _leads() -> list[str]:
    """Lines. Without those who sleep at noon in New York: a daemon whose clock is wrong would wake them rightly."""
    asleep = tuple(f"({code})" for code, _state in ASLEEP)
    return [row for row in sample_file(LEADS).splitlines(keepends=True) if not row.startswith(asleep)]


def _fill(folder: Path, url: str) -> None:
    day_before = NOON - timedelta(days=1)  # so that all leads are due whatever is done to the clock
    environment = environment_for(folder, 1, 2, (day_before - datetime.now(UTC)).total_seconds())
    environment["DIALER_DATABASE_URL"] = url

    def dialer(*words: str) -> None:
        done = CliRunner().invoke(app, words, env=environment)  # here: a process of its own takes seconds to begin
        assert done.exit_code == 0, done.output

    leads = folder / "leads.csv"
    leads.write_text("".join(_leads()))
    consents = folder / "consents.csv"
    consents.write_text(consent_file(leads.read_text()))
    national = folder / "national.txt"
    national.write_text("+12125550190\n")
    dialer("db", "upgrade")
    for name, options in CAMPAIGNS.items():
        dialer("campaign", "create", name, *COMMON, *options)
        dialer("leads", "upload", str(leads), "--campaign", name)
    dialer("consent", "import", str(consents))
    dialer("dnc", "import", str(national), "--list", "national", "--as-of", "2026-11-16")
