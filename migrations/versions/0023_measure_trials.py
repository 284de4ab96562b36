"""keep what trials computed and where, and find the newest of each setting and method for estimates.

Revision: 0023
After: 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

revision = "0023"
down_revision = "0022"

JSON = sa.JSON(none_as_null=True)
MEASURED = text("work IS NOT NULL")


def upgrade() -> None:
    op.add_column("trial", sa.Column("work", JSON, nullable=True))
    op.add_column("trial", sa.Column("provenance", JSON, nullable=True))
    op.create_index(
        "ix_trial_measured",
        "trial",
        ["setting_id", "unlearner", "created_at", "unit_id", "attempt"],
        sqlite_where=MEASURED,
        postgresql_where=MEASURED,
    )


def downgrade() -> None:
    op.drop_index("ix_trial_measured", "trial")
    with op.batch_alter_table("trial") as trial:
        trial.drop_column("provenance")
        trial.drop_column("work")
