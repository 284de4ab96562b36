"""keep snapshots of boards, which nobody can change.

Revision: 0010
After: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

REFUSAL = "a snapshot cannot be changed"


def upgrade() -> None:
    op.create_table(
        "snapshot",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("num_results", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_snapshot"),
        sa.UniqueConstraint("sha256", name="uq_snapshot_sha256"),
    )
    op.create_index("ix_snapshot_protocol", "snapshot", ["protocol"])
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER snapshot_keeps_{event.lower()} BEFORE {event} ON snapshot "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_snapshot_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER snapshot_keeps_rows BEFORE UPDATE OR DELETE ON snapshot "
        "FOR EACH ROW EXECUTE FUNCTION refuse_snapshot_change()"
    )
    op.execute(
        "CREATE TRIGGER snapshot_keeps_table BEFORE TRUNCATE ON snapshot "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_snapshot_change()"
    )


def downgrade() -> None:
    op.drop_table("snapshot")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_snapshot_change()")
