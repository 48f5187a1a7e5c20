"""Counted apart: machines that were hung up on before an agent had met them. So far that was not told: all of them"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("call_count", sa.Column("unmet_machines", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE call_count SET unmet_machines = machines")
