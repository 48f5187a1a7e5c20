"""How SQLite looks rows up."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event


@contextmanager
def plans_of_statements(text: str) -> Iterator[list[str]]:
    """The steps of each statement with this text in it, in the order in which they are run meanwhile."""
    plans: list[str] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def explain(_connection, cursor, statement, parameters, *_rest):
        if text in statement:
            plans.extend(row[3] for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
