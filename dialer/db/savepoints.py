"""Savepoints sent as they are. SQLAlchemy compiles each anew, for each has a name of its own, which takes longer than
all the rest of it; and two of them stand around every webhook.
"""

from sqlalchemy import Connection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite


class _Plain:
    def do_savepoint(self, connection: Connection, name: str) -> None:
        connection.exec_driver_sql(f"SAVEPOINT {name}")

    def do_rollback_to_savepoint(self, connection: Connection, name: str) -> None:
        connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {name}")

    def do_release_savepoint(self, connection: Connection, name: str) -> None:
        connection.exec_driver_sql(f"RELEASE SAVEPOINT {name}")


class PlainSqlite(_Plain, SQLiteDialect_pysqlite):
    """As drivername `sqlite+plain`."""

    supports_statement_cache = True


class PlainPostgres(_Plain, PGDialect_psycopg):
    """As drivername `postgresql+plain`."""

    supports_statement_cache = True


registry.register("sqlite.plain", __name__, PlainSqlite.__name__)
registry.register("postgresql.plain", __name__, PlainPostgres.__name__)
