"""Each attempt's traits and chance, and what was learned of them"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("attempt", sa.Column("turn", sa.String(), nullable=True))
    op.add_column("attempt", sa.Column("chance", sa.Float(), nullable=True))
    op.add_column("attempt", sa.Column("traits", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("pacing_state", sa.Column("leads", sa.JSON(), nullable=False, server_default="{}"))
