"""keep results that were measured elsewhere, apart from those that were run here.

Revision: 0011
After: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "self_report",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("report", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_self_report"),
    )
    op.create_index("ix_self_report_protocol", "self_report", ["protocol"])


def downgrade() -> None:
    op.drop_table("self_report")
