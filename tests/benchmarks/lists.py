"""How fast a do-not-call list of the state is imported by the command, beside a bare insert of the same rows."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 1_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "national.txt"
        file.write_text("".join(f"+1212{2_000_000 + line}\n" for line in range(ROWS)))
        command = [sys.executable, "-m", "dialer", "dnc", "import", str(file), "--list", "national"]
        environment = os.environ | {"DIALER_DATABASE_URL": f"sqlite:///{folder}/dialer.db"}
        begun = time.perf_counter()
        done = subprocess.run(
            [*command, "--as-of", "2026-11-20"], env=environment, check=True, capture_output=True, text=True
        )
        seconds = time.perf_counter() - begun
        bare = _bare(Path(folder))
    print(
        f"list import: {ROWS / seconds:,.0f} rows a second with start-up ({done.stdout.strip()}); "
        f"a bare insert {ROWS / bare:,.0f}: ratio {bare / seconds:.2f}"
    )


def _bare(folder: Path) -> float:
    with sqlite3.connect(folder / "bare.db") as connection:
        connection.execute("CREATE TABLE n (copy INTEGER, number TEXT, PRIMARY KEY (copy, number)) WITHOUT ROWID")
        begun = time.perf_counter()
        with (folder / "national.txt").open() as lines:
            connection.executemany("INSERT INTO n VALUES (1, ?)", ((line.rstrip(),) for line in lines))
        connection.commit()
        return time.perf_counter() - begun
