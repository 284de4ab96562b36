"""keep what attacks on single samples found.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "attack_result",
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("setting_id", sa.String(length=32), nullable=False),
        sa.Column("attack", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("variant", sa.String(length=32), nullable=True),
        sa.Column("tuning", sa.String(length=16), nullable=True),
        sa.Column("hyperparameters", JSON, nullable=False),
        sa.Column("out", sa.String(length=16), nullable=False),
        sa.Column("splits", sa.Integer(), nullable=False),
        sa.Column("forget_sets", sa.Integer(), nullable=False),
        sa.Column("is_calibration", sa.Boolean(), nullable=False),
        sa.Column("mean_accuracy", sa.Double(), nullable=True),
        sa.Column("findings", JSON, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("provenance", JSON, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["setting_id"], ["setting.id"], name="fk_attack_result_setting_id_setting"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_attack_result_unit_id_unit"),
        sa.PrimaryKeyConstraint("unit_id", name="pk_attack_result"),
    )
    op.create_index("ix_attack_result_place", "attack_result", ["setting_id", "subject"])


def downgrade() -> None:
    op.drop_table("attack_result")
