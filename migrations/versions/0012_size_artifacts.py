"""remember the size and the last use of artifacts, and how much has been evicted.

Revision: 0012
After: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

SIZE = {
    "sqlite": "json_extract(artifact, '$.size_bytes')",
    "postgresql": "(artifact ->> 'size_bytes')::bigint",
}


def upgrade() -> None:
    op.add_column("unit", sa.Column("artifact_size_bytes", sa.BigInteger(), nullable=True))
    op.add_column("unit", sa.Column("artifact_used_at", sa.Double(), nullable=True))
    op.add_column("unit", sa.Column("evicted_bytes", sa.BigInteger(), nullable=False, server_default="0"))
    size = SIZE[op.get_context().dialect.name]
    op.execute(
        f"UPDATE unit SET artifact_size_bytes = {size}, artifact_used_at = finished_at "  # noqa: S608 - ours
        "WHERE state = 'done' AND artifact IS NOT NULL"
    )
    is_there = sa.text("artifact_size_bytes IS NOT NULL")
    op.create_index(
        "ix_unit_artifact",
        "unit",
        ["artifact_used_at", "artifact_size_bytes"],
        sqlite_where=is_there,
        postgresql_where=is_there,
    )


def downgrade() -> None:
    op.drop_index("ix_unit_artifact", "unit")
    with op.batch_alter_table("unit") as unit:
        unit.drop_column("evicted_bytes")
        unit.drop_column("artifact_used_at")
        unit.drop_column("artifact_size_bytes")
