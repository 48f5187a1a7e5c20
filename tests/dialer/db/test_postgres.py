"""The right to write to a server, and what is said when it cannot be reached."""

import pytest
from sqlmodel import select

from compliance.tables import DoNotCallEntry
from dialer.db.database import Database, place_of
from dialer.db.place import DatabaseError, DatabaseTaken
from tests.conftest import NOON
from tests.postgres import end_connections


@pytest.fixture
def backend():
    return "postgresql"


@pytest.mark.parametrize(
    "use", [Database.open, lambda url: place_of(url).contents(), lambda url: place_of(url).announced()]
)
def test_a_server_that_is_not_there_is_named_in_one_line_without_its_password(use, tmp_path):
    with pytest.raises(
        DatabaseError, match=r"^postgresql://dialer:\*\*\*@.*cannot be reached.*check database_url"
    ) as caught:
        use(f"postgresql://dialer:geheim@/dialer?host={tmp_path}")
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_broken_connection_fails_its_writes_and_the_next_goes_through(database, database_url):
    def broken(session):
        end_connections(database_url)
        session.add(DoNotCallEntry(number="+12125550101", source="cli", added_at=NOON))
        session.flush()

    with pytest.raises(Exception, match="terminat"):
        database.write(broken)
    database.write(lambda session: session.add(DoNotCallEntry(number="+12125550102", source="cli", added_at=NOON)))
    with database.read() as session:
        assert session.exec(select(DoNotCallEntry.number)).all() == ["+12125550102"]


def test_a_writer_whose_right_was_taken_while_it_was_cut_off_writes_no_more(database, database_url):
    end_connections(database_url)
    other = Database.open(database_url)
    with pytest.raises(DatabaseTaken):
        database.write(lambda session: session.add(DoNotCallEntry(number="+12125550101", source="cli", added_at=NOON)))
    other.close()
