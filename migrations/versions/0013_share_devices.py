"""let jobs take turns, and write down what they use.

Revision: 0013
After: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

SECONDS = sa.Double()  # since the epoch, UTC
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
READY = sa.text("state = 'ready'")
LIVE = sa.text("state IN ('queued', 'running')")
STARTABLE = sa.text("state IN ('waiting', 'ready')")
JOB = sa.table("job", sa.column("id", sa.String), sa.column("state", sa.String))
JOB_UNIT = sa.table("job_unit", sa.column("job_id", sa.String), sa.column("unit_id", sa.String))
UNIT = sa.table(
    "unit",
    sa.column("id", sa.String),
    sa.column("state", sa.String),
    sa.column("lead_job_id", sa.String),
    sa.column("precedence", sa.Integer),
)


def upgrade() -> None:
    op.create_table(
        "owner_use",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("short_seconds", sa.Double(), nullable=False),
        sa.Column("as_of", SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_owner_use"),
    )
    op.create_table(
        "ledger",
        sa.Column("id", BIG, nullable=False),
        sa.Column("job_id", sa.String(length=48), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("is_charged", sa.Boolean(), nullable=False),
        sa.Column("device_seconds", sa.Double(), nullable=False),
        sa.Column("created_at", SECONDS, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_ledger_job_id_job"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_ledger_unit_id_unit"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_key", "ledger", ["key_id", "id"])
    op.add_column("api_key", sa.Column("device_seconds", sa.Double(), nullable=True))
    for name in ("used_seconds", "refunded_seconds"):
        op.add_column("api_key", sa.Column(name, sa.Double(), nullable=False, server_default="0"))
    for name in ("precedence", "used_seconds"):
        op.add_column("job", sa.Column(name, sa.Double(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("estimated_seconds", sa.Double(), nullable=True))
    op.add_column("job", sa.Column("is_sharing", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("job", sa.Column("key_id", sa.String(length=16), nullable=True))
    op.create_index("ix_job_key_id", "job", ["key_id"])
    op.create_index("ix_job_turn", "job", ["precedence", "id"], sqlite_where=LIVE, postgresql_where=LIVE)
    op.add_column("unit", sa.Column("lead_job_id", sa.String(length=48), nullable=True))
    lead = (
        sa.select(sa.func.min(JOB.c.id))
        .select_from(JOB_UNIT.join(JOB, JOB.c.id == JOB_UNIT.c.job_id))
        .where(JOB_UNIT.c.unit_id == UNIT.c.id, JOB.c.state.in_(("queued", "running")))
        .scalar_subquery()
    )
    op.execute(
        UNIT.update().where(UNIT.c.state.in_(("waiting", "ready", "running"))).values(lead_job_id=lead)
    )
    op.drop_index("ix_unit_ready", "unit")
    with op.batch_alter_table("unit") as unit:
        unit.drop_column("precedence")
    ready = ["queue", "lead_job_id", "position", "id"]
    op.create_index("ix_unit_ready", "unit", ready, sqlite_where=READY, postgresql_where=READY)
    op.create_index(
        "ix_unit_lead", "unit", ["lead_job_id"], sqlite_where=STARTABLE, postgresql_where=STARTABLE
    )


def downgrade() -> None:
    op.drop_index("ix_unit_lead", "unit")
    op.drop_index("ix_unit_ready", "unit")
    op.add_column("unit", sa.Column("precedence", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("unit") as unit:
        unit.drop_column("lead_job_id")
    before = ["queue", "precedence", "position", "id"]
    op.create_index("ix_unit_ready", "unit", before, sqlite_where=READY, postgresql_where=READY)
    op.drop_index("ix_job_turn", "job")
    op.drop_index("ix_job_key_id", "job")
    with op.batch_alter_table("job") as job:
        for name in ("key_id", "is_sharing", "estimated_seconds", "used_seconds", "precedence"):
            job.drop_column(name)
    with op.batch_alter_table("api_key") as key:
        for name in ("refunded_seconds", "used_seconds", "device_seconds"):
            key.drop_column(name)
    op.drop_index("ix_ledger_key", "ledger")
    op.drop_table("ledger")
    op.drop_table("owner_use")
