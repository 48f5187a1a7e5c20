"""Alembic's entry: migrates over the connection that `dialer.db.schema` hands in."""

from alembic import context

from campaigns.tables import Campaign
from compliance.tables import Decision
from dialer.tables import Agent

METADATA = {table.metadata for table in (Campaign, Decision, Agent)}  # one, filled by the three modules

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA.pop(),
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
