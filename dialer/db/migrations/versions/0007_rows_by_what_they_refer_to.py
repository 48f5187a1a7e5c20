"""Phones and lists are deleted after a look for what refers to them, events when they are old: by these, not at all"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("attempt_phone", "attempt", ["phone_id"])
    op.create_index("attempt_list", "attempt", ["list_id"])
    op.create_index("lead_of_list", "lead", ["list_id"])
    op.create_index("carrier_event_received", "carrier_event", ["received_at"])
