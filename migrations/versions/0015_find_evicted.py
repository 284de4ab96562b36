"""find units whose artifact was evicted, without reading all.

Revision: 0015
After: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    was_evicted = sa.text("evicted_bytes > 0")
    op.create_index(
        "ix_unit_evicted",
        "unit",
        ["evicted_bytes"],
        sqlite_where=was_evicted,
        postgresql_where=was_evicted,
    )


def downgrade() -> None:
    op.drop_index("ix_unit_evicted", "unit")
