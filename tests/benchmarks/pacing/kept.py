"""Runs already played, in a file: a benchmark of hours that was cut off goes on where it stopped."""

import pickle
from functools import cache
from hashlib import sha256
from pathlib import Path

import dialer
from tests.benchmarks.pacing.cases import OWN, Run
from tests.benchmarks.pacing.play import Played

SIMULATED, OURS_TOO = ("simulation",), ("pacing", "simulation")  # folders whose change makes other figures


def kept(file: Path) -> dict[Run, Played]:
    """The runs in the file that this code has played; other dialers' do not depend on our pacing.

    One that was cut off while it was written is left out, and the file ends before it from then on.
    """
    found: dict[Run, Played] = {}
    if not file.exists():
        return found
    with file.open("rb+") as stream:
        whole = 0
        try:
            while True:
                code, one = pickle.load(stream)
                whole = stream.tell()
                if code == fingerprint(one.run.policy):
                    found[one.run] = one
        except (EOFError, pickle.UnpicklingError):
            stream.truncate(whole)
    return found


def keep(file: Path, one: Played) -> None:
    with file.open("ab") as stream:
        pickle.dump((fingerprint(one.run.policy), one), stream)


def fingerprint(policy: str) -> str:
    """Of the code that this policy's figures come from."""
    return _fingerprint(OURS_TOO if policy in (*OWN, "progressive") else SIMULATED)  # one to one is our own


@cache
def _fingerprint(folders: tuple[str, ...]) -> str:
    code = Path(dialer.__file__).parent
    files = sorted(file for name in folders for file in (code / name).rglob("*") if file.suffix in (".py", ".toml"))
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
