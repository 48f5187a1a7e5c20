"""Campaigns of mode ratio: how many lines for each agent"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("campaign", sa.Column("lines_per_agent", sa.Float(), nullable=False, server_default="1.5"))
