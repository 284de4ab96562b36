"""let a setting know how many of its results the public sees, and when they changed.

Revision: 0008
After: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

RESULT = sa.table(
    "result",
    sa.column("unit_id", sa.String),
    sa.column("setting_id", sa.String),
    sa.column("is_superseded", sa.Boolean),
    sa.column("is_public", sa.Boolean),
)
SETTING = sa.table("setting", sa.column("id", sa.String), sa.column("public_results", sa.Integer))
JOB = sa.table("job", sa.column("id", sa.String), sa.column("visibility", sa.String))
JOB_UNIT = sa.table("job_unit", sa.column("job_id", sa.String), sa.column("unit_id", sa.String))
SHOWN = sa.text("is_public AND NOT is_superseded")


def upgrade() -> None:
    op.add_column("result", sa.Column("is_public", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("setting", sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("setting", sa.Column("public_results", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(
        "ix_result_shown", "result", ["setting_id", "tuning"], sqlite_where=SHOWN, postgresql_where=SHOWN
    )
    in_public_job = sa.exists(
        sa.select(1)
        .select_from(JOB_UNIT.join(JOB, JOB.c.id == JOB_UNIT.c.job_id))
        .where(JOB_UNIT.c.unit_id == RESULT.c.unit_id, JOB.c.visibility == "public")
        .correlate(RESULT)
    )
    op.execute(RESULT.update().where(in_public_job).values(is_public=sa.true()))
    shown = (
        sa.select(sa.func.count())
        .where(RESULT.c.setting_id == SETTING.c.id, RESULT.c.is_public, ~RESULT.c.is_superseded)
        .scalar_subquery()
    )
    op.execute(SETTING.update().values(public_results=shown))


def downgrade() -> None:
    op.drop_index("ix_result_shown", "result")
    with op.batch_alter_table("setting") as setting:
        setting.drop_column("public_results")
        setting.drop_column("version")
    with op.batch_alter_table("result") as result:
        result.drop_column("is_public")
