from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlmodel import Session, SQLModel

from compliance import tables

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
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'law.db'}")
    SQLModel.metadata.create_all(engine, tables=TABLES)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as open_session:
        yield open_session
