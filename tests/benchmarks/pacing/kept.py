"""Runs already played, in a file: a benchmark of hours that was cut off goes on where it stopped."""

import pickle
from hashlib import sha256
from pathlib import Path

import dialer
from tests.benchmarks.pacing.cases import Run
from tests.benchmarks.pacing.play import Played

MEASURED = ("pacing", "simulation")  # folders whose change makes other figures


class OtherCode(ValueError):
    """The file's runs were played by other code; the message says what to do."""


def kept(file: Path) -> dict[Run, Played]:
    """The runs in the file, which is begun if there is none. One that was cut off while it was written is left out.

    Raises OtherCode.
    """
    if not file.exists():
        file.write_bytes(pickle.dumps(fingerprint()))
    found: dict[Run, Played] = {}
    with file.open("rb+") as stream:
        if pickle.load(stream) != fingerprint():
            raise OtherCode(f"{file}: pacing or simulation has changed since: delete the file or name another")
        whole = stream.tell()
        try:
            while True:
                one: Played = pickle.load(stream)
                found[one.run], whole = one, stream.tell()
        except (EOFError, pickle.UnpicklingError):
            stream.truncate(whole)
    return found


def keep(file: Path, one: Played) -> None:
    with file.open("ab") as stream:
        pickle.dump(one, stream)


def fingerprint() -> str:
    """Of the code that is measured."""
    code = Path(dialer.__file__).parent
    files = sorted(file for name in MEASURED for file in (code / name).rglob("*") if file.suffix in (".py", ".toml"))
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
