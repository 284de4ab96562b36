"""add keys, and who sees a job.

Revision: 0003
After: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SECONDS = sa.Double()  # since the epoch, UTC


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", SECONDS, nullable=False),
        sa.Column("expires_at", SECONDS, nullable=True),
        sa.Column("last_used_at", SECONDS, nullable=True),
        sa.Column("revoked_at", SECONDS, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
    )
    with op.batch_alter_table("job") as job:
        job.add_column(sa.Column("visibility", sa.String(length=16), nullable=False, server_default="public"))


def downgrade() -> None:
    with op.batch_alter_table("job") as job:
        job.drop_column("visibility")
    op.drop_table("api_key")
