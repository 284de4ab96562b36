"""remember submissions: whose a job is, what it repeats, and the idempotency keys that were used.

Revision: 0002
After: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SECONDS = sa.Double()  # since the epoch, UTC


def upgrade() -> None:
    with op.batch_alter_table("job") as job:
        job.add_column(sa.Column("owner", sa.String(length=64), nullable=False, server_default="local"))
        job.add_column(sa.Column("duplicate_of", sa.String(length=48), nullable=True))
    op.create_table(
        "idempotency_key",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=48), nullable=False),
        sa.Column("expires_at", SECONDS, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_idempotency_key_job_id_job"),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_expires_at", "idempotency_key", ["expires_at"])


def downgrade() -> None:
    op.drop_table("idempotency_key")
    with op.batch_alter_table("job") as job:
        job.drop_column("duplicate_of")
        job.drop_column("owner")
