from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlmodel import Session, SQLModel

from compliance import tables
from dialer.db.database import place_of

TABLES = [
    SQLModel.metadata.tables[table.__tablename__]
    for table in (
        tables.DoNotCallEntry,
        tables.ListCopy,
        tables.ListNumber,
        tables.Consent,
        tables.Emergency,
        tables.Decision,
        tables.RulebookText,
    )
]


@pytest.fixture
def engine(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The law's own tables suffice, whatever else a database of the dialer has."""
    if backend == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'law.db'}")
        SQLModel.metadata.create_all(engine, tables=TABLES)
        yield engine
        engine.dispose()
    else:
        writing = place_of(request.getfixturevalue("database_url")).writing()
        yield writing.engine
        writing.release()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as open_session:
        yield open_session
