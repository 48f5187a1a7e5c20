from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import StatementError

from compliance.utc import UtcDateTime

MOMENTS = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime))


def kept(moment: datetime | None) -> datetime | None:
    """What a database gives back."""
    with create_engine("sqlite://").begin() as connection:
        MOMENTS.create(connection)
        connection.execute(insert(MOMENTS).values(at=moment))
        found: datetime | None = connection.execute(select(MOMENTS.c.at)).scalar_one()
        return found


def test_a_moment_comes_back_aware_and_in_utc() -> None:
    second_half_past_one = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1)
    back = kept(second_half_past_one)
    assert back == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert back is not None
    assert back.tzinfo is UTC
    assert kept(None) is None


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(StatementError, match="naive datetime"):
        kept(datetime(2026, 11, 23, 12))  # noqa: DTZ001
