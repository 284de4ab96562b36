"""find the units that a device's workers have in hand without reading all that run.

Revision: 0019
After: 0018
"""

from alembic import op
from sqlalchemy import text

revision = "0019"
down_revision = "0018"

HELD = text("lease_owner IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_unit_lease_owner", "unit", ["lease_owner"], sqlite_where=HELD, postgresql_where=HELD)


def downgrade() -> None:
    op.drop_index("ix_unit_lease_owner", "unit")
