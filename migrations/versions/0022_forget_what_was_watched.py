"""drop the index of lost and cancelled events, which nobody reads since they are counted as they happen.

Revision: 0022
After: 0021
"""

from alembic import op
from sqlalchemy import text

revision = "0022"
down_revision = "0021"

WATCHED = text("reason IN ('infra_lost', 'cancelled')")


def upgrade() -> None:
    op.drop_index("ix_event_watched", "event")


def downgrade() -> None:
    op.create_index(
        "ix_event_watched", "event", ["reason", "id"], sqlite_where=WATCHED, postgresql_where=WATCHED
    )
