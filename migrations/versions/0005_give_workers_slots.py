"""give workers slots on devices, and remember which run times were taken beside other runs.

Revision: 0005
After: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column(
        "unit", sa.Column("is_timed_beside", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("worker", sa.Column("device_key", sa.String(length=80), nullable=True))
    op.add_column("worker", sa.Column("memory_bytes", sa.BigInteger(), nullable=True))
    op.add_column("worker", sa.Column("is_drained", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_worker_device_key", "worker", ["device_key"])


def downgrade() -> None:
    op.drop_index("ix_worker_device_key", "worker")
    with op.batch_alter_table("worker") as worker:
        worker.drop_column("is_drained")
        worker.drop_column("memory_bytes")
        worker.drop_column("device_key")
    with op.batch_alter_table("unit") as unit:
        unit.drop_column("is_timed_beside")
