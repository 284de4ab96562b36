"""keep what units logged.

Revision: 0009
After: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "unit_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_unit_log_unit_id_unit"),
        sa.PrimaryKeyConstraint("id", name="pk_unit_log"),
    )
    op.create_index("ix_unit_log_unit_id", "unit_log", ["unit_id", "id"])
    op.create_index("ix_unit_log_at", "unit_log", ["at"])


def downgrade() -> None:
    op.drop_table("unit_log")
