"""create the store.

Revision: 0001
After: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

JSON = sa.JSON(none_as_null=True)
SECONDS = sa.Double()  # since the epoch, UTC


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("spec", JSON, nullable=False),
        sa.Column("spec_sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_at", SECONDS, nullable=False),
        sa.Column("started_at", SECONDS, nullable=True),
        sa.Column("finished_at", SECONDS, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_spec_sha256", "job", ["spec_sha256"])
    op.create_index("ix_job_state", "job", ["state", "created_at"])

    op.create_table(
        "setting",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("definition", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_setting"),
    )
    op.create_index("ix_setting_protocol", "setting", ["protocol"])

    op.create_table(
        "unit",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("tuning", sa.String(length=16), nullable=True),
        sa.Column("queue", sa.String(length=32), nullable=False),
        sa.Column("precedence", sa.Integer(), nullable=False),
        sa.Column("position", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", SECONDS, nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", SECONDS, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("failure_class", sa.String(length=24), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=True),
        sa.Column("progress_text", sa.String(length=200), nullable=True),
        sa.Column("artifact", JSON, nullable=True),
        sa.Column("runtime_seconds", sa.Double(), nullable=True),
        sa.Column("created_at", SECONDS, nullable=False),
        sa.Column("started_at", SECONDS, nullable=True),
        sa.Column("finished_at", SECONDS, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_unit"),
    )
    op.create_index(
        "ix_unit_lease",
        "unit",
        ["lease_until"],
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_unit_ready",
        "unit",
        ["queue", "precedence", "position", "id"],
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index("ix_unit_state", "unit", ["state"])

    op.create_table(
        "worker",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("queues", JSON, nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=True),
        sa.Column("started_at", SECONDS, nullable=False),
        sa.Column("beat_at", SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_id", sa.String(length=48), nullable=True),
        sa.Column("unit_id", sa.String(length=64), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("created_at", SECONDS, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_event_job_id_job"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_event_unit_id_unit"),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_job", "event", ["job_id", "id"])
    op.create_index("ix_event_unit", "event", ["unit_id", "id"])

    op.create_table(
        "job_unit",
        sa.Column("job_id", sa.String(length=48), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_unit_job_id_job"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_job_unit_unit_id_unit"),
        sa.PrimaryKeyConstraint("job_id", "unit_id", name="pk_job_unit"),
    )
    op.create_index("ix_job_unit_unit_id", "job_unit", ["unit_id"])

    op.create_table(
        "result",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("setting_id", sa.String(length=32), nullable=False),
        sa.Column("unlearner", sa.String(length=64), nullable=False),
        sa.Column("variant", sa.String(length=32), nullable=True),
        sa.Column("tuning", sa.String(length=16), nullable=True),
        sa.Column("hyperparameters", JSON, nullable=False),
        sa.Column("model_seed", sa.Integer(), nullable=False),
        sa.Column("is_usable", sa.Boolean(), nullable=False),
        sa.Column("is_superseded", sa.Boolean(), nullable=False),
        sa.Column("retention_deviation", sa.Double(), nullable=True),
        sa.Column("indiscernibility_test", sa.Double(), nullable=True),
        sa.Column("runtime_efficiency", sa.Double(), nullable=True),
        sa.Column("metrics", JSON, nullable=False),
        sa.Column("reasons", JSON, nullable=False),
        sa.Column("provenance", JSON, nullable=False),
        sa.Column("created_at", SECONDS, nullable=False),
        sa.ForeignKeyConstraint(["setting_id"], ["setting.id"], name="fk_result_setting_id_setting"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_result_unit_id_unit"),
        sa.PrimaryKeyConstraint("id", name="pk_result"),
        sa.UniqueConstraint("unit_id", name="uq_result_unit_id"),
    )
    op.create_index("ix_result_place", "result", ["setting_id", "tuning", "unlearner", "variant"])

    op.create_table(
        "unit_dependency",
        sa.Column("unit_id", sa.String(length=64), nullable=False),
        sa.Column("depends_on", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["depends_on"], ["unit.id"], name="fk_unit_dependency_depends_on_unit"),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_unit_dependency_unit_id_unit"),
        sa.PrimaryKeyConstraint("unit_id", "depends_on", name="pk_unit_dependency"),
    )
    op.create_index("ix_unit_dependency_depends_on", "unit_dependency", ["depends_on"])


def downgrade() -> None:
    for table in ("unit_dependency", "result", "job_unit", "event", "worker", "unit", "setting", "job"):
        op.drop_table(table)
