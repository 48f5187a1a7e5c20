"""A phone is deleted only after a look for attempts on it: without an index, at all of them for each phone"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("attempt_phone", "attempt", ["phone_id"])
