"""find what was lost or cancelled in the log without reading all of it.

Revision: 0014
After: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

WATCHED = sa.text("reason IN ('infra_lost', 'cancelled')")


def upgrade() -> None:
    op.create_index(
        "ix_event_watched", "event", ["reason", "id"], sqlite_where=WATCHED, postgresql_where=WATCHED
    )
    op.create_index("ix_ledger_reason", "ledger", ["reason", "device_seconds"])


def downgrade() -> None:
    op.drop_index("ix_ledger_reason", "ledger")
    op.drop_index("ix_event_watched", "event")
