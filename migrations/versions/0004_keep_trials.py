"""keep the trials of sweeps.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "trial",
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("setting_id", sa.String(length=32), nullable=False),
        sa.Column("unlearner", sa.String(length=64), nullable=False),
        sa.Column("sweep_seed", sa.Integer(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("hyperparameters", JSON, nullable=False),
        sa.Column("objectives", JSON, nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("metrics", JSON, nullable=True),
        sa.Column("runtime_seconds", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["setting_id"], ["setting.id"], name="fk_trial_setting_id_setting"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_trial_unit_id_unit"),
        sa.PrimaryKeyConstraint("unit_id", "attempt", name="pk_trial"),
    )
    op.create_index("ix_trial_sweep", "trial", ["setting_id", "unlearner", "sweep_seed", "index"])


def downgrade() -> None:
    op.drop_table("trial")
