"""The server's own account of which node claimed each attempt, and whose the campaign was, kept by triggers."""

from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

TABLES = ("claimed", "taken")
TRIGGERS = """
CREATE TABLE claimed (attempt text, lease text, node text, holder text, at timestamptz);
CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE of_campaign text := 'campaign ' || NEW.campaign_id;
BEGIN
  INSERT INTO claimed VALUES (NEW.id, of_campaign, current_setting('application_name'),
    (SELECT node FROM lease WHERE name = of_campaign), clock_timestamp());
  RETURN NEW;
END $$;
CREATE TRIGGER note_claim AFTER INSERT ON attempt FOR EACH ROW EXECUTE FUNCTION note_claim();
CREATE TABLE taken (lease text, node text, at timestamptz);
CREATE FUNCTION note_taking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.node IS DISTINCT FROM NEW.node THEN
    INSERT INTO taken VALUES (NEW.name, NEW.node, clock_timestamp());
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER note_taking AFTER INSERT OR UPDATE ON lease FOR EACH ROW EXECUTE FUNCTION note_taking();
"""


def install(url: str) -> None:
    """In a PostgreSQL database of the dialer's; copies of it have them too."""
    with psycopg.connect(url) as connection:
        connection.execute(TRIGGERS)


def told(url: str, table: str, offset_seconds: float) -> list[dict[str, Any]]:
    """Rows of one of TABLES, with the carrier's time, which is so many seconds after the server's."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY at").fetchall()
    return [row | {"at": row["at"] + timedelta(seconds=offset_seconds)} for row in rows]
